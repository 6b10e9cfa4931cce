// SPDX-License-Identifier: GPL-2.0

//! A PCI device that is enabled as long as a value lives.
//!
//! `kernel::pci` can enable a device and its bus mastering, but not undo it, so that a driver that is
//! unbound would leave the device able to write to memory.

use kernel::bindings;
use kernel::device::{Bound, Core};
use kernel::pci;
use kernel::prelude::*;

/// Memory decoding and bus mastering of a device.
pub(crate) struct Enabled<'a>(&'a pci::Device<Bound>);

impl<'a> Enabled<'a> {
    /// Enables them until the value is dropped.
    pub(crate) fn new(device: &'a pci::Device<Core<'_>>) -> Result<Self> {
        device.enable_device_mem()?;
        device.set_master();
        Ok(Self(device))
    }
}

impl Drop for Enabled<'_> {
    fn drop(&mut self) {
        let device = core::ptr::from_ref(self.0).cast_mut().cast();
        // SAFETY: `pci::Device` is a transparent wrapper of a `struct pci_dev` that is valid for as long
        // as it is borrowed, and the device has been enabled.
        unsafe { bindings::pci_disable_device(device) };
    }
}
