// SPDX-License-Identifier: GPL-2.0

//! VASPACE_COPY_SERVER_RESERVED_PDES, a control of an address space whose page tables GSP-RM shares:
//! has it enter its own range there.
//!
//! Source: Linux 7.3, drivers/gpu/drm/nouveau/nvkm/subdev/gsp/rm/r535/vmm.c (`r535_mmu_vaspace_new`).

use core::ops::Range;

use nova_hw::abi::{control, CopyServerReservedPdes, PageLevel};
use nova_hw::gmmu::Level;
use nova_hw::release::Release;
use zerocopy::IntoBytes;

use super::control::Method;
use crate::gsp::payload::Payload;
use crate::gsp::rpc::error::RpcError;

/// Addresses of GSP-RM's own in an address space whose page tables it shares; always these.
///
/// Source: open-gpu-kernel-modules 570, `SPLIT_VAS_SERVER_RM_MANAGED_VA_START` and `_SIZE` in
/// src/nvidia/inc/kernel/mem_mgr/gpu_vaspace.h.
pub const SERVER_RANGE: Range<u64> = 1 << 32..(1 << 32) + (1 << 29);

/// A directory in VRAM on the way to GSP-RM's range: its level, and its address.
pub type DirectoryAt = (&'static Level, u64);

/// Enters GSP-RM's range. These are the directories on the way there, from the root to the one whose entries cover
/// 512 MiB.
pub(crate) struct CopyReserved<'d>(pub(crate) &'d [DirectoryAt]);

impl Method for CopyReserved<'_> {
    const CMD: u32 = control::VASPACE_COPY_SERVER_RESERVED_PDES;
    type Reply = ();

    fn size(&self, _release: &Release) -> usize {
        size_of::<CopyServerReservedPdes>()
    }

    fn write(&self, _release: &Release, params: &mut [u8]) {
        const VIDEO: u32 = 1;
        let mut copy = CopyServerReservedPdes {
            page_size: SERVER_RANGE.end.saturating_sub(SERVER_RANGE.start),
            virt_addr_lo: SERVER_RANGE.start,
            virt_addr_hi: SERVER_RANGE.end.saturating_sub(1),
            ..CopyServerReservedPdes::default()
        };
        for (slot, &(level, phys_address)) in copy.levels.iter_mut().zip(self.0) {
            *slot = PageLevel {
                phys_address,
                size: level.entry_size << level.bits,
                aperture: VIDEO,
                page_shift: u8::try_from(level.shift).unwrap_or(u8::MAX),
                ..PageLevel::default()
            };
            copy.num_levels_to_copy = copy.num_levels_to_copy.saturating_add(1);
        }
        params.copy_from_slice(copy.as_bytes());
    }

    fn read(&self, _release: &Release, _params: Payload<'_>) -> Result<(), RpcError> {
        Ok(())
    }
}
