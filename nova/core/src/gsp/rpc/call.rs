// SPDX-License-Identifier: GPL-2.0

//! What is said to GSP-RM, and what comes back.

use core::time::Duration;

/// Calls that can be under way at the same time.
pub(crate) const CALLS_MAX: usize = 64;

/// Longest payload in bytes. GSP-RM's own limit is not known; its longest parameters have a
/// fraction of this.
pub(crate) const PAYLOAD_LIMIT: usize = 1 << 20;

/// A call that has been submitted, by which its reply is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(pub(crate) u64);

/// What becomes of a [`Call`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallKind {
    /// It is sent and answered.
    Request,
    /// It is sent, and no more is heard of it.
    Notice,
    /// It is not even sent: GSP-RM says this on its own.
    Event,
    /// It is sent and answered, and whatever the answer is shows that GSP-RM answers.
    Ping,
}

/// What the payload of a function begins with, before its parameters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// Bytes of it.
    pub size: usize,
    /// Where GSP-RM writes NV_STATUS, beside that of the message.
    pub status: Option<usize>,
}

/// What is known of a call beside its payload.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    /// Name, for errors.
    pub(crate) name: &'static str,
    pub(crate) kind: CallKind,
    pub(crate) function: u32,
    /// Which control, or zero.
    pub(crate) cmd: u32,
    /// What the payload begins with.
    pub(crate) header: Header,
    /// GSP-RM is done in less than this. A call that takes longer fails, and GSP-RM is pinged; where it
    /// is a ping that takes longer, the GSP is lost.
    pub(crate) limit: Duration,
}

#[cfg(any(test, fuzzing))]
impl Call {
    /// A call of this function that is answered within a few seconds.
    pub(crate) fn request(name: &'static str, function: u32) -> Self {
        Self {
            name,
            kind: CallKind::Request,
            function,
            cmd: 0,
            header: Header::default(),
            limit: Duration::from_secs(5),
        }
    }
}
