// SPDX-License-Identifier: MIT

use proptest::prelude::*;

use super::*;
use crate::testing::regions;

const SYSTEM: u32 = 1 << 0;
const VRAM: u32 = 1 << 1;
const NAME: usize = "drm_nova_gem_create.".len();

fn create(size: u64, placement: u32, page_shift: u32) -> GemCreate {
    GemCreate {
        size,
        placement,
        page_shift,
        ..GemCreate::default()
    }
}

fn layout(create: GemCreate) -> Result<Layout, &'static str> {
    let layout = create.layout(&regions());
    layout.map_err(|refused| &refused.member[NAME..])
}

#[test]
fn padding_and_outputs_are_ignored() {
    let create = GemCreate {
        handle: u32::MAX,
        pad: u32::MAX,
        vm_id: u32::MAX,
        mmap_offset: u64::MAX,
        region: u32::MAX,
        ..create(1, 0, 0)
    };
    assert_eq!(create.check(&regions()), Ok(()));
    assert!(layout(create).is_ok());
}

#[test]
fn flags_placements_and_reserved_members_are_checked_first() {
    let right = create(0, 0, 99);
    assert_eq!(right.check(&regions()), Ok(()));
    for flags in [GEM_CPU_ACCESS, GEM_CONTIGUOUS] {
        assert_eq!(GemCreate { flags, ..right }.check(&regions()), Ok(()));
    }
    let refused = |create: GemCreate| &create.check(&regions()).unwrap_err().member[NAME..];
    for bit in 2..32 {
        let wrong = 1 << bit;
        assert_eq!(refused(create(1, wrong, 0)), "placement");
        assert_eq!(refused(create(1, VRAM | wrong, 0)), "placement");
        let flagged = GemCreate {
            flags: wrong,
            ..right
        };
        assert_eq!(refused(flagged), "flags");
    }
    let reserved = GemCreate {
        reserved: 1,
        ..right
    };
    assert_eq!(refused(reserved), "reserved");
}

#[test]
fn objects_are_whole_pages() {
    for (size, placement, wanted, rounded, granted) in [
        (1, VRAM, 0, 4096, 12),
        (4097, VRAM, 0, 8192, 12),
        (60 << 10, VRAM, 0, 60 << 10, 12),
        ((64 << 10) - 1, VRAM, 0, 64 << 10, 16),
        (3 << 20, VRAM, 0, 3 << 20, 16),
        (4 << 20, VRAM, 0, 4 << 20, 21),
        (1, VRAM, 21, 2 << 20, 21),
        (4 << 20, VRAM, 12, 4 << 20, 12),
        (4 << 20, SYSTEM, 0, 4 << 20, 12),
        (4 << 20, SYSTEM | VRAM, 0, 4 << 20, 12),
        (1 << 63, VRAM, 21, 1 << 63, 21),
    ] {
        let expected = Layout {
            size: rounded,
            placement,
            page_shift: granted,
        };
        assert_eq!(layout(create(size, placement, wanted)), Ok(expected));
    }
}

#[test]
fn without_a_placement_an_object_may_be_anywhere() {
    let expected = Layout {
        size: 4096,
        placement: SYSTEM | VRAM,
        page_shift: 12,
    };
    assert_eq!(layout(create(1, 0, 0)), Ok(expected));
}

#[test]
fn sizes_that_cannot_be_rounded_up_are_refused() {
    for (size, page_shift) in [
        (0, 0),
        (0, 12),
        (u64::MAX, 0),
        (u64::MAX - 4094, 12),
        (u64::MAX - 4095, 21),
    ] {
        assert_eq!(layout(create(size, VRAM, page_shift)), Err("size"));
    }
}

#[test]
fn page_sizes_are_those_of_all_regions() {
    for (placement, page_shift) in [
        (VRAM, 1),
        (VRAM, 13),
        (VRAM, 63),
        (VRAM, 64),
        (VRAM, u32::MAX),
        (SYSTEM, 16),
        (SYSTEM | VRAM, 21),
        (0, 21),
    ] {
        let found = layout(create(1, placement, page_shift));
        assert_eq!(found, Err("page_shift"), "{placement} {page_shift}");
    }
}

#[test]
fn contiguous_objects_are_in_vram() {
    let contiguous = |placement| GemCreate {
        flags: GEM_CONTIGUOUS,
        ..create(1, placement, 0)
    };
    assert!(layout(contiguous(VRAM)).is_ok());
    for placement in [0, SYSTEM, SYSTEM | VRAM] {
        assert_eq!(layout(contiguous(placement)), Err("placement"));
    }
}

#[test]
fn regions_that_no_bit_can_name_are_no_placement() {
    let [system, vram] = regions();
    let far = MemoryRegion { id: 32, ..vram };
    assert_eq!(create(1, 0, 0).check(&[system, far]), Ok(()));
    assert!(create(1, VRAM, 0).check(&[system, far]).is_err());
}

#[test]
fn labels_have_a_length() {
    let label = |size, label| GemSetLabel {
        handle: 0,
        size,
        label,
    };
    for right in [label(0, 0), label(1, 8), label(4096, 8), label(1, 0)] {
        assert_eq!(right.check(), Ok(()), "{right:?}");
    }
    for (wrong, member) in [
        (label(4097, 8), "drm_nova_gem_set_label.size"),
        (label(u32::MAX, 8), "drm_nova_gem_set_label.size"),
        (label(0, 8), "drm_nova_gem_set_label.label"),
    ] {
        assert_eq!(wrong.check().unwrap_err().member, member);
    }
}

#[test]
fn labels_are_text_that_can_be_printed() {
    for right in [&b""[..], b"\0", b"vertices\0", "Größe\0".as_bytes()] {
        assert_eq!(GemSetLabel::check_label(right), Ok(()));
    }
    for (wrong, place) in [
        (&b"a"[..], 0),
        (b"ab", 1),
        (b"a\0b\0", 1),
        (b"a\0\0", 1),
        (b"a\nb\0", 1),
        (b"\x1b[2J\0", 0),
        ("ab\u{85}\0".as_bytes(), 2),
        (b"ab\xff\0", 2),
        (b"\xc3\0", 0),
    ] {
        let refused = GemSetLabel::check_label(wrong).unwrap_err();
        assert_eq!(refused.found, place, "{wrong:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 16 } else { 2048 }))]

    /// A layout is what was asked for: as large, in whole pages of a size that all regions have,
    /// and without a wish in the largest pages that waste nothing.
    #[test]
    fn layouts_are_what_was_asked_for(
        size in prop_oneof![1..1_u64 << 24, any::<u64>()],
        placement in 0..4_u32,
        page_shift in prop_oneof![Just(0), Just(12), Just(16), Just(21), any::<u32>()],
    ) {
        let regions = regions();
        let asked = create(size, placement, page_shift);
        let allowed = |placement: u32| regions.iter().filter(move |r| placement >> r.id & 1 != 0);
        let is_shared = |placement, shift: u32| {
            shift < 64 && allowed(placement).all(|region| region.page_sizes >> shift & 1 != 0)
        };
        let Ok(layout) = layout(asked) else {
            let all = if placement == 0 { 3 } else { placement };
            let is_too_large = size == 0 || size > u64::MAX - (2 << 20);
            prop_assert!(is_too_large || !is_shared(all, page_shift), "{asked:?}");
            return Ok(());
        };
        let page = 1 << layout.page_shift;
        prop_assert!(is_shared(layout.placement, layout.page_shift));
        prop_assert!(layout.size >= size && layout.size - size < page.max(4096));
        prop_assert!(layout.size % page == 0);
        if page_shift == 0 {
            prop_assert!(layout.size - size < 4096);
            let larger = layout.page_shift + 1..=layout.size.trailing_zeros();
            prop_assert!(larger.into_iter().all(|shift| !is_shared(layout.placement, shift)));
        } else {
            prop_assert_eq!(layout.page_shift, page_shift);
        }
    }
}
