// SPDX-License-Identifier: GPL-2.0

//! INTERNAL_STATIC_KGR_GET_INFO, a control of a subdevice: properties of the graphics engine.
//!
//! Source: open-gpu-kernel-modules 570, `kgraphicsLoadStaticInfo_KERNEL` in
//! src/nvidia/src/kernel/gpu/gr/kernel_graphics.c.

use core::mem::offset_of;

use nova_hw::abi::{control, GrInfo};
use nova_hw::release::Release;

use super::control::Method;
use crate::gsp::payload::{Payload, ShortPayload};
use crate::gsp::rpc::error::RpcError;

/// Asks for the properties.
pub(crate) struct GetGraphicsProperties;

/// The properties that the driver tells programs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct GraphicsProperties {
    /// Version of the SMs: major << 8 | minor.
    pub(crate) sm_version: u32,
    /// Warps of an SM.
    pub(crate) warps_per_sm: u32,
    /// Threads of a warp.
    pub(crate) threads_per_warp: u32,
    /// SMs of a TPC.
    pub(crate) sms_per_tpc: u32,
}

impl Method for GetGraphicsProperties {
    const CMD: u32 = control::INTERNAL_STATIC_KGR_GET_INFO;
    type Reply = GraphicsProperties;

    fn size(&self, release: &Release) -> usize {
        release.controls.gr_info
    }

    fn write(&self, _release: &Release, _params: &mut [u8]) {}

    fn read(
        &self,
        _release: &Release,
        params: Payload<'_>,
    ) -> Result<GraphicsProperties, RpcError> {
        Ok(read(params)?)
    }
}

/// Reads the list of the first engine; those of others follow, for partitions of a GPU.
fn read(params: Payload<'_>) -> Result<GraphicsProperties, ShortPayload> {
    let data = |index: u32| {
        let entry = (index as usize).saturating_mul(size_of::<GrInfo>());
        params.field(entry.saturating_add(offset_of!(GrInfo, data)))
    };
    Ok(GraphicsProperties {
        sm_version: data(GrInfo::SM_VERSION)?,
        warps_per_sm: data(GrInfo::WARPS_PER_SM)?,
        threads_per_warp: data(GrInfo::THREADS_PER_WARP)?,
        sms_per_tpc: data(GrInfo::LITTER_SMS_PER_TPC)?,
    })
}
