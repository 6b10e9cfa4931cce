// SPDX-License-Identifier: GPL-2.0

//! PBUS: scratch registers, in which FWSEC leaves its errors, the register that moves the PRAMIN
//! window, and the one that says where BAR1 leads.

use std::ops::Range;

use nova_hw::regs::pbus::{Bar0Window, Bar1Block, PbusIntr0, SwScratch};

use super::block::{Block, Parts};
use super::wires::{Request, Wires};
use crate::engines::memory::Aperture;

/// Scratch register with FWSEC-FRTS's error in its high half.
///
/// Source: open-gpu-kernel-modules 570, kernel_gsp_frts_tu102.c.
const FRTS_SCRATCH: usize = 0x0e;

/// Scratch register with FWSEC-SB's error in its low half; same source.
const SB_SCRATCH: usize = 0x15;

/// State of the bus interface.
#[derive(Debug)]
pub(crate) struct Pbus {
    scratch: [u32; SwScratch::COUNT as usize],
    window: Bar0Window,
    bar1_block: u32,
}

impl Block for Pbus {
    const RANGES: &'static [Range<u32>] = &[0x00_1000..0x00_2000];

    fn new(_: &Parts) -> Self {
        Self::new()
    }

    fn read(&mut self, _: &mut Wires<'_>, offset: u32) -> Option<u32> {
        match offset {
            Bar0Window::OFFSET => Some(self.window.into()),
            Bar1Block::OFFSET => Some(self.bar1_block),
            // Nothing is ever pending.
            PbusIntr0::OFFSET => Some(0),
            _ => self.scratch.get(scratch_index(offset)?).copied(),
        }
    }

    fn write(&mut self, wires: &mut Wires<'_>, offset: u32, value: u32) -> Option<()> {
        let register = match offset {
            PbusIntr0::OFFSET => return Some(()),
            Bar0Window::OFFSET => {
                let base = Bar0Window::from(value).base();
                self.window = Bar0Window::new().with_base(base);
                wires.signals.pramin_base = u64::from(base) << 16;
                return Some(());
            }
            Bar1Block::OFFSET => {
                let block = Bar1Block::from(value);
                let address = u64::from(block.ptr()) << 12;
                wires.ask(Request::BindBar1(
                    block
                        .mode_virtual()
                        .then(|| (aperture(block.target()), address)),
                ));
                &mut self.bar1_block
            }
            _ => self.scratch.get_mut(scratch_index(offset)?)?,
        };
        *register = value;
        Some(())
    }
}

/// The memory that a target field names.
pub(super) fn aperture(target: u8) -> Aperture {
    match target {
        0 => Aperture::Vram,
        _ => Aperture::System,
    }
}

impl Pbus {
    fn new() -> Self {
        Self {
            scratch: [0; SwScratch::COUNT as usize],
            window: Bar0Window::new(),
            bar1_block: 0,
        }
    }

    /// Sets FWSEC-FRTS's error code; 0 is success.
    pub(crate) fn set_frts_error(&mut self, code: u16) {
        let scratch = &mut self.scratch[FRTS_SCRATCH];
        *scratch = *scratch & 0xffff | u32::from(code) << 16;
    }

    /// Sets FWSEC-SB's error code; 0 is success.
    pub(crate) fn set_sb_error(&mut self, code: u16) {
        let scratch = &mut self.scratch[SB_SCRATCH];
        *scratch = *scratch & !0xffff | u32::from(code);
    }
}

fn scratch_index(offset: u32) -> Option<usize> {
    Some((offset.checked_sub(SwScratch::OFFSET)? / SwScratch::STRIDE) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blocks::testing::TestCard;
    use nova_hw::regs::pbus::FrtsErr;

    #[test]
    fn an_error_code_changes_only_its_half_of_the_register() {
        let mut card = TestCard::new("ga102");
        let mut pbus = Pbus::new();
        card.write(&mut pbus, FrtsErr::OFFSET, 0x0000_1234).unwrap();
        pbus.set_frts_error(0x55);
        assert_eq!(card.read(&mut pbus, FrtsErr::OFFSET), Some(0x0055_1234));
        card.write(&mut pbus, SwScratch::at(0x15).unwrap(), 0xabcd_0000)
            .unwrap();
        pbus.set_sb_error(3);
        assert_eq!(
            card.read(&mut pbus, SwScratch::at(0x15).unwrap()),
            Some(0xabcd_0003)
        );
    }

    /// nvidia.ko reads it while it waits for the frame buffer, and in its interrupt handler.
    #[test]
    fn no_interrupt_is_pending() {
        let (mut card, mut pbus) = (TestCard::new("ga102"), Pbus::new());
        assert_eq!(card.read(&mut pbus, 0x1100), Some(0));
        assert_eq!(card.write(&mut pbus, 0x1100, u32::MAX), Some(()));
        assert_eq!(card.read(&mut pbus, 0x1100), Some(0));
    }

    #[test]
    fn the_block_of_bar1_is_kept() {
        let (mut card, mut pbus) = (TestCard::new("ga102"), Pbus::new());
        assert_eq!(card.read(&mut pbus, 0x1704), Some(0), "physical");
        assert_eq!(card.write(&mut pbus, 0x1704, 0x8000_1234), Some(()));
        assert_eq!(card.read(&mut pbus, 0x1704), Some(0x8000_1234));
        assert_eq!(card.write(&mut pbus, 0x1704, 0), Some(()));
        assert_eq!(card.read(&mut pbus, 0x1704), Some(0));
        assert_eq!(card.read(&mut pbus, 0x1700), Some(0));
    }

    #[test]
    fn there_are_64_scratch_registers() {
        let mut card = TestCard::new("ga102");
        let mut pbus = Pbus::new();
        assert_eq!(card.write(&mut pbus, 0x14fc, 1), Some(()));
        assert_eq!(card.write(&mut pbus, 0x1500, 1), None);
        assert_eq!(card.read(&mut pbus, 0x13fc), None);
    }
}
