// SPDX-License-Identifier: GPL-2.0

//! Kinds of errors, from which adapters choose an error number.

/// Kind of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The device does not exist or is gone (`ENODEV`).
    NoDevice,
    /// This driver does not support the device (`ENODEV`).
    Unsupported,
    /// A firmware file is missing (`ENOENT`).
    NotFound,
    /// A firmware file or the VBIOS is malformed (`EINVAL`).
    Invalid,
    /// Memory allocation failed (`ENOMEM`).
    NoMemory,
    /// There is no VRAM left, or no room in a window onto it (`ENOSPC`).
    NoSpace,
    /// A time-out (`ETIMEDOUT`).
    Timeout,
    /// A malformed message of the GSP (`EPROTO`).
    Protocol,
    /// The GPU has to be reset first (`EBUSY`).
    Busy,
    /// The GPU or its firmware reported an error (`EIO`).
    Io,
}
