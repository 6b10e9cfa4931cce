// SPDX-License-Identifier: GPL-2.0

//! Objects of GSP-RM: classes, ranges of handles, and allocation parameters.
//!
//! The parameters of a client ([`class::NV01_ROOT`]) differ between releases:
//! [`Release::root`](crate::release::Release::root).

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Numbers of classes.
///
/// Source: src/common/sdk/nvidia/inc/class/cl0000.h, cl0080.h and cl2080.h.
pub mod class {
    numbers! {
        NV01_ROOT = 0,
        NV01_DEVICE_0 = 0x80,
        NV20_SUBDEVICE_0 = 0x2080,
    }
}

/// Ranges of handles: the driver and GSP-RM choose theirs from different ones.
///
/// Source: src/nvidia/inc/libraries/resserv/resserv.h and rs_client.h;
/// src/nvidia/src/kernel/rmapi/client.c.
pub mod handle {
    use core::ops::Range;

    /// First handle of a driver's clients; `RS_CLIENT_HANDLE_BASE`.
    pub const CLIENT_BASE: u32 = 0xc1d0_0000;

    /// First handle of a resource manager's internal clients; `RS_CLIENT_INTERNAL_HANDLE_BASE`.
    /// NVIDIA's driver has such clients on GSP-RM, too.
    pub const CLIENT_INTERNAL_BASE: u32 = 0xc1e0_0000;

    /// Number of handles in a range for clients; `RS_CLIENT_HANDLE_MAX`.
    pub const CLIENT_MAX: u32 = 0x10_0000;

    /// Handles that the resource manager chooses for objects that the driver gives no handle;
    /// `RS_UNIQUE_HANDLE_BASE` and `RS_UNIQUE_HANDLE_RANGE`.
    pub const GENERATED: Range<u32> = 0xcaf0_0000..0xcaf8_0000;

    /// Handles that GSP-RM chooses, and a driver must not; `RS_FW_UNIQUE_HANDLE_BASE`.
    pub const FIRMWARE: Range<u32> = 0xc9f0_0000..0xc9f8_0000;
}

/// Parameters of a device, the GPU as seen by a client; `NV0080_ALLOC_PARAMETERS`.
///
/// Source: src/common/sdk/nvidia/inc/class/cl0080.h; flags from nvos.h.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct Nv0080AllocParameters {
    /// Number of the device.
    pub device_id: u32,
    /// Client whose address space is shared: 0 for the global one, the device's own client for a
    /// new one.
    pub h_client_share: u32,
    /// Client on whose behalf a hypervisor allocates.
    pub h_target_client: u32,
    /// Device on whose behalf a hypervisor allocates.
    pub h_target_device: u32,
    /// Flags; `NV_DEVICE_ALLOCATION_FLAGS_*`.
    pub flags: u32,
    #[doc(hidden)]
    pub _padding0: [u8; 4],
    /// Bytes of the address space, with [`Self::VASPACE_SIZE`].
    pub va_space_size: u64,
    /// First address for GSP-RM's own use, with [`Self::RESTRICT_RESERVED_VALIMITS`].
    pub va_start_internal: u64,
    /// Last address for GSP-RM's own use, with [`Self::RESTRICT_RESERVED_VALIMITS`].
    pub va_limit_internal: u64,
    /// Whether several address spaces are allowed; `NV_DEVICE_ALLOCATION_VAMODE_*`.
    pub va_mode: u32,
    #[doc(hidden)]
    pub _padding1: [u8; 4],
}

layout!(Nv0080AllocParameters: 0x38, flags @ 16, va_space_size @ 24, va_mode @ 48);

impl Nv0080AllocParameters {
    /// Maximum number of devices; `NV_MAX_DEVICES` of nvlimits.h.
    pub const DEVICES_MAX: u32 = 32;
    /// [`Self::va_space_size`] is valid; `NV_DEVICE_ALLOCATION_FLAGS_VASPACE_SIZE`.
    pub const VASPACE_SIZE: u32 = 0x8;
    /// [`Self::va_start_internal`] and [`Self::va_limit_internal`] are valid;
    /// `NV_DEVICE_ALLOCATION_FLAGS_RESTRICT_RESERVED_VALIMITS`.
    pub const RESTRICT_RESERVED_VALIMITS: u32 = 0x800;
}

/// Parameters of a subdevice, one GPU of a device; `NV2080_ALLOC_PARAMETERS`.
///
/// Source: src/common/sdk/nvidia/inc/class/cl2080.h.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct Nv2080AllocParameters {
    /// Number of the GPU in the device.
    pub sub_device_id: u32,
}

layout!(Nv2080AllocParameters: 4);

impl Nv2080AllocParameters {
    /// Maximum number of subdevices of a device; `NV2080_MAX_SUBDEVICES`.
    pub const SUBDEVICES_MAX: u32 = 8;
}
