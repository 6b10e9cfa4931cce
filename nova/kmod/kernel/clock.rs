// SPDX-License-Identifier: GPL-2.0

//! The clocks that programs know.
//!
//! `kernel::time` has no CLOCK_MONOTONIC_RAW, and does not know of time namespaces, in which clocks have offsets.

use kernel::bindings;
use kernel::time::{BootTime, ClockSource, Monotonic, RealTime, Tai};

use crate::drm::shim;

/// A clock of `clock_gettime()`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// `CLOCK_MONOTONIC`.
    Monotonic,
    /// `CLOCK_MONOTONIC_RAW`.
    MonotonicRaw,
    /// `CLOCK_REALTIME`.
    RealTime,
    /// `CLOCK_BOOTTIME`.
    BootTime,
    /// `CLOCK_TAI`.
    Tai,
}

impl Clock {
    /// The time in nanoseconds, as the current task sees it. May be called with interrupts off.
    // Inlined into nova-drm.ko, which has the shim.
    #[inline]
    pub fn now(self) -> u64 {
        // SAFETY: The clocks may be read by any task outside of an NMI. Each task that makes calls has a time namespace.
        let (time, offset) = unsafe {
            match self {
                Self::Monotonic => (Monotonic::ktime_get(), shim::timens_monotonic()),
                Self::MonotonicRaw => (bindings::ktime_get_raw(), shim::timens_monotonic()),
                Self::RealTime => (RealTime::ktime_get(), 0),
                Self::BootTime => (BootTime::ktime_get(), shim::timens_boottime()),
                Self::Tai => (Tai::ktime_get(), 0),
            }
        };
        u64::try_from(time.saturating_add(offset)).unwrap_or(0)
    }
}
