// SPDX-License-Identifier: GPL-2.0

//! Received payloads, read field by field, since messages are large, kernel stacks are small, and
//! buffers may be unaligned.

use core::fmt;

use nova_hw::field::Field;
use zerocopy::FromBytes;

/// The payload of a message.
#[derive(Clone, Copy)]
pub struct Payload<'b> {
    /// Name of the message, for errors.
    pub(crate) message: &'static str,
    /// The bytes.
    pub(crate) bytes: &'b [u8],
}

impl<'b> Payload<'b> {
    /// The field of type `T` at byte `offset`.
    pub(crate) fn field<T: FromBytes>(&self, offset: usize) -> Result<T, ShortPayload> {
        let field = self.bytes.get(offset..).unwrap_or_default();
        match T::read_from_prefix(field) {
            Ok((field, _)) => Ok(field),
            Err(_) => Err(ShortPayload {
                message: self.message,
                expected: offset.saturating_add(size_of::<T>()),
                found: self.bytes.len(),
            }),
        }
    }

    /// Checks that the payload has at least `expected` bytes.
    pub(crate) fn expect(&self, expected: usize) -> Result<(), ShortPayload> {
        match self.bytes.len() {
            found if found < expected => Err(ShortPayload {
                message: self.message,
                expected,
                found,
            }),
            _ => Ok(()),
        }
    }

    /// The field at the offset of a release.
    pub(crate) fn at<T: FromBytes>(&self, field: Field<T>) -> Result<T, ShortPayload> {
        self.field(field.offset())
    }
}

/// Error for a payload that is too short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShortPayload {
    /// Name of the RPC or event.
    pub message: &'static str,
    /// Bytes that it should have.
    pub expected: usize,
    /// Bytes that it has.
    pub found: usize,
}

impl fmt::Display for ShortPayload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            message,
            expected,
            found,
        } = self;
        write!(
            f,
            "{message}: payload: expected at least {expected:#x} bytes, found {found:#x}"
        )
    }
}
