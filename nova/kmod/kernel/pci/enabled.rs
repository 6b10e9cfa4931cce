// SPDX-License-Identifier: GPL-2.0

//! A guard that enables a PCI device and disables it when dropped.
//!
//! `kernel::pci` can enable a device and its bus mastering, but cannot disable them, so after unbind
//! the device could still write to memory.

use kernel::bindings;
use kernel::device::{Bound, Core};
use kernel::pci;
use kernel::prelude::*;

/// Enables memory decoding of a device. The drop disables it, and bus mastering too.
pub struct Enabled<'a>(&'a pci::Device<Bound>);

impl<'a> Enabled<'a> {
    /// Enables the device and disables its bus mastering: an earlier driver may have left that on,
    /// with a program on the GPU that still writes to memory.
    pub fn new(device: &'a pci::Device<Core<'_>>) -> Result<Self> {
        device.enable_device_mem()?;
        set_master(device, false);
        Ok(Self(device))
    }
}

/// Sets whether the device may read and write memory (bus mastering).
pub fn set_master(device: &pci::Device<Bound>, on: bool) {
    let device = pci_dev(device);
    // SAFETY: `device` is valid while it is borrowed, and only the driver bound to it calls this.
    unsafe {
        match on {
            true => bindings::pci_set_master(device),
            false => bindings::pci_clear_master(device),
        }
    }
}

/// The `struct pci_dev` of a device.
pub fn pci_dev(device: &pci::Device<Bound>) -> *mut bindings::pci_dev {
    // `pci::Device` is a transparent wrapper of it.
    core::ptr::from_ref(device).cast_mut().cast()
}

impl Drop for Enabled<'_> {
    fn drop(&mut self) {
        // SAFETY: The device is valid while it is borrowed, and `new` has enabled it.
        unsafe { bindings::pci_disable_device(pci_dev(self.0)) };
    }
}
