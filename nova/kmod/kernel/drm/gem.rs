// SPDX-License-Identifier: GPL-2.0

//! GEM objects: what files know by handles, and what a driver keeps with each.
//!
//! `kernel::drm::gem` is missing where DRM is a module.

use core::marker::PhantomData;
use core::ptr::NonNull;

use kernel::bindings;
use kernel::error::to_result;
use kernel::prelude::*;
use kernel::types::Opaque;

use super::device::{Device, Driver};
use super::ioctl::File;

/// Memory of a GEM object.
#[repr(C)]
struct Memory<T> {
    object: Opaque<bindings::drm_gem_object>,
    data: T,
}

/// A reference to a GEM object.
///
/// # Invariants
///
/// The object is initialized, and the reference is held.
pub struct Object<D: Driver> {
    object: NonNull<bindings::drm_gem_object>,
    _driver: PhantomData<D>,
}

impl<D: Driver> Object<D> {
    const FUNCTIONS: bindings::drm_gem_object_funcs = bindings::drm_gem_object_funcs {
        free: Some(free::<D>),
        ..pin_init::zeroed()
    };

    /// Takes over a reference, if there is an object.
    ///
    /// # Safety
    ///
    /// The reference is the caller's, to an initialized object of a device of `D`.
    unsafe fn from_raw(object: *mut bindings::drm_gem_object) -> Option<Self> {
        // INVARIANT: The caller promises so.
        Some(Self {
            object: NonNull::new(object)?,
            _driver: PhantomData,
        })
    }

    /// Makes an object of `size` bytes, which are whole pages.
    ///
    /// The caller's memory cgroup is charged for the structure.
    pub fn new(device: &Device<D>, size: usize, data: D::Object) -> Result<Self> {
        let memory = Memory {
            object: Opaque::zeroed(),
            data,
        };
        let object = KBox::into_raw(KBox::new(memory, GFP_KERNEL_ACCOUNT)?)
            .cast::<bindings::drm_gem_object>();
        // SAFETY: It is zeroed and nobody else's; `free` is given it back.
        unsafe {
            (*object).funcs = &Self::FUNCTIONS;
            bindings::drm_gem_private_object_init(device.as_raw(), object, size);
        }
        // SAFETY: An initialized object has one reference, which is this one.
        unsafe { Self::from_raw(object) }.ok_or(ENOMEM)
    }

    /// The object that `file` knows as `handle`.
    ///
    /// # Errors
    ///
    /// `ENOENT` where it knows none.
    pub fn lookup(file: &File<'_, D>, handle: u32) -> Result<Self> {
        // SAFETY: The file is open.
        let object = unsafe { bindings::drm_gem_object_lookup(file.as_raw(), handle) };
        // SAFETY: The look-up took a reference, if there is an object, and the file is one of a `D`.
        unsafe { Self::from_raw(object) }.ok_or(ENOENT)
    }

    /// Has `file` know the object by a new handle.
    pub fn create_handle(&self, file: &File<'_, D>) -> Result<u32> {
        let mut handle = 0;
        // SAFETY: The file is open, and the object initialized.
        to_result(unsafe {
            bindings::drm_gem_handle_create(file.as_raw(), self.object.as_ptr(), &mut handle)
        })?;
        Ok(handle)
    }

    /// What the driver keeps with it.
    pub fn data(&self) -> &D::Object {
        let memory = self.object.as_ptr().cast::<Memory<D::Object>>();
        // SAFETY: All objects of a `D` are made by `new`: there are no imports from other drivers. The data lives as
        // long as the object, to which a reference is held.
        unsafe { &(*memory).data }
    }

    /// Its size in bytes.
    pub fn size(&self) -> usize {
        // SAFETY: The object is initialized; its size never changes.
        unsafe { (*self.object.as_ptr()).size }
    }
}

impl<D: Driver> Drop for Object<D> {
    fn drop(&mut self) {
        // SAFETY: The reference is held.
        let count = unsafe { &raw mut (*self.object.as_ptr()).refcount };
        // SAFETY: As above; it is not used again.
        if unsafe { bindings::refcount_dec_and_test(&raw mut (*count).refcount) } {
            // SAFETY: That was the last one.
            unsafe { bindings::drm_gem_object_free(count) };
        }
    }
}

/// # Safety
///
/// For DRM to call when the last reference to an object of [`Object::new`] is gone, made on a device of
/// the driver `D`.
unsafe extern "C" fn free<D: Driver>(object: *mut bindings::drm_gem_object) {
    // SAFETY: Nobody else uses the object any more.
    unsafe { bindings::drm_gem_object_release(object) };
    // SAFETY: The memory came from a box of this type.
    drop(unsafe { KBox::from_raw(object.cast::<Memory<D::Object>>()) });
}
