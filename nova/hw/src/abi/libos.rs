// SPDX-License-Identifier: GPL-2.0

//! The memory regions that are passed to libos, the operating system under GSP-RM.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// A region of memory. The GSP's mailboxes hold the bus address of an array of these, which ends
/// with the page or with an entry that is all zero.
///
/// Source: `LibosMemoryRegionInitArgument` in src/common/uproc/os/common/include/libos_init_args.h.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct LibosMemoryRegion {
    /// Name, up to eight characters, the last one in the lowest byte.
    pub id8: u64,
    /// Bus address; of the page table for [`Self::KIND_RADIX3`].
    pub pa: u64,
    /// Bytes, a multiple of a page.
    pub size: u64,
    /// `KIND_*`
    pub kind: u8,
    /// `LOC_*`
    pub loc: u8,
    #[doc(hidden)]
    pub _padding: [u8; 6],
}

layout!(LibosMemoryRegion: 32, size @ 16, kind @ 24, loc @ 25);

impl LibosMemoryRegion {
    /// `LIBOS_MEMORY_REGION_NONE`
    pub const KIND_NONE: u8 = 0;

    /// `LIBOS_MEMORY_REGION_CONTIGUOUS`
    pub const KIND_CONTIGUOUS: u8 = 1;

    /// `LIBOS_MEMORY_REGION_RADIX3`
    pub const KIND_RADIX3: u8 = 2;

    /// `LIBOS_MEMORY_REGION_LOC_NONE`
    pub const LOC_NONE: u8 = 0;

    /// `LIBOS_MEMORY_REGION_LOC_SYSMEM`
    pub const LOC_SYSMEM: u8 = 1;

    /// `LIBOS_MEMORY_REGION_LOC_FB`
    pub const LOC_FB: u8 = 2;
}
