// SPDX-License-Identifier: GPL-2.0

//! Where messages of the GSP are received: room for one. A list of register accesses keeps that room
//! until it has been run, which is why nothing behind it is received before.

use core::mem;

use crate::gsp::queue::Received;

/// Room for one message.
pub(crate) enum Inbox<B> {
    /// For the next message; what is in it has been handled.
    Open(B),
    /// A list lies in it.
    Holds(List<B>),
    /// Somebody has taken the list to run it.
    Away,
}

/// A list of register accesses that GSP-RM waits for: the message GSP_RUN_CPU_SEQUENCER.
pub(crate) struct List<B> {
    bytes: B,
    message: Received,
}

impl<B: AsRef<[u8]>> List<B> {
    /// The message's payload.
    pub(crate) fn payload(&self) -> &[u8] {
        self.message.payload(self.bytes.as_ref())
    }
}

impl<B> Inbox<B> {
    /// Room in `bytes`.
    pub(super) fn new(bytes: B) -> Self {
        Self::Open(bytes)
    }

    /// Whether a message can be received.
    pub(super) fn is_open(&self) -> bool {
        matches!(self, Self::Open(_))
    }

    /// Whether there is a list that nobody has taken.
    pub(super) fn has_list(&self) -> bool {
        matches!(self, Self::Holds(_))
    }

    /// Where to receive the next message, and where the last one is.
    pub(super) fn buffer(&mut self) -> Option<&mut B> {
        match self {
            Self::Open(bytes) => Some(bytes),
            Self::Holds(_) | Self::Away => None,
        }
    }

    /// The message that was received last is a list.
    pub(super) fn keep_list(&mut self, message: Received) {
        *self = match mem::replace(self, Self::Away) {
            Self::Open(bytes) => Self::Holds(List { bytes, message }),
            other => other,
        };
    }

    /// Takes the list.
    pub(super) fn take_list(&mut self) -> Option<List<B>> {
        match mem::replace(self, Self::Away) {
            Self::Holds(list) => Some(list),
            other => {
                *self = other;
                None
            }
        }
    }

    /// Takes a list back that has been run, and with it the room for the next message.
    pub(super) fn put_back(&mut self, list: List<B>) {
        debug_assert!(matches!(self, Self::Away), "nobody has taken a list");
        *self = Self::Open(list.bytes);
    }
}
