// SPDX-License-Identifier: MIT

//! An open file, by the next library's `ioctl`.

use std::ffi::{c_int, c_ulong};
use std::os::fd::BorrowedFd;

use nova_nvk::{Bind, Device, Driver, Errno, Result};
use nova_uapi::{
    Array, Exec, GemCreate, GemInfo, GetParam, GetTime, Query, QueueCreate, QueueDestroy, Sync,
    VmBind, VmCreate, VmDestroy, IOCTL_EXEC, IOCTL_GEM_CREATE, IOCTL_GEM_INFO, IOCTL_GETPARAM,
    IOCTL_GET_TIME, IOCTL_QUERY, IOCTL_QUEUE_CREATE, IOCTL_QUEUE_DESTROY, IOCTL_VM_BIND,
    IOCTL_VM_CREATE, IOCTL_VM_DESTROY,
};
use rustix::fs::{fstat, major, minor, openat, FileType, Mode, OFlags, Stat, CWD};
use zerocopy::{FromBytes, IntoBytes};

use crate::next::next_ioctl;

/// The major number of DRM devices. Source: `DRM_MAJOR`, `include/drm/drm_file.h` of Linux.
const DRM_MAJOR: u32 = 226;

fn stat(descriptor: c_int) -> Result<Stat> {
    if descriptor < 0 {
        return Err(Errno::BADF);
    }
    // SAFETY: It is used for this call alone, which fails if it is not open.
    fstat(unsafe { BorrowedFd::borrow_raw(descriptor) })
}

/// Whether a descriptor is a DRM device.
pub(crate) fn is_drm(descriptor: c_int) -> bool {
    stat(descriptor).is_ok_and(|stat| {
        FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice
            && major(stat.st_rdev) == DRM_MAJOR
    })
}

/// `DRM_IOCTL_VERSION`.
const VERSION: u32 = 0xc040_6400;

/// Asks for the driver of a DRM device.
pub(crate) fn driver(descriptor: c_int) -> Result<Driver> {
    Driver::ask(|argument| pass(descriptor, VERSION, argument))
}

/// Calls an ioctl whose argument is a structure.
fn call<T: FromBytes + IntoBytes>(descriptor: c_int, number: u32, argument: &mut T) -> Result {
    debug_assert_eq!((number >> 16 & 0x3fff) as usize, size_of::<T>());
    pass(descriptor, number, argument.as_mut_bytes())
}

/// Calls an ioctl with an argument of the size in its number.
fn pass(descriptor: c_int, number: u32, argument: &mut [u8]) -> Result {
    let argument = argument.as_mut_ptr().cast();
    // SAFETY: The argument has the size in the number, for what this file calls and for what the
    // program has called. Pointers in it are of arrays that live through the call, which this file
    // makes of references, or they are the program's own, of a call that it has made.
    let result = unsafe { next_ioctl(descriptor, c_ulong::from(number), argument) };
    match result {
        -1 => Err(Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO)),
        _ => Ok(()),
    }
}

/// An array for nova, which has no pointer to one without elements.
fn array<T>(elements: &[T]) -> Array {
    match elements.len() {
        0 => Array::default(),
        count => Array {
            pointer: elements.as_ptr() as u64,
            count: u32::try_from(count).unwrap_or(u32::MAX),
            stride: size_of::<T>() as u32,
        },
    }
}

/// An open file of nova, for which the program has made an ioctl.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Open {
    pub(crate) descriptor: c_int,
    /// The number of the program's ioctl.
    pub(crate) number: u32,
}

impl Open {
    fn call<T: FromBytes + IntoBytes>(&self, number: u32, argument: &mut T) -> Result {
        call(self.descriptor, number, argument)
    }
}

impl Device for Open {
    fn query(&self, query: u32, answer: &mut [u8]) -> Result<usize> {
        let mut argument = Query {
            query,
            flags: 0,
            size: answer.len() as u64,
            data: answer.as_mut_ptr() as u64,
        };
        self.call(IOCTL_QUERY, &mut argument)?;
        usize::try_from(argument.size).map_err(|_| Errno::OVERFLOW)
    }

    fn get_param(&self, argument: &mut GetParam) -> Result {
        self.call(IOCTL_GETPARAM, argument)
    }

    fn get_time(&self, argument: &mut GetTime) -> Result {
        self.call(IOCTL_GET_TIME, argument)
    }

    fn gem_create(&self, argument: &mut GemCreate) -> Result {
        self.call(IOCTL_GEM_CREATE, argument)
    }

    fn gem_info(&self, argument: &mut GemInfo) -> Result {
        self.call(IOCTL_GEM_INFO, argument)
    }

    fn vm_create(&self, argument: &mut VmCreate) -> Result {
        self.call(IOCTL_VM_CREATE, argument)
    }

    fn vm_destroy(&self, vm_id: u32) -> Result {
        self.call(IOCTL_VM_DESTROY, &mut VmDestroy { vm_id, pad: 0 })
    }

    fn vm_bind(&self, bind: Bind<'_>) -> Result {
        let mut argument = VmBind {
            vm_id: bind.vm_id,
            queue_id: bind.queue_id,
            ops: array(bind.ops),
            syncs: array(bind.syncs),
            ..VmBind::default()
        };
        self.call(IOCTL_VM_BIND, &mut argument)
    }

    fn queue_create(&self, argument: &mut QueueCreate) -> Result {
        self.call(IOCTL_QUEUE_CREATE, argument)
    }

    fn queue_destroy(&self, queue_id: u32) -> Result {
        self.call(IOCTL_QUEUE_DESTROY, &mut QueueDestroy { queue_id, pad: 0 })
    }

    fn exec(&self, queue_id: u32, pushes: Array, syncs: &[Sync]) -> Result {
        let mut argument = Exec {
            queue_id,
            flags: 0,
            pushes,
            syncs: array(syncs),
        };
        self.call(IOCTL_EXEC, &mut argument)
    }

    fn pci_device(&self) -> Result<u16> {
        let device = stat(self.descriptor)?.st_rdev;
        let (major, minor) = (major(device), minor(device));
        let path = format!("/sys/dev/char/{major}:{minor}/device/device");
        // rustix calls the kernel, and not the functions of this library.
        let file = openat(CWD, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
        let mut text = [0; 16];
        let length = rustix::io::read(&file, &mut text)?;
        let text = std::str::from_utf8(text.get(..length).unwrap_or_default());
        let digits = text.ok().and_then(|text| text.trim().strip_prefix("0x"));
        let number = digits.and_then(|digits| u16::from_str_radix(digits, 16).ok());
        number.ok_or(Errno::IO)
    }

    fn read(&self, pointer: u64, bytes: &mut [u8]) -> Result {
        let from = pointer as *const u8;
        if from.is_null() {
            return Err(Errno::FAULT);
        }
        // SAFETY: nova-nvk reads where a member of the program's argument points to, and as much as
        // nouveau would; the program has promised this memory to `ioctl`. `bytes` is of this library.
        unsafe { std::ptr::copy_nonoverlapping(from, bytes.as_mut_ptr(), bytes.len()) };
        Ok(())
    }

    fn write(&self, pointer: u64, bytes: &[u8]) -> Result {
        let to = pointer as *mut u8;
        if to.is_null() {
            return Err(Errno::FAULT);
        }
        // SAFETY: nova-nvk writes where a member of the program's argument points to, and no more
        // than that has room for; the program has promised this memory to `ioctl`.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len()) };
        Ok(())
    }

    fn pass_on(&self, argument: &mut [u8]) -> Result {
        pass(self.descriptor, self.number, argument)
    }
}
