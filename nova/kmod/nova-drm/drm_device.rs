// SPDX-License-Identifier: GPL-2.0

//! DRM devices whose parent is a device of any bus.
//!
//! `kernel::drm` is missing where DRM is a module (as in distributions).

use core::marker::PhantomData;
use core::ptr::NonNull;

use kernel::bindings;
use kernel::device::{self, Bound};
use kernel::error::{from_err_ptr, to_result};
use kernel::module::{this_module, ModuleMetadata};
use kernel::prelude::*;
use kernel::str::as_char_ptr_in_const_context;
use kernel::sync::atomic::{Atomic, Relaxed};
use kernel::types::Opaque;

use crate::drm_gem::Space;
use crate::drm_ioctl::Entry;

/// A render driver.
pub(crate) trait Driver: Sized + 'static {
    /// What the ioctls work on; `Copy`, since nobody drops it.
    type Data: Copy + Send + Sync + 'static;

    /// The module that must stay as long as files are open.
    type Module: ModuleMetadata;

    /// What programs know the driver by.
    const NAME: &'static CStr;

    /// What people know the driver by.
    const DESCRIPTION: &'static CStr;

    /// The ioctls, a [`table`](crate::drm_ioctl::table).
    const IOCTLS: &'static [Entry];
}

/// A DRM device.
///
/// # Invariants
///
/// The `struct drm_device` is initialized.
#[repr(C)]
pub(crate) struct Device<D: Driver> {
    drm: Opaque<bindings::drm_device>,
    /// Nothing can be asked of the hardware.
    is_wedged: Atomic<bool>,
    gem_space: Space,
    data: D::Data,
}

impl<D: Driver> Device<D> {
    const FILE_OPERATIONS: bindings::file_operations = bindings::file_operations {
        owner: this_module::<D::Module>().as_ptr(),
        open: Some(bindings::drm_open),
        release: Some(bindings::drm_release),
        unlocked_ioctl: Some(bindings::drm_ioctl),
        #[cfg(CONFIG_COMPAT)]
        compat_ioctl: Some(bindings::drm_compat_ioctl),
        poll: Some(bindings::drm_poll),
        read: Some(bindings::drm_read),
        llseek: Some(bindings::noop_llseek),
        mmap: Some(bindings::drm_gem_mmap),
        fop_flags: bindings::FOP_UNSIGNED_OFFSET,
        ..pin_init::zeroed()
    };

    const DRIVER: bindings::drm_driver = bindings::drm_driver {
        driver_features: bindings::drm_driver_feature_DRIVER_GEM
            | bindings::drm_driver_feature_DRIVER_RENDER,
        major: 1,
        name: as_char_ptr_in_const_context(D::NAME).cast_mut(),
        desc: as_char_ptr_in_const_context(D::DESCRIPTION).cast_mut(),
        ioctls: D::IOCTLS.as_ptr().cast(),
        num_ioctls: D::IOCTLS.len() as i32,
        fops: &Self::FILE_OPERATIONS,
        ..pin_init::zeroed()
    };

    /// Whether nothing can be asked of the hardware.
    pub(crate) fn is_wedged(&self) -> bool {
        self.is_wedged.load(Relaxed)
    }

    /// What GEM objects may still take.
    pub(crate) fn gem_space(&self) -> &Space {
        &self.gem_space
    }

    /// What the ioctls work on.
    pub(crate) fn data(&self) -> &D::Data {
        &self.data
    }

    pub(crate) fn as_raw(&self) -> *mut bindings::drm_device {
        self.drm.get()
    }

    /// The device that DRM calls back about.
    ///
    /// # Safety
    ///
    /// `drm` must be part of a `Device<D>` that lives for `'a`.
    pub(crate) unsafe fn from_raw<'a>(drm: *mut bindings::drm_device) -> &'a Self {
        // SAFETY: The caller promises so; `drm` is the first field of a `repr(C)` structure.
        unsafe { &*drm.cast() }
    }
}

/// A device that user space sees; unplugged when dropped.
///
/// Files that are open then stay valid, but all that can be done with them is to close them.
///
/// # Invariants
///
/// The device is registered and a reference to it is held.
pub(crate) struct Registration<'a, D: Driver> {
    device: NonNull<Device<D>>,
    _parent: PhantomData<&'a device::Device<Bound>>,
}

// SAFETY: DRM devices may be unplugged and released by any thread, and their data is `Send`.
unsafe impl<D: Driver> Send for Registration<'_, D> {}

impl<'a, D: Driver> Registration<'a, D> {
    /// Makes a device and its nodes; all its GEM objects together may have `gem_bytes` bytes.
    pub(crate) fn new(
        parent: &'a device::Device<Bound>,
        data: D::Data,
        gem_bytes: u64,
    ) -> Result<Self> {
        // SAFETY: `Device<D>` starts with a `struct drm_device`, and the driver is a constant of the
        // module that open files hold.
        let device = from_err_ptr(unsafe {
            bindings::__drm_dev_alloc(
                core::ptr::from_ref(parent).cast_mut().cast(),
                const { &Device::<D>::DRIVER },
                size_of::<Device<D>>(),
                0,
            )
        })?;
        let device = NonNull::new(device.cast::<Device<D>>()).ok_or(ENOMEM)?;
        // SAFETY: The memory has been allocated for a `Device<D>` that nobody else knows yet.
        unsafe {
            (&raw mut (*device.as_ptr()).is_wedged).write(Atomic::new(false));
            (&raw mut (*device.as_ptr()).gem_space).write(Space::new(gem_bytes));
            (&raw mut (*device.as_ptr()).data).write(data);
        }
        // SAFETY: The device is initialized, and not registered yet.
        to_result(unsafe { bindings::drm_dev_register(device.as_ptr().cast(), 0) }).inspect_err(
            // SAFETY: This is the only reference.
            |_| unsafe { bindings::drm_dev_put(device.as_ptr().cast()) },
        )?;
        // INVARIANT: It has just been registered, and the reference not been given away.
        Ok(Self {
            device,
            _parent: PhantomData,
        })
    }
}

impl<D: Driver> Registration<'_, D> {
    /// A handle by which the device can be declared wedged, from anywhere.
    pub(crate) fn wedge(&self) -> Wedge<D> {
        // SAFETY: A reference to the device is held.
        unsafe { bindings::drm_dev_get(self.device.as_ptr().cast()) };
        // INVARIANT: The reference has just been taken.
        Wedge(self.device)
    }
}

/// Declares a device wedged.
///
/// # Invariants
///
/// A reference to the device is held.
pub(crate) struct Wedge<D: Driver>(NonNull<Device<D>>);

// SAFETY: What can be done with it is atomic or locks, and the device's data is `Send` and `Sync`.
unsafe impl<D: Driver> Send for Wedge<D> {}

// SAFETY: As above.
unsafe impl<D: Driver> Sync for Wedge<D> {}

/// What user space may do about a wedged device; see Documentation/gpu/drm-uapi.rst.
#[derive(Clone, Copy)]
pub(crate) enum Remedy {
    /// Nothing: it works again.
    None,
    /// Unbind the driver, reset the device, and bind it again.
    BusReset,
}

impl<D: Driver> Wedge<D> {
    /// Has ioctls fail with `EIO`, or not any more.
    pub(crate) fn set(&self, is_wedged: bool) {
        // SAFETY: The device lives as long as the reference is held.
        let device = unsafe { self.0.as_ref() };
        device.is_wedged.store(is_wedged, Relaxed);
    }

    /// Tells user space that the device was or is wedged, and what to do about that.
    pub(crate) fn announce(&self, remedy: Remedy) {
        // DRM_WEDGE_RECOVERY_* of include/drm/drm_device.h.
        let method = match remedy {
            Remedy::None => 1 << 0,
            Remedy::BusReset => 1 << 2,
        };
        // SAFETY: The device lives as long as the reference is held; no task is to blame.
        unsafe {
            bindings::drm_dev_wedged_event(self.0.as_ptr().cast(), method, core::ptr::null_mut())
        };
    }
}

impl<D: Driver> Drop for Wedge<D> {
    fn drop(&mut self) {
        // SAFETY: The reference is held, and not used again.
        unsafe { bindings::drm_dev_put(self.0.as_ptr().cast()) };
    }
}

impl<D: Driver> Drop for Registration<'_, D> {
    fn drop(&mut self) {
        // SAFETY: The device is registered.
        unsafe { bindings::drm_dev_unplug(self.device.as_ptr().cast()) };
        // SAFETY: The reference is held, and not used again.
        unsafe { bindings::drm_dev_put(self.device.as_ptr().cast()) };
    }
}
