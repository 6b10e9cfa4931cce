// SPDX-License-Identifier: GPL-2.0

//! The arguments of libos, the operating system under GSP-RM: log buffers and GSP-RM's arguments.
//!
//! Source: open-gpu-kernel-modules 570, `_kgspInitLibosLoggingStructures` and
//! `kgspSetupLibosInitArgs_IMPL` in src/nvidia/src/kernel/gpu/gsp/kernel_gsp.c,
//! src/nvidia/arch/nvalloc/common/inc/libos_init_args.h.

use nova_hw::abi::LibosMemoryRegion;
use nova_hw::field::Fields;
use nova_hw::gsp::{LIBOS_REGIONS, LOG_BUFFER_SIZE, PAGE_SIZE};
use nova_hw::release::ArgumentsLayout;
use zerocopy::IntoBytes;

use crate::gsp::queue::{page_addresses, QueuePair};
use crate::platform::memory::{self, MemoryError};
use crate::platform::{DmaAllocator, DmaMemory, Scratch};

/// Offset of the page addresses in a log buffer, after the put pointer.
const LOG_PAGES: usize = size_of::<u64>();

/// The libos arguments and the memory that they point to, except the queues.
pub(crate) struct Libos<M> {
    arguments: M,
    /// Kept allocated for the GSP only.
    _rm_arguments: M,
    /// Logs of init, interrupts and RM.
    logs: [M; 3],
}

impl<M: DmaMemory> Libos<M> {
    /// Allocates and fills the arguments and the log buffers.
    pub(crate) fn new<A>(
        allocator: &A,
        at: &ArgumentsLayout,
        queue: &QueuePair<M>,
    ) -> Result<Self, MemoryError>
    where
        A: DmaAllocator<Memory = M> + Scratch,
    {
        let rm_arguments = memory::alloc_dma(allocator, "GSP-RM's arguments", PAGE_SIZE)?;
        let mut cached = memory::alloc_bytes(allocator, "GSP-RM's arguments", at.size)?;
        let mut fields = Fields(cached.as_mut());
        queue.describe(at, &mut fields);
        fields.set(at.dmem_stack, 1);
        rm_arguments.write(0, cached.as_ref())?;

        let logs = [
            log_buffer(allocator)?,
            log_buffer(allocator)?,
            log_buffer(allocator)?,
        ];
        let arguments = memory::alloc_dma(allocator, "the libos arguments", PAGE_SIZE)?;
        let [init, intr, rm] = &logs;
        let regions: [&M; LIBOS_REGIONS.len()] = [init, intr, rm, &rm_arguments];
        for (n, (name, memory)) in LIBOS_REGIONS.iter().zip(regions).enumerate() {
            let region = region(name, memory);
            arguments.write(n.saturating_mul(size_of_val(&region)), region.as_bytes())?;
        }
        Ok(Self {
            arguments,
            _rm_arguments: rm_arguments,
            logs,
        })
    }

    /// Bus address of the arguments.
    pub(crate) fn dma_addr(&self) -> u64 {
        self.arguments.dma_addr()
    }

    /// The logs and their names in lower case.
    pub(crate) fn logs(&self) -> [(&'static str, &M); 3] {
        let [init, intr, rm] = &self.logs;
        [("loginit", init), ("logintr", intr), ("logrm", rm)]
    }
}

/// Allocates a log buffer: a put pointer, the addresses of its pages, then the log.
fn log_buffer<A: DmaAllocator>(allocator: &A) -> Result<A::Memory, MemoryError> {
    let log = memory::alloc_dma(allocator, "a log buffer of the GSP", LOG_BUFFER_SIZE)?;
    let pages = page_addresses(log.dma_addr()).take(LOG_BUFFER_SIZE / PAGE_SIZE);
    for (n, address) in pages.enumerate() {
        let offset = LOG_PAGES.saturating_add(n.saturating_mul(size_of::<u64>()));
        log.write(offset, &address.to_le_bytes())?;
    }
    Ok(log)
}

/// The libos argument that describes `memory`.
fn region<M: DmaMemory>(id: &str, memory: &M) -> LibosMemoryRegion {
    LibosMemoryRegion {
        id8: id8(id),
        pa: memory.dma_addr(),
        size: memory.size() as u64,
        kind: LibosMemoryRegion::KIND_CONTIGUOUS,
        loc: LibosMemoryRegion::LOC_SYSMEM,
        ..Default::default()
    }
}

/// A name as a number: its characters, the last one in the lowest byte.
fn id8(name: &str) -> u64 {
    name.bytes().fold(0, |id, c| id << 8 | u64::from(c))
}

#[cfg(test)]
mod tests {
    use super::id8;

    #[test]
    fn id8_puts_the_last_character_lowest() {
        assert_eq!(id8("RMARGS"), 0x524d_4152_4753);
        assert_eq!(id8("LOGINIT").to_le_bytes(), *b"TINIGOL\0");
    }
}
