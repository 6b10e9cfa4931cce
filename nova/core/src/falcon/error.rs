// SPDX-License-Identifier: GPL-2.0

//! Errors of falcons.

use core::fmt;

use crate::chip::identify::CARD_GONE;
use crate::error_kind::ErrorKind;
use crate::mmio::Timeout;
use crate::platform::memory::MemoryError;
use crate::platform::OutOfBounds;

/// Error of a falcon, or of its ucode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FalconError {
    /// Something did not happen in time.
    Timeout(Timeout),
    /// Memory for the ucode could not be allocated or accessed.
    Memory(MemoryError),
    /// A field of the ucode's headers has an invalid value.
    Ucode {
        /// Name of the ucode.
        name: &'static str,
        /// Name of the field.
        field: &'static str,
        /// The expected value.
        expected: &'static str,
        /// Its value.
        found: u32,
    },
    /// A ucode did not run; the boot ROM refuses ucode that is not signed for this chip.
    Refused {
        /// Name of the ucode.
        ucode: &'static str,
    },
    /// A ucode ran and failed.
    Failed {
        /// Name of the ucode.
        ucode: &'static str,
        /// Register with the result.
        register: &'static str,
        /// The result.
        found: u32,
    },
}

impl FalconError {
    /// The kind of the error.
    pub(crate) fn kind(&self) -> ErrorKind {
        match self {
            Self::Timeout(_) => ErrorKind::Timeout,
            Self::Memory(error) => error.kind(),
            Self::Ucode { .. } => ErrorKind::Invalid,
            Self::Refused { .. } | Self::Failed { .. } => ErrorKind::Io,
        }
    }
}

/// The GSP's RISC-V core has stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// The registers read all ones: the card is gone from the bus.
    CardGone,
    /// The core has halted.
    Halted {
        /// Value of its control register.
        cpuctl: u32,
    },
}

impl Stopped {
    /// The kind of the error.
    pub(crate) fn kind(&self) -> ErrorKind {
        match self {
            Self::CardGone => ErrorKind::NoDevice,
            Self::Halted { .. } => ErrorKind::Io,
        }
    }
}

impl From<Timeout> for FalconError {
    fn from(e: Timeout) -> Self {
        Self::Timeout(e)
    }
}

impl From<MemoryError> for FalconError {
    fn from(e: MemoryError) -> Self {
        Self::Memory(e)
    }
}

impl From<OutOfBounds> for FalconError {
    fn from(e: OutOfBounds) -> Self {
        Self::Memory(e.into())
    }
}

impl fmt::Display for FalconError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timeout(e) => e.fmt(f),
            Self::Memory(e) => e.fmt(f),
            Self::Ucode {
                name,
                field,
                expected,
                found,
            } => write!(f, "{name}: {field}: expected {expected}, found {found:#x}"),
            Self::Refused { ucode } => write!(
                f,
                "{ucode}: expected it to run, found its mailboxes untouched \
                 (does the boot ROM refuse its signature?)"
            ),
            Self::Failed {
                ucode,
                register,
                found,
            } => write!(f, "{ucode}: {register}: expected 0, found {found:#x}"),
        }
    }
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CardGone => f.write_str(CARD_GONE),
            Self::Halted { cpuctl } => write!(
                f,
                "RISC-V core of the GSP: expected it to run, found CPUCTL {cpuctl:#010x}"
            ),
        }
    }
}
