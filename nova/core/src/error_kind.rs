// SPDX-License-Identifier: GPL-2.0

//! What sort of error, for adapters that have to return a number.

/// A coarse sort of error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// No such device, or it is gone (`ENODEV`).
    NoDevice,
    /// A device that this driver does not support (`ENODEV`).
    Unsupported,
    /// A firmware file is missing (`ENOENT`).
    NotFound,
    /// A firmware file or the VBIOS is malformed (`EINVAL`).
    Invalid,
    /// No memory (`ENOMEM`).
    NoMemory,
    /// Something did not happen in time (`ETIMEDOUT`).
    Timeout,
    /// The GSP said something that cannot be understood (`EPROTO`).
    Protocol,
    /// The GPU is in a state that only a reset ends (`EBUSY`).
    Busy,
    /// The GPU or its firmware refused (`EIO`).
    Io,
}
