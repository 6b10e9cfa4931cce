// SPDX-License-Identifier: GPL-2.0

//! Ucode for a falcon, in system memory and ready to be loaded.

use nova_firmware::falcon::{Brom, Layout, Part};
use nova_hw::falcon::BLOCK_SIZE;

use super::error::FalconError;
use crate::platform::{memory, DmaAllocator, DmaMemory};

/// Bytes of a block, the unit of a falcon's memories.
pub(super) const BLOCK: u32 = BLOCK_SIZE as u32;

/// Ucode in system memory.
pub(crate) struct Ucode<M> {
    /// Name, for errors.
    pub(crate) name: &'static str,
    /// Bytes of the ucode.
    pub(crate) size: usize,
    /// Memory with the ucode; padded so that all of `layout` is in whole blocks of it.
    pub(super) memory: M,
    /// The parts of the ucode and their targets.
    pub(super) layout: Layout,
    /// Parameters for the boot ROM, if the falcon has one.
    pub(super) brom: Option<Brom>,
}

impl<M: DmaMemory> Ucode<M> {
    /// Copies the ucode `bytes` to memory that the falcon can read.
    pub(crate) fn new<A: DmaAllocator<Memory = M>>(
        allocator: &A,
        name: &'static str,
        bytes: &[u8],
        layout: Layout,
        brom: Option<Brom>,
    ) -> Result<Self, FalconError> {
        // The last block of a part may extend beyond the ucode.
        let end = end(&layout).unwrap_or(usize::MAX);
        if end.saturating_sub(bytes.len()) >= BLOCK_SIZE {
            return Err(FalconError::Ucode {
                name,
                field: "end of a part",
                expected: "at most the end of the ucode",
                found: u32::try_from(end).unwrap_or(u32::MAX),
            });
        }
        let mut ucode = Self::blank(allocator, name, end.max(bytes.len()), layout)?;
        ucode.size = bytes.len();
        ucode.brom = brom;
        ucode.patch(0, bytes)
    }

    /// Allocates `size` zeroed bytes for a ucode.
    pub(crate) fn blank<A: DmaAllocator<Memory = M>>(
        allocator: &A,
        name: &'static str,
        size: usize,
        layout: Layout,
    ) -> Result<Self, FalconError> {
        let memory = memory::alloc_dma(allocator, name, size)?;
        Ok(Self {
            name,
            size,
            memory,
            layout,
            brom: None,
        })
    }

    /// Overwrites the ucode at byte `offset`.
    pub(crate) fn patch(self, offset: usize, bytes: &[u8]) -> Result<Self, FalconError> {
        self.memory.write(offset, bytes)?;
        Ok(self)
    }

    /// Bus address of the first byte.
    pub(crate) fn dma_addr(&self) -> u64 {
        self.memory.dma_addr()
    }
}

/// End of the last block of all parts.
fn end(layout: &Layout) -> Option<usize> {
    let end = |part: Part| {
        let len = part.len.checked_next_multiple_of(BLOCK)?;
        usize::try_from(part.source.checked_add(len)?).ok()
    };
    let code = end(layout.imem_sec)?.max(end(layout.dmem)?);
    match layout.imem_ns {
        Some(part) => Some(code.max(end(part)?)),
        None => Some(code),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Allocator;

    /// Creates a ucode of `len` bytes with three parts of a block each; returns its size and that
    /// of its memory.
    fn made(len: usize) -> Result<(usize, usize), FalconError> {
        let part = |source| Part {
            source,
            target: 0,
            len: 0xf0,
        };
        let layout = Layout {
            imem_ns: Some(part(0x200)),
            imem_sec: part(0x100),
            dmem: part(0),
            boot_addr: 0,
        };
        let allocator = Allocator::default();
        let ucode = Ucode::new(&allocator, "test", &std::vec![0; len], layout, None)?;
        Ok((ucode.size, ucode.memory.size()))
    }

    #[test]
    fn the_last_block_may_extend_beyond_the_ucode() {
        assert_eq!(made(0x201), Ok((0x201, 0x1000)));
        assert_eq!(made(0x2000), Ok((0x2000, 0x2000)));
        let error = FalconError::Ucode {
            name: "test",
            field: "end of a part",
            expected: "at most the end of the ucode",
            found: 0x300,
        };
        assert_eq!(made(0x200), Err(error));
    }
}
