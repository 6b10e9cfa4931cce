// SPDX-License-Identifier: GPL-2.0

//! Waiting for a change of what a mutex protects, with a bound, until killed.
//!
//! `kernel::sync::CondVar` either waits for ever or lets any signal end the wait; what has been said
//! to the GSP cannot be said again because a timer went off.

use core::time::Duration;

use kernel::bindings;
use kernel::prelude::*;
use kernel::sync::{static_lock_class, Mutex, MutexGuard};
use kernel::time::{msecs_to_jiffies, Msecs};
use kernel::types::Opaque;

/// Those who wait.
#[pin_data]
pub struct WaitQueue {
    #[pin]
    head: Opaque<bindings::wait_queue_head>,
}

// SAFETY: A `struct wait_queue_head` may be used from any thread.
unsafe impl Send for WaitQueue {}

// SAFETY: A `struct wait_queue_head` has a lock of its own for whoever uses it at the same time.
unsafe impl Sync for WaitQueue {}

/// What ends a wait beside the time.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// Being woken up.
    Answered,
    /// The same, or the death of the task.
    Killed,
}

/// Why a wait ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Woken {
    /// By [`WaitQueue::wake_all`], most likely.
    Up,
    /// The time is over.
    Late,
    /// The process is to die.
    Killed,
}

impl WaitQueue {
    /// Nobody waits.
    pub fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            head <- Opaque::ffi_init(|slot| {
                let name = c"nova-core".as_char_ptr();
                // SAFETY: `slot` is memory for a `struct wait_queue_head`; the rest is static.
                unsafe {
                    bindings::__init_waitqueue_head(slot, name, static_lock_class!().as_ptr())
                }
            }),
        })
    }

    /// Lets go of the mutex, sleeps until woken up, late, or killed where that counts, and locks it again.
    pub fn wait<'m, T>(
        &self,
        mutex: &'m Mutex<T>,
        guard: MutexGuard<'m, T>,
        until: Until,
        timeout: Duration,
    ) -> (MutexGuard<'m, T>, Woken) {
        let entry = Opaque::<bindings::wait_queue_entry>::uninit();
        // SAFETY: `entry` is memory for a `struct wait_queue_entry`.
        unsafe { bindings::init_wait(entry.get()) };
        let state = match until {
            Until::Answered => bindings::TASK_UNINTERRUPTIBLE,
            Until::Killed => bindings::TASK_KILLABLE,
        };
        // SAFETY: Both have been initialized, and `entry` lives until `finish_wait`.
        unsafe { bindings::prepare_to_wait(self.head.get(), entry.get(), state as _) };
        // Whoever changes what it protects from here on finds this task on the queue.
        drop(guard);
        // SAFETY: The task may sleep: it holds no lock that forbids it.
        let left = unsafe { bindings::schedule_timeout(jiffies(timeout)) };
        // SAFETY: As for `prepare_to_wait`.
        unsafe { bindings::finish_wait(self.head.get(), entry.get()) };
        let woken = match left {
            _ if until == Until::Killed && is_killed() => Woken::Killed,
            0 => Woken::Late,
            _ => Woken::Up,
        };
        (mutex.lock(), woken)
    }

    /// Wakes up all who wait.
    pub fn wake_all(&self) {
        // SAFETY: The queue has been initialized.
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

/// At least one jiffy, and one more since the current one has begun already.
fn jiffies(time: Duration) -> kernel::ffi::c_long {
    let millis = Msecs::try_from(time.as_millis()).unwrap_or(Msecs::MAX);
    let jiffies = msecs_to_jiffies(millis).saturating_add(2);
    jiffies.try_into().unwrap_or(kernel::ffi::c_long::MAX)
}

/// Whether the current task is about to die; `fatal_signal_pending()`, which Rust is not given.
fn is_killed() -> bool {
    let task = kernel::current!();
    // SAFETY: The current task is there, and the C function reads this without a lock too.
    let pending = unsafe { (*task.as_ptr()).pending.signal.sig[0] };
    task.signal_pending() && pending & (1 << (bindings::SIGKILL - 1)) != 0
}
