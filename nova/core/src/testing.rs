// SPDX-License-Identifier: GPL-2.0

//! Memory, registers, time and firmware files for unit tests.

use core::cell::{Cell, RefCell};
use core::time::Duration;
use std::boxed::Box;
use std::rc::Rc;
use std::vec::Vec;
use zerocopy::FromZeros;

use crate::platform::{
    Clock, DmaAllocator, DmaMemory, FileLen, FirmwareFiles, FirmwareImage, LoadError, OutOfBounds,
    OutOfMemory, Registers, Scratch,
};

/// DMA memory on the heap; clones share the bytes.
#[derive(Clone)]
pub(crate) struct Memory {
    addr: u64,
    bytes: Rc<RefCell<Vec<u8>>>,
    /// Offset of the last stored word, unless bytes were written after it.
    stored: Rc<Cell<Option<usize>>>,
}

impl Memory {
    /// All bytes.
    pub(crate) fn read_all(&self) -> Vec<u8> {
        self.bytes.borrow().clone()
    }

    /// Offset of the last word that was stored with release ordering after all other writes.
    pub(crate) fn stored(&self) -> Option<usize> {
        self.stored.get()
    }
}

/// Allocates memory at made-up bus addresses.
pub(crate) struct Allocator {
    next: Cell<u64>,
    /// All allocations so far.
    pub(crate) allocations: RefCell<Vec<Memory>>,
}

impl Default for Allocator {
    fn default() -> Self {
        Self {
            next: Cell::new(0x1_0000_0000),
            allocations: RefCell::default(),
        }
    }
}

impl Allocator {
    /// An allocator whose first memory is at bus address `addr`.
    pub(crate) fn starting_at(addr: u64) -> Self {
        Self {
            next: Cell::new(addr),
            allocations: RefCell::default(),
        }
    }
}

impl DmaAllocator for Allocator {
    type Memory = Memory;

    fn alloc_dma(&self, size: usize) -> Result<Memory, OutOfMemory> {
        let size = size.next_multiple_of(0x1000);
        let memory = Memory {
            addr: self.next.get(),
            bytes: Rc::new(RefCell::new(std::vec![0; size])),
            stored: Rc::default(),
        };
        self.next.set(memory.addr + size as u64 + 0x1000);
        self.allocations.borrow_mut().push(memory.clone());
        Ok(memory)
    }
}

impl Scratch for Allocator {
    type Bytes = Vec<u8>;
    type Boxed<T> = Box<T>;
    type Slice<T> = Vec<T>;

    fn alloc_bytes(&self, size: usize) -> Result<Vec<u8>, OutOfMemory> {
        Ok(std::vec![0; size])
    }

    fn zeroed<T: FromZeros>(&self) -> Result<Box<T>, OutOfMemory> {
        Ok(Box::new(T::new_zeroed()))
    }

    fn boxed<T>(&self, value: T) -> Result<Box<T>, OutOfMemory> {
        Ok(Box::new(value))
    }

    fn slice<T>(&self, len: usize, make: impl FnMut() -> T) -> Result<Vec<T>, OutOfMemory> {
        Ok(core::iter::repeat_with(make).take(len).collect())
    }
}

impl Allocator {
    /// The 64-bit word at a bus address.
    pub(crate) fn word(&self, addr: u64) -> u64 {
        let allocations = self.allocations.borrow();
        let memory = allocations
            .iter()
            .find(|m| (m.addr..m.addr + m.size() as u64).contains(&addr))
            .expect("an allocated address");
        let mut word = [0; 8];
        memory
            .read((addr - memory.addr) as usize, &mut word)
            .unwrap();
        u64::from_le_bytes(word)
    }
}

impl DmaMemory for Memory {
    fn dma_addr(&self) -> u64 {
        self.addr
    }

    fn size(&self) -> usize {
        self.bytes.borrow().len()
    }

    fn read(&self, offset: usize, into: &mut [u8]) -> Result<(), OutOfBounds> {
        let (len, size) = (into.len(), self.size());
        let end = offset.checked_add(len).filter(|&end| end <= size);
        let end = end.ok_or(OutOfBounds { offset, len, size })?;
        into.copy_from_slice(&self.bytes.borrow()[offset..end]);
        Ok(())
    }

    fn write(&self, offset: usize, from: &[u8]) -> Result<(), OutOfBounds> {
        let (len, size) = (from.len(), self.size());
        let end = offset.checked_add(len).filter(|&end| end <= size);
        let end = end.ok_or(OutOfBounds { offset, len, size })?;
        self.bytes.borrow_mut()[offset..end].copy_from_slice(from);
        self.stored.set(None);
        Ok(())
    }

    fn load32(&self, offset: usize) -> Result<u32, OutOfBounds> {
        let mut word = [0; 4];
        self.read(offset, &mut word)?;
        Ok(u32::from_le_bytes(word))
    }

    fn store32(&self, offset: usize, value: u32) -> Result<(), OutOfBounds> {
        self.write(offset, &value.to_le_bytes())?;
        self.stored.set(Some(offset));
        Ok(())
    }
}

/// Registers that record all writes, and time that only passes in sleeps.
#[derive(Default)]
pub(crate) struct Card {
    /// Registers and their values; all others read zero.
    pub(crate) values: RefCell<Vec<(u32, u32)>>,
    /// All writes in order.
    pub(crate) writes: RefCell<Vec<(u32, u32)>>,
    now: Cell<Duration>,
    silent_until: Cell<Duration>,
}

impl Card {
    /// Until this time all registers read all ones.
    pub(crate) fn set_silent_until(&self, time: Duration) {
        self.silent_until.set(time);
    }

    /// Sets the value that a register reads as.
    pub(crate) fn set(&self, offset: u32, value: u32) {
        let mut values = self.values.borrow_mut();
        values.retain(|&(at, _)| at != offset);
        values.push((offset, value));
    }
}

impl Registers for Card {
    fn read32(&self, offset: u32) -> u32 {
        if self.now.get() < self.silent_until.get() {
            return u32::MAX;
        }
        let values = self.values.borrow();
        let found = values.iter().find(|&&(at, _)| at == offset);
        found.map_or(0, |&(_, value)| value)
    }

    fn write32(&self, offset: u32, value: u32) {
        self.writes.borrow_mut().push((offset, value));
    }
}

impl Clock for Card {
    fn now(&self) -> Duration {
        self.now.get()
    }

    fn sleep(&self, time: Duration) {
        self.now.set(self.now.get() + time);
    }
}

/// A folder without files.
pub(crate) struct NoFiles;

impl FirmwareImage for Vec<u8> {
    fn page_addr(&self, _offset: usize) -> Option<u64> {
        None
    }
}

impl FirmwareFiles for NoFiles {
    type File = Vec<u8>;
    type Image = Vec<u8>;

    fn load(&self, _name: &str) -> Result<Vec<u8>, LoadError> {
        Err(LoadError::NotFound)
    }

    fn load_image(
        &self,
        _name: &str,
        _page_aligned_at: usize,
        _len: FileLen,
    ) -> Result<Vec<u8>, LoadError> {
        Err(LoadError::NotFound)
    }
}
