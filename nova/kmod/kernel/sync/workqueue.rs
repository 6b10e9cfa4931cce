// SPDX-License-Identifier: GPL-2.0

//! A workqueue of a module's own, for work that memory reclaim may wait for.
//!
//! `kernel::workqueue` has only the workqueues of the kernel. Those have no worker of their own where no memory is left
//! for a new one.

use kernel::bindings;
use kernel::prelude::*;
use kernel::sync::atomic::{Acquire, Atomic, Full, Relaxed};

/// A workqueue with a worker that is always there (`WQ_MEM_RECLAIM`), whose work items run on any CPU. It is a static of
/// its module, which creates it when it is loaded.
pub struct Workqueue {
    name: &'static CStr,
    /// Null while it is not created.
    raw: Atomic<*mut bindings::workqueue_struct>,
}

impl Workqueue {
    /// A workqueue that is not created yet; nothing can be queued before.
    pub const fn new(name: &'static CStr) -> Self {
        Self {
            name,
            raw: Atomic::new(core::ptr::null_mut()),
        }
    }

    /// Creates it, until the result is dropped.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, `EBUSY` if it is created already.
    pub fn create(&'static self) -> Result<Created> {
        // SAFETY: The format takes one string. 0 is the default number of items that run at once.
        let raw = unsafe {
            bindings::alloc_workqueue_noprof(
                c"%s".as_char_ptr(),
                bindings::wq_flags_WQ_MEM_RECLAIM | bindings::wq_flags_WQ_UNBOUND,
                0,
                self.name.as_char_ptr(),
            )
        };
        if raw.is_null() {
            return Err(ENOMEM);
        }
        match self.raw.cmpxchg(core::ptr::null_mut(), raw, Full) {
            Ok(_) => Ok(Created(self)),
            Err(_) => {
                // SAFETY: It has just been allocated, and nobody else knows it.
                unsafe { bindings::destroy_workqueue(raw) };
                Err(EBUSY)
            }
        }
    }

    /// The C side of it; null while it is not created.
    pub(super) fn as_raw(&self) -> *mut bindings::workqueue_struct {
        self.raw.load(Acquire)
    }
}

/// A workqueue that is created. Its drop waits for what runs and for what is queued to run now.
///
/// # Invariants
///
/// The workqueue is created, and there is no other one of these for it.
pub struct Created(&'static Workqueue);

impl Drop for Created {
    fn drop(&mut self) {
        let raw = self.0.raw.load(Relaxed);
        // SAFETY: By the invariant. No timer is left that queues something later, as those promise that make work items
        // (see `ArcWork::new`).
        unsafe { bindings::destroy_workqueue(raw) };
        self.0.raw.store(core::ptr::null_mut(), Relaxed);
    }
}
