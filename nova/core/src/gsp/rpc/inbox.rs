// SPDX-License-Identifier: GPL-2.0

//! The buffer into which one message is received. A list of register accesses occupies the buffer
//! until it has been run, so no message after it is received before.

use core::mem;

use crate::gsp::queue::Received;

/// The buffer for one message.
pub(crate) enum Inbox<B> {
    /// Ready for the next message; the previous one has been handled.
    Open(B),
    /// Occupied by a list.
    HoldsList(ListMessage<B>),
    /// Empty, since the list and the buffer have been taken.
    ListTaken,
}

/// A list of register accesses that GSP-RM waits for: the message GSP_RUN_CPU_SEQUENCER.
pub(crate) struct ListMessage<B> {
    bytes: B,
    message: Received,
}

impl<B: AsRef<[u8]>> ListMessage<B> {
    /// The message's payload.
    pub(crate) fn payload(&self) -> &[u8] {
        self.message.payload(self.bytes.as_ref())
    }
}

impl<B> Inbox<B> {
    /// An inbox with the buffer `bytes`.
    pub(super) fn new(bytes: B) -> Self {
        Self::Open(bytes)
    }

    /// Whether a message can be received.
    pub(super) fn is_open(&self) -> bool {
        matches!(self, Self::Open(_))
    }

    /// Whether a list is pending that has not been taken.
    pub(super) fn has_list(&self) -> bool {
        matches!(self, Self::HoldsList(_))
    }

    /// The buffer, with the last message until the next one is received.
    pub(super) fn buffer(&mut self) -> Option<&mut B> {
        match self {
            Self::Open(bytes) => Some(bytes),
            Self::HoldsList(_) | Self::ListTaken => None,
        }
    }

    /// Marks the last received message as a list.
    pub(super) fn keep_list(&mut self, message: Received) {
        *self = match mem::replace(self, Self::ListTaken) {
            Self::Open(bytes) => Self::HoldsList(ListMessage { bytes, message }),
            other => other,
        };
    }

    /// Takes the list and the buffer.
    pub(super) fn take_list(&mut self) -> Option<ListMessage<B>> {
        match mem::replace(self, Self::ListTaken) {
            Self::HoldsList(list) => Some(list),
            other => {
                *self = other;
                None
            }
        }
    }

    /// Takes back a list that has been run, and with it the buffer.
    pub(super) fn put_back(&mut self, list: ListMessage<B>) {
        debug_assert!(matches!(self, Self::ListTaken), "no list was taken");
        *self = Self::Open(list.bytes);
    }
}
