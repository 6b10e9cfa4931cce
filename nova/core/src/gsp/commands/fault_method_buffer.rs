// SPDX-License-Identifier: GPL-2.0

//! CE_GET_FAULT_METHOD_BUFFER_SIZE, a control of a subdevice.
//!
//! Source: Linux 7.3, drivers/gpu/drm/nouveau/nvkm/subdev/gsp/rm/r535/fifo.c
//! (`r535_fifo_runl_ctor`).

use nova_hw::abi::control;
use nova_hw::release::Release;

use super::control::Method;
use crate::gsp::payload::Payload;
use crate::gsp::rpc::error::RpcError;

/// Asks how many bytes of memory each channel needs for the methods that a fault interrupts.
pub(crate) struct GetFaultMethodBufferSize;

impl Method for GetFaultMethodBufferSize {
    const CMD: u32 = control::CE_GET_FAULT_METHOD_BUFFER_SIZE;
    type Reply = u32;

    fn size(&self, _release: &Release) -> usize {
        size_of::<u32>()
    }

    fn write(&self, _release: &Release, _params: &mut [u8]) {}

    fn read(&self, _release: &Release, params: Payload<'_>) -> Result<u32, RpcError> {
        Ok(params.field(0)?)
    }
}
