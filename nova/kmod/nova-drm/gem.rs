// SPDX-License-Identifier: GPL-2.0

//! GEM objects. They have a size and handles, but no memory yet.

use kernel::prelude::*;
use kernel::sync::atomic::{Atomic, Relaxed};
use kernel::sync::Arc;
use nova_uapi::Layout;

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

/// What is stored with a GEM object.
pub(crate) struct Stored {
    /// What it is to be like.
    pub(crate) layout: Layout,
    _charge: Charge,
}

/// Creates an object.
///
/// # Errors
///
/// `ENOSPC` if it exceeds the quota that is left.
pub(crate) fn create(device: &Device, layout: Layout) -> Result<Object> {
    let quota = device.data();
    quota.charge(layout.size)?;
    let charge = Charge {
        quota: quota.clone(),
        size: layout.size,
    };
    let size = usize::try_from(layout.size)?;
    Object::new(
        device,
        size,
        Stored {
            layout,
            _charge: charge,
        },
    )
}
