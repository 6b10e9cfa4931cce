// SPDX-License-Identifier: MIT

//! Memory objects. nouveau gives each a kind of pages; nova gives each mapping one, so an object's
//! own is not kept.

use nouveau_uapi as nouveau;
use nova_uapi::{GemCreate, GemInfo, GEM_CPU_ACCESS};

use super::Call;
use crate::device::{Device, Errno, Result};
use crate::file::Space;

/// Objects have whole pages of this size at least.
const PAGE_SHIFT: u32 = 12;

impl<D: Device> Call<'_, D> {
    pub(super) fn gem_new(&self, argument: &mut nouveau::GemNew) -> Result {
        let space = self.space()?;
        let info = &mut argument.info;
        let has = |domain| info.domain & domain != 0;
        let mut create = GemCreate {
            size: info.size,
            placement: placement(&space, info.domain),
            flags: if has(nouveau::DOMAIN_MAPPABLE) {
                GEM_CPU_ACCESS
            } else {
                0
            },
            vm_id: if has(nouveau::DOMAIN_NO_SHARE) {
                space.vm_id
            } else {
                0
            },
            ..GemCreate::default()
        };
        self.device.gem_create(&mut create)?;
        info.handle = create.handle;
        info.size = round_up(info.size, create.page_shift.max(PAGE_SHIFT))?;
        info.domain = domain(&space, create.placement, create.region);
        info.offset = 0;
        info.map_handle = create.mmap_offset;
        Ok(())
    }

    pub(super) fn gem_info(&self, argument: &mut nouveau::GemInfo) -> Result {
        let space = self.space()?;
        let mut info = GemInfo {
            handle: argument.handle,
            ..GemInfo::default()
        };
        self.device.gem_info(&mut info)?;
        *argument = nouveau::GemInfo {
            handle: argument.handle,
            domain: domain(&space, info.placement, info.region),
            size: info.size,
            offset: 0,
            map_handle: info.mmap_offset,
            tile_mode: 0,
            tile_flags: 0,
        };
        Ok(())
    }
}

/// With no domain, nouveau takes any.
fn placement(space: &Space, domain: u32) -> u32 {
    let vram = if domain & nouveau::DOMAIN_VRAM != 0 {
        space.vram
    } else {
        0
    };
    let system = if domain & nouveau::DOMAIN_GART != 0 {
        space.system
    } else {
        0
    };
    vram | system
}

/// As nouveau: the domain that is allowed, or, of several, the one where the object is.
fn domain(space: &Space, placement: u32, region: u32) -> u32 {
    let is_at = |bit| 1_u32.checked_shl(region) == Some(bit);
    match placement {
        placement if placement == space.vram => nouveau::DOMAIN_VRAM,
        placement if placement == space.system => nouveau::DOMAIN_GART,
        _ if is_at(space.system) => nouveau::DOMAIN_GART,
        _ => nouveau::DOMAIN_VRAM,
    }
}

fn round_up(size: u64, shift: u32) -> Result<u64> {
    let page = 1_u64.checked_shl(shift).ok_or(Errno::INVAL)?;
    size.checked_next_multiple_of(page).ok_or(Errno::INVAL)
}
