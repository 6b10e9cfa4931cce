// SPDX-License-Identifier: GPL-2.0

//! Replies to calls.

use core::fmt;

use nova_hw::release::Release;

use super::command::Command;
use super::error::RpcError;
use super::slot::Slot;
use crate::gsp::payload::{Payload, ShortPayload};
use crate::platform::Scratch;

/// GSP-RM's reply to a call.
pub struct Reply<P: Scratch> {
    slot: P::Boxed<Slot<P::Bytes>>,
    status: u32,
}

impl<P: Scratch> Reply<P> {
    /// The reply to a completed call; an error if it is too short for its status.
    pub(crate) fn new(slot: P::Boxed<Slot<P::Bytes>>) -> Result<Self, ShortPayload> {
        let status = slot.status()?;
        Ok(Self { slot, status })
    }

    /// NV_STATUS: zero if the call succeeded.
    pub fn status(&self) -> u32 {
        self.status
    }

    /// The parameters of the reply.
    pub fn params(&self) -> &[u8] {
        self.slot.params()
    }

    /// The result of `command`, which this is the reply to.
    ///
    /// # Errors
    ///
    /// GSP-RM refused the command, or its reply is malformed.
    pub fn read<C: Command>(&self, release: &Release, command: &C) -> Result<C::Reply, RpcError> {
        command.read(release, self.good()?)
    }

    /// Whether the call succeeded, for one whose reply says no more.
    ///
    /// # Errors
    ///
    /// GSP-RM refused it.
    pub fn check(&self) -> Result<(), RpcError> {
        self.good().map(drop)
    }

    /// The parameters, if the call succeeded.
    pub(crate) fn good(&self) -> Result<Payload<'_>, RpcError> {
        let rpc = self.slot.name();
        match self.status {
            0 => Ok(Payload {
                message: rpc,
                bytes: self.params(),
            }),
            status => Err(RpcError::Refused { rpc, status }),
        }
    }
}

impl<P: Scratch> fmt::Debug for Reply<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply")
            .field("status", &self.status)
            .field("params", &self.params().len())
            .finish()
    }
}
