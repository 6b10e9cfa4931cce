// SPDX-License-Identifier: GPL-2.0

//! PCI drivers that are told when their device loses power or is reset.
//!
//! `kernel::pci` knows neither callbacks of power management nor of resets. Both are fields of
//! `struct pci_driver` that it leaves alone, so they are set before it registers the driver.

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
    /// Leaves the device alone from the return of this call on: it is about to lose its power or to
    /// be reset, or the system ends.
    fn stop(data: Pin<&Self::Data<'_>>);

    /// Has a device got going that was stopped, and no other; does not wait for that, as others wait
    /// until this returns: the devices that resume after this one, or whoever reads configuration space
    /// while it is reset.
    ///
    /// All other devices work again by then, so that firmware can be read from a disk.
    fn start(data: Pin<&Self::Data<'_>>);
}

/// Registers such a driver, in place of [`pci::Adapter`].
pub struct Adapter<T: Driver>(pci::Adapter<T>);

// SAFETY: The driver is the one of `pci::Adapter`, with fields set that it does not use.
unsafe impl<T: Driver> DriverLayout for Adapter<T> {
    type DriverType = <pci::Adapter<T> as DriverLayout>::DriverType;
    type DriverData<'bound> = <pci::Adapter<T> as DriverLayout>::DriverData<'bound>;
    const DEVICE_DRIVER_OFFSET: usize = <pci::Adapter<T> as DriverLayout>::DEVICE_DRIVER_OFFSET;
}

// SAFETY: As for `pci::Adapter`, which does it.
unsafe impl<T: Driver + 'static> RegistrationOps for Adapter<T> {
    unsafe fn register(
        driver: &Opaque<Self::DriverType>,
        name: &'static CStr,
        module: &'static ThisModule,
    ) -> Result {
        // SAFETY: The driver is not registered yet, so nobody else looks at it.
        unsafe {
            (*driver.get()).driver.pm = &Self::POWER_MANAGEMENT;
            (*driver.get()).err_handler = &Self::RESETS;
            (*driver.get()).shutdown = Some(Self::stop);
        }
        // SAFETY: The caller promises what is asked for.
        unsafe { pci::Adapter::<T>::register(driver, name, module) }
    }

    unsafe fn unregister(driver: &Opaque<Self::DriverType>) {
        // SAFETY: The caller promises what is asked for.
        unsafe { pci::Adapter::<T>::unregister(driver) }
    }
}

impl<T: Driver + 'static> Adapter<T> {
    /// The device is started when all others have resumed, not by its own turn: the disk that the
    /// firmware is on may resume later than the GPU.
    const POWER_MANAGEMENT: bindings::dev_pm_ops = bindings::dev_pm_ops {
        suspend: Some(Self::suspend),
        freeze: Some(Self::suspend),
        poweroff: Some(Self::suspend),
        complete: Some(Self::complete),
        ..pin_init::zeroed()
    };

    const RESETS: bindings::pci_error_handlers = bindings::pci_error_handlers {
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
        // SAFETY: The driver core calls this for a device that is bound, with the device locked.
        T::stop(unsafe { Self::data(device) });
    }

    extern "C" fn start(device: *mut bindings::pci_dev) {
        // SAFETY: As above.
        T::start(unsafe { Self::data(device) });
    }

    /// What probe has made.
    ///
    /// # Safety
    ///
    /// The device must be bound to this driver, and stay so while the result is used.
    unsafe fn data<'a>(device: *mut bindings::pci_dev) -> Pin<&'a T::Data<'a>> {
        // SAFETY: The caller promises a device.
        let device = unsafe { &*device.cast::<pci::Device<CoreInternal<'a>>>() };
        // SAFETY: The device is bound, so probe has succeeded and its data been stored.
        unsafe { device.as_ref().drvdata_borrow() }
    }
}

/// The PCI device around a device.
fn pci_device(device: *mut bindings::device) -> *mut bindings::pci_dev {
    let offset = core::mem::offset_of!(bindings::pci_dev, dev);
    device.wrapping_byte_sub(offset).cast()
}
