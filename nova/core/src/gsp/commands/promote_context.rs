// SPDX-License-Identifier: GPL-2.0

//! GPU_PROMOTE_CTX, a control of a subdevice: tells GSP-RM where the buffers of a channel's graphics
//! context are.
//!
//! Source: Linux 7.3, drivers/gpu/drm/nouveau/nvkm/subdev/gsp/rm/r535/gr.c (`r535_gr_promote_ctx`);
//! open-gpu-kernel-modules 570, `kgrobjPromoteContext_IMPL` in
//! src/nvidia/src/kernel/gpu/gr/kernel_graphics_object.c.

use core::mem::offset_of;

use nova_hw::abi::{control, engine_type, PromoteCtx, PromoteEntry};
use nova_hw::release::Release;
use zerocopy::IntoBytes;

use super::control::Method;
use crate::gsp::handles::Handles;
use crate::gsp::payload::Payload;
use crate::gsp::rpc::error::RpcError;

/// The buffers of a channel's context.
pub(crate) struct PromoteContext<'b> {
    /// The channel.
    pub(crate) channel: Handles,
    /// The buffers, [`PromoteCtx::ENTRIES`] at most.
    pub(crate) buffers: &'b [PromoteEntry],
}

impl Method for PromoteContext<'_> {
    const CMD: u32 = control::GPU_PROMOTE_CTX;
    type Reply = ();

    fn size(&self, _release: &Release) -> usize {
        size_of::<PromoteCtx>()
    }

    fn write(&self, _release: &Release, params: &mut [u8]) {
        // Field by field: the structure is too long for the kernel's stack.
        let mut set = |offset: usize, value: &[u8]| {
            let field = params.get_mut(offset..).unwrap_or_default();
            if let Some(field) = field.get_mut(..value.len()) {
                field.copy_from_slice(value);
            }
        };
        debug_assert!(self.buffers.len() <= PromoteCtx::ENTRIES);
        let count = u32::try_from(self.buffers.len()).unwrap_or(u32::MAX);
        let engine = engine_type::GR0;
        set(offset_of!(PromoteCtx, engine_type), engine.as_bytes());
        set(
            offset_of!(PromoteCtx, h_chan_client),
            self.channel.client.as_bytes(),
        );
        set(
            offset_of!(PromoteCtx, h_object),
            self.channel.object.as_bytes(),
        );
        set(offset_of!(PromoteCtx, entry_count), count.as_bytes());
        set(
            offset_of!(PromoteCtx, promote_entry),
            self.buffers.as_bytes(),
        );
    }

    fn read(&self, _release: &Release, _params: Payload<'_>) -> Result<(), RpcError> {
        Ok(())
    }
}
