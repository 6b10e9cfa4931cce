// SPDX-License-Identifier: GPL-2.0

//! What comes back of a call.

use core::fmt;

use nova_hw::release::Release;

use super::command::Command;
use super::error::RpcError;
use super::slot::Slot;
use crate::gsp::payload::{Payload, ShortPayload};
use crate::platform::Scratch;

/// What GSP-RM answered.
pub struct Reply<P: Scratch> {
    slot: P::Boxed<Slot<P::Bytes>>,
    status: u32,
}

impl<P: Scratch> Reply<P> {
    /// The reply to a call that is complete; an error where it is too short to have a status.
    pub(crate) fn new(slot: P::Boxed<Slot<P::Bytes>>) -> Result<Self, ShortPayload> {
        let status = slot.status()?;
        Ok(Self { slot, status })
    }

    /// NV_STATUS: zero where the call succeeded.
    pub fn status(&self) -> u32 {
        self.status
    }

    /// What the parameters have become.
    pub fn params(&self) -> &[u8] {
        self.slot.params()
    }

    /// The result of `command`, whose reply this is.
    ///
    /// # Errors
    ///
    /// GSP-RM has refused the command, or its reply makes no sense.
    pub fn read<C: Command>(&self, release: &Release, command: &C) -> Result<C::Reply, RpcError> {
        command.read(release, self.good()?)
    }

    /// The parameters of a call that succeeded.
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
