// SPDX-License-Identifier: MIT

//! Commands, which a device runs in this order where a barrier is between them.

use ash::vk;

use super::{Buffer, Device, Image};

/// The layout of all images.
const LAYOUT: vk::ImageLayout = vk::ImageLayout::GENERAL;

/// A buffer of commands.
pub struct Commands<'d> {
    handle: vk::CommandBuffer,
    pool: vk::CommandPool,
    device: &'d Device<'d>,
}

impl<'d> Commands<'d> {
    /// Begins to record commands.
    pub(super) fn begin(device: &'d Device<'_>, pool: vk::CommandPool) -> Self {
        let allocate = vk::CommandBufferAllocateInfo::default()
            .command_pool(pool)
            .command_buffer_count(1);
        // SAFETY: The pool is of this device.
        let handles = unsafe { device.raw().allocate_command_buffers(&allocate) };
        let handle = handles.expect("a command buffer")[0];
        // SAFETY: The command buffer is new.
        let result = unsafe {
            device
                .raw()
                .begin_command_buffer(handle, &Default::default())
        };
        assert_eq!(result, Ok(()), "to record commands");
        Self {
            handle,
            pool,
            device,
        }
    }

    /// Ends it.
    pub(super) fn end(&self) {
        // SAFETY: Commands are recorded.
        let result = unsafe { self.device.raw().end_command_buffer(self.handle) };
        assert_eq!(result, Ok(()), "the recorded commands");
    }

    /// The handle.
    pub fn handle(&self) -> vk::CommandBuffer {
        self.handle
    }

    /// The device.
    pub fn device(&self) -> &'d Device<'d> {
        self.device
    }

    /// What follows begins when all before has ended, and sees what it has written. The CPU sees it, too.
    pub fn barrier(&self) {
        let all = vk::AccessFlags::MEMORY_READ | vk::AccessFlags::MEMORY_WRITE;
        let memory = [vk::MemoryBarrier::default()
            .src_access_mask(all)
            .dst_access_mask(all)];
        self.pipeline_barrier(&memory, &[]);
    }

    /// A new image gets the layout that all commands use.
    pub fn prepare(&self, image: &Image<'_>) {
        let all = vk::AccessFlags::MEMORY_READ | vk::AccessFlags::MEMORY_WRITE;
        let change = [vk::ImageMemoryBarrier::default()
            .src_access_mask(all)
            .dst_access_mask(all)
            .old_layout(image.created.initial_layout)
            .new_layout(LAYOUT)
            .src_queue_family_index(vk::QUEUE_FAMILY_IGNORED)
            .dst_queue_family_index(vk::QUEUE_FAMILY_IGNORED)
            .image(image.handle())
            .subresource_range(image.range())];
        self.pipeline_barrier(&[], &change);
    }

    fn pipeline_barrier(
        &self,
        memory: &[vk::MemoryBarrier<'_>],
        images: &[vk::ImageMemoryBarrier<'_>],
    ) {
        let all = vk::PipelineStageFlags::ALL_COMMANDS;
        let host = vk::PipelineStageFlags::HOST;
        let (from, to) = (all | host, all | host);
        let flags = vk::DependencyFlags::empty();
        // SAFETY: Commands are recorded, and the images live.
        unsafe {
            let device = self.device.raw();
            device.cmd_pipeline_barrier(self.handle, from, to, flags, memory, &[], images);
        }
    }

    /// Copies regions from one buffer to another one.
    pub fn copy(&self, from: &Buffer<'_>, to: &Buffer<'_>, regions: &[vk::BufferCopy]) {
        let (from, to) = (from.handle(), to.handle());
        // SAFETY: Commands are recorded, and the buffers live.
        unsafe {
            self.device
                .raw()
                .cmd_copy_buffer(self.handle, from, to, regions)
        };
    }

    /// Copies all of a buffer to another one of the same size.
    pub fn copy_whole(&self, from: &Buffer<'_>, to: &Buffer<'_>) {
        self.copy(from, to, &[vk::BufferCopy::default().size(from.size())]);
    }

    /// Fills a part of a buffer with a word.
    pub fn fill(&self, buffer: &Buffer<'_>, offset: u64, size: u64, word: u32) {
        // SAFETY: Commands are recorded, and the buffer lives.
        unsafe {
            let device = self.device.raw();
            device.cmd_fill_buffer(self.handle, buffer.handle(), offset, size, word);
        }
    }

    /// Writes bytes to a buffer, which the commands carry.
    pub fn update(&self, buffer: &Buffer<'_>, offset: u64, bytes: &[u8]) {
        // SAFETY: Commands are recorded, and the buffer lives.
        unsafe {
            let device = self.device.raw();
            device.cmd_update_buffer(self.handle, buffer.handle(), offset, bytes);
        }
    }

    /// Copies regions of a buffer to an image.
    pub fn to_image(&self, from: &Buffer<'_>, to: &Image<'_>, regions: &[vk::BufferImageCopy]) {
        // SAFETY: Commands are recorded, the buffer and the image live, and the image has this layout.
        unsafe {
            let device = self.device.raw();
            device.cmd_copy_buffer_to_image(
                self.handle,
                from.handle(),
                to.handle(),
                LAYOUT,
                regions,
            );
        }
    }

    /// Copies regions of an image to a buffer.
    pub fn from_image(&self, from: &Image<'_>, to: &Buffer<'_>, regions: &[vk::BufferImageCopy]) {
        // SAFETY: Commands are recorded, the buffer and the image live, and the image has this layout.
        unsafe {
            let device = self.device.raw();
            device.cmd_copy_image_to_buffer(
                self.handle,
                from.handle(),
                LAYOUT,
                to.handle(),
                regions,
            );
        }
    }

    /// Copies regions from one image to another one.
    pub fn between_images(&self, from: &Image<'_>, to: &Image<'_>, regions: &[vk::ImageCopy]) {
        let (from, to) = (from.handle(), to.handle());
        // SAFETY: Commands are recorded, and the images live and have this layout.
        unsafe {
            let device = self.device.raw();
            device.cmd_copy_image(self.handle, from, LAYOUT, to, LAYOUT, regions);
        }
    }
}

impl Drop for Commands<'_> {
    fn drop(&mut self) {
        // It fails if the device is lost, and then nothing is under way.
        let _ = self.device.wait_idle();
        // SAFETY: They have ended.
        unsafe {
            self.device
                .raw()
                .free_command_buffers(self.pool, &[self.handle])
        };
    }
}
