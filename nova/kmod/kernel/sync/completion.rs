// SPDX-License-Identifier: GPL-2.0

//! A completion that is waited for with a timeout, and that can be reused.
//!
//! `kernel::sync::Completion` has no timeout and stays complete. An interrupt may never come, and may
//! come more than once.

use core::time::Duration;

use kernel::bindings;
use kernel::prelude::*;
use kernel::time::{msecs_to_jiffies, Msecs};
use kernel::types::Opaque;

/// A completion of an event that can occur more than once.
#[pin_data]
pub struct Completion {
    #[pin]
    inner: Opaque<bindings::completion>,
}

// SAFETY: A `struct completion` may be used from any thread.
unsafe impl Send for Completion {}

// SAFETY: The C functions take the lock in the `struct completion`, so threads may call them
// concurrently.
unsafe impl Sync for Completion {}

impl Completion {
    /// A completion that is not complete.
    pub fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            inner <- Opaque::ffi_init(|slot| {
                // SAFETY: `slot` is memory for a `struct completion`.
                unsafe { bindings::init_completion(slot) }
            }),
        })
    }

    /// Ends one wait, the current one or the next. May be called from hard interrupt context.
    pub fn complete(&self) {
        // Several events before a wait count as one.
        // SAFETY: `new` has initialized the completion.
        unsafe {
            if !bindings::completion_done(self.inner.get()) {
                bindings::complete(self.inner.get());
            }
        }
    }

    /// Sleeps until an event occurs, unless one has occurred since the last call returned. Returns
    /// `false` if `timeout` passes first.
    pub fn wait(&self, timeout: Duration) -> bool {
        let millis = Msecs::try_from(timeout.as_millis()).unwrap_or(Msecs::MAX);
        // One more jiffy, since the current one has begun already.
        let jiffies = msecs_to_jiffies(millis).saturating_add(1);
        // SAFETY: `new` has initialized the completion.
        let left = unsafe { bindings::wait_for_completion_timeout(self.inner.get(), jiffies) };
        self.end_events();
        left != 0
    }

    /// As [`Self::wait`].
    ///
    /// # Errors
    ///
    /// `EINTR` if the task has received a fatal signal.
    pub fn wait_killable(&self, timeout: Duration) -> Result<bool> {
        let millis = Msecs::try_from(timeout.as_millis()).unwrap_or(Msecs::MAX);
        let jiffies = msecs_to_jiffies(millis).saturating_add(1);
        // SAFETY: `new` has initialized the completion.
        let left =
            unsafe { bindings::wait_for_completion_killable_timeout(self.inner.get(), jiffies) };
        if left < 0 {
            return Err(EINTR);
        }
        self.end_events();
        Ok(left != 0)
    }

    /// Concurrent calls of `complete` may have counted several events; one wait ends them all.
    fn end_events(&self) {
        // SAFETY: `new` has initialized the completion.
        while unsafe { bindings::try_wait_for_completion(self.inner.get()) } {}
    }
}
