// SPDX-License-Identifier: GPL-2.0

//! Function-level reset, which `kernel::pci` lacks.

use kernel::bindings;
use kernel::device::Bound;
use kernel::error::to_result;
use kernel::pci;
use kernel::prelude::*;

/// Resets a function, and puts its configuration back. Nothing on the GPU is as it was then.
///
/// Nobody else may use or reset the device meanwhile. It takes at least 100 ms.
///
/// # Errors
///
/// `ENOTTY` where the function cannot be reset alone, `ENODEV` where it is gone; nothing was done then.
/// Otherwise it did not come back.
pub(crate) fn reset_function(device: &pci::Device<Bound>) -> Result {
    let device: *mut bindings::pci_dev = core::ptr::from_ref(device).cast_mut().cast();
    // SAFETY: `pci::Device` is a transparent wrapper of a `struct pci_dev`, valid while it is borrowed.
    to_result(unsafe { bindings::pcie_reset_flr(device, true) })?;
    // A card that is gone would be waited for, a minute long.
    // SAFETY: As above.
    if !unsafe { bindings::pci_device_is_present(device) } {
        return Err(ENODEV);
    }
    // SAFETY: As above.
    to_result(unsafe { bindings::pci_save_state(device) })?;
    // SAFETY: As above. The caller sees to it that nobody else uses the device.
    let reset = to_result(unsafe { bindings::pcie_reset_flr(device, false) });
    // SAFETY: As above, and the state has been saved.
    unsafe { bindings::pci_restore_state(device) };
    reset
}
