// SPDX-License-Identifier: GPL-2.0

//! Error numbers for errors of the portable driver.

use kernel::prelude::*;
use nova_core::ErrorKind;

/// The kind of errors with this number.
pub(crate) fn kind(error: Error) -> ErrorKind {
    match error {
        ENOSPC => ErrorKind::NoSpace,
        ENOMEM => ErrorKind::NoMemory,
        ETIMEDOUT => ErrorKind::Timeout,
        _ => ErrorKind::Io,
    }
}

/// The error number for an error of this kind.
pub(crate) fn errno(kind: ErrorKind) -> Error {
    match kind {
        ErrorKind::NoDevice | ErrorKind::Unsupported => ENODEV,
        ErrorKind::NotFound => ENOENT,
        ErrorKind::Invalid => EINVAL,
        ErrorKind::NoMemory => ENOMEM,
        ErrorKind::NoSpace => ENOSPC,
        ErrorKind::Timeout => ETIMEDOUT,
        ErrorKind::Protocol => EPROTO,
        ErrorKind::Busy => EBUSY,
        ErrorKind::Io => EIO,
    }
}
