// SPDX-License-Identifier: GPL-2.0

//! PTHERM: the scratch register in which the FSP says that its secure boot has completed.

use std::ops::Range;

use nova_hw::chipset::Architecture;
use nova_hw::regs::therm::{ThermI2csScratch, ThermI2csScratchGb202, FSP_BOOT_COMPLETE};

use super::block::{Block, Parts};
use super::wires::Wires;
use crate::chips::Chip;

/// The block; it has no state.
#[derive(Debug)]
pub(crate) struct Therm;

impl Block for Therm {
    const RANGES: &'static [Range<u32>] = &[0x02_0000..0x02_1000, 0xad_0000..0xad_1000];

    fn new(_: &Parts) -> Self {
        Self
    }

    fn read(&mut self, wires: &mut Wires<'_>, offset: u32) -> Option<u32> {
        let progress = match wires.signals.gfw_done {
            true => wires
                .faults
                .gfw_stuck()
                .map_or(FSP_BOOT_COMPLETE, u32::from),
            false => 0,
        };
        (Some(offset) == scratch(wires.chip)).then_some(progress)
    }
}

/// Offset of the register on this chip.
fn scratch(chip: &Chip) -> Option<u32> {
    match chip.chipset.arch() {
        Architecture::BlackwellGb20x => Some(ThermI2csScratchGb202::OFFSET),
        Architecture::Hopper | Architecture::BlackwellGb10x => Some(ThermI2csScratch::OFFSET),
        Architecture::Turing | Architecture::Ampere | Architecture::Ada => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blocks::testing::TestCard;

    #[test]
    fn the_register_has_the_offset_of_its_chip() {
        let after_boot = |chip: &str, is_booted, offset| {
            let mut card = TestCard::new(chip);
            card.signals.gfw_done = is_booted;
            card.read(&mut Therm, offset)
        };
        let at = |chip: &str, offset| after_boot(chip, true, offset);
        for (chip, offset) in [("gh100", 0x200bc), ("gb102", 0x200bc), ("gb207", 0xad00bc)] {
            assert_eq!(at(chip, offset), Some(0xff), "{chip}");
            assert_eq!(at(chip, offset ^ 0xaf_0000), None, "{chip}");
            assert_eq!(after_boot(chip, false, offset), Some(0));
        }
        assert_eq!(at("ga102", 0x200bc), None);
    }
}
