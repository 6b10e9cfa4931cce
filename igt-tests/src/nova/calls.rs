// SPDX-License-Identifier: MIT

//! The driver's ioctls by their arguments.

use std::fmt::Debug;
use std::fs::File;

use nix::errno::Errno;
use nova_uapi as uapi;
use nova_uapi::Array;
use zerocopy::{Immutable, IntoBytes};

use crate::drm;
use crate::memory::BadAddress;

/// The argument of an ioctl that writes nothing but its argument. It may read an array.
pub trait Argument: sealed::Argument {}

impl<T: sealed::Argument> Argument for T {}

mod sealed {
    /// The ioctl's number. Through pointers in the argument it only reads.
    pub trait Argument {
        const NUMBER: u32;
    }
}

macro_rules! arguments {
    ($($argument:ident $number:ident)+) => {
        $(
            impl sealed::Argument for uapi::$argument {
                const NUMBER: u32 = uapi::$number;
            }
        )+
    };
}

arguments! {
    GetParam IOCTL_GETPARAM
    GemCreate IOCTL_GEM_CREATE
    GemInfo IOCTL_GEM_INFO
    VmCreate IOCTL_VM_CREATE
    VmDestroy IOCTL_VM_DESTROY
    VmBind IOCTL_VM_BIND
    QueueCreate IOCTL_QUEUE_CREATE
    QueueDestroy IOCTL_QUEUE_DESTROY
    QueueGetState IOCTL_QUEUE_GET_STATE
    Exec IOCTL_EXEC
    GetTime IOCTL_GET_TIME
    GemSetLabel IOCTL_GEM_SET_LABEL
}

/// What Linux 7.3 has for `GEM_CREATE` and for `GEM_INFO`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OfLinux<const COMMAND: u32> {
    /// The handle of the object.
    pub handle: u32,
    /// Padding.
    pub pad: u32,
    /// The size of the object in bytes.
    pub size: u64,
}

impl<const COMMAND: u32> sealed::Argument for OfLinux<COMMAND> {
    const NUMBER: u32 = drm::iowr::<Self>(drm::COMMAND_BASE + COMMAND);
}

/// `VmGetFaults` with room at an address that the kernel cannot write to.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Faults(uapi::VmGetFaults);

impl sealed::Argument for Faults {
    const NUMBER: u32 = uapi::IOCTL_VM_GET_FAULTS;
}

impl Faults {
    /// The argument with that address.
    pub fn new(argument: uapi::VmGetFaults, at: BadAddress) -> Self {
        let pointer = at.get();
        let faults = Array {
            pointer,
            ..argument.faults
        };
        Self(uapi::VmGetFaults { faults, ..argument })
    }
}

/// Makes a call; the kernel updates `argument`.
///
/// # Errors
///
/// The kernel's error.
pub fn call<T: Argument>(file: &File, argument: &mut T) -> Result<(), Errno> {
    // SAFETY: The kernel writes through no pointer in the argument, or only to a `BadAddress`.
    unsafe { drm::ioctl(file, T::NUMBER, argument) }
}

/// Makes a call of which the kernel only reads the argument.
///
/// # Errors
///
/// The kernel's error.
///
/// # Panics
///
/// If the argument has changed.
#[track_caller]
pub fn call_with<T: Argument + Copy + Debug + PartialEq>(
    file: &File,
    asked: T,
) -> Result<(), Errno> {
    let mut argument = asked;
    let result = call(file, &mut argument);
    assert_eq!(argument, asked, "the argument changed");
    result
}

/// An array of these elements. The kernel only reads it, so that a wrong count does no harm.
pub fn array<T: IntoBytes + Immutable>(elements: &[T]) -> Array {
    match elements.len() {
        0 => Array::default(),
        count => Array {
            pointer: elements.as_ptr() as u64,
            count: count as u32,
            stride: size_of::<T>() as u32,
        },
    }
}
