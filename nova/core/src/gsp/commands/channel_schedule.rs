// SPDX-License-Identifier: GPL-2.0

//! NVA06F_CTRL_CMD_GPFIFO_SCHEDULE: puts a channel onto its runlist, so that the host runs it.
//!
//! Source: Linux 7.3, drivers/gpu/drm/nouveau/nvkm/subdev/gsp/rm/r535/fifo.c
//! (`r535_chan_ramfc_write`).

use nova_hw::abi::control;
use nova_hw::release::Release;

use super::control::Method;
use crate::gsp::payload::Payload;
use crate::gsp::rpc::error::RpcError;

/// Has the host run the channel from now on.
pub(crate) struct Schedule;

impl Method for Schedule {
    const CMD: u32 = control::CHANNEL_GPFIFO_SCHEDULE;
    type Reply = ();

    fn size(&self, _release: &Release) -> usize {
        2
    }

    fn write(&self, _release: &Release, params: &mut [u8]) {
        // It shall run, and GSP-RM shall submit the runlist.
        params.copy_from_slice(&[1, 0]);
    }

    fn read(&self, _release: &Release, _params: Payload<'_>) -> Result<(), RpcError> {
        Ok(())
    }
}
