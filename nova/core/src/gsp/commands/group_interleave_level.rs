// SPDX-License-Identifier: GPL-2.0

//! NVA06C_CTRL_CMD_SET_INTERLEAVE_LEVEL: sets how often a group of channels is on its runlist.
//!
//! Source: open-gpu-kernel-modules 570, src/common/sdk/nvidia/inc/ctrl/ctrla06c.h.

use nova_hw::abi::{control, InterleaveLevel};
use nova_hw::release::Release;

use super::control::Method;
use crate::gsp::payload::Payload;
use crate::gsp::rpc::error::RpcError;

/// Has the group be on its runlist as often as this level says.
pub(crate) struct SetInterleaveLevel(pub(crate) InterleaveLevel);

impl Method for SetInterleaveLevel {
    const CMD: u32 = control::CHANNEL_GROUP_SET_INTERLEAVE_LEVEL;
    type Reply = ();

    fn size(&self, _release: &Release) -> usize {
        size_of::<u32>()
    }

    fn write(&self, _release: &Release, params: &mut [u8]) {
        let Self(level) = *self;
        params.copy_from_slice(&(level as u32).to_le_bytes());
    }

    fn read(&self, _release: &Release, _params: Payload<'_>) -> Result<(), RpcError> {
        Ok(())
    }
}
