// SPDX-License-Identifier: GPL-2.0

//! XAL: the register that moves the PRAMIN window, on Hopper and later.

use std::ops::Range;

use nova_hw::chipset::Architecture;
use nova_hw::regs::xal::XalBar0Window;

use super::block::{Block, Parts};
use super::wires::Wires;
use crate::chips::Chip;

/// State of the bus interface.
#[derive(Debug, Default)]
pub(crate) struct Xal {
    window: XalBar0Window,
}

/// The bits of an address in units of 64 KiB.
fn base_mask(chip: &Chip) -> u32 {
    match chip.chipset.arch() {
        Architecture::Hopper => (1 << 22) - 1,
        _ => (1 << 23) - 1,
    }
}

impl Block for Xal {
    const RANGES: &'static [Range<u32>] = &[0x10_f000..0x11_0000];

    fn new(_: &Parts) -> Self {
        Self::default()
    }

    fn read(&mut self, wires: &mut Wires<'_>, offset: u32) -> Option<u32> {
        let is_window = wires.chip.boots_through_fsp() && offset == XalBar0Window::OFFSET;
        is_window.then(|| self.window.into())
    }

    fn write(&mut self, wires: &mut Wires<'_>, offset: u32, value: u32) -> Option<()> {
        if !wires.chip.boots_through_fsp() || offset != XalBar0Window::OFFSET {
            return None;
        }
        let base = XalBar0Window::from(value).base() & base_mask(wires.chip);
        self.window = XalBar0Window::new().with_base(base);
        wires.signals.pramin_base = u64::from(base) << 16;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blocks::pramin::Pramin;
    use crate::blocks::testing::TestCard;

    #[test]
    fn it_moves_pramin() {
        let (mut card, mut xal) = (TestCard::new("gh100"), Xal::default());
        card.vram.write(0x12_3456_0004, &[1, 2, 3, 4]);
        assert_eq!(card.write(&mut xal, 0x10_fd40, 0x12_3456), Some(()));
        assert_eq!(card.read(&mut xal, 0x10_fd40), Some(0x12_3456));
        assert_eq!(card.read(&mut Pramin, 0x70_0004), Some(0x0403_0201));
        assert_eq!(card.write(&mut xal, 0x10_fd44, 0), None);
    }

    #[test]
    fn the_address_has_the_bits_of_the_chip() {
        for (chip, base) in [("gh100", 0x3f_ffff), ("gb202", 0x7f_ffff)] {
            let (mut card, mut xal) = (TestCard::new(chip), Xal::default());
            card.write(&mut xal, 0x10_fd40, u32::MAX).unwrap();
            assert_eq!(card.read(&mut xal, 0x10_fd40), Some(base), "{chip}");
        }
        let mut ampere = TestCard::new("ga102");
        assert_eq!(ampere.write(&mut Xal::default(), 0x10_fd40, 0), None);
    }
}
