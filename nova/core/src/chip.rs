// SPDX-License-Identifier: GPL-2.0

//! What differs between chips, in one table.

use nova_hw::chipset::Chipset;
use nova_hw::release;

use crate::path::Path;

/// Chips that can be booted.
pub const BOOTABLE: [Chipset; 5] = [
    Chipset::GA102,
    Chipset::GA103,
    Chipset::GA104,
    Chipset::GA106,
    Chipset::GA107,
];

/// What the boot has to know about a chip.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Chip {
    /// On which path it is booted.
    pub(crate) path: Path,
    /// Bits of a bus address.
    pub(crate) dma_address_bits: u32,
    /// Bytes of FRTS.
    pub(crate) frts_size: u64,
    /// Bytes of GSP-RM's heap outside of WPR2.
    pub(crate) non_wpr_heap_size: u64,
    /// What GSP-RM's heap in WPR2 is for.
    pub(crate) heap: Heap,
    /// Where PCI configuration space is mirrored in BAR0, and its bytes.
    pub(crate) pci_config_mirror: (u32, u32),
}

/// What GSP-RM's heap is for; how large that makes it depends on the release.
///
/// Source: open-gpu-kernel-modules 570, src/nvidia/inc/kernel/gpu/gsp/gsp_fw_heap.h.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heap {
    /// GA102 to Ada.
    Libos3,
}

/// GA102 to GA107.
const GA10X: Chip = Chip {
    path: Path::Sec2,
    dma_address_bits: 47,
    frts_size: 1 << 20,
    non_wpr_heap_size: 1 << 20,
    heap: Heap::Libos3,
    pci_config_mirror: (0x088000, 0x001000),
};

impl Chip {
    /// The entry of `chipset`, if it can be booted.
    pub(crate) const fn of(chipset: Chipset) -> Option<Self> {
        match chipset {
            Chipset::GA102 | Chipset::GA103 | Chipset::GA104 | Chipset::GA106 | Chipset::GA107 => {
                Some(GA10X)
            }
            _ => None,
        }
    }
}

impl Heap {
    /// Bytes of the heap for a frame buffer of `fb` bytes.
    pub(crate) fn size(self, heap: &release::Heap, fb: u64) -> u64 {
        let (libos, base) = match self {
            Self::Libos3 => (&heap.libos3, heap.base_tu10x),
        };
        let gib = fb.div_ceil(1 << 30);
        let management = align_up_mib(heap.per_gib_of_fb.saturating_mul(gib));
        libos
            .size
            .saturating_add(base)
            .saturating_add(align_up_mib(heap.clients))
            .saturating_add(management)
            .clamp(libos.min, libos.max)
    }
}

/// Rounds up to a multiple of 1 MiB.
fn align_up_mib(value: u64) -> u64 {
    value.checked_next_multiple_of(1 << 20).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heap_of_a_24_gib_card() {
        let heap = &release::RELEASES[0].heap;
        // libos, boot, 2048 channels of 48 KiB, and 96 KiB per GiB rounded up.
        let expected = (22 << 20) + (8 << 20) + (96 << 20) + (3 << 20);
        assert_eq!(GA10X.heap.size(heap, 24 << 30), expected);
        assert_eq!(GA10X.heap.size(heap, u64::MAX), heap.libos3.max);
    }

    #[test]
    fn every_ga10x_and_nothing_else_is_booted() {
        for &chipset in Chipset::ALL {
            let expected = chipset.name().starts_with("ga10") && chipset != Chipset::GA100;
            assert_eq!(Chip::of(chipset).is_some(), expected, "{chipset}");
        }
    }
}
