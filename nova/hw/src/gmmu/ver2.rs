// SPDX-License-Identifier: GPL-2.0

//! Entries of version 2.
//!
//! Addresses are in units of 4 KiB unless stated. One in the frame buffer has fewer bits than one in
//! the machine's memory, and other fields use what is left.
//!
//! Source: open-gpu-doc, manuals/turing/tu104/dev_mmu.ref.txt (`NV_MMU_VER2_*`).

use bitfield_struct::bitfield;

use super::{PdeAperture, PteAperture};

/// Bits of an address in the frame buffer, in units of 4 KiB.
const VID_BITS: u32 = 25;

/// Bits of an address in the machine's memory, in units of 4 KiB.
const SYS_BITS: u32 = 46;

const fn mask(bits: u32) -> u64 {
    (1 << bits) - 1
}

/// The bits of an address field that belong to the address of a directory or page table.
const fn table(aperture: PdeAperture, field: u64, unit_shift: u32) -> u64 {
    let bits = match aperture {
        PdeAperture::VideoMemory => VID_BITS,
        _ => SYS_BITS,
    };
    (field & mask(bits + 12 - unit_shift)) << unit_shift
}

/// Entry of a directory above PD0; `NV_MMU_VER2_PDE`.
///
/// Without an aperture, [`Self::vol`] makes what is below it sparse (open-gpu-kernel-modules 570,
/// src/nvidia/src/kernel/gpu/mmu/arch/maxwell/kern_gmmu_gm200.c).
#[bitfield(u64)]
#[derive(PartialEq, Eq)]
pub struct Pde {
    /// The entry is a [`Pte`].
    pub is_pte: bool,
    /// Where the next table is.
    #[bits(2, default = PdeAperture::Invalid)]
    pub aperture: PdeAperture,
    /// The next table is volatile.
    pub vol: bool,
    #[bits(1)]
    __: u8,
    /// The address is not looked up in the CPU's page tables.
    pub no_ats: bool,
    #[bits(2)]
    __: u8,
    /// Address of the next table; `NV_MMU_VER2_PDE_ADDRESS_SYS`, the longer one.
    #[bits(46)]
    pub page: u64,
    #[bits(10)]
    __: u16,
}

impl Pde {
    /// Address of the next table in bytes, in its aperture.
    pub const fn address(self) -> u64 {
        table(self.aperture(), self.page(), 12)
    }
}

/// Entry of PD0; `NV_MMU_VER2_DUAL_PDE`.
///
/// Without an aperture of the big table, [`Self::vol_big`] makes what is below the entry sparse
/// (source as for [`Pde`]). The manual has the field `NO_ATS` in bit 5, which is also in the address.
#[bitfield(u128)]
#[derive(PartialEq, Eq)]
pub struct DualPde {
    /// The low half of the entry is a [`Pte`].
    pub is_pte: bool,
    /// Where the table of big pages is.
    #[bits(2, default = PdeAperture::Invalid)]
    pub aperture_big: PdeAperture,
    /// The table of big pages is volatile.
    pub vol_big: bool,
    /// Address of the table of big pages in units of 256 bytes;
    /// `NV_MMU_VER2_DUAL_PDE_ADDRESS_BIG_SYS`, the longer one.
    #[bits(50)]
    pub unit_big: u64,
    #[bits(11)]
    __: u16,
    /// Where the table of small pages is.
    #[bits(2, default = PdeAperture::Invalid)]
    pub aperture_small: PdeAperture,
    /// The table of small pages is volatile.
    pub vol_small: bool,
    #[bits(4)]
    __: u8,
    /// Address of the table of small pages; `NV_MMU_VER2_DUAL_PDE_ADDRESS_SMALL_SYS`, the longer
    /// one.
    #[bits(46)]
    pub page_small: u64,
    #[bits(10)]
    __: u16,
}

impl DualPde {
    /// Address of the table of big pages in bytes, in its aperture.
    pub const fn address_big(self) -> u64 {
        table(self.aperture_big(), self.unit_big(), 8)
    }

    /// Address of the table of small pages in bytes, in its aperture.
    pub const fn address_small(self) -> u64 {
        table(self.aperture_small(), self.page_small(), 12)
    }
}

/// Entry of a page table, or a page in a directory; `NV_MMU_VER2_PTE`.
///
/// An invalid one is sparse with [`Self::vol`]. In a table of big pages, with [`Self::privilege`]
/// it says that there are no small pages either (open-gpu-kernel-modules 570,
/// kernel-open/nvidia-uvm/uvm_pascal_mmu.c).
#[bitfield(u64)]
#[derive(PartialEq, Eq)]
pub struct Pte {
    /// There is a page.
    pub valid: bool,
    /// Where the page is.
    #[bits(2, default = PteAperture::VideoMemory)]
    pub aperture: PteAperture,
    /// The page is volatile: not cached.
    pub vol: bool,
    #[bits(1)]
    __: u8,
    /// The page is for privileged accesses only.
    pub privilege: bool,
    /// The page cannot be written.
    pub read_only: bool,
    /// The page refuses atomic accesses.
    pub atomic_disable: bool,
    /// Address of a page in a frame buffer. For one in the machine's memory see
    /// [`Self::with_sys_page`].
    #[bits(25)]
    pub vid_page: u32,
    /// Number of the other GPU.
    #[bits(3)]
    pub peer: u8,
    /// Line of compression tags; the high part of the address for another GPU.
    #[bits(20)]
    pub comptagline: u32,
    /// Kind of the page.
    pub kind: u8,
}

impl Pte {
    /// Address of the page in bytes, in its aperture.
    pub const fn address(self) -> u64 {
        let page = match self.aperture() {
            PteAperture::VideoMemory | PteAperture::PeerMemory => self.vid_page() as u64,
            _ => self.into_bits() >> 8 & mask(SYS_BITS),
        };
        page << 12
    }

    /// Sets the address of a page in the machine's memory, which overlaps the fields
    /// [`Self::vid_page`], [`Self::peer`] and [`Self::comptagline`].
    pub const fn with_sys_page(self, page: u64) -> Self {
        let field = mask(SYS_BITS) << 8;
        Self::from_bits(self.into_bits() & !field | page << 8 & field)
    }
}
