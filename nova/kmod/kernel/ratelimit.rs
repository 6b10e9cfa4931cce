// SPDX-License-Identifier: GPL-2.0

//! Rate limit for log messages that hardware or firmware triggers. The `kernel` crate has no
//! abstraction of `struct ratelimit_state`.

use kernel::bindings;
use kernel::prelude::*;
use kernel::sync::LockClassKey;
use kernel::time::msecs_to_jiffies;
use kernel::types::Opaque;

/// `DEFAULT_RATELIMIT_INTERVAL` in milliseconds and `DEFAULT_RATELIMIT_BURST` of
/// include/linux/ratelimit_types.h.
const INTERVAL: u32 = 5000;
const BURST: i32 = 10;

/// Lets [`BURST`] messages through in each [`INTERVAL`].
#[pin_data]
pub struct RateLimit {
    #[pin]
    state: Opaque<bindings::ratelimit_state>,
}

// SAFETY: A `struct ratelimit_state` may be used from any thread.
unsafe impl Send for RateLimit {}

// SAFETY: `___ratelimit()` takes the lock in the `struct ratelimit_state`, so threads may call it
// concurrently.
unsafe impl Sync for RateLimit {}

impl RateLimit {
    /// A limit that has not let any message through yet. The name and the key are for lockdep, as in
    /// [`Work::new`](crate::sync::work::Work::new).
    #[cfg_attr(not(CONFIG_DEBUG_SPINLOCK), allow(unused_variables))]
    pub fn new(name: &'static CStr, key: Pin<&'static LockClassKey>) -> impl PinInit<Self> {
        pin_init!(Self {
            state <- Opaque::ffi_init(move |slot: *mut bindings::ratelimit_state| {
                // This is `ratelimit_state_init()`, an inline function without a binding. A spin lock
                // of zeros is unlocked, except with CONFIG_DEBUG_SPINLOCK.
                // SAFETY: `slot` is memory for a `struct ratelimit_state`.
                unsafe {
                    slot.write_bytes(0, 1);
                    #[cfg(CONFIG_DEBUG_SPINLOCK)]
                    bindings::__raw_spin_lock_init(
                        &raw mut (*slot).lock,
                        name.as_char_ptr(),
                        key.as_ptr(),
                        bindings::lockdep_wait_type_LD_WAIT_SPIN as _,
                    );
                    (*slot).interval = msecs_to_jiffies(INTERVAL) as _;
                    (*slot).burst = BURST;
                }
            }),
        })
    }

    /// Whether the next message may be logged. The kernel logs how many messages were suppressed,
    /// with `source` as their origin.
    pub fn allows(&self, source: &CStr) -> bool {
        // SAFETY: `new` has initialized the state, and `source` ends with a NUL.
        unsafe { bindings::___ratelimit(self.state.get(), source.as_char_ptr()) != 0 }
    }
}
