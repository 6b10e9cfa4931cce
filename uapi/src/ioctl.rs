// SPDX-License-Identifier: MIT

//! The numbers of the ioctls.

use crate::exec::Exec;
use crate::fault::VmGetFaults;
use crate::gem::{GemCreate, GemInfo, GemSetLabel};
use crate::getparam::GetParam;
use crate::query::Query;
use crate::queue::{QueueCreate, QueueDestroy, QueueGetState};
use crate::time::GetTime;
use crate::vm::{VmCreate, VmDestroy};
use crate::vm_bind::VmBind;

/// First command number for drivers. Source: `include/uapi/drm/drm.h`.
pub const DRM_COMMAND_BASE: u32 = 0x40;

/// `DRM_IOWR` of a driver's command: 8 bits of number, 8 of type `d`, 14 of size, 2 of direction.
///
/// Sources: `include/uapi/drm/drm.h`, `include/uapi/asm-generic/ioctl.h`.
const fn drm_iowr<T>(command: u32) -> u32 {
    const READ_WRITE: u32 = 3;
    const DRM: u32 = b'd' as u32;
    READ_WRITE << 30 | (size_of::<T>() as u32) << 16 | DRM << 8 | (DRM_COMMAND_BASE + command)
}

/// The command number, relative to [`DRM_COMMAND_BASE`], and the whole number of each ioctl.
macro_rules! ioctls {
    ($($argument:ident: $command:ident = $number:literal, $ioctl:ident;)+) => {
        $(
            #[doc = concat!("Command number of [`", stringify!($argument), "`].")]
            pub const $command: u32 = $number;
            #[doc = concat!("Whole ioctl number of [`", stringify!($argument), "`].")]
            pub const $ioctl: u32 = drm_iowr::<$argument>($command);
        )+
    };
}

ioctls! {
    GetParam: GETPARAM = 0x00, IOCTL_GETPARAM;
    GemCreate: GEM_CREATE = 0x01, IOCTL_GEM_CREATE;
    GemInfo: GEM_INFO = 0x02, IOCTL_GEM_INFO;
    Query: QUERY = 0x03, IOCTL_QUERY;
    VmCreate: VM_CREATE = 0x04, IOCTL_VM_CREATE;
    VmDestroy: VM_DESTROY = 0x05, IOCTL_VM_DESTROY;
    VmBind: VM_BIND = 0x06, IOCTL_VM_BIND;
    VmGetFaults: VM_GET_FAULTS = 0x07, IOCTL_VM_GET_FAULTS;
    QueueCreate: QUEUE_CREATE = 0x08, IOCTL_QUEUE_CREATE;
    QueueDestroy: QUEUE_DESTROY = 0x09, IOCTL_QUEUE_DESTROY;
    QueueGetState: QUEUE_GET_STATE = 0x0a, IOCTL_QUEUE_GET_STATE;
    Exec: EXEC = 0x0b, IOCTL_EXEC;
    GetTime: GET_TIME = 0x0c, IOCTL_GET_TIME;
    GemSetLabel: GEM_SET_LABEL = 0x0d, IOCTL_GEM_SET_LABEL;
}
