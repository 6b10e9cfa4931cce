// SPDX-License-Identifier: GPL-2.0

//! NVA06C_CTRL_CMD_BIND: binds the channels of a group to their engine, which is on their runlist.
//!
//! Source: open-gpu-kernel-modules 570, src/common/sdk/nvidia/inc/ctrl/ctrla06c.h.

use nova_hw::abi::control;
use nova_hw::release::Release;

use super::control::Method;
use crate::gsp::payload::Payload;
use crate::gsp::rpc::error::RpcError;

/// Binds the group to this engine (`NV2080_ENGINE_TYPE_*`).
pub(crate) struct Bind(pub(crate) u32);

impl Method for Bind {
    const CMD: u32 = control::CHANNEL_GROUP_BIND;
    type Reply = ();

    fn size(&self, _release: &Release) -> usize {
        size_of::<u32>()
    }

    fn write(&self, _release: &Release, params: &mut [u8]) {
        let Self(engine) = self;
        params.copy_from_slice(&engine.to_le_bytes());
    }

    fn read(&self, _release: &Release, _params: Payload<'_>) -> Result<(), RpcError> {
        Ok(())
    }
}
