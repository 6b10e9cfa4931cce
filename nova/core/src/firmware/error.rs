// SPDX-License-Identifier: GPL-2.0

//! Errors of firmware files.

use core::fmt;

use nova_hw::chipset::Chipset;

use super::names::{File, ImageFile};
use crate::error_kind::ErrorKind;
use crate::platform::memory::MemoryError;
use crate::platform::{LoadError, OutOfBounds};
use crate::text::Text;

/// An error of the firmware.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum FirmwareError {
    /// A file could not be loaded.
    Load {
        /// The file.
        file: File,
        /// The error.
        error: LoadError,
    },
    /// A file is malformed.
    Malformed {
        /// The file.
        file: File,
        /// The parser's error.
        error: nova_firmware::Error,
    },
    /// The branch has no release for the chip.
    NoRelease {
        /// The chip.
        chipset: Chipset,
        /// The branches with releases for the chip.
        expected: Text<32>,
        /// The requested branch.
        branch: u32,
    },
    /// The GSP's firmware image, which a TLV file names, could not be loaded.
    LoadImage {
        /// The file.
        file: ImageFile,
        /// The error.
        error: LoadError,
    },
    /// The GSP's firmware image does not have the length in the TLV file.
    ImageLen {
        /// The file.
        file: ImageFile,
        /// Expected length in bytes.
        expected: usize,
        /// Length in bytes.
        found: usize,
    },
    /// A file is not of the requested release.
    Release {
        /// The file.
        file: File,
        /// The release of the file.
        found: Text<32>,
    },
    /// The GSP's firmware image cannot be mapped for the GPU.
    Image(ImageError),
    /// Memory could not be allocated.
    Memory(MemoryError),
}

/// Error of the mapping of the GSP's firmware image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageError {
    /// The image has no pages, or more than the radix3 tables can hold.
    PageCount {
        /// Pages of the image.
        pages: usize,
    },
    /// A page has no bus address.
    PageAddress {
        /// Index of the page.
        page: usize,
    },
}

impl FirmwareError {
    /// The kind of the error.
    pub(crate) fn kind(&self) -> ErrorKind {
        match self {
            Self::Load { error, .. } | Self::LoadImage { error, .. } => match error {
                LoadError::NotFound => ErrorKind::NotFound,
                LoadError::OutOfMemory => ErrorKind::NoMemory,
                LoadError::Os(_) => ErrorKind::Io,
            },
            Self::Memory(error) => error.kind(),
            Self::Malformed { .. }
            | Self::NoRelease { .. }
            | Self::ImageLen { .. }
            | Self::Release { .. }
            | Self::Image(_) => ErrorKind::Invalid,
        }
    }
}

impl From<ImageError> for FirmwareError {
    fn from(e: ImageError) -> Self {
        Self::Image(e)
    }
}

impl From<MemoryError> for FirmwareError {
    fn from(e: MemoryError) -> Self {
        Self::Memory(e)
    }
}

impl From<OutOfBounds> for FirmwareError {
    fn from(e: OutOfBounds) -> Self {
        Self::Memory(e.into())
    }
}

impl fmt::Display for FirmwareError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Load { file, error } => write!(f, "{file}: {error}"),
            Self::Malformed { file, error } => write!(f, "{file}: {error}"),
            Self::NoRelease {
                chipset,
                expected,
                branch,
            } => write!(
                f,
                "firmware release: expected {expected} for {}, found {branch}",
                chipset.name()
            ),
            Self::LoadImage { file, error } => write!(f, "{file}: {error}"),
            Self::ImageLen {
                file,
                expected,
                found,
            } => write!(f, "{file}: expected {expected:#x} bytes, found {found:#x}"),
            Self::Release { file, found } => {
                let expected = file.set.release.name;
                write!(f, "{file}: release: expected {expected}, found {found}")
            }
            Self::Image(e) => e.fmt(f),
            Self::Memory(e) => e.fmt(f),
        }
    }
}

impl fmt::Display for ImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PageCount { pages } => write!(
                f,
                "firmware image: expected 1 to 512 * 512 * 512 pages, found {pages}"
            ),
            Self::PageAddress { page } => {
                write!(f, "firmware image: page {page} has no bus address")
            }
        }
    }
}
