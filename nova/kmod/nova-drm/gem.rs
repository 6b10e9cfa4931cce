// SPDX-License-Identifier: GPL-2.0

//! GEM objects that have a size and handles, and nothing else yet: no memory is behind them.

use kernel::page::page_align;
use kernel::prelude::*;
use kernel::sync::atomic::{Atomic, Relaxed};
use kernel::sync::Arc;

use crate::driver::{Device, Object};

/// Bytes that GEM objects may still take.
pub(crate) struct Space(Atomic<u64>);

impl Space {
    /// So many bytes.
    pub(crate) fn new(bytes: u64) -> Self {
        Self(Atomic::new(bytes))
    }

    /// Takes `size` bytes.
    ///
    /// # Errors
    ///
    /// `ENOSPC` where there are not so many.
    fn take(&self, size: u64) -> Result {
        let mut free = self.0.load(Relaxed);
        loop {
            let left = free.checked_sub(size).ok_or(ENOSPC)?;
            match self.0.cmpxchg(free, left, Relaxed) {
                Ok(_) => return Ok(()),
                Err(now) => free = now,
            }
        }
    }

    /// Gives back what was taken.
    fn give_back(&self, size: u64) {
        self.0.add(size, Relaxed);
    }
}

/// What a GEM object has taken of that.
pub(crate) struct Taken {
    space: Arc<Space>,
    size: u64,
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.space.give_back(self.size);
    }
}

/// Makes an object of `size` bytes, rounded up to whole pages.
///
/// # Errors
///
/// `EINVAL` for more bytes than there are addresses, `ENOSPC` for more than the device has left.
pub(crate) fn create(device: &Device, size: u64) -> Result<Object> {
    let size = page_align(usize::try_from(size)?).ok_or(EINVAL)?;
    let space = device.data();
    space.take(size as u64)?;
    let taken = Taken {
        space: space.clone(),
        size: size as u64,
    };
    Object::new(device, size, taken)
}
