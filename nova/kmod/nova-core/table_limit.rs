// SPDX-License-Identifier: GPL-2.0

//! A limit of page tables, so that one program does not take all of the driver's memory in VRAM.

use kernel::prelude::*;
use kernel::sync::atomic::{Atomic, Relaxed};
use kernel::sync::Arc;

/// How many tables some address spaces may have together, with those that are prepared for changes.
pub struct TableLimit {
    all: u64,
    left: Atomic<u64>,
}

impl TableLimit {
    /// A limit of so many tables of 4 KiB.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    #[inline(never)]
    pub fn new(tables: u64) -> Result<Arc<Self>> {
        let limit = Self {
            all: tables,
            left: Atomic::new(tables),
        };
        Ok(Arc::new(limit, GFP_KERNEL_ACCOUNT)?)
    }

    /// Whether less than half of them are left.
    pub(crate) fn is_short(&self) -> bool {
        self.left.load(Relaxed) < self.all / 2
    }

    /// Charges a table, if one is left.
    pub(crate) fn charge(self: &Arc<Self>) -> Option<Charge> {
        let mut left = self.left.load(Relaxed);
        loop {
            let fewer = left.checked_sub(1)?;
            match self.left.cmpxchg(left, fewer, Relaxed) {
                Ok(_) => return Some(Charge(self.clone())),
                Err(now) => left = now,
            }
        }
    }
}

/// What a table is charged; the drop returns it.
pub(crate) struct Charge(Arc<TableLimit>);

impl Drop for Charge {
    fn drop(&mut self) {
        self.0.left.add(1, Relaxed);
    }
}
