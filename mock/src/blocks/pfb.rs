// SPDX-License-Identifier: GPL-2.0

//! PFB: the write-protected region (WPR2) and the page for system memory flushes.

use std::ops::Range;

use nova_hw::chipset::{Architecture, Chipset};
use nova_hw::regs::pfb::{
    LocalMemoryRange, MmuLockAddrHi, MmuLockAddrLo, MmuLockCfgPrivLevelMask, Wpr2AddrHi, Wpr2AddrLo,
};

use super::block::{Block, Parts};
use super::wires::Wires;
use crate::chips::Chip;
use crate::faults::Fault;
use flush::Flush;

mod flush;

/// The registers give the bounds of WPR2 in units of 1 << this many bytes.
const WPR_SHIFT: u32 = 12;

/// Whether the frame buffer has been cleared after the reset, which 1 says.
///
/// Source: NVIDIA's gpu-admin-tools, nvidia_gpu_tools.py (`wait_for_memory_clear`); the register has
/// no public name.
const MEMORY_CLEARED: u32 = 0x10_0b20;
const MEMORY_CLEARED_BLACKWELL: u32 = 0x8a_004c;

/// Bits 47 and higher of the address of each DMA of the GPU. The model has no such memory.
///
/// Source: NVIDIA's gpu-admin-tools, nvidia_gpu_tools.py (`_falcon_dma`), which writes it around
/// each transfer.
const DMA_TOP_BITS: u32 = 0x10_0f04;

/// State of the frame-buffer controller.
#[derive(Debug, Default)]
pub(crate) struct Pfb {
    /// The write-protected region, if it is set up.
    pub(crate) wpr2: Option<Range<u64>>,
    flush: Flush,
}

impl Block for Pfb {
    const RANGES: &'static [Range<u32>] = &[
        0x10_0000..0x10_1000,
        0x1f_a000..0x1f_b000,
        0x87_0000..0x87_1000,
        0x8a_0000..0x8a_1000,
        0x8a_1000..0x8a_2000,
    ];

    fn new(_: &Parts) -> Self {
        Self::default()
    }

    /// A reset removes WPR2, and so ends that fault. Only the resets before a driver has seen the
    /// card do not: a VM resets it when it starts.
    fn power_on(&mut self, wires: &mut Wires<'_>) {
        if wires.trace.accesses().total() == 0 {
            self.leave_wpr2(wires);
        }
    }

    fn read(&mut self, wires: &mut Wires<'_>, offset: u32) -> Option<u32> {
        // Without a region the end is 0 and the start lies beyond it.
        let wpr2 = self
            .wpr2
            .clone()
            .unwrap_or(u64::from(u32::MAX >> 4) << WPR_SHIFT..0);
        match offset {
            _ if self.flush.has(wires.chip, offset) => self.flush.read(offset),
            _ if offset == memory_cleared(wires.chip) => Some(wires.signals.gfw_done.into()),
            MmuLockCfgPrivLevelMask::OFFSET | MmuLockAddrLo::OFFSET | MmuLockAddrHi::OFFSET => {
                mmu_lock(wires.chip, offset)
            }
            LocalMemoryRange::OFFSET => Some(local_memory_range(wires.vram.size()).into()),
            Wpr2AddrLo::OFFSET => Some(
                Wpr2AddrLo::new()
                    .with_val((wpr2.start >> WPR_SHIFT) as u32)
                    .into(),
            ),
            Wpr2AddrHi::OFFSET => Some(
                Wpr2AddrHi::new()
                    .with_val((wpr2.end >> WPR_SHIFT) as u32)
                    .into(),
            ),
            _ => None,
        }
    }

    fn write(&mut self, wires: &mut Wires<'_>, offset: u32, value: u32) -> Option<()> {
        match (offset, value) {
            _ if self.flush.has(wires.chip, offset) => self.flush.write(offset, value),
            (DMA_TOP_BITS, 0) => Some(()),
            _ => None,
        }
    }
}

impl Pfb {
    /// Sets WPR2 up as an earlier driver would have left it, if that fault was injected.
    pub(crate) fn leave_wpr2(&mut self, wires: &Wires<'_>) {
        const SIZE: u64 = 256 << 20;
        if wires.faults.has(Fault::Wpr2Up) && self.wpr2.is_none() {
            let end = wires.vram.size() & !(SIZE - 1);
            self.wpr2 = Some(end - 2 * SIZE..end - SIZE);
        }
    }

    /// Address of the page for flushes, 0 if the driver has set none.
    pub(crate) fn flush_page(&self) -> u64 {
        self.flush.page()
    }
}

/// Offset of the register that says whether the frame buffer has been cleared.
fn memory_cleared(chip: &Chip) -> u32 {
    match chip.chipset.arch() {
        Architecture::BlackwellGb10x | Architecture::BlackwellGb20x => MEMORY_CLEARED_BLACKWELL,
        _ => MEMORY_CLEARED,
    }
}

/// The registers of GA100 about memory that the VBIOS has locked: they can be read, and there is no
/// such memory.
fn mmu_lock(chip: &Chip, offset: u32) -> Option<u32> {
    let value = match offset {
        MmuLockCfgPrivLevelMask::OFFSET => MmuLockCfgPrivLevelMask::new()
            .with_read_protection_level0(true)
            .into(),
        MmuLockAddrLo::OFFSET => MmuLockAddrLo::new().with_val(u32::MAX >> 4).into(),
        _ => MmuLockAddrHi::new().into(),
    };
    (chip.chipset == Chipset::GA100).then_some(value)
}

/// The largest value that the register can express and that does not exceed the frame buffer's
/// size.
fn local_memory_range(vram: u64) -> LocalMemoryRange {
    let mebibytes = vram >> 20;
    let scale = (u64::BITS - mebibytes.leading_zeros()).saturating_sub(6);
    LocalMemoryRange::new()
        .with_lower_scale((scale & 0xf) as u8)
        .with_lower_mag((mebibytes >> scale & 0x3f) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blocks::testing::TestCard;
    use nova_hw::regs::pfb::{NisoFlushSysmemAddr, NisoFlushSysmemAddrHi};

    #[test]
    fn the_cpu_cannot_move_the_region() {
        let mut card = TestCard::new("ga102");
        let mut pfb = Pfb::default();
        assert_eq!(card.write(&mut pfb, Wpr2AddrLo::OFFSET, 0), None);
        assert_eq!(card.write(&mut pfb, Wpr2AddrHi::OFFSET, u32::MAX), None);
        assert_eq!(card.read(&mut pfb, Wpr2AddrHi::OFFSET), Some(0));
    }

    #[test]
    fn the_bounds_of_wpr2_are_in_pages() {
        let mut card = TestCard::new("ga102");
        let mut pfb = Pfb {
            wpr2: Some(0x5_fee0_0000..0x5_fef0_0000),
            ..Pfb::default()
        };
        assert_eq!(card.read(&mut pfb, Wpr2AddrLo::OFFSET), Some(0x05fe_e000));
        assert_eq!(card.read(&mut pfb, Wpr2AddrHi::OFFSET), Some(0x05fe_f000));
    }

    /// gpu-admin-tools waits for it on Turing, Ampere, Hopper and Blackwell before it uses DMA.
    #[test]
    fn memory_is_cleared_when_the_gfw_has_completed() {
        for (chip, offset) in [
            ("tu104", 0x10_0b20),
            ("ga100", 0x10_0b20),
            ("gh100", 0x10_0b20),
            ("gb202", 0x8a_004c),
        ] {
            let mut card = TestCard::new(chip);
            let cleared = |card: &mut TestCard| card.read(&mut Pfb::default(), offset);
            assert_eq!(cleared(&mut card), Some(0), "{chip}");
            card.signals.gfw_done = true;
            assert_eq!(cleared(&mut card), Some(1), "{chip}");
        }
    }

    /// nvidia.ko boots no GA100 on which it may not read them (`memmgrReadMmuLock_GA100`).
    #[test]
    fn the_locked_memory_of_ga100_can_be_read_and_is_empty() {
        let read = |chip, offset| TestCard::new(chip).read(&mut Pfb::default(), offset);
        assert_eq!(read("ga100", 0x1f_a7c8), Some(1));
        assert!(read("ga100", 0x1f_a82c) > read("ga100", 0x1f_a830));
        assert_eq!(read("ga102", 0x1f_a7c8), None);
    }

    #[test]
    fn the_flush_page_address_is_read_from_both_registers() {
        let mut card = TestCard::new("ga102");
        let mut pfb = Pfb::default();
        card.write(&mut pfb, NisoFlushSysmemAddrHi::OFFSET, 0x12)
            .unwrap();
        card.write(&mut pfb, NisoFlushSysmemAddr::OFFSET, 0x3456_7890)
            .unwrap();
        assert_eq!(pfb.flush_page(), 0x1234_5678_9000);
        let mut turing = TestCard::new("tu102");
        let high = NisoFlushSysmemAddrHi::OFFSET;
        assert_eq!(turing.write(&mut pfb, high, 0), None);
    }

    #[test]
    fn the_register_can_express_common_sizes() {
        for size in [4, 6, 8, 11, 12, 24, 40, 48] {
            assert_eq!(local_memory_range(size << 30).bytes(), size << 30);
        }
        assert_eq!(local_memory_range(0).bytes(), 0);
    }
}
