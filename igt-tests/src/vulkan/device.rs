// SPDX-License-Identifier: MIT

//! A device with a queue.

use std::ffi::CStr;
use std::time::Duration;

use ash::{ext, khr, vk};

use super::{Buffer, Commands, Image, Memory, Physical, Place, Semaphore, Vulkan};
use crate::HANG;

/// The extensions that a device gets if its driver has them.
const EXTENSIONS: [&CStr; 3] = [
    khr::external_memory_fd::NAME,
    khr::external_semaphore_fd::NAME,
    ext::calibrated_timestamps::NAME,
];

/// A semaphore, and its value if it is a timeline.
pub type Point<'a> = (&'a Semaphore<'a>, u64);

/// A device with a queue.
pub struct Device<'v> {
    /// The instance.
    pub vulkan: &'v Vulkan,
    /// What the driver says of the device.
    pub physical: &'v Physical,
    /// The family of the queue.
    pub family: u32,
    device: ash::Device,
    queue: vk::Queue,
    pool: vk::CommandPool,
}

impl<'v> Device<'v> {
    /// Makes a device with a queue of a family.
    ///
    /// # Panics
    ///
    /// If the driver refuses it.
    pub fn new(vulkan: &'v Vulkan, physical: &'v Physical, family: u32) -> Self {
        let priorities = [1.0];
        let queues = [vk::DeviceQueueCreateInfo::default()
            .queue_family_index(family)
            .queue_priorities(&priorities)];
        let known = EXTENSIONS.into_iter().filter(|name| physical.has(name));
        let extensions: Vec<_> = known.map(CStr::as_ptr).collect();
        let features = vk::PhysicalDeviceFeatures {
            sparse_binding: physical.features.sparse_binding,
            sparse_residency_buffer: physical.features.sparse_residency_buffer,
            shader_int64: physical.features.shader_int64,
            ..Default::default()
        };
        let mut newer = vk::PhysicalDeviceVulkan12Features::default()
            .timeline_semaphore(true)
            .host_query_reset(true);
        let create = vk::DeviceCreateInfo::default()
            .queue_create_infos(&queues)
            .enabled_extension_names(&extensions)
            .enabled_features(&features)
            .push_next(&mut newer);
        // SAFETY: The handle is of this instance, and the structures are complete.
        let device = unsafe { vulkan.raw().create_device(physical.handle, &create, None) };
        let device =
            device.unwrap_or_else(|error| panic!("a device of {}: {error}", physical.name));
        let pool = vk::CommandPoolCreateInfo::default().queue_family_index(family);
        // SAFETY: The device has just been made, with that queue.
        let (queue, pool) = unsafe {
            (
                device.get_device_queue(family, 0),
                device.create_command_pool(&pool, None),
            )
        };
        Self {
            vulkan,
            physical,
            family,
            device,
            queue,
            pool: pool.expect("a pool of command buffers"),
        }
    }

    /// The functions of the device.
    pub fn raw(&self) -> &ash::Device {
        &self.device
    }

    /// The queue.
    pub fn queue(&self) -> vk::Queue {
        self.queue
    }

    /// Memory of a type.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub fn memory(&self, size: u64, index: u32) -> Memory<'_> {
        let memory = Memory::new(self, size, index);
        memory.unwrap_or_else(|error| panic!("{size} bytes of memory of type {index}: {error}"))
    }

    /// A buffer with memory of its own, for copies.
    pub fn buffer(&self, size: u64) -> Buffer<'_> {
        self.buffer_at(size, Place::Local)
    }

    /// A buffer of these bytes, which the CPU has written.
    pub fn buffer_with(&self, bytes: &[u8]) -> Buffer<'_> {
        let buffer = self.buffer_at(bytes.len() as u64, Place::System);
        buffer.memory().write(0, bytes);
        buffer
    }

    /// A buffer with memory of its own at this place.
    pub fn buffer_at(&self, size: u64, place: Place) -> Buffer<'_> {
        self.buffer_of(&Buffer::create(size), place)
    }

    /// A buffer of these bytes for programs, in the device's own memory.
    #[track_caller]
    pub fn buffer_for_programs(&self, bytes: &[u8]) -> Buffer<'_> {
        let create = Buffer::create_for_programs(bytes.len() as u64);
        let (from, buffer) = (
            self.buffer_with(bytes),
            self.buffer_of(&create, Place::Local),
        );
        self.run(|commands| commands.copy_whole(&from, &buffer));
        buffer
    }

    fn buffer_of(&self, create: &vk::BufferCreateInfo<'_>, place: Place) -> Buffer<'_> {
        let buffer = Buffer::of(self, create);
        let requirements = buffer.requirements();
        let index = place.find(self.physical, requirements.memory_type_bits);
        buffer.with(self.memory(requirements.size, index))
    }

    /// An image with memory of its own. All uses of it are in the layout `GENERAL`.
    pub fn image(&self, create: &vk::ImageCreateInfo<'_>) -> Image<'_> {
        let place = match create.tiling {
            vk::ImageTiling::LINEAR => Place::System,
            _ => Place::Local,
        };
        let image = Image::new(self, create);
        let requirements = image.requirements();
        let index = place.find(self.physical, requirements.memory_type_bits);
        image.with(self.memory(requirements.size, index))
    }

    /// Records commands.
    ///
    /// # Panics
    ///
    /// If the driver fails.
    pub fn record(&self, body: impl FnOnce(&Commands<'_>)) -> Commands<'_> {
        let commands = Commands::begin(self, self.pool);
        body(&commands);
        commands.end();
        commands
    }

    /// Submits commands, after and before these semaphores.
    ///
    /// # Errors
    ///
    /// The driver's error.
    pub fn submit(
        &self,
        commands: &Commands<'_>,
        after: &[Point<'_>],
        signals: &[Point<'_>],
        fence: vk::Fence,
    ) -> Result<(), vk::Result> {
        let split = |points: &[Point<'_>]| -> (Vec<_>, Vec<_>) {
            points
                .iter()
                .map(|(it, value)| (it.handle(), *value))
                .unzip()
        };
        let ((waits, wait_values), (signals, signal_values)) = (split(after), split(signals));
        let stages = vec![vk::PipelineStageFlags::ALL_COMMANDS; waits.len()];
        let buffers = [commands.handle()];
        let mut values = vk::TimelineSemaphoreSubmitInfo::default()
            .wait_semaphore_values(&wait_values)
            .signal_semaphore_values(&signal_values);
        let submit = vk::SubmitInfo::default()
            .wait_semaphores(&waits)
            .wait_dst_stage_mask(&stages)
            .command_buffers(&buffers)
            .signal_semaphores(&signals)
            .push_next(&mut values);
        // SAFETY: The handles are of this device and live.
        unsafe { self.device.queue_submit(self.queue, &[submit], fence) }
    }

    /// Runs commands after these semaphores, and waits for their end.
    ///
    /// # Errors
    ///
    /// The driver's error.
    pub fn try_run(
        &self,
        after: &[Point<'_>],
        body: impl FnOnce(&Commands<'_>),
    ) -> Result<(), vk::Result> {
        let commands = self.record(body);
        let fence = Fence::new(self);
        self.submit(&commands, after, &[], fence.0)?;
        fence.wait(HANG)
    }

    /// Runs commands, and waits for their end.
    ///
    /// # Panics
    ///
    /// If the driver fails.
    #[track_caller]
    pub fn run(&self, body: impl FnOnce(&Commands<'_>)) {
        assert_eq!(self.try_run(&[], body), Ok(()), "commands");
    }

    /// The bytes of a buffer, which the device copies to where the CPU reads them.
    #[track_caller]
    pub fn read(&self, buffer: &Buffer<'_>) -> Vec<u8> {
        let target = self.buffer_at(buffer.size(), Place::System);
        self.run(|commands| {
            commands.barrier();
            commands.copy_whole(buffer, &target);
            commands.barrier();
        });
        target.memory().read(0, buffer.size() as usize)
    }

    /// Waits until the device is idle.
    ///
    /// # Errors
    ///
    /// The driver's error.
    pub fn wait_idle(&self) -> Result<(), vk::Result> {
        // SAFETY: The device lives.
        unsafe { self.device.device_wait_idle() }
    }
}

impl Drop for Device<'_> {
    fn drop(&mut self) {
        // It fails if the device is lost, and then nothing is under way.
        let _ = self.wait_idle();
        // SAFETY: What was made of the device borrows it, and is gone.
        unsafe {
            self.device.destroy_command_pool(self.pool, None);
            self.device.destroy_device(None);
        }
    }
}

/// A fence. It lives as long as what signals it.
pub struct Fence<'d>(vk::Fence, &'d Device<'d>);

impl<'d> Fence<'d> {
    /// Makes a fence.
    ///
    /// # Panics
    ///
    /// If the driver refuses it.
    pub fn new(device: &'d Device<'_>) -> Self {
        let create = vk::FenceCreateInfo::default();
        // SAFETY: The device lives.
        let fence = unsafe { device.raw().create_fence(&create, None) };
        Self(fence.expect("a fence"), device)
    }

    /// The handle.
    pub fn handle(&self) -> vk::Fence {
        self.0
    }

    /// Waits for what signals it.
    ///
    /// # Errors
    ///
    /// The driver's error.
    pub fn wait(&self, bound: Duration) -> Result<(), vk::Result> {
        // SAFETY: The fence is of this device.
        unsafe {
            let device = self.1.raw();
            device.wait_for_fences(&[self.0], true, bound.as_nanos() as u64)
        }
    }
}

impl Drop for Fence<'_> {
    fn drop(&mut self) {
        let _ = self.1.wait_idle();
        // SAFETY: Nothing is under way.
        unsafe { self.1.raw().destroy_fence(self.0, None) };
    }
}
