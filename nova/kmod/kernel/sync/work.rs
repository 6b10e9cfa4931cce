// SPDX-License-Identifier: GPL-2.0

//! Work items that borrow data.
//!
//! `kernel::workqueue` takes only `'static` data and cannot wait for the end of a work item. A work
//! item of a bound device must end before the device is unbound.

use core::mem::offset_of;
use core::ptr::{addr_of_mut, NonNull};
use core::time::Duration;

use kernel::bindings;
use kernel::prelude::*;
use kernel::sync::LockClassKey;
use kernel::time::{msecs_to_jiffies, Msecs};
use kernel::types::Opaque;

use super::workqueue::Workqueue;

/// A structure that contains a [`Work`], or several, of which this is number `N`.
///
/// # Safety
///
/// The field at byte `OFFSET` must be the [`Work`], and must be dropped before any field that is none.
pub unsafe trait HasWork<const N: usize = 0>: Sync {
    /// Offset of the field.
    const OFFSET: usize;

    /// The work; may sleep.
    fn work(&self);
}

/// When a work item may run.
#[derive(Clone, Copy)]
pub enum When {
    /// At any time.
    Always,
    /// Not while tasks are frozen for a suspend, which waits until the work has ended. So the work must not wait for
    /// other work of this kind.
    Unfrozen,
    /// At any time, also where no memory is left for a new thread, on a workqueue of the module.
    Reclaiming(&'static Workqueue),
}

/// Names a work item for lockdep. The names and keys are the caller's own: both modules have copies of what is in this
/// crate.
pub struct LockClasses {
    /// Name of the work item.
    pub name: &'static CStr,
    /// Its key.
    pub work: Pin<&'static LockClassKey>,
    /// Key of the timer that queues it.
    pub timer: Pin<&'static LockClassKey>,
}

/// A work item, which runs on at most one thread at a time. Its drop waits until it has ended; while its memory is still
/// there after that, whoever queues it does nothing.
#[pin_data(PinnedDrop)]
pub struct Work {
    when: When,
    #[pin]
    work: Opaque<bindings::delayed_work>,
}

// SAFETY: A `struct delayed_work` may be used from any thread.
unsafe impl Send for Work {}

// SAFETY: The functions that queue a `struct delayed_work` may be called from any thread concurrently.
unsafe impl Sync for Work {}

impl Work {
    /// Offset of the C work item.
    const OFFSET: usize = offset_of!(Self, work) + offset_of!(bindings::delayed_work, work);

    /// The work item of a `T` with this number.
    ///
    /// # Safety
    ///
    /// The result must be used to initialize the [`Work`] field of a `T`, at [`HasWork::OFFSET`]. A workqueue of the module
    /// must be created before, and not be destroyed until the work has been dropped.
    pub unsafe fn new<T: HasWork<N>, const N: usize>(
        when: When,
        lockdep: LockClasses,
    ) -> impl PinInit<Self> {
        pin_init!(Self {
            when,
            work <- Opaque::ffi_init(move |slot: *mut bindings::delayed_work| {
                let name = lockdep.name.as_char_ptr();
                // SAFETY: `slot` is memory for a `struct delayed_work`. The name and the keys are static. The timer
                // is only used by the workqueue, with this function and flag.
                unsafe {
                    bindings::init_work_with_key(
                        addr_of_mut!((*slot).work),
                        Some(run::<T, N>),
                        false,
                        name,
                        lockdep.work.as_ptr(),
                    );
                    bindings::timer_init_key(
                        addr_of_mut!((*slot).timer),
                        Some(bindings::delayed_work_timer_fn),
                        bindings::TIMER_IRQSAFE,
                        name,
                        lockdep.timer.as_ptr(),
                    );
                }
            }),
        })
    }

    /// Queues the work to run now. May be called in atomic context.
    pub fn queue(&self) {
        // SAFETY: `new` has initialized the work. The kernel never destroys its workqueues, and as the caller of `new`
        // promises, that of the module is there.
        unsafe {
            bindings::mod_delayed_work_on(
                bindings::wq_misc_consts_WORK_CPU_UNBOUND as _,
                self.workqueue(),
                self.work.get(),
                0,
            )
        };
    }

    /// Queues the work to run after a while, unless it is queued already. May be called in atomic context.
    pub fn queue_after(&self, delay: Duration) {
        let millis = Msecs::try_from(delay.as_millis()).unwrap_or(Msecs::MAX);
        // SAFETY: As in `queue`.
        unsafe {
            bindings::queue_delayed_work_on(
                bindings::wq_misc_consts_WORK_CPU_UNBOUND as _,
                self.workqueue(),
                self.work.get(),
                msecs_to_jiffies(millis),
            )
        };
    }

    /// Queues the work to run now, and waits until it has. Must not be called by the work itself, nor with a lock that it
    /// takes. Nobody may [queue](Self::queue) the same work, which would take it from those who wait here.
    pub fn run(&self) {
        self.queue_after(Duration::ZERO);
        // SAFETY: `new` has initialized the work.
        unsafe { bindings::flush_delayed_work(self.work.get()) };
    }

    fn workqueue(&self) -> *mut bindings::workqueue_struct {
        // SAFETY: The kernel sets these variables before it loads a module, and never changes them.
        unsafe {
            match self.when {
                When::Always => bindings::system_dfl_wq,
                When::Unfrozen => bindings::system_freezable_wq,
                When::Reclaiming(workqueue) => workqueue.as_raw(),
            }
        }
    }
}

#[pinned_drop]
impl PinnedDrop for Work {
    fn drop(self: Pin<&mut Self>) {
        // Waits until the work has ended if it runs, and prevents that it is queued again.
        // SAFETY: `new` has initialized the work.
        unsafe { bindings::disable_delayed_work_sync(self.work.get()) };
    }
}

extern "C" fn run<T: HasWork<N>, const N: usize>(work: *mut bindings::work_struct) {
    let owner = work.wrapping_byte_sub(T::OFFSET + Work::OFFSET).cast::<T>();
    if let Some(owner) = NonNull::new(owner) {
        // SAFETY: The caller of `Work::new` guarantees that the work is the field of a `T` at
        // `OFFSET`. Its drop waits until this function has returned, and comes before that of all but other work.
        unsafe { owner.as_ref() }.work();
    }
}
