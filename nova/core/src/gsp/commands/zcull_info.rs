// SPDX-License-Identifier: GPL-2.0

//! GR_GET_ZCULL_INFO, a control of a subdevice: what programs have to know to use ZCULL.
//!
//! Source: Linux 7.3, drivers/gpu/drm/nouveau/nvkm/subdev/gsp/rm/r570/gr.c
//! (`r570_gr_get_ctxbufs_and_zcull_info`).

use nova_hw::abi::{control, ZcullInfo};
use nova_hw::release::Release;

use super::control::Method;
use crate::gsp::payload::Payload;
use crate::gsp::rpc::error::RpcError;

/// Asks for it.
pub(crate) struct GetZcullInfo;

impl Method for GetZcullInfo {
    const CMD: u32 = control::GR_GET_ZCULL_INFO;
    type Reply = ZcullInfo;

    fn size(&self, _release: &Release) -> usize {
        size_of::<ZcullInfo>()
    }

    fn write(&self, _release: &Release, _params: &mut [u8]) {}

    fn read(&self, _release: &Release, params: Payload<'_>) -> Result<ZcullInfo, RpcError> {
        Ok(params.field(0)?)
    }
}
