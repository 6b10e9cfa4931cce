// SPDX-License-Identifier: GPL-2.0

//! What can go wrong with firmware files.

use core::fmt;

use nova_hw::chipset::Chipset;

use super::names::{File, ImageFile};
use crate::error_kind::ErrorKind;
use crate::platform::memory::MemoryError;
use crate::platform::{LoadError, OutOfBounds};
use crate::text::Text;

/// The firmware cannot be used.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum FirmwareError {
    /// A file could not be loaded.
    Load {
        /// The file.
        file: File,
        /// Why.
        error: LoadError,
    },
    /// A file is not what it should be.
    Malformed {
        /// The file.
        file: File,
        /// What is wrong.
        error: nova_firmware::Error,
    },
    /// There is no such release for this chip.
    NoRelease {
        /// The chip.
        chipset: Chipset,
        /// The branches that there are.
        expected: Text<32>,
        /// The branch that was asked for.
        branch: u32,
    },
    /// The GSP's firmware image could not be loaded from the file that another one names.
    LoadImage {
        /// The file.
        file: ImageFile,
        /// Why.
        error: LoadError,
    },
    /// That file is not as long as the other one says.
    ImageLen {
        /// The file.
        file: ImageFile,
        /// Bytes that it should have.
        expected: usize,
        /// Bytes that it has.
        found: usize,
    },
    /// A file is of another release than the one asked for.
    Release {
        /// The file.
        file: File,
        /// The release that it holds.
        found: Text<32>,
    },
    /// The GSP's firmware image cannot be mapped as it must be.
    Image(ImageError),
    /// There is no memory for it.
    Memory(MemoryError),
}

/// What is wrong with the mapping of the GSP's firmware image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageError {
    /// More pages than three levels of tables reach, or none.
    PageCount {
        /// Pages of the image.
        pages: usize,
    },
    /// A page has no bus address.
    PageAddress {
        /// The page.
        page: usize,
    },
}

impl FirmwareError {
    /// The coarse sort.
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
