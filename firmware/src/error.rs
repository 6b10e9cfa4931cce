// SPDX-License-Identifier: GPL-2.0

//! The error type: the format of the file, the offset, the field, and what was expected.

use core::fmt;

/// Result of parsing.
pub type Result<T> = core::result::Result<T, Error>;

/// An error in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error {
    /// Format of the file.
    pub format: Format,
    /// Byte offset of the field from the start of the file.
    pub offset: u64,
    /// Name of the field.
    pub field: &'static str,
    /// The kind of error.
    pub kind: ErrorKind,
}

/// The formats that this crate reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// `gsp-*.bin`: GSP-RM and its signatures in an ELF container.
    Gsp,
    /// `booter_load-*.bin`, `booter_unload-*.bin`, `scrubber-*.bin`: heavy-secured falcon ucode.
    Booter,
    /// `bootloader-*.bin`: the RISC-V program that starts GSP-RM.
    Bootloader,
    /// `gen_bootloader-*.bin`: the falcon program that loads FWSEC on Turing and GA100.
    GenBootloader,
    /// `fmc-*.bin`: the FSP's firmware with hash, key and signature, in an ELF container.
    Fmc,
    /// `*.tlv`: a component in the tag-length-value packing of Linux 7.3's nova-core.
    Tlv,
    /// The ROM of a GPU.
    Vbios,
}

/// The kinds of errors in a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The field extends beyond the end of its container.
    Truncated {
        /// Offset in the file at which the field would end.
        end: u64,
        /// Offset in the file at which the container ends.
        limit: u64,
    },
    /// The field has a wrong value.
    Value {
        /// The expected value.
        expected: Expected,
        /// The value in the file.
        found: u64,
    },
    /// A required item is missing.
    Missing,
    /// A [`vbios::Scan`](crate::vbios::Scan) has not requested these bytes yet; only scans return
    /// this.
    NotRead {
        /// Offset of the first byte.
        start: u64,
        /// Offset behind the last byte.
        end: u64,
    },
}

/// Values that a field may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Exactly this number.
    Exactly(u64),
    /// Exactly this magic or signature, which consists of characters.
    Magic(&'static str),
    /// One of these numbers.
    OneOf(&'static [u64]),
    /// This number or more.
    AtLeast(u64),
    /// This number or less.
    AtMost(u64),
    /// A multiple of this number.
    MultipleOf(u64),
    /// Values that these words describe.
    Words(&'static str),
}

impl core::error::Error for Error {}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            format,
            offset,
            field,
            kind,
        } = self;
        write!(f, "{format}: {field} at {offset:#x}: {kind}")
    }
}

impl Format {
    /// Description of the format.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Gsp => "GSP firmware",
            Self::Booter => "heavy-secured falcon ucode",
            Self::Bootloader => "GSP bootloader",
            Self::GenBootloader => "generic falcon bootloader",
            Self::Fmc => "FMC firmware",
            Self::Tlv => "NVFW TLV",
            Self::Vbios => "VBIOS",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.describe())
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Truncated { end, limit } => {
                write!(f, "expected {end:#x} bytes, found {limit:#x}")
            }
            Self::Value { expected, found } => {
                write!(f, "expected {expected}, found {found:#x}")
            }
            Self::Missing => f.write_str("missing"),
            Self::NotRead { start, end } => {
                write!(f, "bytes {start:#x} to {end:#x} have not been read")
            }
        }
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Exactly(value) => write!(f, "{value:#x}"),
            Self::Magic(text) => write!(f, "\"{text}\""),
            Self::OneOf(values) => {
                for (index, value) in values.iter().enumerate() {
                    let comma = if index == 0 { "" } else { " or " };
                    write!(f, "{comma}{value:#x}")?;
                }
                Ok(())
            }
            Self::AtLeast(value) => write!(f, "at least {value:#x}"),
            Self::AtMost(value) => write!(f, "at most {value:#x}"),
            Self::MultipleOf(value) => write!(f, "a multiple of {value:#x}"),
            Self::Words(words) => f.write_str(words),
        }
    }
}
