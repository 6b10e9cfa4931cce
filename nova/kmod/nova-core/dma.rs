// SPDX-License-Identifier: GPL-2.0

//! Memory of the portable driver: coherent DMA memory, and memory that only the CPU accesses.

use kernel::alloc::Flags;
use kernel::debugfs::BinaryWriter;
use kernel::dma::{Coherent, CoherentView};
use kernel::fs::file;
use kernel::io::{io_project, Io};
use kernel::page::page_align;
use kernel::prelude::*;
use kernel::sync::barrier::{dma_mb, Full};
use kernel::sync::Arc;
use kernel::uaccess::UserSliceWriter;
use nova_core::platform::{DmaAllocator, DmaMemory, OutOfBounds, OutOfMemory, Scratch};
use zerocopy::FromZeros;

use crate::machine::Machine;

/// Coherent DMA memory. Clones share it, and the drop of the last one frees it.
#[derive(Clone)]
pub(crate) struct Memory(Arc<Coherent<[u8]>>);

impl Memory {
    fn bytes(&self, offset: usize, len: usize) -> Result<CoherentView<'_, [u8]>, OutOfBounds> {
        let range = offset..offset.saturating_add(len);
        let view = || -> Result<_> { Ok(io_project!(&*self.0, [try: range])) };
        view().map_err(|_| self.out_of_bounds(offset, len))
    }

    fn word(&self, offset: usize) -> Result<CoherentView<'_, u32>, OutOfBounds> {
        let bytes = self.bytes(offset, size_of::<u32>())?;
        bytes
            .try_cast()
            .map_err(|_| self.out_of_bounds(offset, size_of::<u32>()))
    }

    fn out_of_bounds(&self, offset: usize, len: usize) -> OutOfBounds {
        OutOfBounds {
            offset,
            len,
            size: self.size(),
        }
    }
}

impl DmaMemory for Memory {
    fn dma_addr(&self) -> u64 {
        self.0.dma_address()
    }

    fn size(&self) -> usize {
        self.0.size()
    }

    fn read(&self, offset: usize, into: &mut [u8]) -> Result<(), OutOfBounds> {
        self.bytes(offset, into.len())?.copy_to_slice(into);
        Ok(())
    }

    fn write(&self, offset: usize, from: &[u8]) -> Result<(), OutOfBounds> {
        self.bytes(offset, from.len())?.copy_from_slice(from);
        Ok(())
    }

    fn load32(&self, offset: usize) -> Result<u32, OutOfBounds> {
        let value = self.word(offset)?.read_val();
        // The word is a queue's pointer. A full barrier: reads of messages, and writes to the room
        // that the word shows, must not be reordered before the load.
        dma_mb(Full);
        Ok(value)
    }

    fn store32(&self, offset: usize, value: u32) -> Result<(), OutOfBounds> {
        // The word is a queue's pointer. A full barrier: writes of a message, and reads of one whose
        // room the word frees, must be complete before the store. On arm64, a write barrier does not
        // order earlier reads.
        dma_mb(Full);
        self.word(offset)?.write_val(value);
        Ok(())
    }
}

impl BinaryWriter for Memory {
    fn write_to_slice(
        &self,
        writer: &mut UserSliceWriter,
        offset: &mut file::Offset,
    ) -> Result<usize> {
        self.0.write_to_slice(writer, offset)
    }
}

impl DmaAllocator for Machine<'_> {
    type Memory = Memory;

    fn alloc_dma(&self, size: usize) -> Result<Memory, OutOfMemory> {
        (|| -> Result<Memory> {
            let size = page_align(size).ok_or(ENOMEM)?;
            let memory = Coherent::zeroed_slice(self.device().as_ref(), size, GFP_KERNEL)?;
            Ok(Memory(Arc::new(memory, GFP_KERNEL)?))
        })()
        .map_err(|_| OutOfMemory { size })
    }
}

/// Memory that only the CPU accesses.
pub(crate) struct Bytes(KVVec<u8>);

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl AsMut<[u8]> for Bytes {
    fn as_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

impl Scratch for Machine<'_> {
    type Bytes = Bytes;
    type Boxed<T> = KBox<T>;
    type Slice<T> = KVVec<T>;

    fn alloc_bytes(&self, size: usize) -> Result<Bytes, OutOfMemory> {
        bytes(size, GFP_KERNEL)
    }

    fn zeroed<T: FromZeros>(&self) -> Result<KBox<T>, OutOfMemory> {
        zeroed(GFP_KERNEL)
    }

    fn boxed<T>(&self, value: T) -> Result<KBox<T>, OutOfMemory> {
        boxed(value, GFP_KERNEL)
    }

    fn slice<T>(&self, len: usize, make: impl FnMut() -> T) -> Result<KVVec<T>, OutOfMemory> {
        slice(len, make, GFP_KERNEL)
    }
}

/// Memory that only the CPU accesses, which the current task is charged.
pub(crate) struct Accounted;

impl Scratch for Accounted {
    type Bytes = Bytes;
    type Boxed<T> = KBox<T>;
    type Slice<T> = KVVec<T>;

    fn alloc_bytes(&self, size: usize) -> Result<Bytes, OutOfMemory> {
        bytes(size, GFP_KERNEL_ACCOUNT)
    }

    fn zeroed<T: FromZeros>(&self) -> Result<KBox<T>, OutOfMemory> {
        zeroed(GFP_KERNEL_ACCOUNT)
    }

    fn boxed<T>(&self, value: T) -> Result<KBox<T>, OutOfMemory> {
        boxed(value, GFP_KERNEL_ACCOUNT)
    }

    fn slice<T>(&self, len: usize, make: impl FnMut() -> T) -> Result<KVVec<T>, OutOfMemory> {
        slice(len, make, GFP_KERNEL_ACCOUNT)
    }
}

/// [`Scratch::alloc_bytes`] with these flags.
pub(crate) fn bytes(size: usize, flags: Flags) -> Result<Bytes, OutOfMemory> {
    KVVec::zeroed(size, flags)
        .map(Bytes)
        .map_err(|_| OutOfMemory { size })
}

/// [`Scratch::zeroed`] with these flags.
pub(crate) fn zeroed<T: FromZeros>(flags: Flags) -> Result<KBox<T>, OutOfMemory> {
    let size = size_of::<T>();
    let value = KBox::<T>::new_uninit(flags | __GFP_ZERO);
    let value = value.map_err(|_| OutOfMemory { size })?;
    // SAFETY: `__GFP_ZERO` has zeroed the memory, and `T: FromZeros` guarantees that zeros are a
    // valid `T`.
    Ok(unsafe { value.assume_init() })
}

/// [`Scratch::boxed`] with these flags.
pub(crate) fn boxed<T>(value: T, flags: Flags) -> Result<KBox<T>, OutOfMemory> {
    let size = size_of::<T>();
    KBox::new(value, flags).map_err(|_| OutOfMemory { size })
}

/// [`Scratch::slice`] with these flags.
pub(crate) fn slice<T>(
    len: usize,
    mut make: impl FnMut() -> T,
    flags: Flags,
) -> Result<KVVec<T>, OutOfMemory> {
    let no_memory = OutOfMemory {
        size: len.saturating_mul(size_of::<T>()),
    };
    let mut values = KVVec::with_capacity(len, flags).map_err(|_| no_memory)?;
    for _ in 0..len {
        values.push_within_capacity(make()).map_err(|_| no_memory)?;
    }
    Ok(values)
}
