// SPDX-License-Identifier: GPL-2.0

//! What differs between chips, in one table.

use nova_hw::chipset::Chipset;
use nova_hw::r570_144::heap;

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
    /// Bits of a bus address.
    pub(crate) dma_address_bits: u32,
    /// Bytes of FRTS.
    pub(crate) frts_size: u64,
    /// Bytes of GSP-RM's heap outside of WPR2.
    pub(crate) non_wpr_heap_size: u64,
    /// Parameters of GSP-RM's heap in WPR2.
    pub(crate) heap: Heap,
    /// Where PCI configuration space is mirrored in BAR0, and its bytes.
    pub(crate) pci_config_mirror: (u32, u32),
}

/// Parameters of GSP-RM's heap.
///
/// Source: open-gpu-kernel-modules 570, src/nvidia/arch/nvalloc/common/inc/gsp/gsp_fw_heap.h.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Heap {
    /// Bytes that libos takes.
    pub(crate) os: u64,
    /// Bytes that GSP-RM takes to boot.
    pub(crate) base: u64,
    /// Fewest bytes that it works with.
    pub(crate) min: u64,
    /// Most bytes that it works with.
    pub(crate) max: u64,
}

/// GA102 to GA107.
const GA10X: Chip = Chip {
    dma_address_bits: 47,
    frts_size: 1 << 20,
    non_wpr_heap_size: 1 << 20,
    heap: Heap {
        os: heap::OS_SIZE_LIBOS3_BAREMETAL,
        base: heap::BASE_RM_SIZE_TU10X,
        min: heap::MIN_LIBOS3_BAREMETAL,
        max: heap::MAX_LIBOS3_BAREMETAL,
    },
    pci_config_mirror: (0x088000, 0x001000),
};

impl Chip {
    /// The entry of `chipset`, if it can be booted.
    pub(crate) fn of(chipset: Chipset) -> Option<Self> {
        BOOTABLE.contains(&chipset).then_some(GA10X)
    }
}

impl Heap {
    /// Bytes of the heap for a frame buffer of `fb` bytes.
    pub(crate) fn size(&self, fb: u64) -> u64 {
        let gib = fb.div_ceil(1 << 30);
        let management = align_up_mib(heap::SIZE_PER_GB_FB.saturating_mul(gib));
        self.os
            .saturating_add(self.base)
            .saturating_add(align_up_mib(heap::CLIENT_ALLOC_SIZE))
            .saturating_add(management)
            .clamp(self.min, self.max)
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
        // libos, boot, 2048 channels of 48 KiB, and 96 KiB per GiB rounded up.
        let expected = heap::OS_SIZE_LIBOS3_BAREMETAL + heap::BASE_RM_SIZE_TU10X + (96 << 20);
        assert_eq!(GA10X.heap.size(24 << 30), expected + (3 << 20));
        assert_eq!(GA10X.heap.size(u64::MAX), GA10X.heap.max);
    }

    #[test]
    fn every_ga10x_and_nothing_else_is_booted() {
        for &chipset in Chipset::ALL {
            let expected = chipset.name().starts_with("ga10") && chipset != Chipset::GA100;
            assert_eq!(Chip::of(chipset).is_some(), expected, "{chipset}");
        }
    }
}
