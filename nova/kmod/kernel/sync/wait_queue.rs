// SPDX-License-Identifier: GPL-2.0

//! A condition variable whose waits have a timeout and end only by a fatal signal.
//!
//! In `kernel::sync::CondVar`, a wait with a timeout is ended by any signal. A call of GSP-RM cannot
//! be interrupted and restarted, since GSP-RM has received it already.

use core::time::Duration;

use kernel::bindings;
use kernel::prelude::*;
use kernel::sync::{LockClassKey, Mutex, MutexGuard};
use kernel::time::{msecs_to_jiffies, Msecs};
use kernel::types::Opaque;

/// Threads that wait for a change of the data that a mutex protects.
#[pin_data]
pub struct WaitQueue {
    #[pin]
    head: Opaque<bindings::wait_queue_head>,
}

// SAFETY: A `struct wait_queue_head` may be used from any thread.
unsafe impl Send for WaitQueue {}

// SAFETY: The C functions take the lock in the `struct wait_queue_head`, so threads may call them
// concurrently.
unsafe impl Sync for WaitQueue {}

/// State in which a task waits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum TaskState {
    /// `TASK_UNINTERRUPTIBLE`: no signal ends the wait.
    Uninterruptible,
    /// `TASK_KILLABLE`: a fatal signal ends the wait.
    Killable,
}

/// Why a wait ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum WaitResult {
    /// By [`WaitQueue::wake_all`], or spuriously.
    Woken,
    /// The timeout has passed.
    TimedOut,
    /// The task has received a fatal signal.
    Killed,
}

impl WaitQueue {
    /// An empty queue. The name and the key are for lockdep, as in [`Work::new`](super::work::Work::new).
    pub fn new(name: &'static CStr, key: Pin<&'static LockClassKey>) -> impl PinInit<Self> {
        pin_init!(Self {
            head <- Opaque::ffi_init(move |slot| {
                // SAFETY: `slot` is memory for a `struct wait_queue_head`. The name and the key are
                // static.
                unsafe { bindings::__init_waitqueue_head(slot, name.as_char_ptr(), key.as_ptr()) }
            }),
        })
    }

    /// Unlocks the mutex, sleeps until [`Self::wake_all`], the timeout or a signal ends the wait, and
    /// locks the mutex again.
    pub fn wait<'m, T>(
        &self,
        mutex: &'m Mutex<T>,
        guard: MutexGuard<'m, T>,
        state: TaskState,
        timeout: Duration,
    ) -> (MutexGuard<'m, T>, WaitResult) {
        let entry = Opaque::<bindings::wait_queue_entry>::uninit();
        // SAFETY: `entry` is memory for a `struct wait_queue_entry`.
        unsafe { bindings::init_wait(entry.get()) };
        let c_state = match state {
            TaskState::Uninterruptible => bindings::TASK_UNINTERRUPTIBLE,
            TaskState::Killable => bindings::TASK_KILLABLE,
        };
        // SAFETY: The queue and the entry are initialized, and `entry` lives until `finish_wait`.
        unsafe { bindings::prepare_to_wait(self.head.get(), entry.get(), c_state as _) };
        // The task is on the queue before the mutex is unlocked, so no wake-up is lost.
        drop(guard);
        // SAFETY: The caller could lock a mutex, which may sleep, so it is in a context that may sleep.
        let left = unsafe { bindings::schedule_timeout(jiffies(timeout)) };
        // SAFETY: As for `prepare_to_wait`.
        unsafe { bindings::finish_wait(self.head.get(), entry.get()) };
        let result = match left {
            _ if state == TaskState::Killable && has_fatal_signal() => WaitResult::Killed,
            0 => WaitResult::TimedOut,
            _ => WaitResult::Woken,
        };
        (mutex.lock(), result)
    }

    /// Wakes up all threads that wait.
    pub fn wake_all(&self) {
        // SAFETY: `new` has initialized the queue.
        unsafe {
            bindings::__wake_up(
                self.head.get(),
                bindings::TASK_NORMAL,
                0,
                core::ptr::null_mut(),
            )
        };
    }
}

/// `time` in jiffies: at least one, and one more since the current one has begun already.
fn jiffies(time: Duration) -> kernel::ffi::c_long {
    let millis = Msecs::try_from(time.as_millis()).unwrap_or(Msecs::MAX);
    let jiffies = msecs_to_jiffies(millis).saturating_add(2);
    jiffies.try_into().unwrap_or(kernel::ffi::c_long::MAX)
}

/// `fatal_signal_pending()` of the current task, an inline function without a binding.
fn has_fatal_signal() -> bool {
    let task = kernel::current!();
    // SAFETY: The current task is valid, and the C function reads this field without a lock, too.
    let pending = unsafe { (*task.as_ptr()).pending.signal.sig[0] };
    task.signal_pending() && pending & (1 << (bindings::SIGKILL - 1)) != 0
}
