// SPDX-License-Identifier: MIT

//! vgem: a DRM device without hardware, whose buffers are system memory. It takes and gives
//! dma-bufs, and has fences that a program signals.

use std::fs::File;
use std::os::fd::{FromRawFd, OwnedFd};

use crate::device::{self, DrmDevice};
use crate::drm::{self, iow, iowr};
use crate::module::Module;
use crate::syncobj::SyncFile;
use crate::{wait_for, HANG};

/// Opens vgem's primary node, and loads the module if necessary; skips if the kernel has none.
///
/// # Panics
///
/// If its node cannot be opened.
pub fn require() -> File {
    if let Err(error) = Module::new("vgem").load() {
        crate::skip!("{error}");
    }
    let vgem = || DrmDevice::of_driver("vgem").filter(|vgem| vgem.primary.exists());
    wait_for(HANG, "vgem's node", || vgem().is_some());
    let node = vgem().map(|vgem| vgem.primary).unwrap_or_default();
    device::open(&node).unwrap_or_else(|error| panic!("{}: {error}", node.display()))
}

/// `DRM_VGEM_FENCE_ATTACH`'s `struct drm_vgem_fence_attach`, `include/uapi/drm/vgem_drm.h`.
#[repr(C)]
struct RawAttach {
    handle: u32,
    flags: u32,
    out_fence: u32,
    pad: u32,
}

const ATTACH: u32 = iowr::<RawAttach>(drm::COMMAND_BASE + 1);

/// `VGEM_FENCE_WRITE`.
const FENCE_WRITE: u32 = 1;

/// `struct drm_vgem_fence_signal`.
#[repr(C)]
struct RawSignal {
    fence: u32,
    flags: u32,
}

const SIGNAL: u32 = iow::<RawSignal>(drm::COMMAND_BASE + 2);

/// `struct dma_buf_export_sync_file`, `include/uapi/linux/dma-buf.h`.
#[repr(C)]
struct RawExport {
    flags: u32,
    fd: i32,
}

/// `DMA_BUF_IOCTL_EXPORT_SYNC_FILE`: _IOWR('b', 2, struct dma_buf_export_sync_file).
const EXPORT_SYNC_FILE: u32 =
    3 << 30 | (size_of::<RawExport>() as u32) << 16 | (b'b' as u32) << 8 | 2;

/// `DMA_BUF_SYNC_RW`.
const SYNC_RW: u32 = 3;

/// A fence of vgem, which the test signals, or vgem itself after ten seconds (`VGEM_FENCE_TIMEOUT` in
/// `drivers/gpu/drm/vgem/vgem_fence.c`).
#[derive(Debug)]
pub struct Fence<'a> {
    vgem: &'a File,
    number: u32,
    /// The fence.
    pub file: SyncFile,
}

impl<'a> Fence<'a> {
    /// A fence that is not signaled.
    ///
    /// # Panics
    ///
    /// If vgem refuses it.
    pub fn new(vgem: &'a File) -> Self {
        let handle = drm::create_dumb(vgem, 4096).expect("vgem has buffers");
        let mut attach = RawAttach {
            handle,
            flags: FENCE_WRITE,
            out_fence: 0,
            pad: 0,
        };
        // SAFETY: There is no pointer in the argument.
        let attached = unsafe { drm::ioctl(vgem, ATTACH, &mut attach) };
        assert_eq!(attached, Ok(()), "a fence of vgem");
        let buffer = drm::export(vgem, handle).expect("vgem exports buffers");
        let mut export = RawExport {
            flags: SYNC_RW,
            fd: -1,
        };
        // SAFETY: As above.
        let exported = unsafe { drm::ioctl(&buffer, EXPORT_SYNC_FILE, &mut export) };
        assert_eq!(exported, Ok(()), "the fence of a buffer");
        // SAFETY: The kernel has opened this descriptor for the caller.
        let file = SyncFile::from(unsafe { OwnedFd::from_raw_fd(export.fd) });
        // The fence stays without its buffer.
        let _ = drm::gem_close(vgem, handle);
        Self {
            vgem,
            number: attach.out_fence,
            file,
        }
    }

    /// Signals it.
    ///
    /// # Panics
    ///
    /// If vgem has done so already.
    pub fn signal(&self) {
        let mut argument = RawSignal {
            fence: self.number,
            flags: 0,
        };
        // SAFETY: There is no pointer in the argument.
        let result = unsafe { drm::ioctl(self.vgem, SIGNAL, &mut argument) };
        assert_eq!(result, Ok(()), "fence {} of vgem", self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_kernel() {
        assert_eq!(ATTACH, 0xc010_6441);
        assert_eq!(SIGNAL, 0x4008_6442);
        assert_eq!(EXPORT_SYNC_FILE, 0xc008_6202);
    }
}
