// SPDX-License-Identifier: GPL-2.0

//! What comes back of a call.

use core::fmt;

use nova_hw::abi::RmControl;

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
    /// The reply to a call that is complete; an error where a control that succeeded as a call does
    /// not say what came of it.
    pub(crate) fn new(slot: P::Boxed<Slot<P::Bytes>>) -> Result<Self, ShortPayload> {
        let status = match slot.result() {
            0 if slot.is_control() => slot.message().field::<RmControl>(0)?.status,
            result => result,
        };
        Ok(Self { slot, status })
    }

    /// NV_STATUS: zero where the call succeeded.
    pub fn status(&self) -> u32 {
        self.status
    }

    /// What the parameters have become.
    pub fn params(&self) -> &[u8] {
        let message = self.slot.message();
        match self.slot.is_control() {
            true => message.after::<RmControl>().bytes,
            false => message.bytes,
        }
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
