// SPDX-License-Identifier: GPL-2.0

//! NVA06C_CTRL_CMD_GPFIFO_SCHEDULE: puts the channels of a group onto their runlist, so that the host runs them.
//!
//! Source: open-gpu-kernel-modules 570, src/common/sdk/nvidia/inc/ctrl/ctrla06c.h.

use nova_hw::abi::control;
use nova_hw::release::Release;

use super::control::Method;
use crate::gsp::payload::Payload;
use crate::gsp::rpc::error::RpcError;

/// Has the host run the group from now on.
pub(crate) struct Schedule;

impl Method for Schedule {
    const CMD: u32 = control::CHANNEL_GROUP_GPFIFO_SCHEDULE;
    type Reply = ();

    fn size(&self, _release: &Release) -> usize {
        2
    }

    fn write(&self, _release: &Release, params: &mut [u8]) {
        // They shall run, and GSP-RM shall submit the runlist.
        params.copy_from_slice(&[1, 0]);
    }

    fn read(&self, _release: &Release, _params: Payload<'_>) -> Result<(), RpcError> {
        Ok(())
    }
}
