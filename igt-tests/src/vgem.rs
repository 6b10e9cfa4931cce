// SPDX-License-Identifier: MIT

//! vgem: a DRM device without hardware, whose buffers are system memory. It takes and gives
//! dma-bufs, and has fences that a program signals.

use std::fs::File;
use std::os::fd::OwnedFd;

use crate::device::{self, DrmDevice};
use crate::dma_buf::{self, Access};
use crate::drm::{self, iow, iowr};
use crate::memory::Mapped;
use crate::module::Module;
use crate::syncobj::SyncFile;
use crate::{wait_for, HANG};

/// Opens vgem's primary node, and loads the module if necessary; skips if the kernel has none.
///
/// # Panics
///
/// If its node cannot be opened.
pub fn require() -> File {
    let vgem = || DrmDevice::of_driver("vgem").filter(|vgem| vgem.primary.exists());
    // The debug kernel has it built in.
    if vgem().is_none() {
        if let Err(error) = Module::new("vgem").load() {
            crate::skip!("{error}");
        }
    }
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

/// A buffer of vgem; the drop closes its handle.
#[derive(Debug)]
pub struct Buffer<'a> {
    vgem: &'a File,
    handle: u32,
    size: u32,
}

impl<'a> Buffer<'a> {
    /// A buffer of so many bytes.
    ///
    /// # Panics
    ///
    /// If vgem refuses it.
    pub fn new(vgem: &'a File, size: u32) -> Self {
        let handle = drm::create_dumb(vgem, size).expect("vgem has buffers");
        Self { vgem, handle, size }
    }

    /// Exports it.
    ///
    /// # Panics
    ///
    /// If vgem refuses.
    pub fn export(&self) -> OwnedFd {
        drm::export(self.vgem, self.handle).expect("vgem exports buffers")
    }

    /// Maps it.
    ///
    /// # Panics
    ///
    /// If vgem refuses.
    pub fn map(&self) -> Mapped {
        let offset = drm::map_dumb(self.vgem, self.handle).expect("vgem has offsets");
        Mapped::new(self.vgem, offset, self.size as usize).expect("vgem maps buffers")
    }

    /// A fence of an access to it, which is not signaled.
    ///
    /// # Panics
    ///
    /// If vgem refuses it, as it does while another access has to be waited for.
    pub fn fence(&self, access: Access) -> Fence<'a> {
        let mut attach = RawAttach {
            handle: self.handle,
            flags: match access {
                Access::Read => 0,
                Access::Write => FENCE_WRITE,
            },
            out_fence: 0,
            pad: 0,
        };
        // SAFETY: There is no pointer in the argument.
        let attached = unsafe { drm::ioctl(self.vgem, ATTACH, &mut attach) };
        assert_eq!(attached, Ok(()), "a fence of vgem");
        // Who writes waits for those who read and write.
        let file = dma_buf::export_sync_file(self.export(), Access::Write);
        Fence {
            vgem: self.vgem,
            number: attach.out_fence,
            file: file.expect("the fence of a buffer"),
        }
    }
}

impl Drop for Buffer<'_> {
    fn drop(&mut self) {
        // It fails if the test has closed it.
        let _ = drm::gem_close(self.vgem, self.handle);
    }
}

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
        // The fence stays without its buffer.
        Buffer::new(vgem, 4096).fence(Access::Write)
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
    }
}
