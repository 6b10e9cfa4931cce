// SPDX-License-Identifier: GPL-2.0

//! Reads as much of a firmware file as fits into the caller's buffer.
//!
//! `kernel::firmware::request_into_buf` reads only whole files and does not return their length. A
//! caller that learns the length from the file's header needs `request_partial_firmware_into_buf()`.

use kernel::bindings;
use kernel::device::Device;
use kernel::error::to_result;
use kernel::prelude::*;

/// Reads as much of the uncompressed firmware file `name` into `buffer` as fits, and returns the
/// number of bytes.
///
/// # Errors
///
/// `EINVAL` if the buffer is empty, `ENOENT` if there is no uncompressed file, and the errors of the
/// firmware loader.
pub fn read(name: &CStr, device: &Device, buffer: &mut [u8]) -> Result<usize> {
    if buffer.is_empty() {
        // With a size of zero, the loader takes the buffer for its own allocation and frees it.
        return Err(EINVAL);
    }
    let mut firmware: *const bindings::firmware = core::ptr::null();
    // SAFETY: `name` ends with a NUL, `device` is a valid device while it is borrowed, and the loader
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
    // SAFETY: As above. The loader does not free `buffer`, since the caller provided it.
    unsafe { bindings::release_firmware(firmware) };
    Ok(size.min(buffer.len()))
}
