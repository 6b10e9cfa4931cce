// SPDX-License-Identifier: MIT

//! Memory objects.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::answers::{MemoryRegion, MEMORY_REGION_VRAM};
use crate::range::{round_up, PAGE_SHIFT};
use crate::refused::{invalid, require, require_flags, require_zero, Refused};

/// [`GemCreate::flags`]: the CPU may map the object.
pub const GEM_CPU_ACCESS: u32 = 1 << 0;
/// [`GemCreate::flags`]: the object is one block of VRAM.
pub const GEM_CONTIGUOUS: u32 = 1 << 1;

/// `struct drm_nova_gem_create`: create a memory object.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
pub struct GemCreate {
    /// Out: the handle of the new object.
    pub handle: u32,
    /// Padding, ignored.
    pub pad: u32,
    /// The size of the object in bytes.
    pub size: u64,
    /// Bit per region that the object may lie in; zero for all of them.
    pub placement: u32,
    /// [`GEM_CPU_ACCESS`], [`GEM_CONTIGUOUS`].
    pub flags: u32,
    /// The only address space that may map the object; zero if all may.
    pub vm_id: u32,
    /// In: blocks of the object have at least `1 << page_shift` bytes, or zero. Out: the same, as
    /// granted.
    pub page_shift: u32,
    /// Out: where the object is in the device file.
    pub mmap_offset: u64,
    /// Out: the region that the object lies in.
    pub region: u32,
    /// Reserved, must be zero.
    pub reserved: u32,
}

/// What an object is to be like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Bytes, in whole pages of `1 << page_shift`.
    pub size: u64,
    /// Bit per region that it may lie in.
    pub placement: u32,
    /// Its blocks have at least `1 << page_shift` bytes, and are aligned to that.
    pub page_shift: u32,
}

fn bit(region: &MemoryRegion) -> u32 {
    1_u32.checked_shl(region.id).unwrap_or(0)
}

/// The bits of the regions for which `is_wanted` holds.
fn bits(regions: &[MemoryRegion], is_wanted: impl Fn(&MemoryRegion) -> bool) -> u32 {
    let wanted = regions.iter().filter(|region| is_wanted(region));
    wanted.fold(0, |bits, region| bits | bit(region))
}

impl GemCreate {
    /// Checks that come before the address space is looked up.
    ///
    /// # Errors
    ///
    /// The first member that is refused.
    pub fn check(&self, regions: &[MemoryRegion]) -> Result<(), Refused> {
        require_zero("drm_nova_gem_create.reserved", self.reserved)?;
        require_flags(
            "drm_nova_gem_create.flags",
            self.flags,
            GEM_CPU_ACCESS | GEM_CONTIGUOUS,
        )?;
        require(
            self.placement & !bits(regions, |_| true) == 0,
            "drm_nova_gem_create.placement",
            "bits of memory regions",
            self.placement,
        )
    }

    /// Checks that come after that; returns what the object is to be like.
    ///
    /// # Errors
    ///
    /// The first member that is refused.
    pub fn layout(&self, regions: &[MemoryRegion]) -> Result<Layout, Refused> {
        let placement = match self.placement {
            0 => bits(regions, |_| true),
            some => some,
        };
        if self.flags & GEM_CONTIGUOUS != 0 {
            let vram = bits(regions, |region| region.region_class == MEMORY_REGION_VRAM);
            require(
                self.placement != 0 && self.placement & !vram == 0,
                "drm_nova_gem_create.placement",
                "VRAM alone for a contiguous object",
                self.placement,
            )?;
        }
        let allowed = regions.iter().filter(|region| bit(region) & placement != 0);
        let page_sizes = allowed.fold(u64::MAX, |sizes, region| sizes & region.page_sizes);
        let (size, page_shift) = self.size_and_page_shift(page_sizes)?;
        Ok(Layout {
            size,
            placement,
            page_shift,
        })
    }

    fn size_and_page_shift(&self, page_sizes: u64) -> Result<(u64, u32), Refused> {
        const SIZE: &str = "drm_nova_gem_create.size";
        const PAGE: &str = "drm_nova_gem_create.page_shift";
        require(self.size != 0, SIZE, "above zero", self.size)?;
        let rounded = |size, shift| {
            let too_large = invalid(SIZE, "small enough to be rounded up", self.size);
            round_up(size, shift).ok_or(too_large)
        };
        let size = rounded(self.size, PAGE_SHIFT)?;
        let has_pages = |shift: &u32| page_sizes.checked_shr(*shift).unwrap_or(0) & 1 != 0;
        let page_shift = match self.page_shift {
            0 => {
                let largest = (PAGE_SHIFT..=size.trailing_zeros()).rev().find(has_pages);
                largest.unwrap_or(PAGE_SHIFT)
            }
            wanted => wanted,
        };
        require(
            has_pages(&page_shift),
            PAGE,
            "a page size of every region of the placement",
            self.page_shift,
        )?;
        Ok((rounded(size, page_shift)?, page_shift))
    }
}

/// [`GemInfo::state`]: the object belongs to another driver.
pub const GEM_STATE_IMPORTED: u32 = 1 << 0;
/// [`GemInfo::state`]: the object has been given to others as a dma-buf.
pub const GEM_STATE_EXPORTED: u32 = 1 << 1;
/// [`GemInfo::state`]: the contents of the object have been lost in a reset.
pub const GEM_STATE_CONTENT_LOST: u32 = 1 << 2;

/// `struct drm_nova_gem_info`: query a memory object.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
pub struct GemInfo {
    /// The handle of the object.
    pub handle: u32,
    /// Padding, ignored.
    pub pad: u32,
    /// Out: the size of the object in bytes.
    pub size: u64,
    /// Out: bit per region that the object may lie in.
    pub placement: u32,
    /// Out: the flags that it was created with.
    pub flags: u32,
    /// Out: the only address space that may map it; zero if all may.
    pub vm_id: u32,
    /// Out: its blocks have at least `1 << page_shift` bytes.
    pub page_shift: u32,
    /// Out: where the object is in the device file.
    pub mmap_offset: u64,
    /// Out: the region that the object lies in.
    pub region: u32,
    /// Out: `GEM_STATE_` constants.
    pub state: u32,
}

/// The longest label in bytes, with its NUL.
pub const LABEL_SIZE_MAX: u32 = 4096;

/// `struct drm_nova_gem_set_label`: name a memory object.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
pub struct GemSetLabel {
    /// The handle of the object.
    pub handle: u32,
    /// Bytes of the label, with its NUL; zero removes the label.
    pub size: u32,
    /// User pointer to the label.
    pub label: u64,
}

impl GemSetLabel {
    /// Checks that come before the label is read.
    ///
    /// # Errors
    ///
    /// The first member that is refused.
    pub fn check(&self) -> Result<(), Refused> {
        require(
            self.size <= LABEL_SIZE_MAX,
            "drm_nova_gem_set_label.size",
            "at most 4096",
            self.size,
        )?;
        require(
            self.size != 0 || self.label == 0,
            "drm_nova_gem_set_label.label",
            "zero if the size is",
            self.label,
        )
    }

    /// Checks a label that has been read; it is empty if the size is zero.
    ///
    /// # Errors
    ///
    /// [`Refused`] unless it is UTF-8 without control characters, with a NUL at its end. What was
    /// found is the place of the first byte that is wrong.
    pub fn check_label(label: &[u8]) -> Result<(), Refused> {
        let Some((last, text)) = label.split_last() else {
            return Ok(());
        };
        let end = match core::str::from_utf8(text) {
            Ok(text) => text.find(char::is_control).unwrap_or(text.len()),
            Err(error) => error.valid_up_to(),
        };
        require(
            *last == 0 && end == text.len(),
            "the label",
            "UTF-8 without control characters, with a NUL at its end",
            end as u64,
        )
    }
}

#[cfg(test)]
mod tests;
