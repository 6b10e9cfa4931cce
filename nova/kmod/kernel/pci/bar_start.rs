// SPDX-License-Identifier: GPL-2.0

//! The start of a BAR.
//!
//! `kernel::pci` maps BARs as a whole, but one that shows all VRAM of a card may have 64 GiB. It also claims them, which
//! fails for the one that has the framebuffer of the machine's firmware. Upstream would give `kernel::pci::Bar` a length.

use kernel::bindings;
use kernel::device::Bound;
use kernel::io::{Io, Mmio, MmioRaw, Region};
use kernel::pci;
use kernel::prelude::*;

use super::enabled::pci_dev;

/// The start of a BAR, mapped uncached.
pub struct BarStart<'a> {
    device: &'a pci::Device<Bound>,
    io: MmioRaw<Region>,
}

impl<'a> BarStart<'a> {
    /// Maps the first `limit` bytes of the BAR with this index, or all of a smaller one.
    ///
    /// # Errors
    ///
    /// `ENOMEM` if it cannot be mapped.
    pub fn new(device: &'a pci::Device<Bound>, index: u32, limit: usize) -> Result<Self> {
        let len = usize::try_from(device.resource_len(index)?)?.min(limit);
        let index = i32::try_from(index)?;
        // SAFETY: The device is valid while it is borrowed, and `resource_len` has checked the index.
        let address = unsafe { bindings::pci_iomap(pci_dev(device), index, len) };
        if address.is_null() {
            return Err(ENOMEM);
        }
        // SAFETY: It was mapped just now.
        let unmap = |_: &Error| unsafe { bindings::pci_iounmap(pci_dev(device), address) };
        let io = MmioRaw::new_region(address.addr(), len).inspect_err(unmap)?;
        Ok(Self { device, io })
    }

    /// Bytes that are mapped.
    pub fn size(&self) -> usize {
        self.io.size()
    }

    /// Reads a naturally aligned 64-bit word.
    ///
    /// # Errors
    ///
    /// `EINVAL` if it is not one of the bytes that are mapped.
    pub fn read64(&self, offset: usize) -> Result<u64> {
        self.io().try_read64(offset)
    }

    /// Writes a naturally aligned 64-bit word.
    ///
    /// # Errors
    ///
    /// As [`Self::read64`].
    pub fn write64(&self, offset: usize, value: u64) -> Result {
        self.io().try_write64(value, offset)
    }

    /// Writes a naturally aligned 32-bit word.
    ///
    /// # Errors
    ///
    /// As [`Self::read64`].
    pub fn write32(&self, offset: usize, value: u32) -> Result {
        self.io().try_write32(value, offset)
    }

    fn io(&self) -> Mmio<'_, Region> {
        // SAFETY: The mapping exists until `self` is dropped.
        unsafe { Mmio::from_raw(self.io) }
    }
}

impl Drop for BarStart<'_> {
    fn drop(&mut self) {
        let address = core::ptr::with_exposed_provenance_mut(self.io.addr());
        // SAFETY: `new` has mapped it.
        unsafe { bindings::pci_iounmap(pci_dev(self.device), address) };
    }
}
