// SPDX-License-Identifier: GPL-2.0

//! DRM drivers. `kernel::drm` is missing where DRM is a module, as in distributions; upstream's `kernel::drm` built as a module
//! will replace all of it.

pub mod debug;
mod debugfs;
pub mod device;
pub mod exec;
pub mod fdinfo;
pub mod fence;
pub mod gem;
pub mod gpuvm;
pub mod ioctl;
pub(crate) mod shim;
pub mod syncobj;
