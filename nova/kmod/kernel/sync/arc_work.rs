// SPDX-License-Identifier: GPL-2.0

//! Work items that keep their owner, on a [`Workqueue`] of the module.
//!
//! The owner may be dropped by its own work, which a [`Work`](super::work::Work) would wait for. The items of
//! `kernel::workqueue` cannot be stopped, nor can their timers be changed.

use core::mem::offset_of;
use core::ptr::addr_of_mut;
use core::time::Duration;

use kernel::bindings;
use kernel::prelude::*;
use kernel::sync::Arc;
use kernel::time::{msecs_to_jiffies, Msecs};
use kernel::types::Opaque;

use super::work::LockClasses;
use super::workqueue::Workqueue;

/// A structure that contains an [`ArcWork`].
///
/// # Safety
///
/// The field at byte `OFFSET` must be the [`ArcWork`].
pub unsafe trait HasArcWork: Sized + Send + Sync + 'static {
    /// Offset of the field.
    const OFFSET: usize;

    /// The work, which runs on at most one thread at a time; may sleep.
    fn work(this: Arc<Self>);
}

/// A work item that has a reference to its owner while it is queued or runs.
#[pin_data]
pub struct ArcWork {
    workqueue: &'static Workqueue,
    #[pin]
    now: Opaque<bindings::work_struct>,
    /// Queues `now`.
    #[pin]
    later: Opaque<bindings::delayed_work>,
}

// SAFETY: The C work items may be used from any thread.
unsafe impl Send for ArcWork {}

// SAFETY: The functions that queue and stop C work items may be called from any thread concurrently.
unsafe impl Sync for ArcWork {}

impl ArcWork {
    const NOW: usize = offset_of!(Self, now);
    const LATER: usize = offset_of!(Self, later) + offset_of!(bindings::delayed_work, work);

    /// The work item of a `T`, which [`queue`] and [`queue_after`] queue.
    ///
    /// # Safety
    ///
    /// The result must be used to initialize the [`ArcWork`] field of a `T` in an [`Arc`], at [`HasArcWork::OFFSET`]. If
    /// it has ever been queued, [`stop`] must have returned before the workqueue is destroyed.
    pub unsafe fn new<T: HasArcWork>(
        workqueue: &'static Workqueue,
        lockdep: LockClasses,
    ) -> impl PinInit<Self> {
        let name = lockdep.name.as_char_ptr();
        let (now_key, timer_key) = (lockdep.work.as_ptr(), lockdep.timer.as_ptr());
        pin_init!(Self {
            workqueue,
            now <- Opaque::ffi_init(move |slot| {
                // SAFETY: `slot` is memory for a `struct work_struct`. The name and the key are static.
                unsafe {
                    bindings::init_work_with_key(slot, Some(run::<T>), false, name, now_key);
                }
            }),
            later <- Opaque::ffi_init(move |slot: *mut bindings::delayed_work| {
                // SAFETY: `slot` is memory for a `struct delayed_work`. The name and the keys are static. The timer is
                // only used by the workqueue, with this function and flag.
                unsafe {
                    bindings::init_work_with_key(
                        addr_of_mut!((*slot).work),
                        Some(run_later::<T>),
                        false,
                        name,
                        now_key,
                    );
                    bindings::timer_init_key(
                        addr_of_mut!((*slot).timer),
                        Some(bindings::delayed_work_timer_fn),
                        bindings::TIMER_IRQSAFE,
                        name,
                        timer_key,
                    );
                }
            }),
        })
    }

    /// The work item of an owner.
    fn of<T: HasArcWork>(owner: &Arc<T>) -> &Self {
        // SAFETY: The implementation of `HasArcWork` promises that there is an `ArcWork`.
        unsafe {
            &*Arc::as_ptr(owner)
                .cast::<u8>()
                .add(T::OFFSET)
                .cast::<Self>()
        }
    }
}

/// Queues the work to run now, unless it is queued to already. May be called in atomic context.
pub fn queue<T: HasArcWork>(owner: &Arc<T>) {
    let work = ArcWork::of(owner);
    let workqueue = work.workqueue.as_raw();
    if kernel::warn_on!(workqueue.is_null()) {
        return;
    }
    lend(owner, || {
        // SAFETY: `ArcWork::new` has initialized the item, and the workqueue is not destroyed before `stop` has returned.
        unsafe { bindings::queue_work_on(ANY_CPU, workqueue, work.now.get()) }
    });
}

/// Queues the work to run after a while, instead of after that of an earlier call; what [`queue`] has queued is not
/// delayed. Of two calls at once, one counts. May be called in atomic context.
pub fn queue_after<T: HasArcWork>(owner: &Arc<T>, delay: Duration) {
    let work = ArcWork::of(owner);
    let workqueue = work.workqueue.as_raw();
    if kernel::warn_on!(workqueue.is_null()) {
        return;
    }
    // Never earlier, so that the caller finds that the time has passed.
    let millis = delay.saturating_add(ALMOST_A_MILLI).as_millis();
    let millis = Msecs::try_from(millis).unwrap_or(Msecs::MAX);
    // SAFETY: `ArcWork::new` has initialized the item.
    if unsafe { bindings::cancel_delayed_work(work.later.get()) } {
        // SAFETY: The item was queued, and is not any more.
        unsafe { give_up(owner) };
    }
    lend(owner, || {
        // SAFETY: As in `queue`.
        unsafe {
            bindings::queue_delayed_work_on(
                ANY_CPU,
                workqueue,
                work.later.get(),
                msecs_to_jiffies(millis),
            )
        }
    });
}

/// Prevents that the work runs again, and waits until it has ended if it runs. Must not be called by the work itself, nor
/// with a lock that it takes.
pub fn stop<T: HasArcWork>(owner: &Arc<T>) {
    let work = ArcWork::of(owner);
    // What the first one queues, the second one finds.
    // SAFETY: `ArcWork::new` has initialized both items. One that was queued, and is not any more, has a reference.
    unsafe {
        if bindings::disable_delayed_work_sync(work.later.get()) {
            give_up(owner);
        }
        if bindings::disable_work_sync(work.now.get()) {
            give_up(owner);
        }
    }
}

/// Waits until the work has ended that runs or is queued to run now. Must not be called by the work itself, nor with a lock
/// that it takes.
pub fn flush<T: HasArcWork>(owner: &Arc<T>) {
    // SAFETY: `ArcWork::new` has initialized the item.
    unsafe { bindings::flush_work(ArcWork::of(owner).now.get()) };
}

const ALMOST_A_MILLI: Duration = Duration::from_nanos(999_999);

const ANY_CPU: c_int = bindings::wq_misc_consts_WORK_CPU_UNBOUND as c_int;

/// Gives a reference to an item of the owner, unless `queue` says that it has not been queued by this.
fn lend<T: HasArcWork>(owner: &Arc<T>, queue: impl FnOnce() -> bool) {
    // It may run before `queue` returns.
    let lent = Arc::into_raw(owner.clone());
    if !queue() {
        // SAFETY: The reference comes from `into_raw`, and nobody has taken it.
        drop(unsafe { Arc::from_raw(lent) });
    }
}

/// Drops the reference of an item.
///
/// # Safety
///
/// The item must have been queued by [`lend`], and not be any more without having run.
unsafe fn give_up<T: HasArcWork>(owner: &Arc<T>) {
    // SAFETY: The caller promises that the reference of `lend` is nobody's.
    drop(unsafe { Arc::from_raw(Arc::as_ptr(owner)) });
}

/// # Safety
///
/// For the workqueue to call with the `now` of a `T`, which [`lend`] has given a reference.
unsafe extern "C" fn run<T: HasArcWork>(work: *mut bindings::work_struct) {
    let owner = work.wrapping_byte_sub(T::OFFSET + ArcWork::NOW).cast::<T>();
    // SAFETY: As the caller promises, and `ArcWork::new`.
    T::work(unsafe { Arc::from_raw(owner) });
}

/// # Safety
///
/// As [`run`], with `later`.
unsafe extern "C" fn run_later<T: HasArcWork>(work: *mut bindings::work_struct) {
    let owner = work
        .wrapping_byte_sub(T::OFFSET + ArcWork::LATER)
        .cast::<T>();
    // SAFETY: As the caller promises, and `ArcWork::new`.
    queue(&unsafe { Arc::from_raw(owner) });
}
