// SPDX-License-Identifier: GPL-2.0

//! FERMI_VASPACE_A: an address space of channels.
//!
//! Source: Linux 7.3, drivers/gpu/drm/nouveau/nvkm/subdev/gsp/rm/r535/vmm.c (`r535_mmu_vaspace_new`).

use nova_hw::abi::{class, VaSpaceAllocationParameters};
use nova_hw::release::Release;
use zerocopy::IntoBytes;

use super::alloc::Class;

/// A new address space.
pub(crate) struct VaSpace {
    /// The page tables are the driver's alone; else GSP-RM has a range in them.
    pub(crate) is_externally_owned: bool,
}

impl Class for VaSpace {
    fn class(&self) -> u32 {
        class::FERMI_VASPACE_A
    }

    fn size(&self, _release: &Release) -> usize {
        size_of::<VaSpaceAllocationParameters>()
    }

    fn write(&self, _release: &Release, _client: u32, params: &mut [u8]) {
        let space = VaSpaceAllocationParameters {
            index: VaSpaceAllocationParameters::GPU_NEW,
            flags: match self.is_externally_owned {
                true => VaSpaceAllocationParameters::IS_EXTERNALLY_OWNED,
                false => 0,
            },
            ..VaSpaceAllocationParameters::default()
        };
        params.copy_from_slice(space.as_bytes());
    }
}
