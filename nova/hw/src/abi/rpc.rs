// SPDX-License-Identifier: GPL-2.0

//! Payloads of RPCs and events that have no file of their own.
//!
//! Source: src/nvidia/generated/g_rpc-structures.h.

use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout};

/// Payload of SET_GUEST_SYSTEM_INFO, with which a driver says which version of the RPCs it speaks;
/// `rpc_set_guest_system_info_v03_00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct SetGuestSystemInfo {
    /// Version of the RPCs, major and minor number; GSP-RM answers with its own.
    pub vgx_version: [u32; 2],
    /// Bytes of the first text.
    pub guest_driver_version_buffer_length: u32,
    /// Bytes of the second text.
    pub guest_version_buffer_length: u32,
    /// Bytes of the third text.
    pub guest_title_buffer_length: u32,
    /// Number of the change that the driver was built from.
    pub guest_cl_num: u32,
    /// Version of the driver; all texts end with a NUL.
    pub guest_driver_version: [u8; 256],
    /// Version of the branch.
    pub guest_version: [u8; 256],
    /// Title of the driver.
    pub guest_title: [u8; 256],
}

layout!(SetGuestSystemInfo: 0x318, guest_cl_num @ 20, guest_driver_version @ 24,
    guest_version @ 280, guest_title @ 536);

/// Payload of UNLOADING_GUEST_DRIVER; `rpc_unloading_guest_driver_v1F_07`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct UnloadingGuestDriver {
    /// The GPU is suspended and its state is kept.
    pub b_in_pm_transition: u8,
    /// The GPU enters GC6.
    pub b_gc6_entering: u8,
    #[doc(hidden)]
    pub _padding: [u8; 2],
    /// Power level: 0 for a full unload, 3 for suspend, 7 for hibernation
    /// (`NV2080_CTRL_GPU_SET_POWER_STATE_GPU_LEVEL_*`).
    pub new_level: u32,
}

layout!(UnloadingGuestDriver: 8, new_level @ 4);

/// Start of the payload of GSP_RM_ALLOC, followed by the parameters; `rpc_gsp_rm_alloc_v03_00`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct RmAlloc {
    /// Client.
    pub h_client: u32,
    /// Parent of the new object.
    pub h_parent: u32,
    /// Handle of the new object, chosen by the driver.
    pub h_object: u32,
    /// Class of the new object.
    pub h_class: u32,
    /// NV_STATUS, in the reply.
    pub status: u32,
    /// Bytes of the parameters.
    pub params_size: u32,
    /// Flags.
    pub flags: u32,
    /// Zero.
    pub reserved: [u8; 4],
}

layout!(RmAlloc: 32, h_class @ 12, status @ 16, params_size @ 20);

/// Payload of FREE; `rpc_free_v03_00`, which is `NVOS00_PARAMETERS_v03_00` of g_sdk-structures.h.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct RmFree {
    /// Client.
    pub h_root: u32,
    /// Parent of the object; NVIDIA's driver and nouveau leave it at 0.
    pub h_object_parent: u32,
    /// The object, which is freed with all objects below it.
    pub h_object_old: u32,
    /// NV_STATUS, in the reply.
    pub status: u32,
}

layout!(RmFree: 16, h_object_old @ 8, status @ 12);

/// Start of the payload of GSP_RM_CONTROL, followed by the parameters; `rpc_gsp_rm_control_v03_00`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct RmControl {
    /// Client.
    pub h_client: u32,
    /// Object.
    pub h_object: u32,
    /// Number of the control.
    pub cmd: u32,
    /// NV_STATUS, in the reply.
    pub status: u32,
    /// Bytes of the parameters.
    pub params_size: u32,
    /// Flags.
    pub flags: u32,
}

layout!(RmControl: 24, cmd @ 8, status @ 12, params_size @ 16);

/// Start of the payload of OS_ERROR_LOG; `rpc_os_error_log_v17_00`. 570.144 appends the Xid of an
/// earlier removal of the channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct OsErrorLog {
    /// The Xid, NVIDIA's number of this error.
    pub except_type: u32,
    /// Runlist of the channel.
    pub runlist_id: u32,
    /// Channel.
    pub chid: u32,
    /// The message; ends with a NUL.
    pub err_string: [u8; Self::TEXT],
}

layout!(OsErrorLog: 268, err_string @ 12);

impl OsErrorLog {
    /// Bytes of the message.
    pub const TEXT: usize = 0x100;
}

impl Default for OsErrorLog {
    fn default() -> Self {
        Self::new_zeroed()
    }
}

/// Start of the payload of POST_EVENT, followed by the data; `rpc_post_event_v17_00`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct PostEvent {
    /// Client.
    pub h_client: u32,
    /// Event object.
    pub h_event: u32,
    /// Notifier.
    pub notify_index: u32,
    /// Data of the notification; `data`.
    pub data: u32,
    /// More data of the notification; `info16`.
    pub info16: u16,
    #[doc(hidden)]
    pub _padding0: [u8; 2],
    /// NV_STATUS.
    pub status: u32,
    /// Bytes of the data.
    pub event_data_size: u32,
    /// The event is for all event objects of the notifier.
    pub b_notify_list: u8,
    #[doc(hidden)]
    pub _padding1: [u8; 3],
}

layout!(PostEvent: 32, status @ 20, event_data_size @ 24, b_notify_list @ 28);
