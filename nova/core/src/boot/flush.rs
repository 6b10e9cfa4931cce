// SPDX-License-Identifier: GPL-2.0

//! The page that the GPU accesses to flush its writes to system memory. Falcons do so in a reset,
//! so the page has to be registered before.
//!
//! Source: open-gpu-kernel-modules 570, `kmemsysProgramSysmemFlushBuffer_*`; Linux 7.3,
//! drivers/gpu/nova-core/fb/hal/*.rs.

use nova_hw::gsp::PAGE_SIZE;
use nova_hw::regs::pfb::{
    Fbhub0FlushSysmemAddrHi, Fbhub0FlushSysmemAddrLo, FbhubFlushSysmemAddrHi,
    FbhubFlushSysmemAddrLo, HshubEgFlushSysmemAddrHi, HshubEgFlushSysmemAddrLo,
    HshubFlushSysmemAddrHi, HshubFlushSysmemAddrLo, NisoFlushSysmemAddr, NisoFlushSysmemAddrHi,
};

use crate::chip::FlushRegisters;
use crate::mmio::{halves, Io};
use crate::platform::memory::{self, MemoryError};
use crate::platform::{DmaAllocator, DmaMemory};

const NAME: &str = "the sysmem flush page";

/// The sysmem flush page.
pub(crate) struct FlushPage<M> {
    page: M,
    registers: FlushRegisters,
}

impl<M: DmaMemory> FlushPage<M> {
    /// Allocates the page without registering it.
    pub(crate) fn new<A: DmaAllocator<Memory = M>>(
        allocator: &A,
        registers: FlushRegisters,
    ) -> Result<Self, MemoryError> {
        let page = memory::alloc_dma(allocator, NAME, PAGE_SIZE)?;
        let (what, address, bits) = (NAME, page.dma_addr(), registers.address_bits());
        if address.checked_shr(bits).is_some_and(|rest| rest != 0) {
            return Err(MemoryError::Unreachable {
                what,
                address,
                bits,
            });
        }
        Ok(Self { page, registers })
    }

    /// Writes the address of the page to the GPU.
    pub(crate) fn register(&self, io: &Io<'_>) {
        self.registers.write(io, self.page.dma_addr());
    }

    /// Clears the address of the page on the GPU.
    pub(crate) fn unregister(&self, io: &Io<'_>) {
        self.registers.write(io, 0);
    }
}

impl FlushRegisters {
    /// Maximum number of bits in the address of the page.
    fn address_bits(self) -> u32 {
        match self {
            Self::Tu102 => 40,
            Self::Ga100 => 64,
            Self::Gh100 | Self::Gb100 | Self::Gb202 => 52,
        }
    }

    /// Writes the address of the page to the GPU.
    fn write(self, io: &Io<'_>, address: u64) {
        // Writing the low half makes the address effective, so it comes last. Registers up to Ada
        // omit bits 7:0, which are zero.
        let [low, high] = halves(address);
        let [shifted_low, shifted_high] = halves(address >> 8);
        match self {
            Self::Tu102 => io.write(NisoFlushSysmemAddr::from(shifted_low)),
            Self::Ga100 => {
                io.write(NisoFlushSysmemAddrHi::from(shifted_high));
                io.write(NisoFlushSysmemAddr::from(shifted_low));
            }
            Self::Gh100 => {
                io.write(FbhubFlushSysmemAddrHi::from(high));
                io.write(FbhubFlushSysmemAddrLo::from(low));
            }
            Self::Gb100 => {
                io.write(HshubFlushSysmemAddrHi::from(high));
                io.write(HshubFlushSysmemAddrLo::from(low));
                io.write(HshubEgFlushSysmemAddrHi::from(high));
                io.write(HshubEgFlushSysmemAddrLo::from(low));
            }
            Self::Gb202 => {
                io.write(Fbhub0FlushSysmemAddrHi::from(high));
                io.write(Fbhub0FlushSysmemAddrLo::from(low));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Allocator, Card};

    const LOW: u32 = 0x100c10;
    const HIGH: u32 = 0x100c40;

    /// The writes that register and unregister the page.
    fn written(registers: FlushRegisters, allocator: &Allocator) -> std::vec::Vec<(u32, u32)> {
        let card = Card::default();
        let page = FlushPage::new(allocator, registers).unwrap();
        page.register(&Io::new(&card));
        page.unregister(&Io::new(&card));
        card.writes.take()
    }

    #[test]
    fn the_page_is_registered_and_unregistered() {
        let allocator = Allocator::default();
        let expected = [(LOW, 0x0100_0000), (LOW, 0)];
        assert_eq!(written(FlushRegisters::Tu102, &allocator), expected);
        let allocator = Allocator::starting_at(0x1234_5600_0000_1000);
        let expected = [(HIGH, 0x0012_3456), (LOW, 0x10), (HIGH, 0), (LOW, 0)];
        assert_eq!(written(FlushRegisters::Ga100, &allocator), expected);
    }

    #[test]
    fn from_hopper_on_the_address_is_not_shifted() {
        let pairs: [(FlushRegisters, &[(u32, u32)]); 3] = [
            (FlushRegisters::Gh100, &[(0x100a38, 0x100a34)]),
            (
                FlushRegisters::Gb100,
                &[(0x870e54, 0x870e50), (0x8706c4, 0x8706c0)],
            ),
            (FlushRegisters::Gb202, &[(0x8a1d5c, 0x8a1d58)]),
        ];
        for (registers, pairs) in pairs {
            let allocator = Allocator::starting_at(0xf_1234_5678_9000);
            let on = pairs
                .iter()
                .flat_map(|&(high, low)| [(high, 0xf_1234), (low, 0x5678_9000)]);
            let off = pairs.iter().flat_map(|&(high, low)| [(high, 0), (low, 0)]);
            assert_eq!(
                written(registers, &allocator),
                on.chain(off).collect::<std::vec::Vec<_>>()
            );
            let allocator = Allocator::starting_at(1 << 52);
            assert!(FlushPage::new(&allocator, registers).is_err());
        }
    }

    #[test]
    fn turing_takes_no_page_above_1_tib() {
        let allocator = Allocator::starting_at(1 << 40);
        let error = FlushPage::new(&allocator, FlushRegisters::Tu102).err();
        let expected = MemoryError::Unreachable {
            what: NAME,
            address: 1 << 40,
            bits: 40,
        };
        assert_eq!(error, Some(expected));
    }
}
