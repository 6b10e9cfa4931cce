// SPDX-License-Identifier: GPL-2.0

//! Errors of the VBIOS and of FWSEC.

use core::fmt;

use crate::error_kind::ErrorKind;
use crate::falcon::error::FalconError;
use crate::platform::memory::MemoryError;

/// Error of the VBIOS.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum VbiosError {
    /// The VBIOS is malformed.
    Malformed(nova_firmware::Error),
    /// Memory for the VBIOS could not be allocated.
    Memory(MemoryError),
    /// FWSEC could not be prepared.
    Falcon(FalconError),
}

impl VbiosError {
    /// The kind of the error.
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
            Self::Malformed(e) => e.fmt(f),
            Self::Memory(e) => e.fmt(f),
            Self::Falcon(e) => e.fmt(f),
        }
    }
}
