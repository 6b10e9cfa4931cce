// SPDX-License-Identifier: GPL-2.0

//! Arrays and text in user space.

use kernel::prelude::*;
use kernel::uaccess::{UserPtr, UserSlice, UserSliceReader, UserSliceWriter};
use nova_uapi::{Element, Elements, Errno, GemSetLabel, ReadError, Refused};

/// The error of a call whose argument is refused.
pub(crate) fn error(refused: Refused) -> Error {
    match refused.errno {
        Errno::Invalid => EINVAL,
        Errno::TooBig => E2BIG,
        Errno::Unsupported => EOPNOTSUPP,
    }
}

struct Reader(UserSliceReader);

impl nova_uapi::Reader for Reader {
    type Error = Error;

    fn read(&mut self, bytes: &mut [u8]) -> Result {
        self.0.read_slice(bytes)
    }
}

/// Memory of user space. What is read there is read once, so that what was checked cannot change.
fn at(pointer: u64, bytes: u64) -> Result<UserSlice> {
    let pointer = UserPtr::from_addr(usize::try_from(pointer)?);
    Ok(UserSlice::new(pointer, usize::try_from(bytes)?))
}

/// Reads and checks the elements of an array.
///
/// # Errors
///
/// `EFAULT` if they cannot be read, `E2BIG` if one has members that are unknown and not zero, `ENOMEM`, and what an
/// element's check refuses.
pub(crate) fn read<T: Element>(elements: &Elements<T>) -> Result<KVVec<T>> {
    let count = usize::try_from(elements.count())?;
    let mut read = KVVec::with_capacity(count, GFP_KERNEL_ACCOUNT)?;
    let mut reader = Reader(at(elements.pointer(), elements.bytes())?.reader());
    for _ in 0..count {
        let element = elements.read(&mut reader).map_err(|why| match why {
            ReadError::Reader(unreadable) => unreadable,
            ReadError::Refused(refused) => error(refused),
        })?;
        read.push(element, GFP_KERNEL_ACCOUNT)?;
    }
    Ok(read)
}

/// Room for elements in user space.
pub(crate) struct Writer(UserSliceWriter);

impl nova_uapi::Writer for Writer {
    type Error = Error;

    fn write(&mut self, bytes: &[u8]) -> Result {
        self.0.write_slice(bytes)
    }
}

/// What writes the elements of an array.
pub(crate) fn writer<T: Element>(elements: &Elements<T>) -> Result<Writer> {
    Ok(Writer(at(elements.pointer(), elements.bytes())?.writer()))
}

/// Reads and checks the label of an object.
///
/// # Errors
///
/// `EFAULT` if it cannot be read, `EINVAL` if it is no text with a NUL at its end, `ENOMEM`.
pub(crate) fn read_label(argument: &GemSetLabel) -> Result<KVec<u8>> {
    let mut label = KVec::new();
    at(argument.label, argument.size.into())?.read_all(&mut label, GFP_KERNEL_ACCOUNT)?;
    GemSetLabel::check_label(&label).map_err(error)?;
    Ok(label)
}
