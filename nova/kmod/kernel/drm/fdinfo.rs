// SPDX-License-Identifier: GPL-2.0

//! What `/proc/PID/fdinfo` tells of a file of a DRM device: Documentation/gpu/drm-usage-stats.rst.
//!
//! The kernel crate has nothing for it.

use kernel::bindings;
use kernel::prelude::*;

use super::device::Driver;
use super::ioctl::File;
use super::shim;

/// Memory of the objects of a file that lie in one region, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemoryStats {
    /// Of objects that nobody else has.
    pub private: u64,
    /// Of objects that somebody else may have, too.
    pub shared: u64,
    /// Of objects that have memory.
    pub resident: u64,
    /// Of objects whose contents may be thrown away.
    pub purgeable: u64,
    /// Of objects that a job uses.
    pub active: u64,
}

impl MemoryStats {
    /// Of all objects.
    pub fn total(&self) -> u64 {
        self.private.saturating_add(self.shared)
    }
}

/// How much a file uses the engines of a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EngineStats {
    /// Nanoseconds that they worked for the file, all together.
    pub busy: u64,
    /// How many there are.
    pub capacity: u32,
}

/// Prints the driver's part.
///
/// # Safety
///
/// For DRM to call, with an open file of a `Device<D>`.
pub(super) unsafe extern "C" fn show<D: Driver>(
    printer: *mut bindings::drm_printer,
    file: *mut bindings::drm_file,
) {
    // SAFETY: As the caller promises.
    let file = unsafe { File::<D>::from_raw(file) };
    D::show_engines(&file, &mut |name: &CStr, stats: &EngineStats| {
        // SAFETY: DRM has made the printer, and all else lives through the call.
        unsafe { shim::print_engine(printer, name.as_char_ptr(), stats.busy, stats.capacity) };
    });
    D::show_memory(&file, &mut |region: &CStr, stats: &MemoryStats| {
        let raw = bindings::drm_memory_stats {
            shared: stats.shared,
            private: stats.private,
            resident: stats.resident,
            purgeable: stats.purgeable,
            active: stats.active,
        };
        let supported = bindings::drm_gem_object_status_DRM_GEM_OBJECT_RESIDENT
            | bindings::drm_gem_object_status_DRM_GEM_OBJECT_PURGEABLE
            | bindings::drm_gem_object_status_DRM_GEM_OBJECT_ACTIVE;
        // SAFETY: DRM has made the printer, and all else lives through the call.
        unsafe {
            bindings::drm_print_memory_stats(printer, &raw, supported, region.as_char_ptr());
        }
    });
}
