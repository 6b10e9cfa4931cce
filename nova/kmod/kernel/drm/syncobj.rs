// SPDX-License-Identifier: GPL-2.0

//! Syncobjs (`struct drm_syncobj`): what programs know fences by.
//!
//! The `kernel` crate has no abstraction of them. None of this may be called in interrupts, since DRM takes the lock of a
//! syncobj without disabling them.

use core::marker::PhantomData;
use core::ptr::{self, NonNull};

use kernel::error::to_result;
use kernel::prelude::*;

use super::device::Driver;
use super::fence::Fence;
use super::ioctl::File;
use super::shim;

/// A reference to a syncobj. Generic, so that it is instantiated in nova-drm.ko, like all that calls DRM.
///
/// # Invariants
///
/// The reference is held.
struct Syncobj<D: Driver>(NonNull<shim::Syncobj>, PhantomData<D>);

// SAFETY: Any thread may use and release a syncobj.
unsafe impl<D: Driver> Send for Syncobj<D> {}

// SAFETY: As above.
unsafe impl<D: Driver> Sync for Syncobj<D> {}

impl<D: Driver> Syncobj<D> {
    /// The syncobj that `file` knows as `handle`.
    fn lookup(file: &File<'_, D>, handle: u32) -> Result<Self> {
        // SAFETY: The file is open.
        let syncobj = unsafe { shim::drm_syncobj_find(file.as_raw(), handle) };
        // INVARIANT: The look-up took a reference, if there is one.
        Ok(Self(NonNull::new(syncobj).ok_or(ENOENT)?, PhantomData))
    }
}

impl<D: Driver> Drop for Syncobj<D> {
    fn drop(&mut self) {
        // SAFETY: By the invariant; the reference is not used again.
        unsafe { shim::syncobj_put(self.0.as_ptr()) };
    }
}

/// The fence of the syncobj that `file` knows as `handle`, or, with a `point` that is not 0, of that point of its timeline.
///
/// # Errors
///
/// `ENOENT` where it knows none, `EINVAL` where there is no fence yet.
pub fn find_fence<D: Driver>(file: &File<'_, D>, handle: u32, point: u64) -> Result<Fence> {
    let mut fence = ptr::null_mut();
    // SAFETY: The file is open. Without flags, this does not wait for a fence to come.
    to_result(unsafe {
        shim::drm_syncobj_find_fence(file.as_raw(), handle, point, 0, &mut fence)
    })?;
    let fence = NonNull::new(fence).ok_or(EINVAL)?;
    // SAFETY: Where it succeeds, there is a fence, with a reference for the caller.
    Ok(unsafe { Fence::from_raw(fence) })
}

/// A syncobj that is to have a fence, with all that this takes.
pub struct Signal<D: Driver> {
    syncobj: Syncobj<D>,
    /// The point of the timeline; `None` replaces the syncobj's fence.
    point: Option<(Link<D>, u64)>,
}

impl<D: Driver> Signal<D> {
    /// Of the syncobj that `file` knows as `handle`, the fence, or, with a `point` that is not 0, that point of its timeline.
    ///
    /// # Errors
    ///
    /// `ENOENT` where it knows none, `ENOMEM`.
    pub fn prepare(file: &File<'_, D>, handle: u32, point: u64) -> Result<Self> {
        let syncobj = Syncobj::lookup(file, handle)?;
        let point = match point {
            0 => None,
            point => Some((Link::new()?, point)),
        };
        Ok(Self { syncobj, point })
    }

    /// Gives the syncobj a fence, which must not be a point of a timeline itself.
    pub fn publish(self, fence: &Fence) {
        let syncobj = self.syncobj.0.as_ptr();
        match self.point {
            // SAFETY: Both are initialized, and this takes a reference to the fence. The link is not used again.
            Some((link, point)) => unsafe {
                shim::drm_syncobj_add_point(syncobj, link.into_raw(), fence.as_raw(), point);
            },
            // SAFETY: As above.
            None => unsafe { shim::drm_syncobj_replace_fence(syncobj, fence.as_raw()) },
        }
    }
}

/// Memory for a point of a timeline.
///
/// # Invariants
///
/// It has been allocated, and is not in a chain.
struct Link<D: Driver>(NonNull<shim::FenceChain>, PhantomData<D>);

// SAFETY: Any thread may use and free it.
unsafe impl<D: Driver> Send for Link<D> {}

// SAFETY: There is nothing to do with a shared reference.
unsafe impl<D: Driver> Sync for Link<D> {}

impl<D: Driver> Link<D> {
    fn new() -> Result<Self> {
        // SAFETY: It only allocates.
        let link = unsafe { shim::fence_chain_alloc() };
        // INVARIANT: It has been allocated, if there is any.
        Ok(Self(NonNull::new(link).ok_or(ENOMEM)?, PhantomData))
    }

    /// Gives it away.
    fn into_raw(self) -> *mut shim::FenceChain {
        core::mem::ManuallyDrop::new(self).0.as_ptr()
    }
}

impl<D: Driver> Drop for Link<D> {
    fn drop(&mut self) {
        // SAFETY: By the invariant; it is not used again.
        unsafe { shim::fence_chain_free(self.0.as_ptr()) };
    }
}
