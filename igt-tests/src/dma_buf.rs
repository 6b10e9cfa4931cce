// SPDX-License-Identifier: MIT

//! dma-bufs: memory that drivers give each other, and the fences of its implicit synchronization.
//!
//! Source of the structures: `include/uapi/linux/dma-buf.h` and `udmabuf.h`.

use std::ffi::CStr;
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{fcntl, FcntlArg, SealFlag};
use nix::libc;
use nix::poll::{poll, PollFd, PollFlags, PollTimeout};
use nix::sys::memfd::{memfd_create, MFdFlags};
use nix::unistd::ftruncate;

use crate::drm::ioctl;
use crate::syncobj::SyncFile;
use crate::{device, skip};

/// `struct dma_buf_export_sync_file`, and `struct dma_buf_import_sync_file`.
#[repr(C)]
struct RawSyncFile {
    flags: u32,
    fd: i32,
}

/// `DMA_BUF_IOCTL_EXPORT_SYNC_FILE`: _IOWR('b', 2, struct dma_buf_export_sync_file).
const EXPORT_SYNC_FILE: u32 =
    3 << 30 | (size_of::<RawSyncFile>() as u32) << 16 | (b'b' as u32) << 8 | 2;

/// `DMA_BUF_IOCTL_IMPORT_SYNC_FILE`: _IOW('b', 3, struct dma_buf_import_sync_file).
const IMPORT_SYNC_FILE: u32 =
    1 << 30 | (size_of::<RawSyncFile>() as u32) << 16 | (b'b' as u32) << 8 | 3;

/// What the holder of a dma-buf is about to do, or has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// `DMA_BUF_SYNC_READ`.
    Read,
    /// `DMA_BUF_SYNC_WRITE`.
    Write,
}

impl Access {
    fn flags(self) -> u32 {
        match self {
            Self::Read => 1,
            Self::Write => 2,
        }
    }
}

/// The fences that such an access has to wait for, as one.
///
/// # Errors
///
/// The kernel's error.
pub fn export_sync_file(buffer: impl AsFd, access: Access) -> Result<SyncFile, Errno> {
    let mut argument = RawSyncFile {
        flags: access.flags(),
        fd: -1,
    };
    // SAFETY: There is no pointer in the argument.
    unsafe { ioctl(buffer, EXPORT_SYNC_FILE, &mut argument)? };
    // SAFETY: The kernel has opened this descriptor for the caller.
    Ok(SyncFile::from(unsafe { OwnedFd::from_raw_fd(argument.fd) }))
}

/// Adds the fence of such an access, for others to wait for.
///
/// # Errors
///
/// The kernel's error.
pub fn import_sync_file(buffer: impl AsFd, access: Access, fence: &SyncFile) -> Result<(), Errno> {
    let mut argument = RawSyncFile {
        flags: access.flags(),
        fd: fence.as_fd().as_raw_fd(),
    };
    // SAFETY: There is no pointer in the argument.
    unsafe { ioctl(buffer, IMPORT_SYNC_FILE, &mut argument) }
}

/// Whether `poll()` finds the dma-buf ready for such an access at once.
///
/// # Panics
///
/// If it cannot be polled.
pub fn is_ready(buffer: impl AsFd, access: Access) -> bool {
    let events = match access {
        Access::Read => PollFlags::POLLIN,
        Access::Write => PollFlags::POLLOUT,
    };
    let mut polled = [PollFd::new(buffer.as_fd(), events)];
    let ready = poll(&mut polled, PollTimeout::ZERO).expect("a dma-buf can be polled");
    ready == 1 && polled[0].revents() == Some(events)
}

/// `struct udmabuf_create`.
#[repr(C)]
struct RawCreate {
    memfd: u32,
    flags: u32,
    offset: u64,
    size: u64,
}

/// `UDMABUF_CREATE`: _IOW('u', 0x42, struct udmabuf_create).
const CREATE: u32 = 1 << 30 | (size_of::<RawCreate>() as u32) << 16 | (b'u' as u32) << 8 | 0x42;

/// `UDMABUF_FLAGS_CLOEXEC`.
const CLOEXEC: u32 = 1 << 0;

/// A dma-buf of the pages of a memory file, and that file; skips if the kernel makes none.
///
/// # Panics
///
/// If it refuses.
pub fn of_memory(name: &CStr, size: u64) -> (OwnedFd, File) {
    const DEVICE: &str = "/dev/udmabuf";
    let Ok(device) = device::open(DEVICE.as_ref()) else {
        skip!("There is no {DEVICE}.");
    };
    let memory = memfd_create(name, MFdFlags::MFD_ALLOW_SEALING).expect("memory files");
    ftruncate(&memory, size as i64).expect("memory");
    fcntl(&memory, FcntlArg::F_ADD_SEALS(SealFlag::F_SEAL_SHRINK)).expect("a seal");
    let argument = RawCreate {
        memfd: memory.as_raw_fd() as u32,
        flags: CLOEXEC,
        offset: 0,
        size,
    };
    // The ioctl returns the descriptor.
    // SAFETY: The kernel reads the argument, which has no pointer.
    let made = unsafe { libc::ioctl(device.as_raw_fd(), CREATE.into(), &raw const argument) };
    let made = Errno::result(made).unwrap_or_else(|error| panic!("{DEVICE}: {error}"));
    // SAFETY: The kernel has opened this descriptor for the caller.
    (unsafe { OwnedFd::from_raw_fd(made) }, File::from(memory))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_kernel() {
        assert_eq!(EXPORT_SYNC_FILE, 0xc008_6202);
        assert_eq!(IMPORT_SYNC_FILE, 0x4008_6203);
        assert_eq!(CREATE, 0x4018_7542);
    }
}
