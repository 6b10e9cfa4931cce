// SPDX-License-Identifier: GPL-2.0

//! Errors of the windows onto VRAM, and of the memory that the driver uses through them.

use core::fmt;

use crate::error_kind::ErrorKind;
use crate::mmio::Timeout;
use crate::platform::memory::MemoryError;
use crate::platform::OutOfVram;

/// Why memory cannot be had, or cannot be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WindowError {
    /// There is no VRAM.
    Vram(OutOfVram),
    /// Memory of the machine ran out.
    Memory(MemoryError),
    /// Both windows are full, or the driver's own limit is reached.
    Full,
    /// A piece of this size is not cut from a chunk.
    TooLarge {
        /// Bytes asked for.
        size: u64,
    },
    /// An address does not fit into a page table, or the window in BAR0 does not reach it.
    Unreachable {
        /// Address in VRAM.
        address: u64,
        /// Bits that the address may have.
        bits: u32,
    },
    /// BAR2 does not show the tables that GSP-RM was told of.
    NotShown {
        /// The word that was written.
        expected: u64,
        /// The word that BAR2 has.
        found: u64,
    },
    /// The TLBs could not be invalidated. From then on all calls fail with this.
    Timeout(Timeout),
}

impl WindowError {
    /// The kind of the error.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Vram(_) | Self::Full => ErrorKind::NoSpace,
            Self::Memory(error) => error.kind(),
            Self::TooLarge { .. } | Self::Unreachable { .. } => ErrorKind::Invalid,
            Self::NotShown { .. } => ErrorKind::Io,
            Self::Timeout(_) => ErrorKind::Timeout,
        }
    }
}

impl From<MemoryError> for WindowError {
    fn from(e: MemoryError) -> Self {
        match e {
            MemoryError::NoVram(e) => Self::Vram(e),
            e => Self::Memory(e),
        }
    }
}

impl From<Timeout> for WindowError {
    fn from(e: Timeout) -> Self {
        Self::Timeout(e)
    }
}

impl fmt::Display for WindowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Vram(e) => e.fmt(f),
            Self::Memory(e) => e.fmt(f),
            Self::Full => f.write_str("no room in the windows onto VRAM"),
            Self::TooLarge { size } => {
                write!(f, "expected a small piece of VRAM, found {size:#x} bytes")
            }
            Self::Unreachable { address, bits } => write!(
                f,
                "expected an address in VRAM of {bits} bits, found {address:#x}"
            ),
            Self::NotShown { expected, found } => write!(
                f,
                "BAR2: expected a page table with {expected:#x}, found {found:#x}"
            ),
            Self::Timeout(e) => e.fmt(f),
        }
    }
}
