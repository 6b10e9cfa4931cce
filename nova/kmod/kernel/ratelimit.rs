// SPDX-License-Identifier: GPL-2.0

//! A limit for messages whose number somebody else decides; the kernel crate has none.

use kernel::bindings;
use kernel::prelude::*;
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

// SAFETY: A `struct ratelimit_state` has a lock of its own for whoever uses it at the same time.
unsafe impl Sync for RateLimit {}

impl RateLimit {
    /// A limit of which nothing is used up.
    pub fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            state <- Opaque::ffi_init(|slot: *mut bindings::ratelimit_state| {
                // SAFETY: `slot` is memory for a `struct ratelimit_state`. This is
                // `ratelimit_state_init()`, which Rust is not given: a spin lock is free if it is zero,
                // but for a kernel that checks spin locks.
                unsafe {
                    slot.write_bytes(0, 1);
                    #[cfg(CONFIG_DEBUG_SPINLOCK)]
                    bindings::__raw_spin_lock_init(
                        &raw mut (*slot).lock,
                        c"nova-core".as_char_ptr(),
                        kernel::sync::static_lock_class!().as_ptr(),
                        bindings::lockdep_wait_type_LD_WAIT_SPIN as _,
                    );
                    (*slot).interval = msecs_to_jiffies(INTERVAL) as _;
                    (*slot).burst = BURST;
                }
            }),
        })
    }

    /// Whether the next message may be logged. The kernel's log says how many might not, after the name
    /// of `whose` they are.
    pub fn allows(&self, whose: &CStr) -> bool {
        // SAFETY: The state has been initialized, and the name ends with a NUL.
        unsafe { bindings::___ratelimit(self.state.get(), whose.as_char_ptr()) != 0 }
    }
}
