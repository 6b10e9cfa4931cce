// SPDX-License-Identifier: GPL-2.0

use super::instance::{PageDirBase, Target};
use super::*;

/// Checks that setting all bits of a field sets exactly those of the manual: `high:low`.
macro_rules! check_fields {
    ($($entry:ty as $raw:ty { $($with:ident($value:expr) = $high:literal : $low:literal),* $(,)? })*) => {
        $($({
            let expected = (<$raw>::MAX >> (<$raw>::BITS - 1 - $high)) & (<$raw>::MAX << $low);
            let zero = <$entry>::from_bits(0);
            let set = zero.$with($value).into_bits();
            assert_eq!(set, expected, concat!(stringify!($entry), "::", stringify!($with)));
        })*)*
    };
}

#[test]
fn fields_are_where_the_manuals_have_them() {
    use PdeAperture::SystemNonCoherentMemory as Pd;
    use PteAperture::SystemNonCoherentMemory as Pt;

    check_fields! {
        ver2::Pde as u64 {
            with_is_pte(true) = 0:0,
            with_aperture(Pd) = 2:1,
            with_vol(true) = 3:3,
            with_no_ats(true) = 5:5,
            with_page((1 << 46) - 1) = 53:8,
        }
        ver2::DualPde as u128 {
            with_is_pte(true) = 0:0,
            with_aperture_big(Pd) = 2:1,
            with_vol_big(true) = 3:3,
            with_unit_big((1 << 50) - 1) = 53:4,
            with_aperture_small(Pd) = 66:65,
            with_vol_small(true) = 67:67,
            with_page_small((1 << 46) - 1) = 117:72,
        }
        ver2::Pte as u64 {
            with_valid(true) = 0:0,
            with_aperture(Pt) = 2:1,
            with_vol(true) = 3:3,
            with_privilege(true) = 5:5,
            with_read_only(true) = 6:6,
            with_atomic_disable(true) = 7:7,
            with_vid_page((1 << 25) - 1) = 32:8,
            with_peer(7) = 35:33,
            with_sys_page(u64::MAX) = 53:8,
            with_comptagline((1 << 20) - 1) = 55:36,
            with_kind(0xff) = 63:56,
        }
        ver3::Pde as u64 {
            with_is_pte(true) = 0:0,
            with_aperture(Pd) = 2:1,
            with_pcf(ver3::PdePcf::from_bits(7)) = 5:3,
            with_page((1 << 40) - 1) = 51:12,
        }
        ver3::DualPde as u128 {
            with_is_pte(true) = 0:0,
            with_aperture_big(Pd) = 2:1,
            with_pcf_big(ver3::PdePcf::from_bits(7)) = 5:3,
            with_unit_big((1 << 44) - 1) = 51:8,
            with_aperture_small(Pd) = 66:65,
            with_pcf_small(ver3::PdePcf::from_bits(7)) = 69:67,
            with_page_small((1 << 40) - 1) = 115:76,
        }
        ver3::Pte as u64 {
            with_valid(true) = 0:0,
            with_aperture(Pt) = 2:1,
            with_pcf(ver3::PtePcf::from_bits(0x1f)) = 7:3,
            with_kind(0xf) = 11:8,
            with_page((1 << 40) - 1) = 51:12,
            with_peer_id(7) = 63:61,
        }
        PageDirBase as u64 {
            with_target(Target::SysMemNoncoherent) = 1:0,
            with_vol(true) = 2:2,
            with_fault_replay_tex(true) = 4:4,
            with_fault_replay_gcc(true) = 5:5,
            with_use_ver2_pt_format(true) = 10:10,
            with_big_page_size_64kb(true) = 11:11,
            with_page((1 << 52) - 1) = 63:12,
        }
    }
}

#[test]
fn flags_are_where_the_header_has_them() {
    // REGULAR_RW_ATOMIC_UNCACHED_ACE, PRIVILEGE_RW_ATOMIC_CACHED_ACE,
    // REGULAR_RO_ATOMIC_CACHED_ACE, REGULAR_RW_NO_ATOMIC_CACHED_ACE, REGULAR_RW_ATOMIC_CACHED_ACD
    let flags = ver3::PtePcf::new();
    assert_eq!(flags.with_uncached(true).into_bits(), 0x01);
    assert_eq!(flags.with_privilege(true).into_bits(), 0x02);
    assert_eq!(flags.with_read_only(true).into_bits(), 0x04);
    assert_eq!(flags.with_no_atomic(true).into_bits(), 0x08);
    assert_eq!(flags.with_access_counter_disable(true).into_bits(), 0x10);
    // SPARSE_ATS_ALLOWED, INVALID_ATS_NOT_ALLOWED
    let flags = ver3::PdePcf::new();
    assert_eq!(flags.with_uncached_or_sparse(true).into_bits(), 1);
    assert_eq!(flags.with_ats_not_allowed(true).into_bits(), 2);
}

#[test]
fn an_address_ends_where_its_aperture_ends() {
    let all = ver2::Pde::from_bits(!(3 << 1));
    let vid = all.with_aperture(PdeAperture::VideoMemory);
    assert_eq!(vid.address(), 0x1f_ffff_f000);
    let sys = all.with_aperture(PdeAperture::SystemCoherentMemory);
    assert_eq!(sys.address(), 0x3ff_ffff_ffff_f000);

    let all = ver2::DualPde::from_bits(!(3 << 1 | 3 << 65));
    let vid = all
        .with_aperture_big(PdeAperture::VideoMemory)
        .with_aperture_small(PdeAperture::VideoMemory);
    assert_eq!(vid.address_big(), 0x1f_ffff_ff00);
    assert_eq!(vid.address_small(), 0x1f_ffff_f000);
    let sys = all
        .with_aperture_big(PdeAperture::SystemCoherentMemory)
        .with_aperture_small(PdeAperture::SystemCoherentMemory);
    assert_eq!(sys.address_big(), 0x3ff_ffff_ffff_ff00);
    assert_eq!(sys.address_small(), 0x3ff_ffff_ffff_f000);

    let all = ver2::Pte::from_bits(!(3 << 1));
    assert_eq!(all.address(), 0x1f_ffff_f000);
    let sys = all.with_aperture(PteAperture::SystemCoherentMemory);
    assert_eq!(sys.address(), 0x3ff_ffff_ffff_f000);

    let all = ver3::Pte::from_bits(!(3 << 1));
    assert_eq!(all.address(), 0xff_ffff_f000);
    let sys = all.with_aperture(PteAperture::SystemCoherentMemory);
    assert_eq!(sys.address(), 0xf_ffff_ffff_f000);
    assert_eq!(ver3::Pde::from_bits(u64::MAX).address(), 0xf_ffff_ffff_f000);
}

#[test]
fn levels_cover_the_address() {
    for &chip in crate::chipset::Chipset::ALL {
        let format = Format::of(chip.arch());
        let mut below = format.va_bits;
        for level in format.directories {
            below -= level.bits;
            assert_eq!(level.shift, below);
            assert!(level.entry_size << level.bits <= Format::TABLE_ALIGN);
        }
        assert_eq!(format.big.shift + format.big.bits, below);
        assert_eq!(format.small.shift + format.small.bits, below);
        assert_eq!(
            format.big.entry_size << format.big.bits,
            Format::BIG_TABLE_ALIGN
        );
    }
}

#[test]
fn architectures_have_their_page_sizes() {
    let largest = |arch| {
        let levels = Format::of(arch).directories.iter();
        let shifts = levels
            .filter(|level| level.has_pages)
            .map(|level| level.shift);
        shifts.max()
    };
    assert_eq!(largest(Architecture::Turing), Some(21));
    assert_eq!(largest(Architecture::Ampere), Some(29));
    assert_eq!(largest(Architecture::Ada), Some(29));
    assert_eq!(largest(Architecture::Hopper), Some(29));
    assert_eq!(largest(Architecture::BlackwellGb10x), Some(38));
    assert_eq!(largest(Architecture::BlackwellGb20x), Some(38));
}

#[test]
fn chips_have_the_kinds_of_the_headers() {
    for &chip in crate::chipset::Chipset::ALL {
        let kinds = Format::of(chip.arch()).kinds;
        let expected: &[u8] = match chip.arch() {
            Architecture::BlackwellGb20x => &[0, 6, 8, 9, 0xf],
            _ => &[0, 1, 2, 3, 4, 5, 6, 8, 9, 0xa, 0xb, 0xc, 0xd, 0xe, 0xf],
        };
        for kind in 0..=u8::MAX {
            assert_eq!(kinds.has(kind), expected.contains(&kind), "{chip:?} {kind}");
            let is_compressible = kind < 16 && kinds.compressible >> kind & 1 != 0;
            let expected = expected.contains(&kind) && (8..0xf).contains(&kind);
            assert_eq!(is_compressible, expected, "{chip:?} {kind}");
        }
    }
}
