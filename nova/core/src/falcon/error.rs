// SPDX-License-Identifier: GPL-2.0

//! What can go wrong with a falcon.

use core::fmt;

use crate::chip::identify::CARD_GONE;
use crate::error_kind::ErrorKind;
use crate::mmio::Timeout;
use crate::platform::memory::MemoryError;
use crate::platform::OutOfBounds;

/// A falcon, or the ucode for one, is not as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FalconError {
    /// Something did not happen in time.
    Timeout(Timeout),
    /// There is no memory for the ucode, or not all of it lies there.
    Memory(MemoryError),
    /// A ucode says something about itself that cannot be.
    Ucode {
        /// The ucode.
        name: &'static str,
        /// The field.
        field: &'static str,
        /// What it should be.
        expected: &'static str,
        /// Its value.
        found: u32,
    },
    /// A ucode did not run: the boot ROM refuses what is not signed for this chip.
    Refused {
        /// The ucode.
        ucode: &'static str,
    },
    /// A ucode ran and failed.
    Failed {
        /// The ucode.
        ucode: &'static str,
        /// Where it says so.
        register: &'static str,
        /// What it says.
        found: u32,
    },
}

impl FalconError {
    /// The coarse sort.
    pub(crate) fn kind(&self) -> ErrorKind {
        match self {
            Self::Timeout(_) => ErrorKind::Timeout,
            Self::Memory(error) => error.kind(),
            Self::Ucode { .. } => ErrorKind::Invalid,
            Self::Refused { .. } | Self::Failed { .. } => ErrorKind::Io,
        }
    }
}

/// The GSP's RISC-V core does not run any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// The registers read all ones: the card is gone from the bus.
    CardGone,
    /// The core has halted.
    Halted {
        /// Its control register.
        cpuctl: u32,
    },
}

impl Stopped {
    /// The coarse sort.
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
