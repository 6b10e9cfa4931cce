// SPDX-License-Identifier: GPL-2.0

//! Firmware read straight into the caller's buffer, as much of it as fits.
//!
//! `kernel::firmware::request_into_buf` reads whole files only and does not tell how long they are; a
//! caller that sizes its buffer by the head of the file needs the partial variant.

use kernel::bindings;
use kernel::device::Device;
use kernel::error::to_result;
use kernel::prelude::*;

/// Reads as much of the plain (not compressed) firmware file `name` into `buffer` as fits, and returns
/// how many bytes that is.
///
/// # Errors
///
/// `EINVAL` for an empty buffer, `ENOENT` where there is no plain file, else what the firmware loader
/// says.
pub fn read(name: &CStr, device: &Device, buffer: &mut [u8]) -> Result<usize> {
    if buffer.is_empty() {
        // The loader would take the buffer for one of its own and free it.
        return Err(EINVAL);
    }
    let mut firmware: *const bindings::firmware = core::ptr::null();
    // SAFETY: `name` ends with a NUL, the device is valid for as long as it is borrowed, and the loader
    // writes at most `buffer.len()` bytes to the buffer.
    to_result(unsafe {
        bindings::request_partial_firmware_into_buf(
            &mut firmware,
            name.as_char_ptr(),
            core::ptr::from_ref(device).cast_mut().cast(),
            buffer.as_mut_ptr().cast(),
            buffer.len(),
            0,
        )
    })?;
    // SAFETY: The request succeeded, so `firmware` is valid until it is released.
    let size = unsafe { (*firmware).size };
    // SAFETY: As above; the bytes are in `buffer`, which the loader does not own.
    unsafe { bindings::release_firmware(firmware) };
    Ok(size.min(buffer.len()))
}
