// SPDX-License-Identifier: MIT

//! Commands, which a device runs in this order where a barrier is between them.

use ash::vk;

use super::semaphore::Point;
use super::{Buffer, Device, Fence, Image, Place};
use crate::HANG;

/// The layout of all images.
const LAYOUT: vk::ImageLayout = vk::ImageLayout::GENERAL;

/// A buffer of commands.
pub struct Commands<'d> {
    handle: vk::CommandBuffer,
    device: &'d Device<'d>,
}

impl<'d> Commands<'d> {
    /// Begins to record commands.
    fn begin(device: &'d Device<'_>) -> Self {
        let allocate = vk::CommandBufferAllocateInfo::default()
            .command_pool(device.pool())
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
        Self { handle, device }
    }

    /// Ends it.
    fn end(&self) {
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
                .free_command_buffers(self.device.pool(), &[self.handle])
        };
    }
}

impl Device<'_> {
    /// Records commands.
    ///
    /// # Panics
    ///
    /// If the driver fails.
    pub fn record(&self, body: impl FnOnce(&Commands<'_>)) -> Commands<'_> {
        let commands = Commands::begin(self);
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
        unsafe { self.raw().queue_submit(self.queue(), &[submit], fence) }
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
        self.submit(&commands, after, &[], fence.handle())?;
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
}
