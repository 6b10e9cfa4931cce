// SPDX-License-Identifier: GPL-2.0

//! Ioctls of a DRM driver as functions on typed arguments.
//!
//! `kernel::drm::ioctl` takes argument types from the kernel's own uAPI headers only.

use core::marker::PhantomData;

use kernel::bindings;
use kernel::prelude::*;
use kernel::str::as_char_ptr_in_const_context;

use super::device::{Device, Driver};
use super::shim;

/// An open file of a device of `D`.
pub struct File<'a, D: Driver> {
    raw: *mut bindings::drm_file,
    _open: PhantomData<&'a Device<D>>,
}

impl<D: Driver> File<'_, D> {
    /// The open file that DRM calls back about.
    ///
    /// # Safety
    ///
    /// The file is one of a `Device<D>`, and stays open for as long as the result is used.
    pub(super) unsafe fn from_raw(raw: *mut bindings::drm_file) -> Self {
        Self {
            raw,
            _open: PhantomData,
        }
    }

    /// The C side of it.
    pub fn as_raw(&self) -> *mut bindings::drm_file {
        self.raw
    }

    /// Whether it is the DRM master of its device, which only a file of a primary node can be.
    pub fn is_master(&self) -> bool {
        // SAFETY: The file is open.
        unsafe { shim::drm_is_current_master(self.raw) }
    }

    /// What belongs to it.
    pub fn data(&self) -> Pin<&D::FileData> {
        // SAFETY: DRM has opened the file by `Device::open`, which has put it there, where it stays until the file is
        // closed.
        unsafe { Pin::new_unchecked(&*(*self.raw).driver_priv.cast::<D::FileData>()) }
    }
}

/// An ioctl.
pub trait Ioctl<D: Driver> {
    /// What it is given and gives back.
    type Argument: Copy + zerocopy::FromBytes + zerocopy::IntoBytes;

    /// Its whole number.
    const NUMBER: u32;

    /// When it can be called.
    const GATE: Gate;

    /// Does what it is asked for. Where that fails, user space sees the argument unchanged. If it fails with `ENOSPC`, it is
    /// called once more, after [`Driver::make_room`].
    fn call(
        device: &Device<D>,
        data: &D::RegistrationData<'_>,
        file: &File<'_, D>,
        argument: &mut Self::Argument,
    ) -> Result;
}

/// When an ioctl can be called. Once the device is unplugged, all fail with `ENODEV`, and until it is over
/// the device is not unplugged.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// Always: it does not need the hardware.
    Always,
    /// While the device works; fails with `EIO` where it is wedged.
    Works,
}

/// An entry of the table of ioctls.
#[repr(transparent)]
pub struct Entry(bindings::drm_ioctl_desc);

/// The entry of an ioctl, allowed on primary and on render nodes without authentication.
pub const fn entry<D: Driver, I: Ioctl<D>>() -> Entry {
    assert!(kernel::ioctl::_IOC_SIZE(I::NUMBER) == size_of::<I::Argument>());
    Entry(bindings::drm_ioctl_desc {
        cmd: I::NUMBER,
        flags: bindings::drm_ioctl_flags_DRM_RENDER_ALLOW,
        func: Some(callback::<D, I>),
        name: as_char_ptr_in_const_context(c"nova"),
    })
}

/// A table of ioctls; DRM takes the number of an ioctl for its place there.
pub const fn table<const N: usize>(entries: [Entry; N]) -> [Entry; N] {
    let mut place = 0;
    while place < N {
        let number = kernel::ioctl::_IOC_NR(entries[place].0.cmd);
        assert!(number == kernel::uapi::DRM_COMMAND_BASE + place as u32);
        place += 1;
    }
    entries
}

/// Number of `DRM_IOCTL_GEM_FLINK`.
const GEM_FLINK: u32 = 0x0a;

/// Does the ioctls of a file but for GEM_FLINK, which gives an object a name by which every client of the primary node
/// finds it, also one that is private. A name is a small number, so it can be guessed; dma-bufs cannot.
///
/// # Safety
///
/// For the kernel to call, with an open file of a `Device<D>`.
pub(super) unsafe extern "C" fn ioctl<D: Driver>(
    file: *mut bindings::file,
    number: c_uint,
    argument: c_ulong,
) -> c_long {
    match kernel::ioctl::_IOC_NR(number) {
        GEM_FLINK => EOPNOTSUPP.to_errno() as c_long,
        // SAFETY: As the caller promises.
        _ => unsafe { bindings::drm_ioctl(file, number, argument) },
    }
}

/// As [`ioctl`], for programs of 32 bits.
///
/// # Safety
///
/// As there.
#[cfg(CONFIG_COMPAT)]
pub(super) unsafe extern "C" fn compat_ioctl<D: Driver>(
    file: *mut bindings::file,
    number: c_uint,
    argument: c_ulong,
) -> c_long {
    match kernel::ioctl::_IOC_NR(number) {
        GEM_FLINK => EOPNOTSUPP.to_errno() as c_long,
        // SAFETY: As the caller promises.
        _ => unsafe { bindings::drm_compat_ioctl(file, number, argument) },
    }
}

/// # Safety
///
/// For DRM to call, with a device of the driver `D`, an argument of at least the size that the number
/// tells, and an open file of that device.
unsafe extern "C" fn callback<D: Driver, I: Ioctl<D>>(
    device: *mut bindings::drm_device,
    argument: *mut c_void,
    file: *mut bindings::drm_file,
) -> c_int {
    // SAFETY: The device lives as long as files of it are open.
    let device = unsafe { Device::<D>::from_raw(device) };
    let Some(entered) = device.enter() else {
        return ENODEV.to_errno();
    };
    if I::GATE == Gate::Works && device.is_wedged() {
        return EIO.to_errno();
    }
    // SAFETY: It stays open during the call.
    let file = unsafe { File::from_raw(file) };
    let place = argument.cast::<I::Argument>();
    // SAFETY: The argument is as large as its number tells, which `entry` has checked, and any bytes
    // are valid for it.
    let given = unsafe { place.read_unaligned() };
    let call = |data: &D::RegistrationData<'_>| {
        let mut argument = given;
        I::call(device, data, &file, &mut argument).map(|()| argument)
    };
    let called = entered.with(|data| match call(data) {
        Err(ENOSPC) => D::make_room(data, device).and_then(|()| call(data)),
        called => called,
    });
    match called {
        Ok(argument) => {
            // SAFETY: As above; DRM has the memory for nobody but this call.
            unsafe { place.write_unaligned(argument) };
            0
        }
        Err(error) => error.to_errno(),
    }
}
