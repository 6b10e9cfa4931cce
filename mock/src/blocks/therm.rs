// SPDX-License-Identifier: GPL-2.0

//! PTHERM: the scratch register in which the FSP says that its secure boot is through.

use nova_hw::chipset::Architecture;
use nova_hw::regs::therm::{ThermI2csScratch, ThermI2csScratchGb202, FSP_BOOT_COMPLETE};

use crate::chips::Chip;

/// Reads the register at `offset`, where there is one.
pub(crate) fn read(chip: &Chip, is_booted: bool, offset: u32) -> Option<u32> {
    let scratch = match chip.chipset.arch() {
        Architecture::BlackwellGb20x => ThermI2csScratchGb202::OFFSET,
        Architecture::Hopper | Architecture::BlackwellGb10x => ThermI2csScratch::OFFSET,
        Architecture::Turing | Architecture::Ampere | Architecture::Ada => return None,
    };
    match (offset == scratch, is_booted) {
        (true, true) => Some(FSP_BOOT_COMPLETE),
        (true, false) => Some(0),
        (false, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chips::by_name;

    #[test]
    fn the_register_is_where_the_chip_has_it() {
        let at = |chip: &str, offset| read(by_name(chip).unwrap(), true, offset);
        for (chip, offset) in [("gh100", 0x200bc), ("gb102", 0x200bc), ("gb207", 0xad00bc)] {
            assert_eq!(at(chip, offset), Some(0xff), "{chip}");
            assert_eq!(at(chip, offset ^ 0xaf_0000), None, "{chip}");
            assert_eq!(read(by_name(chip).unwrap(), false, offset), Some(0));
        }
        assert_eq!(at("ga102", 0x200bc), None);
    }
}
