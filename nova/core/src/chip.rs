// SPDX-License-Identifier: GPL-2.0

//! The chips: the table of their differences, and the identification of a chip. The code that uses
//! the table is in the files of the blocks and in `boot`.

mod blocks;
mod classes;
pub(crate) mod identify;

use nova_hw::chipset::Chipset;
use nova_hw::class::host::ChannelClass;
use nova_hw::class::{copy, graphics};
use nova_hw::release;
use nova_hw::size::{GIB, KIB, MIB};

pub use classes::Classes;

pub(crate) use blocks::{
    BootMethod, FalconKind, FbRegisters, FlushRegisters, FspBoot, FspStatus, HeapKind, IntrWiring,
    PraminRegister,
};

/// The properties of a chip that the driver depends on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Chip {
    /// The way to start GSP-RM.
    pub(crate) method: BootMethod,
    /// The kind of its falcons.
    pub(crate) falcon: FalconKind,
    /// Registers that describe the frame buffer.
    pub(crate) fb: FbRegisters,
    /// Registers for the sysmem flush page.
    pub(crate) flush: FlushRegisters,
    /// Register that moves PRAMIN.
    pub(crate) pramin: PraminRegister,
    /// Wiring of the GSP's interrupt.
    pub(crate) interrupt: IntrWiring,
    /// Number of bits of a bus address.
    pub(crate) dma_address_bits: u32,
    /// Bytes of FRTS.
    pub(crate) frts_size: u64,
    /// Bytes of GSP-RM's heap outside of WPR2.
    pub(crate) non_wpr_heap_size: u64,
    /// Components of GSP-RM's heap in WPR2.
    pub(crate) heap: HeapKind,
    /// Offset and bytes of the mirror of PCI configuration space in BAR0.
    pub(crate) pci_config_mirror: (u32, u32),
    /// The chip has a scrubber, for the part of the frame buffer that GFW does not scrub.
    pub(crate) scrubber: bool,
    /// Classes of channels and of the objects on them.
    pub(crate) classes: Classes,
}

/// Turing.
const TU10X: Chip = Chip {
    method: BootMethod::Sec2,
    falcon: FalconKind::Tu102,
    fb: FbRegisters::Tu102,
    flush: FlushRegisters::Tu102,
    pramin: PraminRegister::Tu102,
    interrupt: IntrWiring::Tu102,
    dma_address_bits: 47,
    frts_size: MIB,
    non_wpr_heap_size: MIB,
    heap: HeapKind::Libos2,
    pci_config_mirror: (0x088000, 0x001000),
    scrubber: false,
    classes: Classes {
        channel: ChannelClass::TuringA,
        copy: copy::Class::TuringA,
        three_d: graphics::Class::TuringA,
        compute: graphics::Class::TuringComputeA,
        inline: graphics::Class::KeplerInlineToMemoryB,
    },
};

/// GA100: Turing's falcons; no display, and so no FRTS.
const GA100: Chip = Chip {
    fb: FbRegisters::Ga100,
    flush: FlushRegisters::Ga100,
    interrupt: IntrWiring::Ga100,
    frts_size: 0,
    classes: Classes {
        channel: ChannelClass::AmpereA,
        copy: copy::Class::AmpereA,
        three_d: graphics::Class::AmpereA,
        compute: graphics::Class::AmpereComputeA,
        ..TU10X.classes
    },
    ..TU10X
};

/// GA102 to GA107.
const GA10X: Chip = Chip {
    falcon: FalconKind::Ga102,
    fb: FbRegisters::Ga102,
    interrupt: IntrWiring::Ga102,
    frts_size: TU10X.frts_size,
    heap: HeapKind::Libos3,
    classes: Classes {
        copy: copy::Class::AmpereB,
        three_d: graphics::Class::AmpereB,
        compute: graphics::Class::AmpereComputeB,
        ..GA100.classes
    },
    ..GA100
};

/// Ada.
const AD10X: Chip = Chip {
    scrubber: true,
    classes: Classes {
        three_d: graphics::Class::AdaA,
        compute: graphics::Class::AdaComputeA,
        ..GA10X.classes
    },
    ..GA10X
};

/// Hopper: boots without VBIOS, FWSEC and booter, and has longer bus addresses.
const GH100: Chip = Chip {
    method: BootMethod::Fsp(FspBoot {
        status: FspStatus::Gh100,
        cot_version: 1,
        end_reserved: 2 * MIB,
        pmu_reserved: 0,
    }),
    flush: FlushRegisters::Gh100,
    pramin: PraminRegister::Gh100,
    interrupt: IntrWiring::Gh100,
    dma_address_bits: 52,
    non_wpr_heap_size: 2 * MIB,
    heap: HeapKind::Libos3Gh100,
    pci_config_mirror: (0x092000, 0x001000),
    classes: Classes {
        channel: ChannelClass::HopperA,
        copy: copy::Class::HopperA,
        three_d: graphics::Class::HopperA,
        compute: graphics::Class::HopperComputeA,
        ..GA10X.classes
    },
    ..GA10X
};

/// FSP boot of Blackwell; the PMU's memory is 24 MiB and a page, in units of 128 KiB.
const GB10X_FSP: FspBoot = FspBoot {
    status: FspStatus::Gh100,
    cot_version: 2,
    end_reserved: 2 * MIB + 128 * KIB,
    pmu_reserved: (24 * MIB + 128 * KIB) as u32,
};

/// Blackwell for data centers.
const GB10X: Chip = Chip {
    method: BootMethod::Fsp(GB10X_FSP),
    flush: FlushRegisters::Gb100,
    classes: Classes {
        channel: ChannelClass::BlackwellA,
        copy: copy::Class::BlackwellA,
        three_d: graphics::Class::BlackwellA,
        compute: graphics::Class::BlackwellComputeA,
        inline: graphics::Class::BlackwellInlineToMemoryA,
    },
    ..GH100
};

/// Blackwell for graphics.
const GB20X: Chip = Chip {
    method: BootMethod::Fsp(FspBoot {
        status: FspStatus::Gb202,
        ..GB10X_FSP
    }),
    flush: FlushRegisters::Gb202,
    non_wpr_heap_size: 2 * MIB + 128 * KIB,
    classes: Classes {
        channel: ChannelClass::BlackwellB,
        copy: copy::Class::BlackwellB,
        three_d: graphics::Class::BlackwellB,
        compute: graphics::Class::BlackwellComputeB,
        inline: graphics::Class::BlackwellInlineToMemoryA,
    },
    ..GH100
};

impl Classes {
    /// The classes of `chipset`.
    pub const fn of(chipset: Chipset) -> Self {
        Chip::of(chipset).classes
    }
}

impl Chip {
    /// The entry of `chipset`.
    pub(crate) const fn of(chipset: Chipset) -> Self {
        use Chipset::*;
        match chipset {
            TU102 | TU104 | TU106 | TU117 | TU116 => TU10X,
            GA100 => self::GA100,
            GA102 | GA103 | GA104 | GA106 | GA107 => GA10X,
            GH100 => self::GH100,
            AD102 | AD103 | AD104 | AD106 | AD107 => AD10X,
            GB100 | GB102 => GB10X,
            GB202 | GB203 | GB205 | GB206 | GB207 => GB20X,
        }
    }
}

impl HeapKind {
    /// Bytes of the heap for a frame buffer of `fb` bytes.
    pub(crate) fn size(self, heap: &release::Heap, fb: u64) -> u64 {
        let (libos, base) = match self {
            Self::Libos2 => (&heap.libos2, heap.base_tu10x),
            Self::Libos3 => (&heap.libos3, heap.base_tu10x),
            Self::Libos3Gh100 => (&heap.libos3, heap.base_gh100),
        };
        let gib = fb.div_ceil(GIB);
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
    value.checked_next_multiple_of(MIB).unwrap_or(u64::MAX)
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
    fn turing_and_ga100_run_libos2() {
        let heap = &release::RELEASES[0].heap;
        // libos2 itself takes nothing.
        let expected = (8 << 20) + (96 << 20) + (2 << 20);
        assert_eq!(TU10X.heap.size(heap, 11 << 30), expected);
        assert_eq!(GA100.heap, TU10X.heap);
    }

    #[test]
    fn hopper_and_blackwell_have_larger_heaps() {
        let heap = &release::RELEASES[0].heap;
        let expected = (22 << 20) + (14 << 20) + (96 << 20) + (8 << 20);
        assert_eq!(GH100.heap.size(heap, 80 << 30), expected);
        assert_eq!(GB20X.heap, GH100.heap);
    }

    #[test]
    fn families_have_registers_of_their_own() {
        use Chipset::*;
        let (tu102, ga100, ga102) = (
            (FbRegisters::Tu102, FlushRegisters::Tu102, IntrWiring::Tu102),
            (FbRegisters::Ga100, FlushRegisters::Ga100, IntrWiring::Ga100),
            (FbRegisters::Ga102, FlushRegisters::Ga100, IntrWiring::Ga102),
        );
        let fsp = |flush| (FbRegisters::Ga102, flush, IntrWiring::Gh100);
        for (chipset, expected) in [
            (TU116, tu102),
            (GA100, ga100),
            (GA107, ga102),
            (AD103, ga102),
            (GH100, fsp(FlushRegisters::Gh100)),
            (GB102, fsp(FlushRegisters::Gb100)),
            (GB205, fsp(FlushRegisters::Gb202)),
        ] {
            let chip = Chip::of(chipset);
            assert_eq!((chip.fb, chip.flush, chip.interrupt), expected, "{chipset}");
        }
    }

    #[test]
    fn families_have_classes_of_their_own() {
        for (chipset, channel, copy, graphics) in [
            (
                Chipset::TU116,
                0xc46f,
                0xc5b5,
                [0xc597, 0xc5c0, 0x902d, 0xa140],
            ),
            (
                Chipset::GA100,
                0xc56f,
                0xc6b5,
                [0xc697, 0xc6c0, 0x902d, 0xa140],
            ),
            (
                Chipset::GA107,
                0xc56f,
                0xc7b5,
                [0xc797, 0xc7c0, 0x902d, 0xa140],
            ),
            (
                Chipset::AD103,
                0xc56f,
                0xc7b5,
                [0xc997, 0xc9c0, 0x902d, 0xa140],
            ),
            (
                Chipset::GH100,
                0xc86f,
                0xc8b5,
                [0xcb97, 0xcbc0, 0x902d, 0xa140],
            ),
            (
                Chipset::GB102,
                0xc96f,
                0xc9b5,
                [0xcd97, 0xcdc0, 0x902d, 0xcd40],
            ),
            (
                Chipset::GB205,
                0xca6f,
                0xcab5,
                [0xce97, 0xcec0, 0x902d, 0xcd40],
            ),
        ] {
            let classes = Classes::of(chipset);
            let numbers = (classes.channel as u32, classes.copy.number());
            assert_eq!(numbers, (channel, copy), "{chipset}");
            assert_eq!(classes.graphics().map(|class| class.number()), graphics);
            let [_, compute, _, inline] = graphics;
            assert_eq!(
                classes.compute().map(|class| class.number()),
                [compute, inline]
            );
        }
    }

    #[test]
    fn blackwell_reserves_memory_for_its_pmu() {
        for (chipset, end_reserved, pmu_reserved) in [
            (Chipset::GH100, 0x20_0000, 0),
            (Chipset::GB100, 0x22_0000, 0x182_0000),
            (Chipset::GB202, 0x22_0000, 0x182_0000),
        ] {
            let BootMethod::Fsp(boot) = Chip::of(chipset).method else {
                panic!("{chipset} does not boot through the FSP");
            };
            let found = (boot.end_reserved, boot.pmu_reserved);
            assert_eq!(found, (end_reserved, pmu_reserved), "{chipset}");
        }
    }

    #[test]
    fn the_boot_method_is_that_of_the_architecture() {
        for &chipset in Chipset::ALL {
            let through_fsp = matches!(Chip::of(chipset).method, BootMethod::Fsp(_));
            assert_eq!(through_fsp, chipset.arch().boots_through_fsp(), "{chipset}");
        }
    }
}
