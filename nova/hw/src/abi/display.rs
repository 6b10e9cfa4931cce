// SPDX-License-Identifier: GPL-2.0

//! Controls about displays, and events.
//!
//! Source: src/common/sdk/nvidia/inc/ctrl/ctrl0073/ctrl0073system.h and ctrl0073specific.h.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Parameters of
/// [`INTERNAL_DISPLAY_WRITE_INST_MEM`](crate::abi::control::INTERNAL_DISPLAY_WRITE_INST_MEM);
/// `NV2080_CTRL_INTERNAL_DISPLAY_WRITE_INST_MEM_PARAMS`.
///
/// Source: src/common/sdk/nvidia/inc/ctrl/ctrl2080/ctrl2080internal.h.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct DisplayWriteInstMem {
    /// Physical address of the display's instance memory.
    pub inst_mem_phys_addr: u64,
    /// Bytes.
    pub inst_mem_size: u64,
    /// Where the address is, as in [`MemoryDescParams`](crate::abi::MemoryDescParams).
    pub inst_mem_addr_space: u32,
    /// How the CPU caches it.
    pub inst_mem_cpu_cache_attr: u32,
}

layout!(DisplayWriteInstMem: 24, inst_mem_addr_space @ 16);

/// Parameters of [`SYSTEM_GET_NUM_HEADS`](crate::abi::control::SYSTEM_GET_NUM_HEADS);
/// `NV0073_CTRL_SYSTEM_GET_NUM_HEADS_PARAMS`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct GetNumHeads {
    /// Subdevice.
    pub sub_device_instance: u32,
    /// Flags.
    pub flags: u32,
    /// Number of heads, in the reply.
    pub num_heads: u32,
}

layout!(GetNumHeads: 12, num_heads @ 8);

/// Parameters of
/// [`SPECIFIC_GET_ALL_HEAD_MASK`](crate::abi::control::SPECIFIC_GET_ALL_HEAD_MASK);
/// `NV0073_CTRL_SPECIFIC_GET_ALL_HEAD_MASK_PARAMS`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct GetAllHeadMask {
    /// Subdevice.
    pub sub_device_instance: u32,
    /// Heads, one bit each, in the reply.
    pub head_mask: u32,
}

layout!(GetAllHeadMask: 8, head_mask @ 4);

/// Parameters of the control that lists the outputs
/// ([`ControlNumbers::display_supported`](crate::release::ControlNumbers));
/// `NV0073_CTRL_SYSTEM_GET_SUPPORTED_PARAMS`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct GetSupported {
    /// Subdevice.
    pub sub_device_instance: u32,
    /// Outputs, one bit each, in the reply.
    pub display_mask: u32,
    /// Outputs with DDC, in the reply.
    pub display_mask_ddc: u32,
}

layout!(GetSupported: 12, display_mask @ 4);

/// Bytes of the parameters of
/// [`INTERNAL_INIT_BRIGHTC_STATE_LOAD`](crate::abi::control::INTERNAL_INIT_BRIGHTC_STATE_LOAD): what
/// ACPI says about a backlight (`NV2080_CTRL_INTERNAL_INIT_BRIGHTC_STATE_LOAD_PARAMS` of
/// ctrl2080internal.h).
pub const BRIGHTC_STATE_LOAD: usize = 0x1008;

/// Parameters of an event's object
/// ([`NV01_EVENT_KERNEL_CALLBACK_EX`](crate::abi::class::NV01_EVENT_KERNEL_CALLBACK_EX));
/// `NV0005_ALLOC_PARAMETERS`.
///
/// Source: src/common/sdk/nvidia/inc/class/cl0005.h.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct Nv0005AllocParameters {
    /// Client that is notified; 0 for the one that allocates.
    pub h_parent_client: u32,
    /// Object that notifies; 0 for the parent.
    pub h_src_resource: u32,
    /// Class of the event.
    pub h_class: u32,
    /// The event, and flags (`NV01_EVENT_*`).
    pub notify_index: u32,
    /// The driver's own value.
    pub data: u64,
}

layout!(Nv0005AllocParameters: 24, notify_index @ 12, data @ 16);

/// Parameters of [`EVENT_SET_NOTIFICATION`](crate::abi::control::EVENT_SET_NOTIFICATION);
/// `NV2080_CTRL_EVENT_SET_NOTIFICATION_PARAMS`.
///
/// Source: src/common/sdk/nvidia/inc/ctrl/ctrl2080/ctrl2080event.h.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct EventSetNotification {
    /// The event; `NV2080_NOTIFIERS_*` of cl2080_notification.h.
    pub event: u32,
    /// What to do when it happens, by the constants of this structure.
    pub action: u32,
    /// State of the notifier.
    pub b_notify_state: u8,
    #[doc(hidden)]
    pub _padding0: [u8; 3],
    /// Data of the notification.
    pub info32: u32,
    /// More data of the notification.
    pub info16: u16,
    #[doc(hidden)]
    pub _padding1: [u8; 2],
}

layout!(EventSetNotification: 20, b_notify_state @ 8, info32 @ 12, info16 @ 16);

impl EventSetNotification {
    /// Notify no more.
    pub const DISABLE: u32 = 0;
    /// Notify once.
    pub const SINGLE: u32 = 1;
    /// Notify each time.
    pub const REPEAT: u32 = 2;
    /// The timer, which has controls of its own; `NV2080_NOTIFIERS_TIMER`.
    pub const TIMER: u32 = 11;
}
