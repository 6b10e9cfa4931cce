// SPDX-License-Identifier: GPL-2.0

//! PCI drivers with callbacks for power management, resets and shutdown.
//!
//! `kernel::pci` supports none of these. It does not write their fields in `struct pci_driver`, so
//! they are set before it registers the driver.

use core::pin::Pin;

use kernel::bindings;
use kernel::device::CoreInternal;
use kernel::driver::{DriverLayout, RegistrationOps};
use kernel::ffi::c_int;
use kernel::pci;
use kernel::prelude::*;
use kernel::types::Opaque;
use kernel::ThisModule;

/// A driver whose device can be stopped and started while it is bound.
pub trait Driver: pci::Driver {
    /// Stops the device, which is about to lose power or to be reset, or the system shuts down. The
    /// driver must not use the device after this returns.
    fn stop(data: Pin<&Self::Data<'_>>);

    /// Starts the device if it is stopped. Must not wait for that: until this returns, the resume of
    /// other devices waits, or after a reset, user space that accesses configuration space.
    ///
    /// All other devices have resumed by then, so firmware can be read from a disk.
    fn start(data: Pin<&Self::Data<'_>>);
}

/// Registers such a driver, in place of [`pci::Adapter`].
pub struct Adapter<T: Driver>(pci::Adapter<T>);

// SAFETY: All items are those of `pci::Adapter<T>`, which implements this trait.
unsafe impl<T: Driver> DriverLayout for Adapter<T> {
    type DriverType = <pci::Adapter<T> as DriverLayout>::DriverType;
    type DriverData<'bound> = <pci::Adapter<T> as DriverLayout>::DriverData<'bound>;
    const DEVICE_DRIVER_OFFSET: usize = <pci::Adapter<T> as DriverLayout>::DEVICE_DRIVER_OFFSET;
}

// SAFETY: `pci::Adapter` registers and unregisters the driver.
unsafe impl<T: Driver + 'static> RegistrationOps for Adapter<T> {
    unsafe fn register(
        driver: &Opaque<Self::DriverType>,
        name: &'static CStr,
        module: &'static ThisModule,
    ) -> Result {
        // SAFETY: The driver is not registered yet, so nothing else accesses it.
        unsafe {
            (*driver.get()).driver.pm = &Self::POWER_MANAGEMENT;
            (*driver.get()).err_handler = &Self::ERROR_HANDLERS;
            (*driver.get()).shutdown = Some(Self::stop);
        }
        // SAFETY: This function has the same safety requirements, which its caller meets.
        unsafe { pci::Adapter::<T>::register(driver, name, module) }
    }

    unsafe fn unregister(driver: &Opaque<Self::DriverType>) {
        // SAFETY: This function has the same safety requirements, which its caller meets.
        unsafe { pci::Adapter::<T>::unregister(driver) }
    }
}

impl<T: Driver + 'static> Adapter<T> {
    /// The device is started by `complete`, when all devices have resumed, and not by `resume`: the
    /// disk with the firmware may resume after the GPU.
    const POWER_MANAGEMENT: bindings::dev_pm_ops = bindings::dev_pm_ops {
        suspend: Some(Self::suspend),
        freeze: Some(Self::suspend),
        poweroff: Some(Self::suspend),
        complete: Some(Self::complete),
        ..pin_init::zeroed()
    };

    const ERROR_HANDLERS: bindings::pci_error_handlers = bindings::pci_error_handlers {
        reset_prepare: Some(Self::stop),
        reset_done: Some(Self::start),
        ..pin_init::zeroed()
    };

    extern "C" fn suspend(device: *mut bindings::device) -> c_int {
        Self::stop(pci_device(device));
        0
    }

    extern "C" fn complete(device: *mut bindings::device) {
        Self::start(pci_device(device));
    }

    extern "C" fn stop(device: *mut bindings::pci_dev) {
        // SAFETY: The PCI core and the driver core call this with the device lock held, for a device
        // that is bound to this driver; the lock keeps it bound.
        T::stop(unsafe { Self::data(device) });
    }

    extern "C" fn start(device: *mut bindings::pci_dev) {
        // SAFETY: As above.
        T::start(unsafe { Self::data(device) });
    }

    /// The driver's data of a device.
    ///
    /// # Safety
    ///
    /// The device must be bound to this driver, and stay bound while the result is used.
    unsafe fn data<'a>(device: *mut bindings::pci_dev) -> Pin<&'a T::Data<'a>> {
        // SAFETY: The caller guarantees that `device` is valid.
        let device = unsafe { &*device.cast::<pci::Device<CoreInternal<'a>>>() };
        // SAFETY: The caller guarantees that the device is bound, so `pci::Adapter` has stored the
        // data that probe returned.
        unsafe { device.as_ref().drvdata_borrow() }
    }
}

/// The PCI device that contains `device`: `to_pci_dev()`.
fn pci_device(device: *mut bindings::device) -> *mut bindings::pci_dev {
    let offset = core::mem::offset_of!(bindings::pci_dev, dev);
    device.wrapping_byte_sub(offset).cast()
}
