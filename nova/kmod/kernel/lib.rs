// SPDX-License-Identifier: GPL-2.0

//! Abstractions that Linux's `kernel` crate lacks or does not export to modules, in that crate's
//! style. Each file says what is missing, and is removed when upstream has it. Not here: knowledge
//! of GPUs.
//!
//! The crate is linked into nova-core.ko, and both modules use it. nova-core.ko must not depend on
//! drm.ko, so everything in [`drm`] is generic over the driver: it is instantiated in nova-drm.ko.

pub mod auxiliary;
pub mod capability;
pub mod clock;
pub mod coredump;
pub mod drm;
pub mod partial_firmware;
pub mod pci;
pub mod process;
pub mod ratelimit;
pub mod sync;
