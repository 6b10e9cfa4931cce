// SPDX-License-Identifier: GPL-2.0

//! INTERNAL_STATIC_KGR_GET_CONTEXT_BUFFERS_INFO, a control of a subdevice: how much memory contexts of
//! the graphics engine need.
//!
//! Source: Linux 7.3, drivers/gpu/drm/nouveau/nvkm/subdev/gsp/rm/r535/gr.c
//! (`r535_gr_get_ctxbufs_and_zcull_info`).

use nova_hw::abi::{control, ContextBufferInfo};
use nova_hw::release::Release;

use super::control::Method;
use crate::gsp::payload::Payload;
use crate::gsp::rpc::error::RpcError;

/// Asks for the buffers with these numbers, `GRAPHICS*` of
/// `NV0080_CTRL_FIFO_GET_ENGINE_CONTEXT_PROPERTIES_ENGINE_ID_*`.
pub(crate) struct GetContextBuffers<const N: usize>(pub(crate) [u8; N]);

impl<const N: usize> Method for GetContextBuffers<N> {
    const CMD: u32 = control::INTERNAL_STATIC_KGR_GET_CONTEXT_BUFFERS_INFO;
    type Reply = [ContextBufferInfo; N];

    fn size(&self, release: &Release) -> usize {
        release.controls.context_buffers
    }

    fn write(&self, _release: &Release, _params: &mut [u8]) {}

    /// Reads the list of the first engine; those of others follow, for partitions of a GPU.
    fn read(
        &self,
        _release: &Release,
        params: Payload<'_>,
    ) -> Result<[ContextBufferInfo; N], RpcError> {
        let mut buffers = [ContextBufferInfo::default(); N];
        for (buffer, number) in buffers.iter_mut().zip(self.0) {
            let offset = usize::from(number).saturating_mul(size_of::<ContextBufferInfo>());
            *buffer = params.field(offset)?;
        }
        Ok(buffers)
    }
}
