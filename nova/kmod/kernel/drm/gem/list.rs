// SPDX-License-Identifier: GPL-2.0

//! The objects that a file has handles of, and the files of a device.

use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ptr::NonNull;

use kernel::bindings;
use kernel::container_of;

use super::Object;
use crate::drm::device::{Device, Driver};
use crate::drm::ioctl::File;

impl<D: Driver> File<'_, D> {
    /// Calls `f` with each handle and its object. A spin lock is held meanwhile.
    pub fn each_object(&self, mut f: impl FnMut(u32, &Object<D>)) {
        let file = self.as_raw();
        let mut handle = 0;
        // SAFETY: The file is open. The lock keeps the table as it is.
        unsafe { bindings::spin_lock(&raw mut (*file).table_lock) };
        loop {
            // SAFETY: As above.
            let next = unsafe { bindings::idr_get_next(&raw mut (*file).object_idr, &mut handle) };
            let Some(object) = NonNull::new(next.cast::<bindings::drm_gem_object>()) else {
                break;
            };
            // INVARIANT: The table has objects of this device, and a reference to each as long as the lock is held, which
            // is not dropped here.
            let object = ManuallyDrop::new(Object {
                object,
                _driver: PhantomData,
            });
            f(handle.unsigned_abs(), &object);
            // Handles are below INT_MAX.
            handle = handle.saturating_add(1);
        }
        // SAFETY: It was locked above.
        unsafe { bindings::spin_unlock(&raw mut (*file).table_lock) };
    }

    /// Its number among the clients of all DRM devices, as fdinfo and debugfs tell it.
    pub fn client(&self) -> u64 {
        // SAFETY: The file is open; the number never changes.
        unsafe { (*self.as_raw()).client_id }
    }
}

impl<D: Driver> Device<D> {
    /// Calls `f` with each open file. A mutex is held meanwhile, so that none is opened or closed.
    pub fn each_file(&self, mut f: impl FnMut(&File<'_, D>)) {
        let device = self.as_raw();
        // SAFETY: The device is initialized. The lock keeps the list as it is.
        unsafe { bindings::mutex_lock(&raw mut (*device).filelist_mutex) };
        // SAFETY: As above.
        let (head, mut entry) = unsafe { (&raw mut (*device).filelist, (*device).filelist.next) };
        while !core::ptr::eq(entry, head) {
            // SAFETY: What is in the list is part of an open file of this device, which is closed under the lock.
            unsafe {
                f(&File::from_raw(container_of!(
                    entry,
                    bindings::drm_file,
                    lhead
                )));
                entry = (*entry).next;
            }
        }
        // SAFETY: It was locked above.
        unsafe { bindings::mutex_unlock(&raw mut (*device).filelist_mutex) };
    }
}
