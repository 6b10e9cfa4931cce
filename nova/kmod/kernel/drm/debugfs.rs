// SPDX-License-Identifier: GPL-2.0

//! The file `gems` in a DRM device's folder in debugfs, as panthor has one.
//!
//! `kernel::debugfs` cannot add to DRM's folder.

use kernel::bindings;
use kernel::prelude::*;
use kernel::seq_file::SeqFile;

use super::device::{Device, Driver};
use super::shim;

/// Adds the file; DRM removes it when the device is unregistered.
pub(super) fn add<D: Driver>(device: &Device<D>) {
    // SAFETY: The device is initialized. DRM calls `show` while it lives; after that, readers are not let in, and the
    // removal waits for those who are.
    unsafe { shim::debugfs_add_file(device.as_raw(), c"gems".as_char_ptr(), show::<D>) };
}

/// # Safety
///
/// For DRM to call, for a file of [`add`].
unsafe extern "C" fn show<D: Driver>(file: *mut bindings::seq_file, _: *mut c_void) -> c_int {
    // SAFETY: The file is one that was added to a `Device<D>`, which lives meanwhile, and no other thread writes it.
    unsafe {
        let device = Device::<D>::from_raw(shim::debugfs_device(file));
        D::show_objects(device, SeqFile::from_raw(file));
    }
    0
}
