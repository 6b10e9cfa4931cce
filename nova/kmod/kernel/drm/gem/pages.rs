// SPDX-License-Identifier: GPL-2.0

//! The pages of a GEM object in system memory, which are those of a file of shmem.
//!
//! They are allocated when they are first needed, and stay in memory until the object is freed: there is no shrinker.
//!
//! `drm_gem_shmem_helper.c` is not used. Its fault handler counts pages from the start of the VMA and not of the
//! object, so that it maps wrong ones once a VMA has been split; and it unmaps the pages from the device when the
//! object is freed, which may be long after the device was unbound.

use core::ptr::NonNull;

use kernel::bindings;
use kernel::error::from_err_ptr;
use kernel::page::{BorrowedPage, PAGE_SHIFT, PAGE_SIZE};
use kernel::prelude::*;
use kernel::sync::{new_mutex, Mutex, SetOnce};

use super::{Memory, Object};
use crate::drm::device::Driver;

/// The pages of an object, once there are any.
#[pin_data]
pub(super) struct Pages {
    array: SetOnce<Array>,
    /// Held while they are allocated, and while they are mapped for the device.
    #[pin]
    pub(super) lock: Mutex<()>,
}

/// An array of pages.
///
/// # Invariants
///
/// `first` is the first of `count` valid pointers to pages, which neither change nor are freed before
/// [`Memory::put_pages`].
#[derive(Clone, Copy)]
pub(super) struct Array {
    first: NonNull<*mut bindings::page>,
    count: usize,
}

// SAFETY: The array is not changed, and any thread may use pages.
unsafe impl Send for Array {}

// SAFETY: As above.
unsafe impl Sync for Array {}

impl Array {
    /// The page with this index.
    pub(super) fn page(&self, index: usize) -> Option<*mut bindings::page> {
        // SAFETY: By the invariant.
        (index < self.count).then(|| unsafe { *self.first.as_ptr().add(index) })
    }

    /// The first page's place in the array, and how many there are.
    pub(super) fn as_raw(&self) -> (*mut *mut bindings::page, usize) {
        (self.first.as_ptr(), self.count)
    }
}

impl Pages {
    /// None yet.
    pub(super) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            array: SetOnce::new(),
            lock <- new_mutex!(()),
        })
    }

    /// The pages, if they have been allocated.
    pub(super) fn get(&self) -> Option<Array> {
        self.array.copy()
    }
}

impl<D: Driver> Object<D> {
    /// Reads bytes of system memory at an offset, which the device and programs may write meanwhile.
    ///
    /// # Errors
    ///
    /// `EINVAL` where the object has no pages, or not so many.
    pub fn read(&self, offset: usize, into: &mut [u8]) -> Result {
        let array = self.memory().pages.get().ok_or(EINVAL)?;
        let (mut offset, mut rest) = (offset, into);
        while !rest.is_empty() {
            let within = offset & (PAGE_SIZE - 1);
            let count = rest.len().min(PAGE_SIZE - within);
            let (part, others) = rest.split_at_mut(count);
            let page = array.page(offset >> PAGE_SHIFT).ok_or(EINVAL)?;
            let page = NonNull::new(page).ok_or(EINVAL)?;
            // SAFETY: By the invariant of `Array`; the object keeps its pages. There is room for the bytes, which may be any if
            // somebody writes them meanwhile.
            unsafe { BorrowedPage::from_raw(page).read_raw(part.as_mut_ptr(), within, count) }?;
            offset = offset.checked_add(count).ok_or(EINVAL)?;
            rest = others;
        }
        Ok(())
    }
}

impl<D: Driver> Memory<D> {
    /// The pages, which are allocated unless they have been. The caller's memory cgroup is charged for them.
    ///
    /// # Errors
    ///
    /// `EOPNOTSUPP` where the object is not in system memory, `ENOMEM`.
    pub(super) fn get_pages(&self) -> Result<Array> {
        if let Some(array) = self.pages.get() {
            return Ok(array);
        }
        let object = self.object.get();
        // SAFETY: The object is initialized. Whether it has a file never changes, and neither does the size.
        let (file, size) = unsafe { ((*object).filp, (*object).size) };
        if file.is_null() {
            return Err(EOPNOTSUPP);
        }
        let _lock = self.pages.lock.lock();
        if let Some(array) = self.pages.get() {
            return Ok(array);
        }
        // SAFETY: The object has a file.
        let first = from_err_ptr(unsafe { bindings::drm_gem_get_pages(object) })?;
        // INVARIANT: DRM has filled the array, which has a pointer for each page of the object, and holds the pages.
        let array = Array {
            first: NonNull::new(first).ok_or(ENOMEM)?,
            count: size >> PAGE_SHIFT,
        };
        self.pages.array.populate(array);
        Ok(array)
    }

    /// Frees the pages.
    ///
    /// # Safety
    ///
    /// Neither they nor an [`Array`] of them are used again.
    pub(super) unsafe fn put_pages(&self) {
        if let Some(array) = self.pages.get() {
            let object = self.object.get();
            // The file goes with the object, so nobody wants to know whether they are dirty.
            // SAFETY: `drm_gem_get_pages` returned the array for this object.
            unsafe { bindings::drm_gem_put_pages(object, array.first.as_ptr(), false, false) };
        }
    }
}
