// SPDX-License-Identifier: GPL-2.0

//! GSP_RM_CONTROL: calls a method of an object of GSP-RM.
//!
//! Source: open-gpu-kernel-modules 570, `rpcRmApiControl_GSP` in src/nvidia/src/kernel/vgpu/rpc.c.

use core::mem::offset_of;

use nova_hw::abi::{control, function, RmControl};
use nova_hw::release::Release;
use zerocopy::IntoBytes;

use crate::bug::OrBug;
use crate::gsp::handles::Handles;
use crate::gsp::payload::Payload;
use crate::gsp::rpc::call::Header;
use crate::gsp::rpc::command::Command;
use crate::gsp::rpc::error::RpcError;

/// Header of the payload.
pub(super) const HEADER: Header = Header {
    size: size_of::<RmControl>(),
    status: Some(offset_of!(RmControl, status)),
};

/// A method of GSP-RM's objects.
pub(crate) trait Method {
    /// Number of the control (`NV*_CTRL_CMD_*`).
    const CMD: u32;

    /// Name, for errors.
    const NAME: &'static str = name(Self::CMD);

    /// Result.
    type Reply;

    /// Bytes of the parameters.
    fn size(&self, release: &Release) -> usize;

    /// Writes the parameters into `params`, which is zeroed.
    fn write(&self, release: &Release, params: &mut [u8]);

    /// Reads the parameters of the reply.
    fn read(&self, release: &Release, params: Payload<'_>) -> Result<Self::Reply, RpcError>;
}

/// The command that calls a method of an object.
pub(crate) struct Call<M> {
    pub(crate) on: Handles,
    pub(crate) method: M,
}

impl<M: Method> Command for Call<M> {
    const FUNCTION: u32 = function::GSP_RM_CONTROL;
    const NAME: &'static str = M::NAME;
    const HEADER: Header = HEADER;
    type Reply = M::Reply;

    fn cmd(&self) -> u32 {
        M::CMD
    }

    fn size(&self, release: &Release) -> usize {
        size_of::<RmControl>().saturating_add(self.method.size(release))
    }

    fn write(&self, release: &Release, payload: &mut [u8]) {
        self.method
            .write(release, write_header(self.on, M::CMD, payload));
    }

    fn read(&self, release: &Release, reply: Payload<'_>) -> Result<M::Reply, RpcError> {
        self.method.read(release, reply)
    }
}

/// A control that is given by its number.
#[derive(Clone, Copy, Debug)]
pub struct Control<'a> {
    /// The object whose method is called.
    pub on: Handles,
    /// Number of the control (`NV*_CTRL_CMD_*`).
    pub cmd: u32,
    /// The parameters; those of the reply are in the [`Reply`](crate::Reply).
    pub params: &'a [u8],
}

impl Command for Control<'_> {
    const FUNCTION: u32 = function::GSP_RM_CONTROL;
    const HEADER: Header = HEADER;
    /// The caller reads the reply itself.
    type Reply = ();

    fn cmd(&self) -> u32 {
        self.cmd
    }

    fn size(&self, _release: &Release) -> usize {
        size_of::<RmControl>().saturating_add(self.params.len())
    }

    fn write(&self, _release: &Release, payload: &mut [u8]) {
        write_header(self.on, self.cmd, payload).copy_from_slice(self.params);
    }

    fn read(&self, _release: &Release, _reply: Payload<'_>) -> Result<(), RpcError> {
        Ok(())
    }
}

/// Writes the header of a control; returns the place of its parameters.
fn write_header(on: Handles, cmd: u32, payload: &mut [u8]) -> &mut [u8] {
    let (header, params) = payload
        .split_at_mut_checked(size_of::<RmControl>())
        .or_bug();
    let control = RmControl {
        h_client: on.client,
        h_object: on.object,
        cmd,
        params_size: u32::try_from(params.len()).unwrap_or(u32::MAX),
        ..RmControl::default()
    };
    header.copy_from_slice(control.as_bytes());
    params
}

/// The name of a control; fails to compile for one that `nova_hw` does not know.
pub(super) const fn name(cmd: u32) -> &'static str {
    match control::name(cmd) {
        Some(name) => name,
        None => panic!("a control without a name"),
    }
}
