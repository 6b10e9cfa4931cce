// SPDX-License-Identifier: GPL-2.0

//! Auxiliary drivers with callbacks for the sleep of the system.
//!
//! `kernel::auxiliary` does not support these. It does not write their field in `struct auxiliary_driver`, so it is set
//! before it registers the driver.

use core::pin::Pin;

use kernel::auxiliary;
use kernel::bindings;
use kernel::device::CoreInternal;
use kernel::driver::{DriverLayout, RegistrationOps};
use kernel::ffi::c_int;
use kernel::prelude::*;
use kernel::types::Opaque;
use kernel::ThisModule;

/// A driver that takes part in the sleep of the system: a suspend, or a hibernation. Tasks are frozen from before
/// [`Self::prepare`] until after [`Self::complete`]. The device lock is held during each call.
pub trait Driver: auxiliary::Driver {
    /// Gets what the sleep takes. Memory can still be reclaimed, and written to swap.
    ///
    /// # Errors
    ///
    /// The system does not sleep, and neither of the other calls follows.
    fn prepare(data: Pin<&Self::Data<'_>>) -> Result;

    /// The device is about to be suspended, or frozen for the image of a hibernation, before its parent is. Memory is
    /// scarce: nothing can be written to swap.
    ///
    /// # Errors
    ///
    /// The system does not sleep.
    fn suspend(data: Pin<&Self::Data<'_>>) -> Result;

    /// The sleep is over, or has not come about. Other devices have resumed, but for what they do after this call.
    fn complete(data: Pin<&Self::Data<'_>>);
}

/// Registers such a driver, in place of [`auxiliary::Adapter`].
pub struct Adapter<T: Driver>(auxiliary::Adapter<T>);

// SAFETY: All items are those of `auxiliary::Adapter<T>`, which implements this trait.
unsafe impl<T: Driver> DriverLayout for Adapter<T> {
    type DriverType = <auxiliary::Adapter<T> as DriverLayout>::DriverType;
    type DriverData<'bound> = <auxiliary::Adapter<T> as DriverLayout>::DriverData<'bound>;
    const DEVICE_DRIVER_OFFSET: usize =
        <auxiliary::Adapter<T> as DriverLayout>::DEVICE_DRIVER_OFFSET;
}

// SAFETY: `auxiliary::Adapter` registers and unregisters the driver.
unsafe impl<T: Driver + 'static> RegistrationOps for Adapter<T> {
    unsafe fn register(
        driver: &Opaque<Self::DriverType>,
        name: &'static CStr,
        module: &'static ThisModule,
    ) -> Result {
        // SAFETY: The driver is not registered yet, so nothing else accesses it.
        unsafe { (*driver.get()).driver.pm = &Self::POWER_MANAGEMENT };
        // SAFETY: This function has the same safety requirements, which its caller meets.
        unsafe { auxiliary::Adapter::<T>::register(driver, name, module) }
    }

    unsafe fn unregister(driver: &Opaque<Self::DriverType>) {
        // SAFETY: This function has the same safety requirements, which its caller meets.
        unsafe { auxiliary::Adapter::<T>::unregister(driver) }
    }
}

impl<T: Driver + 'static> Adapter<T> {
    /// The bus has none (drivers/base/auxiliary.c), so the PM core calls these. When the machine is powered off for a
    /// hibernation, the image of its memory has been written, and what the device does is of no use any more.
    const POWER_MANAGEMENT: bindings::dev_pm_ops = bindings::dev_pm_ops {
        prepare: Some(Self::prepare),
        suspend: Some(Self::suspend),
        freeze: Some(Self::suspend),
        complete: Some(Self::complete),
        ..pin_init::zeroed()
    };

    /// # Safety
    ///
    /// For the PM core to call, with a device that is bound to this driver, whose lock it holds.
    unsafe extern "C" fn prepare(device: *mut bindings::device) -> c_int {
        // SAFETY: As the caller promises; the lock keeps it bound.
        code(T::prepare(unsafe { Self::data(device) }))
    }

    /// # Safety
    ///
    /// For the PM core to call, with a device that is bound to this driver, whose lock it holds.
    unsafe extern "C" fn suspend(device: *mut bindings::device) -> c_int {
        // SAFETY: As above.
        code(T::suspend(unsafe { Self::data(device) }))
    }

    /// # Safety
    ///
    /// For the PM core to call, with a device that is bound to this driver, whose lock it holds.
    unsafe extern "C" fn complete(device: *mut bindings::device) {
        // SAFETY: As above.
        T::complete(unsafe { Self::data(device) });
    }

    /// The driver's data of a device.
    ///
    /// # Safety
    ///
    /// The device must be bound to this driver, and stay bound while the result is used.
    unsafe fn data<'a>(device: *mut bindings::device) -> Pin<&'a T::Data<'a>> {
        let offset = core::mem::offset_of!(bindings::auxiliary_device, dev);
        let device: *mut bindings::auxiliary_device = device.wrapping_byte_sub(offset).cast();
        // SAFETY: The caller guarantees that the device is valid, and it is one of the auxiliary bus.
        let device = unsafe { &*device.cast::<auxiliary::Device<CoreInternal<'a>>>() };
        // SAFETY: The caller guarantees that the device is bound, so `auxiliary::Adapter` has stored the data that probe
        // returned.
        unsafe { device.as_ref().drvdata_borrow() }
    }
}

fn code(result: Result) -> c_int {
    result.map_or_else(Error::to_errno, |()| 0)
}
