// SPDX-License-Identifier: GPL-2.0

//! What can go wrong, in one line each.

use std::io;
use std::path::PathBuf;

/// Why a command could not do its work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// A file could not be read.
    #[error("{path}: {source}", path = .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file or folder could not be written.
    #[error("cannot write {path}: {source}", path = .path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is not what it should be.
    #[error("{path}: {source}", path = .path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        source: nova_firmware::Error,
    },
    /// A file starts like no format that is known.
    #[error("{path}: first bytes at 0x0: expected firmware or a VBIOS image, found {found}", path = .path.display())]
    Unrecognised {
        /// The file.
        path: PathBuf,
        /// Its first bytes.
        found: String,
    },
    /// A file is of another release than its name says.
    #[error("{path}: .fwversion: expected {expected}, found {found}", path = .path.display())]
    Release {
        /// The file.
        path: PathBuf,
        /// The release asked for.
        expected: String,
        /// The release in the file.
        found: String,
    },
    /// A part is too large for the field that says how large it is.
    #[error("{path}: {tag}: {len} bytes are more than its field can say", path = .path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The field.
        tag: &'static str,
        /// Length of the part.
        len: usize,
    },
    /// The report could not be printed.
    #[error("cannot print: {0}")]
    Print(io::Error),
}
