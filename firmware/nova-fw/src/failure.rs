// SPDX-License-Identifier: GPL-2.0

//! Failures, each printed as one line.

use std::io;
use std::path::PathBuf;

use nova_firmware::{Error, ErrorKind};

/// A failure of a command.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// A file could not be read.
    #[error("{path}: {source}", path = .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The error.
        source: io::Error,
    },
    /// A file or folder could not be written.
    #[error("cannot write {path}: {source}", path = .path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// The error.
        source: io::Error,
    },
    /// A file is malformed.
    #[error("{path}: {said}", path = .path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What [`said`] says of the parser's error.
        said: String,
    },
    /// A VBIOS lacks what a boot needs. What is in it has been printed.
    #[error("{path}: {missing}", path = .path.display())]
    Incomplete {
        /// The file.
        path: PathBuf,
        /// What is missing, and what that means.
        missing: String,
    },
    /// The format of a file is unknown.
    #[error("{path}: first bytes at 0x0: expected firmware or a VBIOS image, found {found}", path = .path.display())]
    Unrecognised {
        /// The file.
        path: PathBuf,
        /// Its first bytes.
        found: String,
    },
    /// A part is larger than its size field can express.
    #[error("{path}: {tag}: {len} bytes do not fit into its size field", path = .path.display())]
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

/// What a parser's error says of a file of `len` bytes. If the file ends too early, it says so.
pub(crate) fn said(error: &Error, len: u64) -> String {
    let Error {
        format,
        offset,
        field,
        kind,
    } = *error;
    match kind {
        ErrorKind::Truncated { end, limit } if limit == len => format!(
            "{format}: {field} at {offset:#x}: expected {end:#x} bytes, found the end of the file at {limit:#x}"
        ),
        _ => error.to_string(),
    }
}
