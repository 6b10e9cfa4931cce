// SPDX-License-Identifier: MIT

//! Compute programs with their storage buffers.

use ash::vk;

use super::{Buffer, Commands, Device, Texels};

/// What a program may be given with its launch. All drivers allow so many bytes.
const CONSTANTS: u32 = 128;

/// How many groups of threads are launched.
#[derive(Clone, Copy)]
pub enum Groups<'a> {
    /// So many.
    Count([u32; 3]),
    /// As many as the device reads in the first three words of this buffer.
    In(&'a Buffer<'a>),
}

/// What a program has at a binding of its descriptor set.
#[derive(Clone, Copy)]
pub enum Bound<'a> {
    /// A storage buffer.
    Buffer(&'a Buffer<'a>),
    /// Texels that it reads and writes.
    Texels(&'a Texels<'a>),
}

impl Bound<'_> {
    fn kind(self) -> vk::DescriptorType {
        match self {
            Self::Buffer(_) => vk::DescriptorType::STORAGE_BUFFER,
            Self::Texels(_) => vk::DescriptorType::STORAGE_TEXEL_BUFFER,
        }
    }
}

/// A compute program, and its descriptor set.
pub struct Program<'d> {
    pipeline: vk::Pipeline,
    layout: vk::PipelineLayout,
    set_layout: vk::DescriptorSetLayout,
    pool: vk::DescriptorPool,
    set: vk::DescriptorSet,
    device: &'d Device<'d>,
}

impl<'d> Program<'d> {
    /// Compiles a program of SPIR-V whose function is `main`, and binds what it uses from 0 on.
    ///
    /// # Panics
    ///
    /// If the driver refuses it.
    pub fn new(device: &'d Device<'_>, spirv: &[u8], bound: &[Bound<'d>]) -> Self {
        let raw = device.raw();
        let bindings: Vec<_> = (0..).zip(bound).map(binding).collect();
        let create = vk::DescriptorSetLayoutCreateInfo::default().bindings(&bindings);
        // SAFETY: The structure is complete.
        let set_layout = unsafe { raw.create_descriptor_set_layout(&create, None) };
        let set_layout = set_layout.expect("a layout of descriptors");
        let constants = vk::PushConstantRange::default()
            .stage_flags(vk::ShaderStageFlags::COMPUTE)
            .size(CONSTANTS);
        let (set_layouts, constants) = ([set_layout], [constants]);
        let create = vk::PipelineLayoutCreateInfo::default()
            .set_layouts(&set_layouts)
            .push_constant_ranges(&constants);
        // SAFETY: The structure is complete, and the layout of the set is of this device.
        let layout = unsafe { raw.create_pipeline_layout(&create, None) };
        let layout = layout.expect("a layout of a pipeline");
        let (pool, set) = descriptors(device, set_layout, bound);
        Self {
            pipeline: compile(device, spirv, layout),
            layout,
            set_layout,
            pool,
            set,
            device,
        }
    }
}

fn binding((number, bound): (u32, &Bound<'_>)) -> vk::DescriptorSetLayoutBinding<'static> {
    vk::DescriptorSetLayoutBinding::default()
        .binding(number)
        .descriptor_type(bound.kind())
        .descriptor_count(1)
        .stage_flags(vk::ShaderStageFlags::COMPUTE)
}

/// A pool, and the set of descriptors in it.
fn descriptors(
    device: &Device<'_>,
    layout: vk::DescriptorSetLayout,
    bound: &[Bound<'_>],
) -> (vk::DescriptorPool, vk::DescriptorSet) {
    let raw = device.raw();
    let size = |bound: &Bound<'_>| {
        vk::DescriptorPoolSize::default()
            .ty(bound.kind())
            .descriptor_count(1)
    };
    let sizes: Vec<_> = bound.iter().map(size).collect();
    let create = vk::DescriptorPoolCreateInfo::default()
        .max_sets(1)
        .pool_sizes(&sizes);
    // SAFETY: The structure is complete.
    let pool = unsafe { raw.create_descriptor_pool(&create, None) };
    let pool = pool.expect("a pool of descriptors");
    let layouts = [layout];
    let allocate = vk::DescriptorSetAllocateInfo::default()
        .descriptor_pool(pool)
        .set_layouts(&layouts);
    // SAFETY: The pool and the layout are of this device.
    let sets = unsafe { raw.allocate_descriptor_sets(&allocate) };
    let set = sets.expect("a set of descriptors")[0];
    for (number, bound) in (0..).zip(bound) {
        let (whole, view);
        let write = vk::WriteDescriptorSet::default()
            .dst_set(set)
            .dst_binding(number)
            .descriptor_type(bound.kind());
        let write = match bound {
            Bound::Buffer(buffer) => {
                whole = [vk::DescriptorBufferInfo::default()
                    .buffer(buffer.handle())
                    .range(vk::WHOLE_SIZE)];
                write.buffer_info(&whole)
            }
            Bound::Texels(texels) => {
                view = [texels.handle()];
                write.texel_buffer_view(&view)
            }
        };
        // SAFETY: The set has this binding and is not in use, and the buffer lives.
        unsafe { raw.update_descriptor_sets(&[write], &[]) };
    }
    (pool, set)
}

fn compile(device: &Device<'_>, spirv: &[u8], layout: vk::PipelineLayout) -> vk::Pipeline {
    let raw = device.raw();
    let words: Vec<_> = spirv
        .chunks_exact(4)
        .map(|word| u32::from_le_bytes([word[0], word[1], word[2], word[3]]))
        .collect();
    let create = vk::ShaderModuleCreateInfo::default().code(&words);
    // SAFETY: The structure is complete.
    let module = unsafe { raw.create_shader_module(&create, None) };
    let module = module.expect("a program");
    let stage = vk::PipelineShaderStageCreateInfo::default()
        .stage(vk::ShaderStageFlags::COMPUTE)
        .module(module)
        .name(c"main");
    let create = vk::ComputePipelineCreateInfo::default()
        .stage(stage)
        .layout(layout);
    // SAFETY: The module and the layout are of this device; the module is not needed afterwards.
    let pipelines = unsafe {
        let pipelines = raw.create_compute_pipelines(vk::PipelineCache::null(), &[create], None);
        raw.destroy_shader_module(module, None);
        pipelines
    };
    pipelines.expect("a pipeline")[0]
}

impl Drop for Program<'_> {
    fn drop(&mut self) {
        let raw = self.device.raw();
        // SAFETY: What uses it has been waited for.
        unsafe {
            raw.destroy_pipeline(self.pipeline, None);
            raw.destroy_descriptor_pool(self.pool, None);
            raw.destroy_pipeline_layout(self.layout, None);
            raw.destroy_descriptor_set_layout(self.set_layout, None);
        }
    }
}

impl Commands<'_> {
    /// Launches groups of threads of a program, which are given these constants.
    pub fn launch(&self, program: &Program<'_>, constants: &[u32], groups: Groups<'_>) {
        const COMPUTE: vk::PipelineBindPoint = vk::PipelineBindPoint::COMPUTE;
        let raw = self.device().raw();
        let bytes: Vec<_> = constants.iter().flat_map(|it| it.to_ne_bytes()).collect();
        let (layout, sets) = (program.layout, [program.set]);
        // SAFETY: Commands are recorded, and the program and its buffers live.
        unsafe {
            raw.cmd_bind_pipeline(self.handle(), COMPUTE, program.pipeline);
            raw.cmd_bind_descriptor_sets(self.handle(), COMPUTE, layout, 0, &sets, &[]);
            if !bytes.is_empty() {
                let stages = vk::ShaderStageFlags::COMPUTE;
                raw.cmd_push_constants(self.handle(), layout, stages, 0, &bytes);
            }
            match groups {
                Groups::Count([x, y, z]) => raw.cmd_dispatch(self.handle(), x, y, z),
                Groups::In(buffer) => raw.cmd_dispatch_indirect(self.handle(), buffer.handle(), 0),
            }
        }
    }
}
