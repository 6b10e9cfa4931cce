// SPDX-License-Identifier: GPL-2.0

//! The chips that the model knows; an entry has what differs between them.

pub(crate) mod engines;

use nova_hw::chipset::{Architecture, Chipset};

/// The generation of a chip's falcons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Generation {
    /// Turing: the CPU writes the memories through ports, and a program starts with a non-secure
    /// part that has the hardware check the rest.
    Tu102,
    /// GA100: as Turing, with a register that signals pending interrupts again.
    Ga100,
    /// GA102 and later: a boot ROM, and a switch between the cores.
    Ga102,
}

impl Generation {
    /// Whether a boot ROM checks secure programs; the CPU then reaches the memories by DMA only.
    pub(crate) fn has_boot_rom(self) -> bool {
        self == Self::Ga102
    }
}

/// A chip, and the card around it.
#[derive(Debug)]
pub struct Chip {
    /// The chip.
    pub chipset: Chipset,
    /// Major and minor revision of the silicon.
    pub revision: (u8, u8),
    /// Name under which GSP-RM knows the card.
    pub marketing_name: &'static str,
    /// PCI vendor.
    pub vendor_id: u16,
    /// PCI device.
    pub device_id: u16,
    /// PCI revision.
    pub pci_revision: u8,
    /// PCI vendor of the card.
    pub subsystem_vendor_id: u16,
    /// PCI device of the card.
    pub subsystem_id: u16,
    /// Default size of the frame buffer in bytes.
    pub vram: u64,
    /// PCI subclass among display controllers: VGA-compatible, or 3D.
    pub(crate) pci_subclass: u8,
    /// The generation of its falcons.
    pub(crate) falcons: Generation,
    /// It has a display engine.
    pub(crate) has_display: bool,
}

impl Chip {
    /// A GeForce card.
    const fn geforce(
        chipset: Chipset,
        marketing_name: &'static str,
        device_id: u16,
        vram: u64,
    ) -> Self {
        Self {
            chipset,
            revision: (0xa, 1),
            marketing_name,
            vendor_id: 0x10de,
            device_id,
            pci_revision: 0xa1,
            subsystem_vendor_id: 0x10de,
            subsystem_id: 0x1467,
            vram,
            pci_subclass: PCI_VGA,
            falcons: falcons_of(chipset),
            has_display: true,
        }
    }

    /// A card for data centers: without display.
    const fn datacenter(
        chipset: Chipset,
        marketing_name: &'static str,
        device_id: u16,
        vram: u64,
        subsystem_id: u16,
    ) -> Self {
        Self {
            subsystem_id,
            pci_subclass: PCI_3D,
            has_display: false,
            ..Self::geforce(chipset, marketing_name, device_id, vram)
        }
    }

    /// Whether the FSP starts the GSP; on other chips booter on SEC2 does.
    pub const fn boots_through_fsp(&self) -> bool {
        self.chipset.arch().boots_through_fsp()
    }

    /// Whether the card has function-level reset.
    ///
    /// Source: as for [`crate::bus::config`]. Turing cards differ: a Quadro RTX 8000 (TU102) has
    /// it, a Tesla T4 (TU104) does not. TU102 has it here, and Turing chips without a report follow
    /// the T4.
    pub const fn has_flr(&self) -> bool {
        !matches!(
            self.chipset,
            Chipset::TU104 | Chipset::TU106 | Chipset::TU116 | Chipset::TU117
        )
    }

    pub(crate) const fn is_hopper(&self) -> bool {
        matches!(self.chipset.arch(), Architecture::Hopper)
    }

    /// Bytes of the heap outside of WPR2 that GSP-RM needs, on chips that boot through the FSP.
    ///
    /// Source: open-gpu-kernel-modules 570.144, src/nvidia/generated/g_kernel_gsp_nvoc.h
    /// (`kgspGetNonWprHeapSize`).
    pub(crate) const fn non_wpr_heap(&self) -> u64 {
        match self.chipset.arch() {
            Architecture::BlackwellGb20x => 0x22_0000,
            _ => 0x20_0000,
        }
    }

    /// Whether FWSEC puts FRTS into the frame buffer before the boot.
    ///
    /// Source: open-gpu-kernel-modules 570, src/nvidia/generated/g_kernel_gsp_nvoc.c
    /// (`kgspGetFrtsSize`).
    pub(crate) const fn has_frts(&self) -> bool {
        !matches!(self.chipset, Chipset::GA100)
    }

    /// Whether the scrubber of the frame buffer is a program of its own.
    ///
    /// Source: as above (`bScrubberUcodeSupported`).
    pub(crate) const fn has_scrubber(&self) -> bool {
        matches!(self.chipset.arch(), Architecture::Ada)
    }
}

/// PCI subclasses of display controllers.
const PCI_VGA: u8 = 0x00;
const PCI_3D: u8 = 0x02;

/// Source: open-gpu-kernel-modules 570, src/nvidia/generated/g_kernel_falcon_nvoc.c and
/// g_kernel_gsp_nvoc.c (`kgspExecuteHsFalcon`, `kflcnIsRiscvActive`).
const fn falcons_of(chipset: Chipset) -> Generation {
    match (chipset, chipset.arch()) {
        (_, Architecture::Turing) => Generation::Tu102,
        (Chipset::GA100, _) => Generation::Ga100,
        _ => Generation::Ga102,
    }
}

/// The chips that are mocked.
///
/// Source: open-gpu-kernel-modules 570, src/nvidia/generated/g_nv_name_released.h, for the device
/// ids and names.
pub const CHIPS: &[Chip] = &[
    Chip::geforce(Chipset::GA102, "NVIDIA GeForce RTX 3090", 0x2204, 24 << 30),
    Chip::geforce(
        Chipset::GA103,
        "NVIDIA GeForce RTX 3060 Ti",
        0x2414,
        8 << 30,
    ),
    Chip::geforce(Chipset::GA104, "NVIDIA GeForce RTX 3070", 0x2484, 8 << 30),
    Chip::geforce(Chipset::GA106, "NVIDIA GeForce RTX 3060", 0x2503, 12 << 30),
    Chip::geforce(
        Chipset::GA107,
        "NVIDIA GeForce RTX 3050 6GB Laptop GPU",
        0x25ab,
        6 << 30,
    ),
    Chip::datacenter(
        Chipset::GA100,
        "NVIDIA A100-PCIE-40GB",
        0x20f1,
        40 << 30,
        0x145f,
    ),
    Chip::geforce(
        Chipset::TU102,
        "NVIDIA GeForce RTX 2080 Ti",
        0x1e04,
        11 << 30,
    ),
    Chip::geforce(Chipset::TU104, "NVIDIA GeForce RTX 2080", 0x1e82, 8 << 30),
    Chip::geforce(Chipset::TU106, "NVIDIA GeForce RTX 2070", 0x1f02, 8 << 30),
    Chip::geforce(
        Chipset::TU116,
        "NVIDIA GeForce GTX 1660 Ti",
        0x2182,
        6 << 30,
    ),
    Chip::geforce(Chipset::TU117, "NVIDIA GeForce GTX 1650", 0x1f82, 4 << 30),
    Chip::geforce(Chipset::AD102, "NVIDIA GeForce RTX 4090", 0x2684, 24 << 30),
    Chip::geforce(Chipset::AD103, "NVIDIA GeForce RTX 4080", 0x2704, 16 << 30),
    Chip::geforce(
        Chipset::AD104,
        "NVIDIA GeForce RTX 4070 Ti",
        0x2782,
        12 << 30,
    ),
    Chip::geforce(
        Chipset::AD106,
        "NVIDIA GeForce RTX 4060 Ti",
        0x2803,
        8 << 30,
    ),
    Chip::geforce(Chipset::AD107, "NVIDIA GeForce RTX 4060", 0x2882, 8 << 30),
    Chip::datacenter(Chipset::GH100, "NVIDIA H100 PCIe", 0x2331, 80 << 30, 0x1626),
    Chip::datacenter(Chipset::GB100, "NVIDIA B200", 0x2901, 180 << 30, 0x1999),
    // Not in that header: the device id is from pci.ids, the subsystem id is GB100's.
    Chip::datacenter(Chipset::GB102, "NVIDIA B100", 0x29bc, 180 << 30, 0x1999),
    Chip::geforce(Chipset::GB202, "NVIDIA GeForce RTX 5090", 0x2b85, 32 << 30),
    Chip::geforce(Chipset::GB203, "NVIDIA GeForce RTX 5080", 0x2c02, 16 << 30),
    Chip::geforce(Chipset::GB205, "NVIDIA GeForce RTX 5070", 0x2f04, 12 << 30),
    Chip::geforce(
        Chipset::GB206,
        "NVIDIA GeForce RTX 5060 Ti",
        0x2d04,
        16 << 30,
    ),
    Chip::geforce(Chipset::GB207, "NVIDIA GeForce RTX 5050", 0x2d83, 8 << 30),
];

/// The chip with this name, in lower case.
pub fn by_name(name: &str) -> Option<&'static Chip> {
    CHIPS.iter().find(|chip| chip.chipset.name() == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chips_are_found_by_name() {
        for chip in CHIPS {
            let found = by_name(chip.chipset.name()).unwrap();
            assert_eq!(found.device_id, chip.device_id);
        }
        assert!(by_name("gv100").is_none());
    }
}
