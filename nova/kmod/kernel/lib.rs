// SPDX-License-Identifier: GPL-2.0

//! What the kernel's own `kernel` crate lacks, or keeps from modules, in that crate's style: each file says what it stands in
//! for, and goes away with it. Nothing here knows of GPUs.
//!
//! The crate is linked into nova-core.ko, and both modules use it. Nova-core must not need drm.ko, so everything in [`drm`] is
//! generic over the driver, and its code comes to be in nova-drm.ko.

pub mod drm;
pub mod partial_firmware;
pub mod pci;
pub mod ratelimit;
pub mod sync;
