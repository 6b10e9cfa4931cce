// SPDX-License-Identifier: MIT

//! The ioctls of a DRM device that tests need.

use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};

use nix::errno::Errno;
use nix::libc;

/// `DRM_IOW(number, T)`.
pub(crate) const fn iow<T>(number: u32) -> u32 {
    1 << 30 | (size_of::<T>() as u32) << 16 | (b'd' as u32) << 8 | number
}

/// `DRM_IOWR(number, T)`.
pub(crate) const fn iowr<T>(number: u32) -> u32 {
    3 << 30 | iow::<T>(number)
}

/// `DRM_COMMAND_BASE`: the number of a driver's first command.
pub(crate) const COMMAND_BASE: u32 = 0x40;

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
const VERSION: u32 = iowr::<RawVersion>(0);

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
const GEM_CLOSE: u32 = iow::<RawGemClose>(9);

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

/// Source: `struct drm_gem_flink`, `include/uapi/drm/drm.h`.
#[repr(C)]
struct RawGemFlink {
    handle: u32,
    name: u32,
}

/// `DRM_IOCTL_GEM_FLINK`: DRM_IOWR(0x0a, struct drm_gem_flink).
const GEM_FLINK: u32 = iowr::<RawGemFlink>(0x0a);

/// Gives a GEM object a name that all clients can open; returns it.
///
/// # Errors
///
/// The kernel's error.
pub fn gem_flink(file: &File, handle: u32) -> Result<u32, Errno> {
    let mut argument = RawGemFlink { handle, name: 0 };
    // SAFETY: There is no pointer in the argument.
    unsafe { ioctl(file, GEM_FLINK, &mut argument)? };
    Ok(argument.name)
}

/// Source: `struct drm_gem_open`, `include/uapi/drm/drm.h`.
#[repr(C)]
struct RawGemOpen {
    name: u32,
    handle: u32,
    size: u64,
}

/// `DRM_IOCTL_GEM_OPEN`: DRM_IOWR(0x0b, struct drm_gem_open).
const GEM_OPEN: u32 = iowr::<RawGemOpen>(0x0b);

/// Opens the GEM object of a name; returns its handle.
///
/// # Errors
///
/// The kernel's error; `ENOENT` if there is no such name.
pub fn gem_open(file: &File, name: u32) -> Result<u32, Errno> {
    let mut argument = RawGemOpen {
        name,
        handle: 0,
        size: 0,
    };
    // SAFETY: There is no pointer in the argument.
    unsafe { ioctl(file, GEM_OPEN, &mut argument)? };
    Ok(argument.handle)
}

/// Source: `struct drm_get_cap`, `include/uapi/drm/drm.h`.
#[repr(C)]
struct RawGetCap {
    capability: u64,
    value: u64,
}

/// `DRM_IOCTL_GET_CAP`: DRM_IOWR(0x0c, struct drm_get_cap).
const GET_CAP: u32 = iowr::<RawGetCap>(0x0c);

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

/// Source: `struct drm_prime_handle`, `include/uapi/drm/drm.h`.
#[repr(C)]
struct RawPrimeHandle {
    handle: u32,
    flags: u32,
    fd: i32,
}

/// `DRM_IOCTL_PRIME_HANDLE_TO_FD`: DRM_IOWR(0x2d, struct drm_prime_handle).
const PRIME_HANDLE_TO_FD: u32 = iowr::<RawPrimeHandle>(0x2d);

/// `DRM_IOCTL_PRIME_FD_TO_HANDLE`: DRM_IOWR(0x2e, struct drm_prime_handle).
const PRIME_FD_TO_HANDLE: u32 = iowr::<RawPrimeHandle>(0x2e);

/// Exports a GEM object as a dma-buf that can be mapped for writing.
///
/// # Errors
///
/// The kernel's error.
pub fn export(file: &File, handle: u32) -> Result<OwnedFd, Errno> {
    let mut argument = RawPrimeHandle {
        handle,
        flags: (libc::O_CLOEXEC | libc::O_RDWR) as u32,
        fd: -1,
    };
    // SAFETY: There is no pointer in the argument.
    unsafe { ioctl(file, PRIME_HANDLE_TO_FD, &mut argument)? };
    // SAFETY: The kernel has opened this descriptor for the caller.
    Ok(unsafe { OwnedFd::from_raw_fd(argument.fd) })
}

/// Imports a dma-buf; returns the handle of its GEM object.
///
/// # Errors
///
/// The kernel's error.
pub fn import(file: &File, buffer: impl AsFd) -> Result<u32, Errno> {
    let mut argument = RawPrimeHandle {
        handle: 0,
        flags: 0,
        fd: buffer.as_fd().as_raw_fd(),
    };
    // SAFETY: There is no pointer in the argument.
    unsafe { ioctl(file, PRIME_FD_TO_HANDLE, &mut argument)? };
    Ok(argument.handle)
}

/// Source: `struct drm_mode_create_dumb`, `include/uapi/drm/drm_mode.h`.
#[repr(C)]
#[derive(Default)]
struct RawCreateDumb {
    height: u32,
    width: u32,
    bpp: u32,
    flags: u32,
    handle: u32,
    pitch: u32,
    size: u64,
}

/// `DRM_IOCTL_MODE_CREATE_DUMB`: DRM_IOWR(0xb2, struct drm_mode_create_dumb).
const CREATE_DUMB: u32 = iowr::<RawCreateDumb>(0xb2);

/// Creates a dumb buffer of that many bytes; returns the handle of its GEM object.
///
/// # Errors
///
/// The kernel's error; `ENOSYS` if the driver has no dumb buffers.
pub fn create_dumb(file: &File, size: u32) -> Result<u32, Errno> {
    let mut argument = RawCreateDumb {
        height: 1,
        width: size,
        bpp: 8,
        ..RawCreateDumb::default()
    };
    // SAFETY: There is no pointer in the argument.
    unsafe { ioctl(file, CREATE_DUMB, &mut argument)? };
    Ok(argument.handle)
}

/// Source: `struct drm_mode_map_dumb`, `include/uapi/drm/drm_mode.h`.
#[repr(C)]
struct RawMapDumb {
    handle: u32,
    pad: u32,
    offset: u64,
}

/// `DRM_IOCTL_MODE_MAP_DUMB`: DRM_IOWR(0xb3, struct drm_mode_map_dumb).
const MAP_DUMB: u32 = iowr::<RawMapDumb>(0xb3);

/// The offset at which a dumb buffer can be mapped from the device's file.
///
/// # Errors
///
/// The kernel's error.
pub fn map_dumb(file: &File, handle: u32) -> Result<u64, Errno> {
    let mut argument = RawMapDumb {
        handle,
        pad: 0,
        offset: 0,
    };
    // SAFETY: There is no pointer in the argument.
    unsafe { ioctl(file, MAP_DUMB, &mut argument)? };
    Ok(argument.offset)
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
    let number = 3 << 30 | (size as u32) << 16 | (b'd' as u32) << 8 | (COMMAND_BASE + command);
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
pub(crate) unsafe fn ioctl<T>(file: impl AsFd, number: u32, argument: &mut T) -> Result<(), Errno> {
    assert_eq!(
        (number >> 16 & 0x3fff) as usize,
        size_of::<T>(),
        "ioctl {number:#x}"
    );
    // SAFETY: The kernel reads and writes as many bytes as `number` says, which is the size of
    // `argument`; for pointers in it, the caller guarantees this function's safety requirement.
    let result = unsafe {
        libc::ioctl(
            file.as_fd().as_raw_fd(),
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
    fn numbers_have_direction_size_and_command() {
        assert_eq!(VERSION, 0xc040_6400);
        assert_eq!(GEM_CLOSE, 0x4008_6409);
        assert_eq!(GEM_FLINK, 0xc008_640a);
        assert_eq!(GEM_OPEN, 0xc010_640b);
        assert_eq!(PRIME_HANDLE_TO_FD, 0xc00c_642d);
        assert_eq!(CREATE_DUMB, 0xc020_64b2);
        assert_eq!(MAP_DUMB, 0xc010_64b3);
    }
}
