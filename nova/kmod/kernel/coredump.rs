// SPDX-License-Identifier: GPL-2.0

//! Device coredumps: `/sys/class/devcoredump/devcd*/data`, which root alone may read.
//!
//! The `kernel` crate has no abstraction of them.

#[cfg(CONFIG_DEV_COREDUMP)]
use kernel::bindings;
use kernel::device::{Bound, Device};
use kernel::prelude::*;

#[cfg(CONFIG_DEV_COREDUMP)]
extern "C" {
    /// Registers a coredump, and frees `data`, which must come from vmalloc, with it.
    ///
    /// Source: include/linux/devcoredump.h.
    fn dev_coredumpv(device: *mut c_void, data: *mut c_void, len: usize, gfp: bindings::gfp_t);
}

/// The C side of a device.
#[cfg(CONFIG_DEV_COREDUMP)]
fn as_raw(device: &Device<Bound>) -> *mut bindings::device {
    core::ptr::from_ref(device).cast_mut().cast()
}

/// Whether a coredump of a device can be made. The kernel makes no second one while there is one; and it warns of one that is
/// made while the link to one that was deleted is still there (`dev_coredumpm_timeout` in drivers/base/devcoredump.c).
#[cfg(CONFIG_DEV_COREDUMP)]
pub fn can_be_made(device: &Device<Bound>) -> bool {
    // SAFETY: A device that is bound is in sysfs. The function takes a reference to what it finds, which is given up.
    unsafe {
        let folder = (*as_raw(device)).kobj.sd;
        let name = c"devcoredump".as_char_ptr();
        let link = bindings::kernfs_find_and_get_ns(folder, name, core::ptr::null());
        let is_there = !link.is_null();
        if is_there {
            bindings::kernfs_put(link);
        }
        !is_there
    }
}

/// This kernel has no coredumps.
#[cfg(not(CONFIG_DEV_COREDUMP))]
pub fn can_be_made(_device: &Device<Bound>) -> bool {
    false
}

/// Makes a coredump of a device, if that [can be](can_be_made) and there is memory for it. The kernel deletes it after five
/// minutes (`DEVCD_TIMEOUT`), if user space has not done so.
///
/// Two threads must not make coredumps of the same device at once: both would find that it can be made, and the kernel would
/// warn of the second one.
#[cfg(CONFIG_DEV_COREDUMP)]
pub fn make(device: &Device<Bound>, data: VVec<u8>) {
    if !can_be_made(device) {
        return;
    }
    let (data, len, _) = data.into_raw_parts();
    // SAFETY: The device is bound. `VVec` allocates by vmalloc, and `into_raw_parts` has given up the ownership of the memory,
    // which the coredump takes.
    unsafe {
        dev_coredumpv(
            as_raw(device).cast(),
            data.cast(),
            len,
            bindings::GFP_KERNEL,
        )
    };
}

/// Drops the data, since this kernel has no coredumps.
#[cfg(not(CONFIG_DEV_COREDUMP))]
pub fn make(_device: &Device<Bound>, _data: VVec<u8>) {}
