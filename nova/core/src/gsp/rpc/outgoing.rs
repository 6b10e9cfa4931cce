// SPDX-License-Identifier: GPL-2.0

//! Calls that are ready to be submitted: their memory is allocated and their payload written, so
//! that submitting under a lock does not allocate.

use core::time::Duration;

use nova_hw::release::Release;

use super::call::{CallInfo, PAYLOAD_LIMIT};
use super::command::Command;
use super::error::RpcError;
use super::slot::Slot;
use crate::platform::{memory, Scratch};

/// A call that is ready to be submitted.
pub struct Outgoing<P: Scratch>(pub(super) P::Boxed<Slot<P::Bytes>>);

impl<P: Scratch> Outgoing<P> {
    /// The call of a command, for a GSP-RM of this release.
    ///
    /// # Errors
    ///
    /// Failed allocation, or a payload that is too long.
    pub fn new<C: Command>(memory: &P, release: &Release, command: &C) -> Result<Self, RpcError> {
        let write = &mut |payload: &mut [u8]| command.write(release, payload);
        Self::write(memory, CallInfo::of(command), command.size(release), write)
    }

    /// Time-out of the call.
    pub(super) fn limit(&self) -> Duration {
        self.0.call().limit
    }

    /// A call with a payload of `len` bytes, which is zeroed before `write` writes it.
    pub(crate) fn write(
        memory: &P,
        call: CallInfo,
        len: usize,
        write: &mut dyn FnMut(&mut [u8]),
    ) -> Result<Self, RpcError> {
        if len > PAYLOAD_LIMIT {
            return Err(RpcError::CallTooLong { len });
        }
        let buffer = memory::alloc_bytes(memory, "the payload of a call of GSP-RM", len)?;
        let mut slot = memory::boxed(memory, "a call of GSP-RM", Slot::new(call, buffer))?;
        write(slot.payload());
        Ok(Self(slot))
    }
}
