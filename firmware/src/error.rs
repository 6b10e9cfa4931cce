// SPDX-License-Identifier: GPL-2.0

//! The one error type: which kind of file, where in it, which field, what was expected.

use core::fmt;

/// Result of parsing.
pub type Result<T> = core::result::Result<T, Error>;

/// What is wrong with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error {
    /// Kind of file that was being read.
    pub format: Format,
    /// Byte offset of the field from the start of the file.
    pub offset: u64,
    /// The field, by its own name.
    pub field: &'static str,
    /// What is wrong with it.
    pub kind: ErrorKind,
}

/// The kinds of file that this crate reads.
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

/// What is wrong with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The field ends behind the end of what holds it.
    Truncated {
        /// Offset in the file at which the field would end.
        end: u64,
        /// Offset in the file at which the holder ends.
        limit: u64,
    },
    /// The field has a value that it must not have.
    Value {
        /// What it should have been.
        expected: Expected,
        /// What it is.
        found: u64,
    },
    /// Something that must be there is not.
    Missing,
    /// A [`vbios::Scan`](crate::vbios::Scan) has not asked for these bytes yet; seen nowhere else.
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
    /// This one, a number.
    Exactly(u64),
    /// This one, a magic or a signature made of characters.
    Magic(&'static str),
    /// One of these.
    OneOf(&'static [u64]),
    /// This one or more.
    AtLeast(u64),
    /// This one or less.
    AtMost(u64),
    /// Multiples of this one.
    MultipleOf(u64),
    /// What the words say.
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
    /// What the file is, in words.
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
