// SPDX-License-Identifier: GPL-2.0

//! Work items that borrow data.
//!
//! `kernel::workqueue` takes only `'static` data and cannot wait for the end of a work item. A work
//! item of a bound device must end before the device is unbound.

use core::ptr::NonNull;

use kernel::bindings;
use kernel::prelude::*;
use kernel::sync::LockClassKey;
use kernel::types::Opaque;

/// A structure that contains a [`Work`].
///
/// # Safety
///
/// The field at byte `OFFSET` must be the [`Work`], and must be dropped before any other field.
pub unsafe trait HasWork: Sync {
    /// Offset of the field.
    const OFFSET: usize;

    /// The work; may sleep.
    fn work(&self);
}

/// A work item, which runs on at most one thread at a time. Its drop waits until it has ended.
#[pin_data(PinnedDrop)]
pub struct Work {
    #[pin]
    work: Opaque<bindings::work_struct>,
}

// SAFETY: A `struct work_struct` may be used from any thread.
unsafe impl Send for Work {}

// SAFETY: `queue_work_on()` may be called from any thread concurrently.
unsafe impl Sync for Work {}

impl Work {
    /// The work item of a `T`. Lockdep knows it by this name and key, which are to be the caller's own: both
    /// modules have copies of what is in this crate.
    ///
    /// # Safety
    ///
    /// The result must be used to initialize the [`Work`] field of a `T`, at [`HasWork::OFFSET`].
    pub unsafe fn new<T: HasWork>(
        name: &'static CStr,
        key: Pin<&'static LockClassKey>,
    ) -> impl PinInit<Self> {
        pin_init!(Self {
            work <- Opaque::ffi_init(move |slot| {
                // SAFETY: `slot` is memory for a `struct work_struct`. The name and the key are
                // static.
                unsafe {
                    bindings::init_work_with_key(
                        slot,
                        Some(run::<T>),
                        false,
                        name.as_char_ptr(),
                        key.as_ptr(),
                    )
                }
            }),
        })
    }

    /// Queues the work, unless it is queued already. It does not run while tasks are frozen for a
    /// suspend. May be called in atomic context.
    pub fn queue(&self) {
        // SAFETY: The kernel never destroys `system_freezable_wq`, and `new` has initialized the work.
        unsafe {
            bindings::queue_work_on(
                bindings::wq_misc_consts_WORK_CPU_UNBOUND as _,
                bindings::system_freezable_wq,
                self.work.get(),
            )
        };
    }
}

#[pinned_drop]
impl PinnedDrop for Work {
    fn drop(self: Pin<&mut Self>) {
        // Waits until the work has ended if it runs, and prevents that it is queued again.
        // SAFETY: `new` has initialized the work.
        unsafe { bindings::disable_work_sync(self.work.get()) };
    }
}

extern "C" fn run<T: HasWork>(work: *mut bindings::work_struct) {
    let owner = work.wrapping_byte_sub(T::OFFSET).cast::<T>();
    if let Some(owner) = NonNull::new(owner) {
        // SAFETY: The caller of `Work::new` guarantees that the work is the field of a `T` at
        // `OFFSET`. The field is dropped first, which waits until this function has returned.
        unsafe { owner.as_ref() }.work();
    }
}
