// SPDX-License-Identifier: GPL-2.0

//! Entries of tables as words, in either version.
//!
//! Tables and VRAM are cached: the CPU writes them through BAR2, and so through the L2 cache, in
//! which the MMU looks. The machine's memory is not (*volatile*, *uncached*), since the CPU writes it
//! without that cache. Linux's nouveau does the same for both (nvkm/subdev/mmu/vmmgp100.c and
//! vmmgh100.c); so does NVIDIA's driver for pages (open-gpu-kernel-modules 570,
//! kernel-open/nvidia-uvm/uvm_va_block.c, `block_gpu_pte_flag_cacheable`).
//!
//! As in nouveau's address spaces of programs (nouveau_uvmm.c), no page of a program is for privileged
//! accesses only, as the contexts of graphics are (r535/gr.c), and none refuses atomic ones. In version 3, accesses are not counted, since nobody reads the
//! counters, and addresses are not looked up in the CPU's page tables; as in nouveau, too.

use nova_hw::gmmu::{ver2, ver3, PdeAperture, PteAperture, Version};

use super::blocks::{Aperture, Attributes};
use crate::bug::OrBug;

/// What all addresses of an entry have in common.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mapped {
    /// They are not mapped.
    #[default]
    Nothing,
    /// They are sparse.
    Sparse,
    /// They are in the page of this word.
    Page(u64),
}

impl Mapped {
    /// What part number `number` of the entry has, if parts have `size` bytes.
    pub(super) fn part(self, version: Version, number: usize, size: u64) -> Self {
        let step = match version {
            Version::Ver2 => size >> 4,
            Version::Ver3 => size,
        };
        match self {
            Self::Page(word) => Self::Page(word.wrapping_add(step.wrapping_mul(number as u64))),
            other => other,
        }
    }

    /// The entry of a directory above PD0.
    pub(super) fn in_directory(self, version: Version) -> u64 {
        match (self, version) {
            (Self::Nothing, _) => 0,
            (Self::Sparse, Version::Ver2) => ver2::Pde::new().with_vol(true).into(),
            (Self::Sparse, Version::Ver3) => ver3::Pde::new().with_pcf(SPARSE).into(),
            (Self::Page(word), _) => word,
        }
    }

    /// The half for big pages of an entry of PD0; the other half is zero.
    pub(super) fn in_pd0(self, version: Version) -> u64 {
        match (self, version) {
            (Self::Nothing, _) => 0,
            (Self::Sparse, Version::Ver2) => big_half(ver2::DualPde::new().with_vol_big(true)),
            (Self::Sparse, Version::Ver3) => big_half(ver3::DualPde::new().with_pcf_big(SPARSE)),
            (Self::Page(word), _) => word,
        }
    }

    /// The entry of a table of big pages. If there is nothing, there are no small pages either: an
    /// entry that is zero ([`SMALL_PAGES`]) would have the MMU look for them.
    pub(super) fn in_big_table(self, version: Version) -> u64 {
        match (self, version) {
            (Self::Nothing, Version::Ver2) => ver2::Pte::new().with_privilege(true).into(),
            (Self::Nothing, Version::Ver3) => ver3::Pte::new()
                .with_pcf(ver3::PtePcf::NO_VALID_4KB_PAGE)
                .into(),
            (other, _) => other.in_small_table(version),
        }
    }

    /// The entry of a table of small pages.
    pub(super) fn in_small_table(self, version: Version) -> u64 {
        match (self, version) {
            (Self::Nothing, _) => 0,
            (Self::Sparse, Version::Ver2) => ver2::Pte::new().with_vol(true).into(),
            (Self::Sparse, Version::Ver3) => ver3::Pte::new().with_pcf(ver3::PtePcf::SPARSE).into(),
            (Self::Page(word), _) => word,
        }
    }
}

/// Bits of an address in VRAM, as entries have it.
pub(in crate::mm) const fn address_bits(version: Version) -> u32 {
    match version {
        Version::Ver2 => 37,
        Version::Ver3 => 40,
    }
}

/// The entry of a table of big pages where the table of small pages decides.
pub(super) const SMALL_PAGES: u64 = 0;

/// Without a table: what is below is sparse.
const SPARSE: ver3::PdePcf = ver3::PdePcf::new().with_uncached_or_sparse(true);

/// With a table: no look-up in the CPU's page tables.
const TABLE: ver3::PdePcf = ver3::PdePcf::new().with_ats_not_allowed(true);

fn big_half(entry: impl Into<u128>) -> u64 {
    entry.into() as u64
}

fn small_half(entry: impl Into<u128>) -> u64 {
    (entry.into() >> 64) as u64
}

/// The entry for a page of any size.
pub(in crate::mm) fn page(
    version: Version,
    aperture: Aperture,
    address: u64,
    attributes: Attributes,
) -> u64 {
    let is_system = aperture == Aperture::System;
    let at = match aperture {
        Aperture::Vram => PteAperture::VideoMemory,
        Aperture::System => PteAperture::SystemCoherentMemory,
    };
    let number = address >> 12;
    match version {
        Version::Ver2 => {
            let entry = ver2::Pte::new()
                .with_valid(true)
                .with_aperture(at)
                .with_vol(is_system)
                .with_privilege(attributes.privileged)
                .with_read_only(attributes.read_only)
                .with_kind(attributes.kind);
            let entry = match is_system {
                true => entry.with_sys_page(number),
                false => entry.with_vid_page(number.try_into().ok().or_bug()),
            };
            debug_assert_eq!(entry.address(), address, "a bug of the driver");
            entry.into()
        }
        Version::Ver3 => {
            let flags = ver3::PtePcf::new()
                .with_uncached(is_system)
                .with_privilege(attributes.privileged)
                .with_read_only(attributes.read_only)
                .with_access_counter_disable(true);
            let entry = ver3::Pte::new()
                .with_valid(true)
                .with_aperture(at)
                .with_pcf(flags)
                .with_kind(attributes.kind)
                .with_page(number);
            debug_assert_eq!(entry.address(), address, "a bug of the driver");
            entry.into()
        }
    }
}

/// The entry of a directory above PD0 that leads to the table at `address`.
pub(in crate::mm) fn directory(version: Version, address: u64) -> u64 {
    match version {
        Version::Ver2 => ver2::Pde::new()
            .with_aperture(PdeAperture::VideoMemory)
            .with_page(address >> 12)
            .into(),
        Version::Ver3 => ver3::Pde::new()
            .with_aperture(PdeAperture::VideoMemory)
            .with_pcf(TABLE)
            .with_page(address >> 12)
            .into(),
    }
}

/// The half of an entry of PD0 that leads to the table of big pages at `address`.
pub(super) fn big_table(version: Version, address: u64) -> u64 {
    match version {
        Version::Ver2 => big_half(
            ver2::DualPde::new()
                .with_aperture_big(PdeAperture::VideoMemory)
                .with_unit_big(address >> 8),
        ),
        Version::Ver3 => big_half(
            ver3::DualPde::new()
                .with_aperture_big(PdeAperture::VideoMemory)
                .with_pcf_big(TABLE)
                .with_unit_big(address >> 8),
        ),
    }
}

/// The half of an entry of PD0 that leads to the table of small pages at `address`.
pub(super) fn small_table(version: Version, address: u64) -> u64 {
    match version {
        Version::Ver2 => small_half(
            ver2::DualPde::new()
                .with_aperture_small(PdeAperture::VideoMemory)
                .with_page_small(address >> 12),
        ),
        Version::Ver3 => small_half(
            ver3::DualPde::new()
                .with_aperture_small(PdeAperture::VideoMemory)
                .with_pcf_small(TABLE)
                .with_page_small(address >> 12),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Words as nouveau writes them.
    #[test]
    fn entries_have_the_format_of_the_mmu() {
        let (ver2, ver3) = (Version::Ver2, Version::Ver3);
        let large =
            |version, address| page(version, Aperture::Vram, address, Attributes::default());
        let generic = Attributes {
            kind: 6,
            ..Attributes::default()
        };
        let small = |version| page(version, Aperture::System, 0x1_2345_6000, generic);
        assert_eq!(directory(ver2, 0x12_3456_7000), 0x1_2345_6702);
        assert_eq!(large(ver2, 0x1f_ffe0_0000), 0x1_fffe_0001);
        assert_eq!(small(ver2), 0x0600_0000_1234_560d);
        assert_eq!(directory(ver3, 0x12_3456_7000), 0x12_3456_7012);
        assert_eq!(large(ver3, 0xff_ffe0_0000), 0xff_ffe0_0081);
        assert_eq!(small(ver3), 0x1_2345_668d);
        let private = Attributes {
            privileged: true,
            ..Attributes::default()
        };
        assert_eq!(page(ver2, Aperture::Vram, 0x20_0000, private), 0x2_0021);
        assert_eq!(page(ver3, Aperture::Vram, 0x20_0000, private), 0x20_0091);
    }
}
