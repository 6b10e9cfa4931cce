// SPDX-License-Identifier: GPL-2.0

//! GEM objects as dma-bufs: what other drivers get of ours.

use kernel::bindings;
use kernel::prelude::*;

use super::memory;
use crate::drm::device::Driver;

/// Exports an object, unless it is private.
///
/// # Safety
///
/// For DRM to call, with an object of a `Device<D>`.
pub(super) unsafe extern "C" fn export<D: Driver>(
    object: *mut bindings::drm_gem_object,
    flags: c_int,
) -> *mut bindings::dma_buf {
    // SAFETY: DRM holds the object.
    if D::is_private(unsafe { &memory::<D>(object).data }) {
        return EPERM.to_ptr();
    }
    // SAFETY: As above.
    unsafe { bindings::drm_gem_prime_export(object, flags) }
}

/// Has an object stay where it is while another device is attached to its dma-buf. Its pages stay anyway, so this is
/// not undone.
///
/// # Safety
///
/// For DRM to call, with an object of a `Device<D>`.
pub(super) unsafe extern "C" fn pin<D: Driver>(object: *mut bindings::drm_gem_object) -> c_int {
    // SAFETY: DRM holds the object.
    match unsafe { memory::<D>(object) }.get_pages() {
        Ok(_) => 0,
        Err(error) => error.to_errno(),
    }
}

/// A table of the pages of an object that has been pinned.
///
/// # Safety
///
/// For DRM to call, with an object of a `Device<D>`.
pub(super) unsafe extern "C" fn sg_table<D: Driver>(
    object: *mut bindings::drm_gem_object,
) -> *mut bindings::sg_table {
    // SAFETY: DRM holds the object.
    let (device, memory) = unsafe { ((*object).dev, memory::<D>(object)) };
    let (first, count) = match memory.get_pages() {
        Ok(pages) => pages.as_raw(),
        Err(error) => return error.to_ptr(),
    };
    let Ok(count) = u32::try_from(count) else {
        return EOVERFLOW.to_ptr();
    };
    // SAFETY: There are so many pages.
    unsafe { bindings::drm_prime_pages_to_sg(device, first, count) }
}
