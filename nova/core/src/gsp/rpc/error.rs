// SPDX-License-Identifier: GPL-2.0

//! Errors of calls of GSP-RM.

use core::fmt;

use nova_hw::abi::status;

use super::call::{CALLS_MAX, PAYLOAD_LIMIT};
use crate::error_kind::ErrorKind;
use crate::falcon::error::Stopped;
use crate::gsp::payload::ShortPayload;
use crate::gsp::queue::QueueError;
use crate::gsp::sequencer::SequencerError;
use crate::mmio::Timeout;
use crate::platform::memory::MemoryError;

/// Error of a call of GSP-RM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RpcError {
    /// The payload exceeds the driver's limit.
    CallTooLong {
        /// Bytes of the payload.
        len: usize,
    },
    /// The maximum number of calls is in progress.
    TooManyCalls,
    /// The call does not exist, or was cancelled or taken.
    NoCall,
    /// Memory allocation failed.
    Memory(MemoryError),
    /// GSP-RM refused the call.
    Refused {
        /// Name of the call.
        rpc: &'static str,
        /// NV_STATUS of the reply.
        status: u32,
    },
    /// The reply is too short.
    Payload(ShortPayload),
    /// The reply contradicts itself, or what hardware can be.
    Reply {
        /// What it says.
        what: &'static str,
        /// What it should be at most.
        expected: u32,
        /// What was found.
        found: u32,
    },
    /// GSP-RM did not answer in time.
    Timeout(Timeout),
    /// The GSP's processor has stopped.
    Stopped(Stopped),
    /// Error of the message queues.
    Queue(QueueError),
    /// Error in a list of register accesses that GSP-RM requests.
    Sequencer(SequencerError),
}

impl RpcError {
    /// The kind of the error.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::CallTooLong { .. } | Self::NoCall => ErrorKind::Invalid,
            Self::TooManyCalls => ErrorKind::Busy,
            Self::Memory(error) => error.kind(),
            // GSP-RM has no memory, or nothing else of what the call asks for, left.
            Self::Refused {
                status: status::NV_ERR_NO_MEMORY | status::NV_ERR_INSUFFICIENT_RESOURCES,
                ..
            } => ErrorKind::NoSpace,
            Self::Refused { .. } => ErrorKind::Io,
            Self::Timeout(_) => ErrorKind::Timeout,
            Self::Stopped(error) => error.kind(),
            Self::Payload(_) | Self::Reply { .. } | Self::Queue(_) => ErrorKind::Protocol,
            Self::Sequencer(error) => error.kind(),
        }
    }
}

impl From<MemoryError> for RpcError {
    fn from(e: MemoryError) -> Self {
        Self::Memory(e)
    }
}

impl From<ShortPayload> for RpcError {
    fn from(e: ShortPayload) -> Self {
        Self::Payload(e)
    }
}

impl From<Stopped> for RpcError {
    fn from(e: Stopped) -> Self {
        Self::Stopped(e)
    }
}

impl From<QueueError> for RpcError {
    fn from(e: QueueError) -> Self {
        Self::Queue(e)
    }
}

impl From<SequencerError> for RpcError {
    fn from(e: SequencerError) -> Self {
        Self::Sequencer(e)
    }
}

impl fmt::Display for RpcError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CallTooLong { len } => write!(
                f,
                "call of GSP-RM: expected at most {PAYLOAD_LIMIT:#x} bytes, found {len:#x}"
            ),
            Self::TooManyCalls => {
                write!(f, "calls of GSP-RM: all {CALLS_MAX} are under way")
            }
            Self::NoCall => f.write_str("calls of GSP-RM: expected one under way, found none"),
            Self::Memory(e) => e.fmt(f),
            Self::Refused { rpc, status } => {
                write!(f, "{rpc}: expected status 0, found {status:#x}")?;
                match status::name(*status) {
                    Some(name) => write!(f, " ({name})"),
                    None => Ok(()),
                }
            }
            Self::Payload(e) => e.fmt(f),
            Self::Reply {
                what,
                expected,
                found,
            } => write!(
                f,
                "{what}: expected at most {expected:#x}, found {found:#x}"
            ),
            Self::Timeout(e) => e.fmt(f),
            Self::Stopped(e) => e.fmt(f),
            Self::Queue(e) => e.fmt(f),
            Self::Sequencer(e) => e.fmt(f),
        }
    }
}
