// SPDX-License-Identifier: GPL-2.0

//! What can go wrong with the VBIOS and with FWSEC.

use core::fmt;

use crate::error_kind::ErrorKind;
use crate::falcon::error::FalconError;
use crate::platform::memory::MemoryError;

/// The VBIOS cannot be used.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum VbiosError {
    /// It is not what it should be.
    Malformed(nova_firmware::Error),
    /// There is no memory for it.
    Memory(MemoryError),
    /// FWSEC, which is in it, cannot be made ready.
    Falcon(FalconError),
}

impl VbiosError {
    /// The coarse sort.
    pub(crate) fn kind(&self) -> ErrorKind {
        match self {
            Self::Malformed(_) => ErrorKind::Invalid,
            Self::Memory(error) => error.kind(),
            Self::Falcon(error) => error.kind(),
        }
    }
}

impl From<nova_firmware::Error> for VbiosError {
    fn from(e: nova_firmware::Error) -> Self {
        Self::Malformed(e)
    }
}

impl From<MemoryError> for VbiosError {
    fn from(e: MemoryError) -> Self {
        Self::Memory(e)
    }
}

impl From<FalconError> for VbiosError {
    fn from(e: FalconError) -> Self {
        Self::Falcon(e)
    }
}

impl fmt::Display for VbiosError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(e) => write!(f, "VBIOS: {e}"),
            Self::Memory(e) => e.fmt(f),
            Self::Falcon(e) => e.fmt(f),
        }
    }
}
