// SPDX-License-Identifier: MIT

//! Buffers.

use ash::vk;

use super::{Device, Memory, Place};

/// What buffers are for if a test says nothing else.
const COPIES: vk::BufferUsageFlags = vk::BufferUsageFlags::from_raw(
    vk::BufferUsageFlags::TRANSFER_SRC.as_raw() | vk::BufferUsageFlags::TRANSFER_DST.as_raw(),
);

/// What buffers of programs are for, too.
const PROGRAMS: vk::BufferUsageFlags = vk::BufferUsageFlags::from_raw(
    vk::BufferUsageFlags::STORAGE_BUFFER.as_raw()
        | vk::BufferUsageFlags::STORAGE_TEXEL_BUFFER.as_raw()
        | vk::BufferUsageFlags::INDIRECT_BUFFER.as_raw(),
);

/// A buffer for copies, with memory or without it.
pub struct Buffer<'d> {
    handle: vk::Buffer,
    size: u64,
    device: &'d Device<'d>,
    memory: Option<Memory<'d>>,
}

impl<'d> Buffer<'d> {
    /// Makes a buffer without memory.
    ///
    /// # Panics
    ///
    /// If the driver refuses it.
    pub fn new(device: &'d Device<'_>, size: u64) -> Self {
        Self::of(device, &Self::create(size))
    }

    /// What makes a buffer.
    pub fn create(size: u64) -> vk::BufferCreateInfo<'static> {
        vk::BufferCreateInfo::default().size(size).usage(COPIES)
    }

    /// What makes a buffer that programs use, too.
    pub fn create_for_programs(size: u64) -> vk::BufferCreateInfo<'static> {
        Self::create(size).usage(COPIES | PROGRAMS)
    }

    /// Makes a buffer like this, without memory.
    ///
    /// # Panics
    ///
    /// If the driver refuses it.
    pub fn of(device: &'d Device<'_>, create: &vk::BufferCreateInfo<'_>) -> Self {
        // SAFETY: The structure is complete.
        let handle = unsafe { device.raw().create_buffer(create, None) };
        Self {
            handle: handle.unwrap_or_else(|error| panic!("a buffer: {error}")),
            size: create.size,
            device,
            memory: None,
        }
    }

    /// The handle.
    pub fn handle(&self) -> vk::Buffer {
        self.handle
    }

    /// The size in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// What memory it needs.
    pub fn requirements(&self) -> vk::MemoryRequirements {
        // SAFETY: The buffer is of this device.
        unsafe {
            self.device
                .raw()
                .get_buffer_memory_requirements(self.handle)
        }
    }

    /// Binds memory that others use, too, at an offset.
    ///
    /// # Panics
    ///
    /// If the driver refuses it.
    #[track_caller]
    pub fn bind(&self, memory: &'d Memory<'_>, offset: u64) {
        // SAFETY: The buffer has no memory yet, and the memory outlives the buffer.
        let result = unsafe {
            self.device
                .raw()
                .bind_buffer_memory(self.handle, memory.handle(), offset)
        };
        assert_eq!(result, Ok(()), "a buffer at {offset:#x}");
    }

    /// The buffer with this memory.
    ///
    /// # Panics
    ///
    /// If the driver refuses it.
    #[track_caller]
    pub fn with(mut self, memory: Memory<'d>) -> Self {
        // SAFETY: The buffer has no memory yet, and this memory goes with it.
        let result = unsafe {
            self.device
                .raw()
                .bind_buffer_memory(self.handle, memory.handle(), 0)
        };
        assert_eq!(result, Ok(()), "memory of a buffer");
        self.memory = Some(memory);
        self
    }

    /// Its own memory.
    ///
    /// # Panics
    ///
    /// If it has none.
    pub fn memory(&self) -> &Memory<'d> {
        self.memory
            .as_ref()
            .expect("a buffer with memory of its own")
    }
}

impl Drop for Buffer<'_> {
    fn drop(&mut self) {
        // SAFETY: What uses it has been waited for.
        unsafe { self.device.raw().destroy_buffer(self.handle, None) };
    }
}

/// The words of a buffer as texels, for programs.
pub struct Texels<'d> {
    handle: vk::BufferView,
    buffer: &'d Buffer<'d>,
}

impl<'d> Texels<'d> {
    /// Makes texels of a buffer that programs use.
    ///
    /// # Panics
    ///
    /// If the driver refuses it.
    pub fn of(buffer: &'d Buffer<'d>) -> Self {
        let create = vk::BufferViewCreateInfo::default()
            .buffer(buffer.handle)
            .format(vk::Format::R32_UINT)
            .range(vk::WHOLE_SIZE);
        // SAFETY: The buffer is of this device, and has memory.
        let handle = unsafe { buffer.device.raw().create_buffer_view(&create, None) };
        Self {
            handle: handle.expect("texels"),
            buffer,
        }
    }

    /// The handle.
    pub fn handle(&self) -> vk::BufferView {
        self.handle
    }
}

impl Drop for Texels<'_> {
    fn drop(&mut self) {
        // SAFETY: What uses them has been waited for.
        unsafe {
            let device = self.buffer.device.raw();
            device.destroy_buffer_view(self.handle, None);
        }
    }
}

impl Device<'_> {
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

    /// A buffer like this with memory of its own.
    pub fn buffer_of(&self, create: &vk::BufferCreateInfo<'_>, place: Place) -> Buffer<'_> {
        let buffer = Buffer::of(self, create);
        let requirements = buffer.requirements();
        let index = place.find(self.physical, requirements.memory_type_bits);
        buffer.with(self.memory(requirements.size, index))
    }
}
