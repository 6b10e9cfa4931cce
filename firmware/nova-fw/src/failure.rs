// SPDX-License-Identifier: GPL-2.0

//! Failures, each printed as one line.

use std::io;
use std::path::PathBuf;

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
    #[error("{path}: {source}", path = .path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The parser's error.
        source: nova_firmware::Error,
    },
    /// The format of a file is unknown.
    #[error("{path}: first bytes at 0x0: expected firmware or a VBIOS image, found {found}", path = .path.display())]
    Unrecognised {
        /// The file.
        path: PathBuf,
        /// Its first bytes.
        found: String,
    },
    /// A file is not of the release in its name.
    #[error("{path}: .fwversion: expected {expected}, found {found}", path = .path.display())]
    Release {
        /// The file.
        path: PathBuf,
        /// The requested release.
        expected: String,
        /// The release in the file.
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
