// SPDX-License-Identifier: GPL-2.0

//! Why a call of GSP-RM fails.

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

/// A call of GSP-RM failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RpcError {
    /// It has more parameters than any message could carry.
    CallTooLong {
        /// Bytes of its payload.
        len: usize,
    },
    /// As many calls are under way as there can be.
    TooManyCalls,
    /// There is no such call, or nobody waits for it any more.
    NoCall,
    /// There is no memory for it.
    Memory(MemoryError),
    /// GSP-RM refused it.
    Refused {
        /// Its name.
        rpc: &'static str,
        /// NV_STATUS that came back.
        status: u32,
    },
    /// What came back is too short.
    Payload(ShortPayload),
    /// GSP-RM did not answer in time.
    Timeout(Timeout),
    /// The GSP does not run any more.
    Stopped(Stopped),
    /// The message queues.
    Queue(QueueError),
    /// The list of register accesses that GSP-RM wants done.
    Sequencer(SequencerError),
}

impl RpcError {
    /// The coarse sort.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::CallTooLong { .. } | Self::NoCall => ErrorKind::Invalid,
            Self::TooManyCalls => ErrorKind::Busy,
            Self::Memory(error) => error.kind(),
            Self::Refused { .. } => ErrorKind::Io,
            Self::Timeout(_) => ErrorKind::Timeout,
            Self::Stopped(error) => error.kind(),
            Self::Payload(_) | Self::Queue(_) => ErrorKind::Protocol,
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
            Self::Timeout(e) => e.fmt(f),
            Self::Stopped(e) => e.fmt(f),
            Self::Queue(e) => e.fmt(f),
            Self::Sequencer(e) => e.fmt(f),
        }
    }
}
