// SPDX-License-Identifier: GPL-2.0

//! PMC: identification of the chip.

use std::ops::Range;

use nova_hw::chipset::{Architecture, Chipset};
use nova_hw::regs::pmc::{PmcBoot0, PmcBoot1, PmcBoot42};

use super::block::{Block, Parts};
use super::wires::Wires;
use crate::chips::Chip;
use crate::faults::Fault;

/// Bits 29 to 31 of BOOT_0, whose meaning is not public: of GA10x they read 5, of all other chips 0.
///
/// Source: the BOOT_0 of an A10 (0xb72000a1), an A16 (0xb77000a1) and of others in NVIDIA's
/// gpu-admin-tools, nvidia_gpu_tools.py; of a CMP 90HX (b72000a1) in nouveau's log,
/// dartraiden/NVIDIA-patcher issue 73; of an A4000 (b74000a1), geerlingguy/raspberry-pi-pcie-devices
/// issue 692.
const BOOT_0_TOP_GA10X: u32 = 5 << 29;

/// The block; it has no state.
#[derive(Debug)]
pub(crate) struct Pmc;

impl Block for Pmc {
    const RANGES: &'static [Range<u32>] = &[0x00_0000..0x00_1000];

    fn new(_: &Parts) -> Self {
        Self
    }

    fn read(&mut self, wires: &mut Wires<'_>, offset: u32) -> Option<u32> {
        match offset {
            PmcBoot1::OFFSET => Some(
                PmcBoot1::new()
                    .with_vgpu_vf(wires.faults.has(Fault::VirtualFunction))
                    .into(),
            ),
            _ => identification(wires.chip, offset),
        }
    }
}

/// Value of the identification register at `offset`, if it is one.
fn identification(chip: &Chip, offset: u32) -> Option<u32> {
    let id = chip.chipset.id();
    let (architecture, implementation) = ((id >> 4) as u8, (id & 0xf) as u8);
    let (major, minor) = chip.revision;
    let top = match (chip.chipset, chip.chipset.arch()) {
        (Chipset::GA100, _) => 0,
        (_, Architecture::Ampere) => BOOT_0_TOP_GA10X,
        _ => 0,
    };
    match offset {
        PmcBoot0::OFFSET => Some(
            PmcBoot0::from(top)
                .with_architecture_0(architecture & 0x1f)
                .with_architecture_1(architecture & 0x20 != 0)
                .with_implementation(implementation)
                .with_major_revision(major)
                .with_minor_revision(minor)
                .into(),
        ),
        PmcBoot42::OFFSET => Some(
            PmcBoot42::new()
                .with_architecture(architecture)
                .with_implementation(implementation)
                .with_major_revision(major)
                .with_minor_revision(minor)
                .into(),
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blocks::testing::TestCard;
    use crate::chips::{by_name, CHIPS};

    #[test]
    fn boot_registers_name_the_chip() {
        for chip in CHIPS {
            let boot42 = PmcBoot42::from(identification(chip, PmcBoot42::OFFSET).unwrap());
            assert_eq!(Chipset::from_boot42(boot42), Some(chip.chipset));
            // Fermi was 0xc: no chip from Turing on may look older.
            let boot0 = PmcBoot0::from(identification(chip, PmcBoot0::OFFSET).unwrap());
            assert!(boot0.architecture_1() || boot0.architecture_0() >= 0xc);
        }
        let boot1 = TestCard::new("ga102").read(&mut Pmc, PmcBoot1::OFFSET);
        assert_eq!(boot1, Some(0));
        assert_eq!(identification(&CHIPS[0], 8), None);
    }

    /// Of an A10, an RTX A4000, an A16, a T4, an L4 and an A100.
    #[test]
    fn boot_0_is_that_of_real_cards() {
        for (chip, value) in [
            ("ga102", 0xb720_00a1),
            ("ga104", 0xb740_00a1),
            ("ga107", 0xb770_00a1),
            ("tu104", 0x1640_00a1),
            ("ad104", 0x1940_00a1),
            ("ga100", 0x1700_00a1),
        ] {
            let boot0 = identification(by_name(chip).unwrap(), PmcBoot0::OFFSET);
            assert_eq!(boot0, Some(value), "{chip}");
        }
    }
}
