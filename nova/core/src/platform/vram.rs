// SPDX-License-Identifier: GPL-2.0

//! VRAM from the platform: blocks, and the memory of page tables.

use super::memory::MemoryError;

/// Where VRAM comes from.
pub trait VideoMemory {
    /// A block of VRAM; freed when dropped.
    type Block: VideoBlock;

    /// Allocates a block of `size` bytes at a multiple of `align`, which is a power of two. Its
    /// contents are undefined.
    fn alloc_vram(&self, size: u64, align: u64) -> Result<Self::Block, MemoryError>;
}

/// A contiguous block of VRAM.
pub trait VideoBlock {
    /// Address in VRAM of the first byte.
    fn address(&self) -> u64;

    /// Size in bytes.
    fn size(&self) -> u64;
}

/// Memory of one page table or page directory of the GPU: 4096 bytes of VRAM, aligned to as many.
///
/// What is in it at first is undefined. It is freed when dropped.
pub trait TableMemory {
    /// Address in VRAM.
    fn address(&self) -> u64;

    /// Writes the words of 64 bits from number `first` on.
    ///
    /// Each word is written at once, and words in the order of the calls, since the GPU may read the
    /// table meanwhile. A word beyond the table's end is a bug of the caller, and is dropped.
    fn write(&self, first: usize, words: &[u64]);
}

/// Where [`TableMemory`] comes from.
pub trait TableSource {
    /// Memory of one table.
    type Table: TableMemory;

    /// Allocates the memory of one table.
    fn alloc_table(&self) -> Result<Self::Table, MemoryError>;
}
