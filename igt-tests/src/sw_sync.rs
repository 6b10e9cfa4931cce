// SPDX-License-Identifier: MIT

//! sw_sync: timelines whose fences end when a program says so, or never. Those of vgem end by themselves after some seconds.
//! Only kernels for tests have sw_sync (`CONFIG_SW_SYNC`), as a fence without an end breaks a rule of the kernel.
//!
//! Source: `drivers/dma-buf/sw_sync.c` of Linux.

use std::fs::File;
use std::io::ErrorKind;
use std::os::fd::{FromRawFd, OwnedFd};
use std::path::Path;

use crate::drm::ioctl;
use crate::syncobj::SyncFile;
use crate::{device, sysfs};

/// `struct sw_sync_create_fence_data`.
#[repr(C)]
struct RawCreateFence {
    value: u32,
    name: [u8; 32],
    fence: i32,
}

/// `SW_SYNC_IOC_CREATE_FENCE`: _IOWR('W', 0, struct sw_sync_create_fence_data).
const CREATE_FENCE: u32 = 3 << 30 | (size_of::<RawCreateFence>() as u32) << 16 | (b'W' as u32) << 8;

/// `SW_SYNC_IOC_INC`: _IOW('W', 1, __u32).
const INC: u32 = 1 << 30 | (size_of::<u32>() as u32) << 16 | (b'W' as u32) << 8 | 1;

/// A counter, and the fences that end when it has their value. Those that have not ended when it is closed by all processes
/// end with `ENOENT` then.
#[derive(Debug)]
pub struct Timeline(File);

impl Timeline {
    /// A timeline at zero; skips if the kernel has none.
    ///
    /// # Panics
    ///
    /// If it cannot be opened.
    pub fn require() -> Self {
        // Each file is another timeline.
        let path = Path::new(sysfs::DEBUGFS).join("sync/sw_sync");
        match device::open(&path) {
            Ok(file) => Self(file),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                crate::skip!("The kernel has no sw_sync (CONFIG_SW_SYNC).")
            }
            Err(error) => panic!("{}: {error}", path.display()),
        }
    }

    /// A fence that ends when the counter has this value.
    ///
    /// # Panics
    ///
    /// If the kernel refuses it.
    pub fn fence(&self, value: u32) -> SyncFile {
        let mut argument = RawCreateFence {
            value,
            name: [0; 32],
            fence: -1,
        };
        // SAFETY: There is no pointer in the argument.
        let made = unsafe { ioctl(&self.0, CREATE_FENCE, &mut argument) };
        assert_eq!(made, Ok(()), "a fence of sw_sync");
        // SAFETY: The kernel has opened this descriptor for the caller.
        SyncFile::from(unsafe { OwnedFd::from_raw_fd(argument.fence) })
    }

    /// Adds to the counter.
    ///
    /// # Panics
    ///
    /// If the kernel refuses it.
    pub fn advance(&self, by: u32) {
        // SAFETY: There is no pointer in the argument.
        let advanced = unsafe { ioctl(&self.0, INC, &mut { by }) };
        assert_eq!(advanced, Ok(()), "a timeline of sw_sync");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_kernel() {
        assert_eq!(CREATE_FENCE, 0xc028_5700);
        assert_eq!(INC, 0x4004_5701);
    }
}
