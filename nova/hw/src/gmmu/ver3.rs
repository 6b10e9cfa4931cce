// SPDX-License-Identifier: GPL-2.0

//! Entries of version 3.
//!
//! Addresses are in units of 4 KiB unless stated. Attributes of tables and pages are in permission
//! control flags (PCF), which mean something else in entries that are not valid.
//!
//! Source: open-gpu-kernel-modules 570, src/common/inc/swref/published/hopper/gh100/dev_mmu.h
//! (`NV_MMU_VER3_*`).

use bitfield_struct::bitfield;

use super::{PdeAperture, PteAperture};

/// Flags of a directory's entry; `NV_MMU_VER3_PDE_PCF`.
#[bitfield(u8)]
#[derive(PartialEq, Eq)]
pub struct PdePcf {
    /// With an aperture: the table is not cached. Without: what is below the entry is sparse.
    pub uncached_or_sparse: bool,
    /// The address is not looked up in the CPU's page tables.
    pub ats_not_allowed: bool,
    #[bits(6)]
    __: u8,
}

/// Flags of a page; `NV_MMU_VER3_PTE_PCF`.
#[bitfield(u8)]
#[derive(PartialEq, Eq)]
pub struct PtePcf {
    /// The page is not cached.
    pub uncached: bool,
    /// The page is for privileged accesses only.
    pub privilege: bool,
    /// The page cannot be written.
    pub read_only: bool,
    /// The page refuses atomic accesses.
    pub no_atomic: bool,
    /// Accesses are not counted (`ACD`; `ACE` otherwise).
    pub access_counter_disable: bool,
    #[bits(3)]
    __: u8,
}

impl PtePcf {
    /// In an invalid entry: there is nothing. In a table of big pages, there may be small ones.
    pub const INVALID: Self = Self::from_bits(0);
    /// In an invalid entry: the page is sparse.
    pub const SPARSE: Self = Self::from_bits(1);
    /// In an invalid entry: `MAPPING_NOWHERE`, which no source describes.
    pub const MAPPING_NOWHERE: Self = Self::from_bits(2);
    /// In an invalid entry of a table of big pages: there are no small pages either.
    pub const NO_VALID_4KB_PAGE: Self = Self::from_bits(3);
}

/// Entry of a directory above PD0; `NV_MMU_VER3_PDE`.
#[bitfield(u64)]
#[derive(PartialEq, Eq)]
pub struct Pde {
    /// The entry is a [`Pte`].
    pub is_pte: bool,
    /// Where the next table is.
    #[bits(2, default = PdeAperture::Invalid)]
    pub aperture: PdeAperture,
    /// Flags.
    #[bits(3)]
    pub pcf: PdePcf,
    #[bits(6)]
    __: u8,
    /// Address of the next table.
    #[bits(40)]
    pub page: u64,
    #[bits(12)]
    __: u16,
}

impl Pde {
    /// Address of the next table in bytes.
    pub const fn address(self) -> u64 {
        self.page() << 12
    }
}

/// Entry of PD0; `NV_MMU_VER3_DUAL_PDE`.
#[bitfield(u128)]
#[derive(PartialEq, Eq)]
pub struct DualPde {
    /// The low half of the entry is a [`Pte`].
    pub is_pte: bool,
    /// Where the table of big pages is.
    #[bits(2, default = PdeAperture::Invalid)]
    pub aperture_big: PdeAperture,
    /// Flags of the table of big pages.
    #[bits(3)]
    pub pcf_big: PdePcf,
    #[bits(2)]
    __: u8,
    /// Address of the table of big pages in units of 256 bytes.
    #[bits(44)]
    pub unit_big: u64,
    #[bits(13)]
    __: u16,
    /// Where the table of small pages is.
    #[bits(2, default = PdeAperture::Invalid)]
    pub aperture_small: PdeAperture,
    /// Flags of the table of small pages.
    #[bits(3)]
    pub pcf_small: PdePcf,
    #[bits(6)]
    __: u8,
    /// Address of the table of small pages.
    #[bits(40)]
    pub page_small: u64,
    #[bits(12)]
    __: u16,
}

impl DualPde {
    /// Address of the table of big pages in bytes.
    pub const fn address_big(self) -> u64 {
        self.unit_big() << 8
    }

    /// Address of the table of small pages in bytes.
    pub const fn address_small(self) -> u64 {
        self.page_small() << 12
    }
}

/// Entry of a page table, or a page in a directory; `NV_MMU_VER3_PTE`.
#[bitfield(u64)]
#[derive(PartialEq, Eq)]
pub struct Pte {
    /// There is a page.
    pub valid: bool,
    /// Where the page is.
    #[bits(2, default = PteAperture::VideoMemory)]
    pub aperture: PteAperture,
    /// Flags.
    #[bits(5)]
    pub pcf: PtePcf,
    /// Kind of the page.
    #[bits(4)]
    pub kind: u8,
    /// Address of the page; one in the frame buffer has only 28 bits.
    #[bits(40)]
    pub page: u64,
    #[bits(9)]
    __: u16,
    /// Number of the other GPU.
    #[bits(3)]
    pub peer_id: u8,
}

impl Pte {
    /// Address of the page in bytes, in its aperture.
    pub const fn address(self) -> u64 {
        let page = match self.aperture() {
            PteAperture::VideoMemory => self.page() & ((1 << 28) - 1),
            _ => self.page(),
        };
        page << 12
    }
}
