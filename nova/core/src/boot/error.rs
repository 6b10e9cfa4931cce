// SPDX-License-Identifier: GPL-2.0

//! What stopped a boot or an unload: an error of one of the layers below, or the boot's own.

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

/// What stopped the driver.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// The registers read all ones: the card is gone from the bus.
    CardGone,
    /// A GPU that has no GSP, or a chip that this driver does not know.
    UnknownChip(UnknownChip),
    /// Something did not happen in time.
    Timeout(Timeout),
    /// There is no memory, or not such as it has to be.
    Memory(MemoryError),
    /// The firmware files.
    Firmware(FirmwareError),
    /// The VBIOS, or FWSEC in it.
    Vbios(VbiosError),
    /// The frame buffer is too small.
    NoRoom(NoRoom),
    /// A falcon, or a ucode for one.
    Falcon(FalconError),
    /// The scrubber ran and says that it is not through.
    Unscrubbed {
        /// What it says.
        found: u32,
    },
    /// The FSP.
    Fsp(FspError),
    /// WPR2 is not as it should be.
    Wpr2 {
        /// When.
        after: &'static str,
        /// Where it should start; `None` if it should not be there.
        expected: Option<u64>,
        /// Where it starts; `None` if it is not there.
        found: Option<u64>,
    },
    /// A call of GSP-RM.
    Rpc(RpcError),
    /// GSP-RM's interrupt table has no usable entry for the GSP.
    NoInterrupt(NoInterrupt),
}

impl Error {
    /// The coarse sort.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::CardGone => ErrorKind::NoDevice,
            Self::UnknownChip(_) => ErrorKind::Unsupported,
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

/// The end of an attempt: where it stopped and why.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Failure {
    /// The stage that failed.
    pub stage: Stage,
    /// Why.
    pub error: Error,
}

impl Failure {
    /// The coarse sort of the error.
    pub fn kind(&self) -> ErrorKind {
        self.error.kind()
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

/// Wraps the errors of the layers below.
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

/// Where a range starts, which may not be there.
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
