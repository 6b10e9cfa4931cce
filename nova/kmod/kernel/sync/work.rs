// SPDX-License-Identifier: GPL-2.0

//! Work that another thread does later.
//!
//! `kernel::workqueue` takes only what lives for ever, and cannot wait for work to be over; what is done
//! for a bound device ends with it.

use core::ptr::NonNull;

use kernel::bindings;
use kernel::prelude::*;
use kernel::sync::static_lock_class;
use kernel::types::Opaque;

/// What has a [`Work`] in it.
///
/// # Safety
///
/// The field at byte `OFFSET` must be the [`Work`], and be dropped before any other.
pub unsafe trait HasWork: Sync {
    /// Where the work is.
    const OFFSET: usize;

    /// Does the work; may sleep.
    fn work(&self);
}

/// Work that is done at most once at a time; when it is dropped, it is over.
#[pin_data(PinnedDrop)]
pub struct Work {
    #[pin]
    work: Opaque<bindings::work_struct>,
}

// SAFETY: A `struct work_struct` may be used from any thread.
unsafe impl Send for Work {}

// SAFETY: Queueing work is atomic.
unsafe impl Sync for Work {}

impl Work {
    /// Work of a `T`.
    ///
    /// # Safety
    ///
    /// The value must become the [`Work`] of a `T`.
    pub unsafe fn new<T: HasWork>() -> impl PinInit<Self> {
        pin_init!(Self {
            work <- Opaque::ffi_init(|slot| {
                let name = c"nova-core".as_char_ptr();
                // SAFETY: `slot` is memory for a `struct work_struct`; the rest is static.
                unsafe {
                    bindings::init_work_with_key(
                        slot,
                        Some(run::<T>),
                        false,
                        name,
                        static_lock_class!().as_ptr(),
                    )
                }
            }),
        })
    }

    /// Has the work done soon, unless that is so already or the work is disabled; not while the
    /// system is about to sleep. May be called wherever a spin lock may be taken.
    pub fn queue(&self) {
        // SAFETY: The queue is the kernel's and always there, and the work initialized.
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
        // Waits until the work is over if it is being done, and has it never done again.
        // SAFETY: The work is initialized.
        unsafe { bindings::disable_work_sync(self.work.get()) };
    }
}

extern "C" fn run<T: HasWork>(work: *mut bindings::work_struct) {
    let owner = work.wrapping_byte_sub(T::OFFSET).cast::<T>();
    if let Some(owner) = NonNull::new(owner) {
        // SAFETY: The work is part of a `T`, as whoever made it has promised, which is not dropped
        // before the work is over.
        unsafe { owner.as_ref() }.work();
    }
}
