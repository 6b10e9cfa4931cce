// SPDX-License-Identifier: GPL-2.0

//! GPU_GET_FERMI_GPC_INFO and GPU_GET_FERMI_TPC_INFO, controls of a subdevice: which clusters the
//! graphics engine has.
//!
//! Source: Linux 7.3, drivers/gpu/drm/nouveau/nvkm/subdev/gsp/rm/r570/gr.c (`r570_gr_gpc_mask`,
//! `r570_gr_tpc_mask`).

use core::mem::offset_of;

use nova_hw::abi::{control, FermiTpcInfo};
use nova_hw::release::Release;
use zerocopy::IntoBytes;

use super::control::Method;
use crate::gsp::payload::Payload;
use crate::gsp::rpc::error::RpcError;

/// Asks which GPCs there are, one bit each.
pub(crate) struct GetGpcs;

impl Method for GetGpcs {
    const CMD: u32 = control::GPU_GET_FERMI_GPC_INFO;
    type Reply = u32;

    fn size(&self, _release: &Release) -> usize {
        size_of::<u32>()
    }

    fn write(&self, _release: &Release, _params: &mut [u8]) {}

    fn read(&self, _release: &Release, params: Payload<'_>) -> Result<u32, RpcError> {
        Ok(params.field(0)?)
    }
}

/// Asks which TPCs the GPC with this number has, one bit each.
pub(crate) struct GetTpcs(pub(crate) u32);

impl Method for GetTpcs {
    const CMD: u32 = control::GPU_GET_FERMI_TPC_INFO;
    type Reply = u32;

    fn size(&self, _release: &Release) -> usize {
        size_of::<FermiTpcInfo>()
    }

    fn write(&self, _release: &Release, params: &mut [u8]) {
        let &Self(gpc_id) = self;
        let info = FermiTpcInfo {
            gpc_id,
            tpc_mask: 0,
        };
        params.copy_from_slice(info.as_bytes());
    }

    fn read(&self, _release: &Release, params: Payload<'_>) -> Result<u32, RpcError> {
        Ok(params.field(offset_of!(FermiTpcInfo, tpc_mask))?)
    }
}
