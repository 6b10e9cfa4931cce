// SPDX-License-Identifier: GPL-2.0

//! GEM objects. They have a size and handles, but no memory yet.

use kernel::page::page_align;
use kernel::prelude::*;
use kernel::sync::atomic::{Atomic, Relaxed};
use kernel::sync::Arc;

use crate::driver::{Device, Object};

/// The bytes that are left for GEM objects.
pub(crate) struct Quota(Atomic<u64>);

impl Quota {
    /// A quota of `bytes`.
    pub(crate) fn new(bytes: u64) -> Self {
        Self(Atomic::new(bytes))
    }

    /// Charges `size` bytes.
    ///
    /// # Errors
    ///
    /// `ENOSPC` if fewer are left.
    fn charge(&self, size: u64) -> Result {
        let mut free = self.0.load(Relaxed);
        loop {
            let left = free.checked_sub(size).ok_or(ENOSPC)?;
            match self.0.cmpxchg(free, left, Relaxed) {
                Ok(_) => return Ok(()),
                Err(now) => free = now,
            }
        }
    }

    /// Returns bytes that were charged.
    fn uncharge(&self, size: u64) {
        self.0.add(size, Relaxed);
    }
}

/// The bytes that a GEM object is charged; the drop returns them.
pub(crate) struct Charge {
    quota: Arc<Quota>,
    size: u64,
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.quota.uncharge(self.size);
    }
}

/// Creates an object of `size` bytes, rounded up to whole pages.
///
/// # Errors
///
/// `EINVAL` if `size` cannot be rounded up, `ENOSPC` if it exceeds the quota that is left.
pub(crate) fn create(device: &Device, size: u64) -> Result<Object> {
    let size = page_align(usize::try_from(size)?).ok_or(EINVAL)?;
    let quota = device.data();
    quota.charge(size as u64)?;
    let charge = Charge {
        quota: quota.clone(),
        size: size as u64,
    };
    Object::new(device, size, charge)
}
