// SPDX-License-Identifier: GPL-2.0

//! The page that the GPU writes to in order to know that its earlier writes to system memory have
//! arrived. Falcons do so when they are reset, so it has to be there before.
//!
//! Source: open-gpu-kernel-modules 570, `kmemsysProgramSysmemFlushBuffer_GA100`; Linux 7.3,
//! drivers/gpu/nova-core/fb/hal/ga100.rs.

use nova_hw::gsp::PAGE_SIZE;
use nova_hw::regs::pfb::{NisoFlushSysmemAddr, NisoFlushSysmemAddrHi};

use crate::error::Error;
use crate::io::{halves, Io};
use crate::platform::{DmaAllocator, DmaMemory};

/// The page.
pub(crate) struct FlushPage<M>(M);

impl<M: DmaMemory> FlushPage<M> {
    /// Allocates the page; the GPU is not told yet.
    pub(crate) fn new<A: DmaAllocator<Memory = M>>(allocator: &A) -> Result<Self, Error> {
        let page = allocator
            .alloc_dma(PAGE_SIZE)
            .map_err(|e| Error::no_memory("the sysmem flush page", e))?;
        Ok(Self(page))
    }

    /// Tells the GPU.
    pub(crate) fn register(&self, io: &Io<'_>) {
        write(io, self.0.dma_addr());
    }

    /// Takes the page back.
    pub(crate) fn unregister(&self, io: &Io<'_>) {
        write(io, 0);
    }
}

fn write(io: &Io<'_>, address: u64) {
    // Bits 7:0 are zero anyway, and the rest is split at bit 40.
    let [low, high] = halves(address >> 8);
    io.write(NisoFlushSysmemAddrHi::from(high));
    io.write(NisoFlushSysmemAddr::from(low));
}
