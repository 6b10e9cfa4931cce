// SPDX-License-Identifier: GPL-2.0

//! Errors of a boot or of an unload: those of the layers below, and the boot's own.

use core::fmt;

use super::layout::NoRoom;
use super::stage::Stage;
use crate::chip::identify::{UnknownChip, CARD_GONE};
use crate::error_kind::ErrorKind;
use crate::falcon::error::FalconError;
use crate::firmware::choice::WrapsFirmware;
use crate::firmware::error::FirmwareError;
use crate::fsp::FspError;
use crate::gsp::payload::ShortPayload;
use crate::gsp::rpc::error::RpcError;
use crate::intr::NoInterrupt;
use crate::mmio::Timeout;
use crate::platform::memory::MemoryError;
use crate::vbios::error::VbiosError;

/// An error of the driver.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// The registers read all ones: the card is gone from the bus.
    CardGone,
    /// The device is a virtual function, which has no firmware of its own.
    VirtualFunction,
    /// The GPU has no GSP, or its chip is unknown to this driver.
    UnknownChip(UnknownChip),
    /// Something did not happen in time.
    Timeout(Timeout),
    /// Memory could not be allocated, or the GPU cannot reach it.
    Memory(MemoryError),
    /// Error of the firmware files.
    Firmware(FirmwareError),
    /// Error of the VBIOS, or of FWSEC in it.
    Vbios(VbiosError),
    /// The frame buffer is too small.
    NoRoom(NoRoom),
    /// Error of a falcon, or of its ucode.
    Falcon(FalconError),
    /// The scrubber ran without completing.
    Unscrubbed {
        /// Progress that the scrubber reports.
        found: u32,
    },
    /// Error of the FSP.
    Fsp(FspError),
    /// WPR2 is at a wrong place, missing, or present where it must not be.
    Wpr2 {
        /// The step after which WPR2 was read.
        after: &'static str,
        /// Expected start; `None` if WPR2 must not be set up.
        expected: Option<u64>,
        /// Start; `None` if WPR2 is not set up.
        found: Option<u64>,
    },
    /// Error of a call of GSP-RM.
    Rpc(RpcError),
    /// GSP-RM's interrupt table has no usable entry for the GSP.
    NoInterrupt(NoInterrupt),
}

impl Error {
    /// The kind of the error.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::CardGone => ErrorKind::NoDevice,
            Self::VirtualFunction | Self::UnknownChip(_) => ErrorKind::Unsupported,
            Self::Timeout(_) => ErrorKind::Timeout,
            Self::Memory(error) => error.kind(),
            Self::Firmware(error) => error.kind(),
            Self::Vbios(error) => error.kind(),
            Self::NoRoom(_) => ErrorKind::Invalid,
            Self::Falcon(error) => error.kind(),
            Self::Unscrubbed { .. } => ErrorKind::Io,
            Self::Fsp(error) => error.kind(),
            Self::Wpr2 { expected, .. } => match expected {
                Some(_) => ErrorKind::Io,
                None => ErrorKind::Busy,
            },
            Self::Rpc(error) => error.kind(),
            Self::NoInterrupt(_) => ErrorKind::Protocol,
        }
    }
}

/// A failed boot or unload: the stage and the error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Failure {
    /// The stage that failed.
    pub stage: Stage,
    /// The error.
    pub error: Error,
}

impl Failure {
    /// The kind of the error.
    pub fn kind(&self) -> ErrorKind {
        self.error.kind()
    }

    /// Whether a boot after a reset of the function may succeed: the cause may have been a transfer that went wrong.
    ///
    /// FMC and FSP report errors that come and go on slow links (open-gpu-kernel-modules issues 974 and 935), and a ROM
    /// may be read wrongly.
    pub fn may_be_transient(&self) -> bool {
        let is_answer = matches!(self.kind(), ErrorKind::Io | ErrorKind::Protocol);
        match self.stage {
            Stage::ChainOfTrust | Stage::Lockdown => is_answer,
            Stage::Vbios => self.kind() == ErrorKind::Invalid,
            _ => false,
        }
    }
}

impl WrapsFirmware for Error {
    fn firmware(&self) -> Option<&FirmwareError> {
        match self {
            Self::Firmware(error) => Some(error),
            _ => None,
        }
    }
}

/// Converts the errors of the layers below.
macro_rules! wrap {
    ($($variant:ident($error:ty),)*) => {
        $(impl From<$error> for Error {
            fn from(e: $error) -> Self {
                Self::$variant(e.into())
            }
        })*
    };
}

wrap! {
    Timeout(Timeout),
    Memory(MemoryError),
    Firmware(FirmwareError),
    Vbios(VbiosError),
    NoRoom(NoRoom),
    Falcon(FalconError),
    Fsp(FspError),
    Rpc(RpcError),
    Rpc(ShortPayload),
    NoInterrupt(NoInterrupt),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CardGone => f.write_str(CARD_GONE),
            Self::VirtualFunction => f.write_str(
                "PMC_BOOT_1: expected a whole GPU, found a virtual function, which is not supported",
            ),
            Self::UnknownChip(e) => e.fmt(f),
            Self::Timeout(e) => e.fmt(f),
            Self::Memory(e) => e.fmt(f),
            Self::Firmware(e) => e.fmt(f),
            Self::Vbios(e) => e.fmt(f),
            Self::NoRoom(e) => e.fmt(f),
            Self::Falcon(e) => e.fmt(f),
            Self::Unscrubbed { found } => write!(
                f,
                "scrubber: handoff in secure scratch register 15: expected 3, found {found:#x}"
            ),
            Self::Fsp(e) => e.fmt(f),
            Self::Wpr2 {
                after,
                expected,
                found,
            } => write!(
                f,
                "WPR2 after {after}: expected {}, found {}",
                RangeStart(*expected),
                RangeStart(*found)
            ),
            Self::Rpc(e) => e.fmt(f),
            Self::NoInterrupt(e) => e.fmt(f),
        }
    }
}

/// Start of a range, or none.
struct RangeStart(Option<u64>);

impl fmt::Display for RangeStart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(start) => write!(f, "at {start:#x}"),
            None => f.write_str("none"),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.stage, self.error)
    }
}
