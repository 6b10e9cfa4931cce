// SPDX-License-Identifier: GPL-2.0

//! Function-level reset, and the lock that it takes; `kernel::pci` has neither.

use core::ptr::NonNull;

use kernel::bindings;
use kernel::device::Bound;
use kernel::error::to_result;
use kernel::pci;
use kernel::prelude::*;

use crate::pci_enabled::pci_dev;

/// A function's configuration as it was when it was bound, to be put back after each reset. Without bus
/// mastering, which whoever boots the GPU allows.
///
/// Not as it was before the reset: what made one necessary may have wiped it.
pub(crate) struct Resettable<'a> {
    device: &'a pci::Device<Bound>,
    saved: NonNull<bindings::pci_saved_state>,
}

// SAFETY: What was saved belongs to the value alone, and is only read.
unsafe impl Send for Resettable<'_> {}

// SAFETY: As above.
unsafe impl Sync for Resettable<'_> {}

impl<'a> Resettable<'a> {
    /// Saves the configuration of a device that is enabled.
    pub(crate) fn new(device: &'a pci::Device<Bound>) -> Result<Self> {
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
    /// Nobody else may reset the device meanwhile: the caller holds its lock. It takes at least 100 ms.
    ///
    /// # Errors
    ///
    /// `ENOTTY` where the function cannot be reset alone, `ENODEV` where it is gone; nothing was done
    /// then. Otherwise it did not come back.
    pub(crate) fn reset(&self) -> Result {
        let device = pci_dev(self.device);
        // SAFETY: `device` is a device, valid while it is borrowed.
        to_result(unsafe { bindings::pcie_reset_flr(device, true) })?;
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

/// The lock of a device, which whoever binds, unbinds or resets it holds.
pub(crate) struct Locked<'a>(&'a pci::Device<Bound>);

impl<'a> Locked<'a> {
    /// Takes the lock, unless somebody has it. To wait for it would be for ever where that is unbind and
    /// waits for the caller.
    pub(crate) fn try_new(device: &'a pci::Device<Bound>) -> Option<Self> {
        // SAFETY: It is a device, valid while it is borrowed.
        let is_locked = unsafe { bindings::pci_dev_trylock(pci_dev(device)) } != 0;
        // Made only where the lock was taken, since dropping it unlocks.
        is_locked.then(|| Self(device))
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        // SAFETY: It is a device, and the lock has been taken.
        unsafe { bindings::pci_dev_unlock(pci_dev(self.0)) };
    }
}
