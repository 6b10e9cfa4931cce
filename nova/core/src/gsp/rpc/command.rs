// SPDX-License-Identifier: GPL-2.0

//! What a command to GSP-RM is; all there are stand in [`commands`](crate::gsp::commands).

use core::time::Duration;

use nova_hw::abi::function;
use nova_hw::release::Release;

use super::call::{Call, CallKind, Header};
use super::error::RpcError;
use crate::gsp::payload::Payload;

/// A command to GSP-RM.
pub trait Command {
    /// Which function it is (`NV_VGPU_MSG_FUNCTION_*`).
    const FUNCTION: u32;

    /// Name of that, for errors.
    const NAME: &'static str = name(Self::FUNCTION);

    /// What becomes of it.
    const KIND: CallKind = CallKind::Request;

    /// What its payload begins with.
    const HEADER: Header = Header {
        size: 0,
        status: None,
    };

    /// GSP-RM is done in less than this, once it is through with those before. The limit is the driver's
    /// own: NVIDIA's waits 4 s, and longer on slow machines.
    const LIMIT: Duration = Duration::from_secs(5);

    /// What comes of it.
    type Reply;

    /// Which control, or zero.
    fn cmd(&self) -> u32 {
        0
    }

    /// Bytes of its payload, and of the reply's at most.
    fn size(&self, release: &Release) -> usize;

    /// Writes the payload into so many zeros.
    fn write(&self, release: &Release, payload: &mut [u8]);

    /// Reads the reply of a command that succeeded.
    fn read(&self, release: &Release, reply: Payload<'_>) -> Result<Self::Reply, RpcError>;
}

impl Call {
    /// What is known of a command beside its payload.
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

/// The name of a function that all releases have; does not compile for another one.
const fn name(function: u32) -> &'static str {
    match function::name(function) {
        Some(name) => name,
        None => panic!("a function without a name"),
    }
}
