// SPDX-License-Identifier: GPL-2.0

//! PMC: identification of the chip, and the enables of the interrupt tree before Turing's.

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

/// What is enabled in the interrupt tree before Turing's, and the registers that enable and disable
/// more. NVIDIA's driver uses them on Turing, too; here no interrupt comes that way.
///
/// Source: open-gpu-kernel-modules 535.261.03, src/common/inc/swref/published/volta/gv100/dev_boot.h
/// (NV_PMC_INTR_EN); intr_gp100.c, whose functions g_intr_nvoc.c names for Turing and no later chip.
const INTR_EN: u32 = 0x140;
const INTR_EN_SET: u32 = 0x160;
const INTR_EN_CLEAR: u32 = 0x180;

/// State of the interrupt enables.
#[derive(Debug, Default)]
pub(crate) struct Pmc {
    enabled: u32,
}

impl Block for Pmc {
    const RANGES: &'static [Range<u32>] = &[0x00_0000..0x00_1000];

    fn new(_: &Parts) -> Self {
        Self::default()
    }

    fn read(&mut self, wires: &mut Wires<'_>, offset: u32) -> Option<u32> {
        match offset {
            PmcBoot1::OFFSET => Some(
                PmcBoot1::new()
                    .with_vgpu(match wires.faults.has(Fault::VirtualFunction) {
                        true => PmcBoot1::VGPU_VF,
                        false => 0,
                    })
                    .into(),
            ),
            INTR_EN if has_old_tree(wires.chip) => Some(self.enabled),
            _ => identification(wires.chip, offset),
        }
    }

    fn write(&mut self, wires: &mut Wires<'_>, offset: u32, value: u32) -> Option<()> {
        match offset {
            INTR_EN_SET if has_old_tree(wires.chip) => self.enabled |= value,
            INTR_EN_CLEAR if has_old_tree(wires.chip) => self.enabled &= !value,
            _ => return None,
        }
        Some(())
    }
}

fn has_old_tree(chip: &Chip) -> bool {
    chip.chipset.arch() == Architecture::Turing
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
        let boot1 = TestCard::new("ga102").read(&mut Pmc::default(), PmcBoot1::OFFSET);
        assert_eq!(boot1, Some(0));
        assert_eq!(identification(&CHIPS[0], 8), None);
    }

    #[test]
    fn turing_has_the_enables_of_the_old_tree() {
        let (mut card, mut pmc) = (TestCard::new("tu102"), Pmc::default());
        for (offset, value, enabled) in [(INTR_EN_SET, 0x11, 0x11), (INTR_EN_CLEAR, 1, 0x10)] {
            assert_eq!(card.write(&mut pmc, offset, value), Some(()));
            assert_eq!(card.read(&mut pmc, INTR_EN), Some(enabled));
        }
        assert_eq!(card.write(&mut pmc, INTR_EN, 1), None);
        let mut card = TestCard::new("ga102");
        assert_eq!(card.read(&mut pmc, INTR_EN), None);
        assert_eq!(card.write(&mut pmc, INTR_EN_SET, 1), None);
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
