// SPDX-License-Identifier: GPL-2.0

//! Objects of GSP-RM: classes, ranges of handles, and allocation parameters.
//!
//! The parameters of a client ([`class::NV01_ROOT`]) differ between releases:
//! [`Release::root`](crate::release::Release::root).

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Numbers of classes.
///
/// Source: the header of each class in src/common/sdk/nvidia/inc/class, such as clc56f.h;
/// `NV01_EVENT_KERNEL_CALLBACK_EX` is in src/common/sdk/nvidia/inc/nvos.h.
pub mod class {
    numbers! {
        NV01_ROOT = 0,
        NV01_MEMORY_VIRTUAL = 0x70,
        NV04_DISPLAY_COMMON = 0x73,
        NV01_EVENT_KERNEL_CALLBACK_EX = 0x7e,
        NV01_DEVICE_0 = 0x80,
        NV01_MEMORY_LIST_SYSTEM = 0x81,
        NV01_MEMORY_LIST_FBMEM = 0x82,
        NV20_SUBDEVICE_0 = 0x2080,
        GT200_DEBUGGER = 0x83de,
        FERMI_TWOD_A = 0x902d,
        FERMI_CONTEXT_SHARE_A = 0x9067,
        FERMI_VASPACE_A = 0x90f1,
        KEPLER_CHANNEL_GROUP_A = 0xa06c,
        KEPLER_INLINE_TO_MEMORY_B = 0xa140,
        NVB4B7_VIDEO_ENCODER = 0xb4b7,
        NVB8B0_VIDEO_DECODER = 0xb8b0,
        NVB8D1_VIDEO_NVJPG = 0xb8d1,
        NVB8FA_VIDEO_OFA = 0xb8fa,
        VOLTA_USERMODE_A = 0xc361,
        VOLTA_CHANNEL_GPFIFO_A = 0xc36f,
        TURING_USERMODE_A = 0xc461,
        TURING_CHANNEL_GPFIFO_A = 0xc46f,
        NVC4B0_VIDEO_DECODER = 0xc4b0,
        NVC4B7_VIDEO_ENCODER = 0xc4b7,
        NVC4D1_VIDEO_NVJPG = 0xc4d1,
        AMPERE_USERMODE_A = 0xc561,
        AMPERE_CHANNEL_GPFIFO_A = 0xc56f,
        NVC570_DISPLAY = 0xc570,
        TURING_A = 0xc597,
        TURING_DMA_COPY_A = 0xc5b5,
        TURING_COMPUTE_A = 0xc5c0,
        HOPPER_USERMODE_A = 0xc661,
        NVC670_DISPLAY = 0xc670,
        AMPERE_A = 0xc697,
        NVC6B0_VIDEO_DECODER = 0xc6b0,
        AMPERE_DMA_COPY_A = 0xc6b5,
        AMPERE_COMPUTE_A = 0xc6c0,
        NVC6FA_VIDEO_OFA = 0xc6fa,
        BLACKWELL_USERMODE_A = 0xc761,
        NVC770_DISPLAY = 0xc770,
        AMPERE_B = 0xc797,
        NVC7B0_VIDEO_DECODER = 0xc7b0,
        AMPERE_DMA_COPY_B = 0xc7b5,
        NVC7B7_VIDEO_ENCODER = 0xc7b7,
        AMPERE_COMPUTE_B = 0xc7c0,
        NVC7FA_VIDEO_OFA = 0xc7fa,
        HOPPER_CHANNEL_GPFIFO_A = 0xc86f,
        HOPPER_DMA_COPY_A = 0xc8b5,
        BLACKWELL_CHANNEL_GPFIFO_A = 0xc96f,
        ADA_A = 0xc997,
        NVC9B0_VIDEO_DECODER = 0xc9b0,
        BLACKWELL_DMA_COPY_A = 0xc9b5,
        NVC9B7_VIDEO_ENCODER = 0xc9b7,
        ADA_COMPUTE_A = 0xc9c0,
        NVC9D1_VIDEO_NVJPG = 0xc9d1,
        NVC9FA_VIDEO_OFA = 0xc9fa,
        BLACKWELL_CHANNEL_GPFIFO_B = 0xca6f,
        NVCA70_DISPLAY = 0xca70,
        BLACKWELL_DMA_COPY_B = 0xcab5,
        HOPPER_A = 0xcb97,
        HOPPER_COMPUTE_A = 0xcbc0,
        BLACKWELL_INLINE_TO_MEMORY_A = 0xcd40,
        BLACKWELL_A = 0xcd97,
        NVCDB0_VIDEO_DECODER = 0xcdb0,
        BLACKWELL_COMPUTE_A = 0xcdc0,
        NVCDD1_VIDEO_NVJPG = 0xcdd1,
        NVCDFA_VIDEO_OFA = 0xcdfa,
        BLACKWELL_B = 0xce97,
        BLACKWELL_COMPUTE_B = 0xcec0,
        NVCFB0_VIDEO_DECODER = 0xcfb0,
        NVCFB7_VIDEO_ENCODER = 0xcfb7,
        NVCFD1_VIDEO_NVJPG = 0xcfd1,
        NVCFFA_VIDEO_OFA = 0xcffa,
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
    /// A device with one address space, its own; a value of [`Self::va_mode`]
    /// (`NV_DEVICE_ALLOCATION_VAMODE_SINGLE_VASPACE` of nvos.h).
    pub const VA_MODE_SINGLE: u32 = 1;
    /// A device without an address space of its own; a value of [`Self::va_mode`]
    /// (`NV_DEVICE_ALLOCATION_VAMODE_MULTIPLE_VASPACES` of nvos.h).
    pub const VA_MODE_MULTIPLE: u32 = 2;
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
