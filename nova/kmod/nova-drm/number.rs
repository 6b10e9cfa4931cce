// SPDX-License-Identifier: GPL-2.0

//! Numbers by which this driver knows what belongs to a bound GPU, and what belongs to a file.

use core::fmt;

use kernel::sync::atomic::{Atomic, Relaxed};

/// A number that nothing else has.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Number(u64);

impl Number {
    /// A new number.
    pub(crate) fn next() -> Self {
        static NEXT: Atomic<u64> = Atomic::new(0);
        Self(NEXT.fetch_add(1, Relaxed))
    }

    /// The number after it, whoever has that.
    pub(crate) fn following(self) -> Self {
        Self(self.0.wrapping_add(1))
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
