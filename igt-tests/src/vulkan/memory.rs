// SPDX-License-Identifier: MIT

//! Memory of a device, which the CPU reads and writes where it can be mapped.

use std::cell::Cell;
use std::ptr::NonNull;

use ash::vk;

use super::{Device, Physical};

/// A place for memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The device's own memory.
    Local,
    /// Memory that the CPU maps, of the system if there is such a type.
    System,
}

impl Place {
    /// The type of memory for this place, of those that are allowed.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub fn find(self, physical: &Physical, allowed: u32) -> u32 {
        use vk::MemoryPropertyFlags as Flags;
        let mapped = Flags::HOST_VISIBLE | Flags::HOST_COHERENT;
        let types = physical.types();
        let find = |with: Flags, without: Flags| {
            let fits = |&index: &usize| {
                let flags = types[index].property_flags;
                allowed >> index & 1 == 1 && flags.contains(with) && !flags.intersects(without)
            };
            (0..types.len()).find(fits).map(|index| index as u32)
        };
        let index = match self {
            Self::Local => find(Flags::DEVICE_LOCAL, Flags::empty()),
            Self::System => {
                find(mapped, Flags::DEVICE_LOCAL).or_else(|| find(mapped, Flags::empty()))
            }
        };
        index.unwrap_or_else(|| panic!("no memory for {self:?} among {allowed:#x} of {types:?}"))
    }
}

/// Memory of a device.
pub struct Memory<'d> {
    handle: vk::DeviceMemory,
    size: u64,
    device: &'d Device<'d>,
    /// Whether the CPU may map it.
    visible: bool,
    /// Whether the CPU has mapped it.
    mapped: Cell<bool>,
}

impl<'d> Memory<'d> {
    /// Allocates memory of a type.
    ///
    /// # Errors
    ///
    /// The driver's error.
    pub fn new(device: &'d Device<'_>, size: u64, index: u32) -> Result<Self, vk::Result> {
        Self::of(
            device,
            size,
            index,
            &mut vk::MemoryDedicatedAllocateInfo::default(),
        )
    }

    /// Allocates memory of a type, with more about it.
    ///
    /// # Errors
    ///
    /// The driver's error.
    pub fn of<T: vk::ExtendsMemoryAllocateInfo>(
        device: &'d Device<'_>,
        size: u64,
        index: u32,
        more: &mut T,
    ) -> Result<Self, vk::Result> {
        let allocate = vk::MemoryAllocateInfo::default()
            .allocation_size(size)
            .memory_type_index(index)
            .push_next(more);
        // SAFETY: The structures are complete.
        let handle = unsafe { device.raw().allocate_memory(&allocate, None) }?;
        let flags = device.physical.types()[index as usize].property_flags;
        Ok(Self {
            handle,
            size,
            device,
            visible: flags.contains(vk::MemoryPropertyFlags::HOST_VISIBLE),
            mapped: Cell::new(false),
        })
    }

    /// The handle.
    pub fn handle(&self) -> vk::DeviceMemory {
        self.handle
    }

    /// The size in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Maps bytes of it until the returned value is dropped.
    ///
    /// # Panics
    ///
    /// If they are not in it, or cannot be mapped, or if it is mapped already.
    #[track_caller]
    pub fn map(&self, offset: u64, length: usize) -> Mapped<'_> {
        assert!(self.visible, "memory that the CPU cannot map");
        assert!(
            offset + length as u64 <= self.size,
            "{length} bytes at {offset}"
        );
        let device = self.device.raw();
        let flags = vk::MemoryMapFlags::empty();
        assert!(!self.mapped.replace(true), "memory that is mapped");
        // SAFETY: The memory can be mapped, has these bytes, and is not mapped.
        let start = unsafe { device.map_memory(self.handle, offset, length as u64, flags) };
        let start = start.unwrap_or_else(|error| panic!("a map of {length} bytes: {error}"));
        Mapped {
            start: NonNull::new(start.cast()).expect("an address"),
            length,
            memory: self,
        }
    }

    /// Reads bytes.
    #[track_caller]
    pub fn read(&self, offset: u64, length: usize) -> Vec<u8> {
        self.map(offset, length).read()
    }

    /// Writes bytes.
    #[track_caller]
    pub fn write(&self, offset: u64, bytes: &[u8]) {
        self.map(offset, bytes.len()).write(bytes);
    }
}

impl Drop for Memory<'_> {
    fn drop(&mut self) {
        // SAFETY: What uses it has been waited for.
        unsafe { self.device.raw().free_memory(self.handle, None) };
    }
}

/// Bytes of memory that the CPU has mapped. The device may write them at any time, so there are no references to them.
pub struct Mapped<'m> {
    start: NonNull<u8>,
    length: usize,
    memory: &'m Memory<'m>,
}

impl Mapped<'_> {
    /// Reads all of them.
    pub fn read(&self) -> Vec<u8> {
        let mut bytes = vec![0; self.length];
        // SAFETY: The mapping has these bytes.
        unsafe {
            self.start
                .copy_to_nonoverlapping(NonNull::from(&mut bytes[..]).cast(), self.length)
        };
        bytes
    }

    /// Writes the first of them.
    ///
    /// # Panics
    ///
    /// If there are more.
    pub fn write(&self, bytes: &[u8]) {
        assert!(bytes.len() <= self.length);
        // SAFETY: The mapping has these bytes.
        unsafe {
            self.start
                .copy_from_nonoverlapping(NonNull::from(bytes).cast(), bytes.len())
        };
    }
}

impl Drop for Mapped<'_> {
    fn drop(&mut self) {
        // SAFETY: It is mapped.
        unsafe { self.memory.device.raw().unmap_memory(self.memory.handle) };
        self.memory.mapped.set(false);
    }
}

impl Device<'_> {
    /// Memory of a type.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub fn memory(&self, size: u64, index: u32) -> Memory<'_> {
        let memory = Memory::new(self, size, index);
        memory.unwrap_or_else(|error| panic!("{size} bytes of memory of type {index}: {error}"))
    }
}
