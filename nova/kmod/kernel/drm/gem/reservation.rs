// SPDX-License-Identifier: GPL-2.0

//! Reservation locks that objects share.

use core::marker::PhantomData;
use core::ptr::NonNull;

use kernel::bindings;
use kernel::prelude::*;

use super::{get, put};
use crate::drm::device::{Device, Driver};

/// A reference to a reservation lock, which is that of a GEM object without memory. Equal are those to the same lock.
///
/// # Invariants
///
/// The object is initialized, and the reference is held.
pub struct Reservation<D: Driver>(NonNull<bindings::drm_gem_object>, PhantomData<D>);

// SAFETY: Any thread may lock it, and give up the reference.
unsafe impl<D: Driver> Send for Reservation<D> {}

// SAFETY: As above.
unsafe impl<D: Driver> Sync for Reservation<D> {}

impl<D: Driver> Reservation<D> {
    /// A new one.
    pub(in crate::drm) fn new(device: &Device<D>) -> Result<Self> {
        // SAFETY: The device is initialized.
        let object = unsafe { bindings::drm_gpuvm_resv_object_alloc(device.as_raw()) };
        // INVARIANT: A new object has one reference.
        Ok(Self(NonNull::new(object).ok_or(ENOMEM)?, PhantomData))
    }

    /// A reference to the lock of an object.
    ///
    /// # Safety
    ///
    /// The object must be one of [`Self::new`], and there must be a reference to it.
    pub(in crate::drm) unsafe fn of(object: NonNull<bindings::drm_gem_object>) -> Self {
        // SAFETY: The caller promises so.
        unsafe { get(object.as_ptr()) };
        // INVARIANT: The reference has just been taken.
        Self(object, PhantomData)
    }

    /// The object.
    pub(in crate::drm) fn as_raw(&self) -> *mut bindings::drm_gem_object {
        self.0.as_ptr()
    }
}

impl<D: Driver> PartialEq for Reservation<D> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<D: Driver> Clone for Reservation<D> {
    fn clone(&self) -> Self {
        // SAFETY: By the invariant.
        unsafe { Self::of(self.0) }
    }
}

impl<D: Driver> Drop for Reservation<D> {
    fn drop(&mut self) {
        // SAFETY: By the invariant; the reference is not used again.
        unsafe { put::<D>(self.as_raw()) };
    }
}
