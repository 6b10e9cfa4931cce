// SPDX-License-Identifier: GPL-2.0

//! A completion that can be waited for with a bound.
//!
//! `kernel::sync::Completion` waits for ever and completes for good; an interrupt that may never come,
//! and comes again if it does, needs both otherwise.

use core::time::Duration;

use kernel::bindings;
use kernel::prelude::*;
use kernel::time::{msecs_to_jiffies, Msecs};
use kernel::types::Opaque;

/// Something that happens again and again.
#[pin_data]
pub struct Completion {
    #[pin]
    inner: Opaque<bindings::completion>,
}

// SAFETY: A `struct completion` may be used from any thread.
unsafe impl Send for Completion {}

// SAFETY: A `struct completion` has a lock of its own for whoever uses it at the same time.
unsafe impl Sync for Completion {}

impl Completion {
    /// Something that has not happened yet.
    pub fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            inner <- Opaque::ffi_init(|slot| {
                // SAFETY: `slot` is memory for a `struct completion`.
                unsafe { bindings::init_completion(slot) }
            }),
        })
    }

    /// It happened. May be called from hard interrupt context.
    pub fn complete(&self) {
        // How often it happens before somebody waits is not counted.
        // SAFETY: The completion has been initialized.
        unsafe {
            if !bindings::completion_done(self.inner.get()) {
                bindings::complete(self.inner.get());
            }
        }
    }

    /// Sleeps until it has happened since the last call returned, or `timeout` has passed; `false` means
    /// the latter.
    pub fn wait(&self, timeout: Duration) -> bool {
        let millis = Msecs::try_from(timeout.as_millis()).unwrap_or(Msecs::MAX);
        // At least one jiffy, and one more since the current one has begun already.
        let jiffies = msecs_to_jiffies(millis).saturating_add(1);
        // SAFETY: The completion has been initialized.
        let left = unsafe { bindings::wait_for_completion_timeout(self.inner.get(), jiffies) };
        // What has happened twice at the same time is over with one wait.
        // SAFETY: As above.
        while unsafe { bindings::try_wait_for_completion(self.inner.get()) } {}
        left != 0
    }
}
