// SPDX-License-Identifier: GPL-2.0

//! Properties of calls.

use core::time::Duration;

/// Calls that can be in progress at the same time; the driver's own limit.
pub(crate) const CALLS_MAX: usize = 64;

/// Longest payload in bytes; the driver's own limit. GSP-RM's limit is not known; the parameters of
/// its controls are at most a third of this.
pub(crate) const PAYLOAD_LIMIT: usize = 1 << 20;

/// Number of a submitted call, with which its reply is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(pub(crate) u64);

/// Kind of a call: how it is sent and answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallKind {
    /// The call is sent and answered.
    Request,
    /// The call is sent and not answered.
    Notice,
    /// The call is not sent; it waits for an event of GSP-RM.
    Event,
    /// The call is sent and answered; any answer shows that GSP-RM is alive.
    Ping,
}

/// Header of a function's payload, before the parameters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// Bytes of the header.
    pub size: usize,
    /// Offset of the header's NV_STATUS, which GSP-RM writes in addition to that of the message.
    pub status: Option<usize>,
}

/// Description of a call without its payload.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CallInfo {
    /// Name, for errors.
    pub(crate) name: &'static str,
    pub(crate) kind: CallKind,
    pub(crate) function: u32,
    /// Number of the control, or zero.
    pub(crate) cmd: u32,
    /// Header of the payload.
    pub(crate) header: Header,
    /// Time-out. A call that takes longer fails, and GSP-RM is pinged; a ping that takes longer
    /// means that the GSP is lost.
    pub(crate) limit: Duration,
}

#[cfg(any(test, fuzzing))]
impl CallInfo {
    /// Description of a call with a time-out of 5 s.
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
