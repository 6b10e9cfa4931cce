// SPDX-License-Identifier: GPL-2.0

//! A PCI device that is enabled as long as a value lives.
//!
//! `kernel::pci` can enable a device and its bus mastering, but undo neither, so that a driver that is
//! unbound would leave the device able to write to memory.

use kernel::bindings;
use kernel::device::{Bound, Core};
use kernel::pci;
use kernel::prelude::*;

/// Memory decoding of a device; its bus mastering ends with it.
pub struct Enabled<'a>(&'a pci::Device<Bound>);

impl<'a> Enabled<'a> {
    /// Enables it until the value is dropped, but for bus mastering: a driver that died may have left
    /// that on, and something on the GPU that makes use of it.
    pub fn new(device: &'a pci::Device<Core<'_>>) -> Result<Self> {
        device.enable_device_mem()?;
        set_master(device, false);
        Ok(Self(device))
    }
}

/// Lets the device read and write memory, or not.
pub fn set_master(device: &pci::Device<Bound>, on: bool) {
    let device = pci_dev(device);
    // SAFETY: It is a device, and whoever has it enabled is the one who calls.
    unsafe {
        match on {
            true => bindings::pci_set_master(device),
            false => bindings::pci_clear_master(device),
        }
    }
}

/// The C side of a device.
pub fn pci_dev(device: &pci::Device<Bound>) -> *mut bindings::pci_dev {
    // `pci::Device` is a transparent wrapper.
    core::ptr::from_ref(device).cast_mut().cast()
}

impl Drop for Enabled<'_> {
    fn drop(&mut self) {
        // SAFETY: It is a device, valid for as long as it is borrowed, and has been enabled.
        unsafe { bindings::pci_disable_device(pci_dev(self.0)) };
    }
}
