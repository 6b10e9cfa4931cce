// SPDX-License-Identifier: GPL-2.0

//! Function-level reset, the device lock and the lock of configuration space. `kernel::pci` has none
//! of them. docs/locking.md says who takes the locks.

use core::ptr::NonNull;

use kernel::bindings;
use kernel::device::Bound;
use kernel::error::to_result;
use kernel::pci;
use kernel::prelude::*;

use super::enabled::pci_dev;

/// Resets a function, and restores its configuration space as it was at probe, without bus mastering.
///
/// The configuration is not saved before each reset, since what made the reset necessary may have
/// cleared it.
pub struct Resettable<'a> {
    device: &'a pci::Device<Bound>,
    saved: NonNull<bindings::pci_saved_state>,
}

// SAFETY: The saved state is owned by this value, and any thread may free it.
unsafe impl Send for Resettable<'_> {}

// SAFETY: The saved state is only read until it is freed.
unsafe impl Sync for Resettable<'_> {}

impl<'a> Resettable<'a> {
    /// Saves the configuration space of a device, which must be enabled.
    pub fn new(device: &'a pci::Device<Bound>) -> Result<Self> {
        let raw = pci_dev(device);
        // SAFETY: `raw` is a valid device, since `device` is borrowed.
        to_result(unsafe { bindings::pci_save_state(raw) })?;
        // SAFETY: As above, and `pci_save_state` has succeeded.
        let saved = unsafe { bindings::pci_store_saved_state(raw) };
        let saved = NonNull::new(saved).ok_or(ENOMEM)?;
        Ok(Self { device, saved })
    }

    /// Resets the function, and restores its configuration space. All state of the GPU is lost.
    ///
    /// The device lock must be held, so that there is no other reset at the same time. The reset takes
    /// at least 100 ms, during which access to configuration space by user space is blocked.
    ///
    /// # Errors
    ///
    /// If nothing was done: `ENOTTY` if the device has no function-level reset, `ENODEV` if it does
    /// not answer, `EBUSY` if the PCI core is about to reset it. Any other error means that the device
    /// does not answer after the reset, or that its configuration could not be restored.
    pub fn reset(&self) -> Result {
        let device = pci_dev(self.device);
        // SAFETY: `device` is a valid device, since `self.device` is borrowed.
        to_result(unsafe { bindings::pcie_reset_flr(device, true) })?;
        let _locked = ConfigLock::try_new(self.device).ok_or(EBUSY)?;
        // `pcie_reset_flr` would wait a minute for a device that does not answer.
        if !self.is_present() {
            return Err(ENODEV);
        }
        // SAFETY: As above. The device lock, which is held, excludes other resets.
        let reset = to_result(unsafe { bindings::pcie_reset_flr(device, false) });
        // SAFETY: As above, and `new` has saved the state of this device.
        let loaded = unsafe { bindings::pci_load_saved_state(device, self.saved.as_ptr()) };
        // Restores a state that was loaded only in part, too: without its BARs, the device is useless.
        // SAFETY: As above.
        unsafe { bindings::pci_restore_state(device) };
        reset.and(to_result(loaded))
    }

    /// Whether the configuration space of the device answers.
    pub fn is_present(&self) -> bool {
        // SAFETY: `self.device` is borrowed, so it is a valid device.
        unsafe { bindings::pci_device_is_present(pci_dev(self.device)) }
    }
}

impl Drop for Resettable<'_> {
    fn drop(&mut self) {
        // SAFETY: `pci_store_saved_state` has allocated the state, and nothing else refers to it.
        unsafe { bindings::kfree(self.saved.as_ptr().cast()) };
    }
}

/// The device lock, which the kernel holds while it binds, unbinds, suspends or resets the device.
pub struct DeviceLock<'a>(&'a pci::Device<Bound>);

impl<'a> DeviceLock<'a> {
    /// Takes the lock if it is free. Waiting for it would deadlock with unbind, which may hold it while
    /// it waits for the caller.
    pub fn try_new(device: &'a pci::Device<Bound>) -> Option<Self> {
        // This is `device_trylock()`, an inline function without a binding.
        // SAFETY: The device is valid while it is borrowed.
        let is_locked =
            unsafe { bindings::mutex_trylock(&raw mut (*pci_dev(device)).dev.mutex) } != 0;
        // Not `then_some`, which would create and drop the guard, and so unlock, in any case.
        is_locked.then(|| Self(device))
    }
}

impl Drop for DeviceLock<'_> {
    fn drop(&mut self) {
        // SAFETY: The device is valid while it is borrowed, and `try_new` has taken the lock.
        unsafe { bindings::mutex_unlock(&raw mut (*pci_dev(self.0)).dev.mutex) };
    }
}

/// The lock of a device's configuration space. While it is held, user space that accesses
/// configuration space sleeps uninterruptibly.
struct ConfigLock<'a>(&'a pci::Device<Bound>);

impl<'a> ConfigLock<'a> {
    /// Takes the lock if it is free. If it is not, with the device lock held, the PCI core has called
    /// the driver to reset the function, and waiting would deadlock.
    fn try_new(device: &'a pci::Device<Bound>) -> Option<Self> {
        // SAFETY: The device is valid while it is borrowed.
        let is_locked = unsafe { bindings::pci_cfg_access_trylock(pci_dev(device)) };
        // Not `then_some`, which would create and drop the guard, and so unlock, in any case.
        is_locked.then(|| Self(device))
    }
}

impl Drop for ConfigLock<'_> {
    fn drop(&mut self) {
        // SAFETY: The device is valid while it is borrowed, and `try_new` has taken the lock.
        unsafe { bindings::pci_cfg_access_unlock(pci_dev(self.0)) };
    }
}
