// SPDX-License-Identifier: GPL-2.0

//! FREE: frees an object of GSP-RM and all objects below it.
//!
//! Source: open-gpu-kernel-modules 570, `rpcRmApiFree_GSP` in src/nvidia/src/kernel/vgpu/rpc.c.

use core::mem::offset_of;

use nova_hw::abi::{function, RmFree};
use nova_hw::release::Release;
use zerocopy::IntoBytes;

use crate::gsp::handles::Handles;
use crate::gsp::payload::Payload;
use crate::gsp::rpc::call::Header;
use crate::gsp::rpc::command::Command;
use crate::gsp::rpc::error::RpcError;

/// Frees the object with these handles.
#[derive(Clone, Copy, Debug)]
pub struct Free(pub Handles);

impl Command for Free {
    const FUNCTION: u32 = function::FREE;
    const HEADER: Header = Header {
        size: size_of::<RmFree>(),
        status: Some(offset_of!(RmFree, status)),
    };
    type Reply = ();

    fn size(&self, _release: &Release) -> usize {
        size_of::<RmFree>()
    }

    fn write(&self, _release: &Release, payload: &mut [u8]) {
        let Self(Handles { client, object }) = *self;
        let free = RmFree {
            h_root: client,
            h_object_old: object,
            ..RmFree::default()
        };
        payload.copy_from_slice(free.as_bytes());
    }

    fn read(&self, _release: &Release, _reply: Payload<'_>) -> Result<(), RpcError> {
        Ok(())
    }
}
