// SPDX-License-Identifier: GPL-2.0

//! NVA06C_CTRL_CMD_SET_TIMESLICE: sets how long a group of channels runs before others on its runlist do.
//!
//! Source: open-gpu-kernel-modules 570, src/common/sdk/nvidia/inc/ctrl/ctrla06c.h.

use nova_hw::abi::control;
use nova_hw::release::Release;

use super::control::Method;
use crate::gsp::payload::Payload;
use crate::gsp::rpc::error::RpcError;

/// Has the group run for so many microseconds before others do. GSP-RM rounds that down to what the runlist can
/// hold.
pub(crate) struct SetTimeslice(pub(crate) u32);

impl Method for SetTimeslice {
    const CMD: u32 = control::CHANNEL_GROUP_SET_TIMESLICE;
    type Reply = ();

    fn size(&self, _release: &Release) -> usize {
        size_of::<u64>()
    }

    fn write(&self, _release: &Release, params: &mut [u8]) {
        let Self(microseconds) = self;
        params.copy_from_slice(&u64::from(*microseconds).to_le_bytes());
    }

    fn read(&self, _release: &Release, _params: Payload<'_>) -> Result<(), RpcError> {
        Ok(())
    }
}
