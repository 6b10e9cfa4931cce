// SPDX-License-Identifier: GPL-2.0

//! Function-level reset, and the locks around it; `kernel::pci` has neither. docs/locking.md says who
//! takes them.

use core::ptr::NonNull;

use kernel::bindings;
use kernel::device::Bound;
use kernel::error::to_result;
use kernel::pci;
use kernel::prelude::*;

use super::enabled::pci_dev;

/// A function's configuration as it was when it was bound, to be put back after each reset. Without bus
/// mastering, which whoever boots the GPU allows.
///
/// Not as it was before the reset: what made one necessary may have wiped it.
pub struct Resettable<'a> {
    device: &'a pci::Device<Bound>,
    saved: NonNull<bindings::pci_saved_state>,
}

// SAFETY: What was saved belongs to the value alone, and is only read.
unsafe impl Send for Resettable<'_> {}

// SAFETY: As above.
unsafe impl Sync for Resettable<'_> {}

impl<'a> Resettable<'a> {
    /// Saves the configuration of a device that is enabled.
    pub fn new(device: &'a pci::Device<Bound>) -> Result<Self> {
        let raw = pci_dev(device);
        // SAFETY: `raw` is a device, valid while it is borrowed.
        to_result(unsafe { bindings::pci_save_state(raw) })?;
        // SAFETY: As above, and its state has been saved.
        let saved = unsafe { bindings::pci_store_saved_state(raw) };
        let saved = NonNull::new(saved).ok_or(ENOMEM)?;
        Ok(Self { device, saved })
    }

    /// Resets the function, and puts its configuration back. Nothing on the GPU is as it was then.
    ///
    /// Nobody else may reset the device meanwhile: the caller, or who has called it, holds its lock. It
    /// takes at least 100 ms, during which nobody else gets at configuration space.
    ///
    /// # Errors
    ///
    /// `ENOTTY` where the function cannot be reset alone, `ENODEV` where it is gone, `EBUSY` where whoever
    /// has called is about to reset it; nothing was done then. Otherwise it did not come back.
    pub fn reset(&self) -> Result {
        let device = pci_dev(self.device);
        // SAFETY: `device` is a device, valid while it is borrowed.
        to_result(unsafe { bindings::pcie_reset_flr(device, true) })?;
        let _locked = ConfigLock::try_new(self.device).ok_or(EBUSY)?;
        // A card that is gone would be waited for, a minute long.
        // SAFETY: As above.
        if !unsafe { bindings::pci_device_is_present(device) } {
            return Err(ENODEV);
        }
        // SAFETY: As above. The caller sees to it that nobody else uses the device.
        let reset = to_result(unsafe { bindings::pcie_reset_flr(device, false) });
        // SAFETY: As above, and the state is one of this device.
        let loaded = unsafe { bindings::pci_load_saved_state(device, self.saved.as_ptr()) };
        // Also what was loaded in part, as without its BARs the device is of no use to anybody.
        // SAFETY: As above.
        unsafe { bindings::pci_restore_state(device) };
        reset.and(to_result(loaded))
    }
}

impl Drop for Resettable<'_> {
    fn drop(&mut self) {
        // SAFETY: It was allocated so, and nobody else has it.
        unsafe { bindings::kfree(self.saved.as_ptr().cast()) };
    }
}

/// The lock of a device, which whoever binds, unbinds, suspends or resets it holds.
pub struct DeviceLock<'a>(&'a pci::Device<Bound>);

impl<'a> DeviceLock<'a> {
    /// Takes the lock, unless somebody has it. To wait for it would be for ever where that is unbind and
    /// waits for the caller.
    pub fn try_new(device: &'a pci::Device<Bound>) -> Option<Self> {
        // SAFETY: It is a device, valid while it is borrowed. This is `device_trylock()`, which Rust is
        // not given.
        let is_locked =
            unsafe { bindings::mutex_trylock(&raw mut (*pci_dev(device)).dev.mutex) } != 0;
        // Made only where the lock was taken, since dropping it unlocks.
        is_locked.then(|| Self(device))
    }
}

impl Drop for DeviceLock<'_> {
    fn drop(&mut self) {
        // SAFETY: It is a device, and the lock has been taken.
        unsafe { bindings::mutex_unlock(&raw mut (*pci_dev(self.0)).dev.mutex) };
    }
}

/// The lock of a device's configuration space. While it is held, user space sleeps uninterruptibly when
/// it reads from there or writes to it.
struct ConfigLock<'a>(&'a pci::Device<Bound>);

impl<'a> ConfigLock<'a> {
    /// Takes the lock, unless somebody has it. With the device's own lock held, that is the PCI core
    /// around a reset, and to wait for it would be for ever.
    fn try_new(device: &'a pci::Device<Bound>) -> Option<Self> {
        // SAFETY: It is a device, valid while it is borrowed.
        let is_locked = unsafe { bindings::pci_cfg_access_trylock(pci_dev(device)) };
        // Made only where the lock was taken, since dropping it unlocks.
        is_locked.then(|| Self(device))
    }
}

impl Drop for ConfigLock<'_> {
    fn drop(&mut self) {
        // SAFETY: It is a device, and the lock has been taken.
        unsafe { bindings::pci_cfg_access_unlock(pci_dev(self.0)) };
    }
}
