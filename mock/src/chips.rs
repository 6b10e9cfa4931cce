// SPDX-License-Identifier: GPL-2.0

//! The chips that the model knows: an entry says what differs between them.

use nova_hw::chipset::Chipset;

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
    /// Bytes of frame buffer unless told otherwise.
    pub vram: u64,
}

/// A GA10x with a display.
const fn ga10x(chipset: Chipset, marketing_name: &'static str, device_id: u16, vram: u64) -> Chip {
    Chip {
        chipset,
        revision: (0xa, 1),
        marketing_name,
        vendor_id: 0x10de,
        device_id,
        pci_revision: 0xa1,
        subsystem_vendor_id: 0x10de,
        subsystem_id: 0x1467,
        vram,
    }
}

/// The chips that work.
///
/// Source: pci.ids for the device ids and names.
pub const CHIPS: &[Chip] = &[
    ga10x(Chipset::GA102, "NVIDIA GeForce RTX 3090", 0x2204, 24 << 30),
    ga10x(
        Chipset::GA103,
        "NVIDIA GeForce RTX 3060 Ti",
        0x2414,
        8 << 30,
    ),
    ga10x(Chipset::GA104, "NVIDIA GeForce RTX 3070", 0x2484, 8 << 30),
    ga10x(Chipset::GA106, "NVIDIA GeForce RTX 3060", 0x2503, 12 << 30),
    ga10x(
        Chipset::GA107,
        "NVIDIA GeForce RTX 3050 6GB Laptop GPU",
        0x25ab,
        6 << 30,
    ),
];

/// The chip of this name, in small letters.
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
