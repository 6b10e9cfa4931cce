// SPDX-License-Identifier: MIT

//! vgem: a DRM device without hardware, whose buffers are system memory. It takes and gives
//! dma-bufs.

use std::fs::File;

use crate::device::{self, DrmDevice};
use crate::module::Module;
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
