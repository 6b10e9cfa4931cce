// SPDX-License-Identifier: GPL-2.0

//! UPDATE_BAR_PDE: enters the driver's page tables into GSP-RM's page directory for a BAR.
//!
//! Source: open-gpu-kernel-modules 570, `kbusPatchBar2Pdb_GSPCLIENT` in
//! src/nvidia/src/kernel/gpu/bus/kern_bus.c; Linux 7.3,
//! drivers/gpu/drm/nouveau/nvkm/subdev/gsp/rm/r535/bar.c.

use nova_hw::abi::{self, function};
use nova_hw::release::Release;
use zerocopy::IntoBytes;

use crate::gsp::payload::Payload;
use crate::gsp::rpc::command::Command;
use crate::gsp::rpc::error::RpcError;

/// The command for BAR2. The entry becomes the first one of the root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UpdateBar2Pde {
    /// The entry in the MMU's format; zero for none.
    pub(crate) entry: u64,
    /// Lowest bit of the addresses by which the root is indexed.
    pub(crate) shift: u32,
}

impl Command for UpdateBar2Pde {
    const FUNCTION: u32 = function::UPDATE_BAR_PDE;
    type Reply = ();

    fn size(&self, _release: &Release) -> usize {
        size_of::<abi::UpdateBarPde>()
    }

    fn write(&self, _release: &Release, payload: &mut [u8]) {
        let params = abi::UpdateBarPde {
            bar_type: abi::UpdateBarPde::BAR2,
            entry_value: self.entry,
            entry_level_shift: self.shift.into(),
            ..abi::UpdateBarPde::default()
        };
        payload.copy_from_slice(params.as_bytes());
    }

    fn read(&self, _release: &Release, _reply: Payload<'_>) -> Result<(), RpcError> {
        Ok(())
    }
}
