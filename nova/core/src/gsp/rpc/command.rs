// SPDX-License-Identifier: GPL-2.0

//! The trait of commands to GSP-RM; the commands are in [`commands`](crate::gsp::commands).

use core::time::Duration;

use nova_hw::abi::function;
use nova_hw::release::Release;

use super::call::{CallInfo, CallKind, Header};
use super::error::RpcError;
use crate::gsp::payload::Payload;

/// A command to GSP-RM.
pub trait Command {
    /// Number of the function (`NV_VGPU_MSG_FUNCTION_*`).
    const FUNCTION: u32;

    /// Name of the function, for errors.
    const NAME: &'static str = name(Self::FUNCTION);

    /// Kind of the call.
    const KIND: CallKind = CallKind::Request;

    /// Header of the payload.
    const HEADER: Header = Header {
        size: 0,
        status: None,
    };

    /// Time-out, counted from the end of earlier calls. It is the driver's own: NVIDIA's driver
    /// waits 4 s, and longer on slow machines.
    const LIMIT: Duration = Duration::from_secs(5);

    /// Result.
    type Reply;

    /// Number of the control, or zero.
    fn cmd(&self) -> u32 {
        0
    }

    /// Bytes of the payload, and maximum bytes of the reply's payload.
    fn size(&self, release: &Release) -> usize;

    /// Writes the payload into `payload`, which is zeroed.
    fn write(&self, release: &Release, payload: &mut [u8]);

    /// Reads the reply to a command that succeeded.
    fn read(&self, release: &Release, reply: Payload<'_>) -> Result<Self::Reply, RpcError>;
}

impl CallInfo {
    /// Description of the call of a command.
    pub(crate) fn of<C: Command>(command: &C) -> Self {
        Self {
            name: C::NAME,
            kind: C::KIND,
            function: C::FUNCTION,
            cmd: command.cmd(),
            header: C::HEADER,
            limit: C::LIMIT,
        }
    }
}

/// The name of a function; fails to compile for one that not all releases have.
const fn name(function: u32) -> &'static str {
    match function::name(function) {
        Some(name) => name,
        None => panic!("a function without a name"),
    }
}
