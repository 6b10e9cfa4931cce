// SPDX-License-Identifier: GPL-2.0

//! DMA_SET_PAGE_DIRECTORY and DMA_UNSET_PAGE_DIRECTORY, controls of a device: the root of the page
//! tables of an address space that the driver owns.
//!
//! Source: Linux 7.3, drivers/gpu/drm/nouveau/nvkm/subdev/gsp/rm/r535/vmm.c.

use nova_hw::abi::{self, control};
use nova_hw::release::Release;
use zerocopy::IntoBytes;

use super::control::Method;
use crate::gsp::payload::Payload;
use crate::gsp::rpc::error::RpcError;

/// Gives an address space its root directory, which lies in VRAM.
pub(crate) struct SetPageDirectory {
    /// Handle of the address space.
    pub(crate) space: u32,
    /// Address of the directory in VRAM.
    pub(crate) root: u64,
    /// Number of its entries.
    pub(crate) entries: u32,
}

impl Method for SetPageDirectory {
    const CMD: u32 = control::DMA_SET_PAGE_DIRECTORY;
    type Reply = ();

    fn size(&self, _release: &Release) -> usize {
        size_of::<abi::SetPageDirectory>()
    }

    fn write(&self, _release: &Release, params: &mut [u8]) {
        // Aperture 0 of the flags is video memory.
        let set = abi::SetPageDirectory {
            phys_address: self.root,
            num_entries: self.entries,
            h_va_space: self.space,
            ..abi::SetPageDirectory::default()
        };
        params.copy_from_slice(set.as_bytes());
    }

    fn read(&self, _release: &Release, _params: Payload<'_>) -> Result<(), RpcError> {
        Ok(())
    }
}

/// Takes the root directory of an address space away, whose memory can be freed after that.
pub(crate) struct UnsetPageDirectory {
    /// Handle of the address space.
    pub(crate) space: u32,
}

impl Method for UnsetPageDirectory {
    const CMD: u32 = control::DMA_UNSET_PAGE_DIRECTORY;
    type Reply = ();

    fn size(&self, _release: &Release) -> usize {
        size_of::<abi::UnsetPageDirectory>()
    }

    fn write(&self, _release: &Release, params: &mut [u8]) {
        let unset = abi::UnsetPageDirectory {
            h_va_space: self.space,
            ..abi::UnsetPageDirectory::default()
        };
        params.copy_from_slice(unset.as_bytes());
    }

    fn read(&self, _release: &Release, _params: Payload<'_>) -> Result<(), RpcError> {
        Ok(())
    }
}
