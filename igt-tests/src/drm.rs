// SPDX-License-Identifier: MIT

//! The ioctls of a DRM device that tests need.

use std::fs::File;
use std::os::fd::AsRawFd;

use nix::errno::Errno;
use nix::libc;

/// The driver of a device. Source: `struct drm_version`, `include/uapi/drm/drm.h`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// Major, minor and patch level.
    pub numbers: [i32; 3],
    /// The driver's name.
    pub name: String,
}

/// Longest driver name that is read, in bytes.
const MAX_NAME: usize = 64;

#[repr(C)]
#[derive(Debug)]
struct RawVersion {
    numbers: [i32; 3],
    name_len: usize,
    name: *mut u8,
    date_len: usize,
    date: *mut u8,
    desc_len: usize,
    desc: *mut u8,
}

/// `DRM_IOCTL_VERSION`: DRM_IOWR(0x00, struct drm_version).
const VERSION: u32 = 3 << 30 | (size_of::<RawVersion>() as u32) << 16 | (b'd' as u32) << 8;

/// Asks for the driver of the device.
///
/// # Errors
///
/// The kernel's error; `ENOTTY` if the file is no DRM device.
pub fn version(file: &File) -> Result<Version, Errno> {
    let mut name = [0; MAX_NAME];
    let mut raw = RawVersion {
        numbers: [0; 3],
        name_len: name.len(),
        name: name.as_mut_ptr(),
        date_len: 0,
        date: std::ptr::null_mut(),
        desc_len: 0,
        desc: std::ptr::null_mut(),
    };
    // SAFETY: The kernel writes at most `name_len` bytes to `name`, which lives through the call,
    // and nothing to the others, whose lengths are zero.
    unsafe { ioctl(file, VERSION, &mut raw)? };
    let name = &name[..raw.name_len.min(MAX_NAME)];
    Ok(Version {
        numbers: raw.numbers,
        name: String::from_utf8_lossy(name).into_owned(),
    })
}

/// Source: `struct drm_gem_close`, `include/uapi/drm/drm.h`.
#[repr(C)]
struct RawGemClose {
    handle: u32,
    pad: u32,
}

/// `DRM_IOCTL_GEM_CLOSE`: DRM_IOW(0x09, struct drm_gem_close).
const GEM_CLOSE: u32 = 1 << 30 | (size_of::<RawGemClose>() as u32) << 16 | (b'd' as u32) << 8 | 9;

/// Closes the handle of a GEM object.
///
/// # Errors
///
/// The kernel's error; `EINVAL` if there is no such handle.
pub fn gem_close(file: &File, handle: u32) -> Result<(), Errno> {
    let mut argument = RawGemClose { handle, pad: 0 };
    // SAFETY: There is no pointer in the argument.
    unsafe { ioctl(file, GEM_CLOSE, &mut argument) }
}

/// Source: `struct drm_get_cap`, `include/uapi/drm/drm.h`.
#[repr(C)]
struct RawGetCap {
    capability: u64,
    value: u64,
}

/// `DRM_IOCTL_GET_CAP`: DRM_IOWR(0x0c, struct drm_get_cap).
const GET_CAP: u32 = 3 << 30 | (size_of::<RawGetCap>() as u32) << 16 | (b'd' as u32) << 8 | 0x0c;

/// `DRM_CAP_SYNCOBJ`.
const CAP_SYNCOBJ: u64 = 0x13;

/// Whether the device has sync objects.
pub fn has_syncobjs(file: &File) -> bool {
    let mut argument = RawGetCap {
        capability: CAP_SYNCOBJ,
        value: 0,
    };
    // SAFETY: There is no pointer in the argument.
    let asked = unsafe { ioctl(file, GET_CAP, &mut argument) };
    asked.is_ok() && argument.value != 0
}

/// Calls driver command `command` with an argument of `size` zero bytes, whose pointers are null.
///
/// # Errors
///
/// The kernel's error.
///
/// # Panics
///
/// If `size` does not fit into an ioctl number, or `command` is not a driver's.
pub fn command_with_zeros(file: &File, command: u32, size: usize) -> Result<(), Errno> {
    let mut argument = vec![0_u64; size.div_ceil(8)];
    assert!(
        size < 1 << 14 && command < 0x60,
        "command {command:#x} with {size} bytes"
    );
    let number = 3 << 30 | (size as u32) << 16 | (b'd' as u32) << 8 | (0x40 + command);
    // SAFETY: The kernel reads and writes `size` bytes, as `number` says, and `argument` has them;
    // pointers in it are null.
    let result = unsafe {
        libc::ioctl(
            file.as_raw_fd(),
            libc::c_ulong::from(number),
            argument.as_mut_ptr(),
        )
    };
    Errno::result(result).map(drop)
}

/// Calls ioctl `number` with `argument`.
///
/// # Panics
///
/// If the size in `number` is not that of `argument`.
///
/// # Safety
///
/// If the kernel writes through a pointer in `argument`, that must be to memory that the program
/// expects to change, or to an unmapped address.
pub(crate) unsafe fn ioctl<T>(file: &File, number: u32, argument: &mut T) -> Result<(), Errno> {
    assert_eq!(
        (number >> 16 & 0x3fff) as usize,
        size_of::<T>(),
        "ioctl {number:#x}"
    );
    // SAFETY: The kernel reads and writes as many bytes as `number` says, which is the size of
    // `argument`; for pointers in it, the caller guarantees this function's safety requirement.
    let result = unsafe {
        libc::ioctl(
            file.as_raw_fd(),
            libc::c_ulong::from(number),
            std::ptr::from_mut(argument),
        )
    };
    Errno::result(result).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ioctl_on_another_file_is_enotty() {
        let file = File::open("/dev/null").unwrap();
        assert_eq!(version(&file), Err(Errno::ENOTTY));
    }

    #[test]
    fn the_number_of_the_version_ioctl() {
        assert_eq!(VERSION, 0xc040_6400);
    }
}
