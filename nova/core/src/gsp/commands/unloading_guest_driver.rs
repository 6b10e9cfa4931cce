// SPDX-License-Identifier: GPL-2.0

//! UNLOADING_GUEST_DRIVER: stops GSP-RM.
//!
//! Source: open-gpu-kernel-modules 570, `kgspUnloadRm_IMPL` in
//! src/nvidia/src/kernel/gpu/gsp/kernel_gsp.c.

use nova_hw::abi::{self, function};
use nova_hw::release::Release;
use zerocopy::IntoBytes;

use crate::gsp::payload::Payload;
use crate::gsp::rpc::command::Command;
use crate::gsp::rpc::error::RpcError;

/// The command for a full unload, not for a suspend.
pub(crate) struct UnloadingGuestDriver;

impl Command for UnloadingGuestDriver {
    const FUNCTION: u32 = function::UNLOADING_GUEST_DRIVER;
    type Reply = ();

    fn size(&self, _release: &Release) -> usize {
        size_of::<abi::UnloadingGuestDriver>()
    }

    fn write(&self, _release: &Release, payload: &mut [u8]) {
        payload.copy_from_slice(abi::UnloadingGuestDriver::default().as_bytes());
    }

    fn read(&self, _release: &Release, _reply: Payload<'_>) -> Result<(), RpcError> {
        Ok(())
    }
}
