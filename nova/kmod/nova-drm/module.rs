// SPDX-License-Identifier: GPL-2.0

//! `nova-drm.ko`: registers a primary and a render node for each GPU that nova-core.ko has booted.
//!
//! The user space interface is described in `uapi/nova_drm.h`.

mod driver;
mod gem;
mod gpu;
mod ids;
mod ioctls;
mod limits;
mod not_yet;
mod user;
mod vm;

kernel::module_auxiliary_driver! {
    type: driver::NovaDrmDriver,
    name: "nova-drm",
    authors: ["Nova authors"],
    description: "DRM driver for NVIDIA GPUs from Turing on",
    license: "GPL v2",
}
