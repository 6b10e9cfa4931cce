// SPDX-License-Identifier: GPL-2.0

//! The parts of `GspSystemInfo`, the description of the machine for GSP-RM, that all releases
//! share.
//!
//! Source: src/nvidia/inc/kernel/gpu/gsp/gsp_static_config.h,
//! src/nvidia/generated/g_gpu_acpi_data_nvoc.h and g_chipset_nvoc.h.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// A PCI device; `BUSINFO`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct BusInfo {
    /// Device.
    pub device_id: u16,
    /// Vendor.
    pub vendor_id: u16,
    /// Subsystem device.
    pub subdevice_id: u16,
    /// Subsystem vendor.
    pub subvendor_id: u16,
    /// Revision.
    pub revision_id: u8,
    #[doc(hidden)]
    pub _padding: u8,
}

layout!(BusInfo: 10, revision_id @ 8);

/// Virtual functions of the GPU; `GSP_VF_INFO`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct GspVfInfo {
    /// Maximum number of virtual functions.
    pub total_vfs: u32,
    /// Routing ID of the first virtual function, relative to that of the GPU.
    pub first_vf_offset: u32,
    /// Physical address of the first virtual function's BAR0.
    pub first_vf_bar0_address: u64,
    /// Physical address of the first virtual function's BAR1.
    pub first_vf_bar1_address: u64,
    /// Physical address of the first virtual function's BAR2.
    pub first_vf_bar2_address: u64,
    /// BAR0 has 64 bits.
    pub b_64bit_bar0: u8,
    /// BAR1 has 64 bits.
    pub b_64bit_bar1: u8,
    /// BAR2 has 64 bits.
    pub b_64bit_bar2: u8,
    #[doc(hidden)]
    pub _padding: [u8; 5],
}

layout!(GspVfInfo: 40, first_vf_bar0_address @ 8, b_64bit_bar0 @ 32);

/// Result of _DOD; `DOD_METHOD_DATA`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct DodMethodData {
    /// NV_STATUS of the method.
    pub status: u32,
    /// Bytes of the list.
    pub acpi_id_list_len: u32,
    /// IDs of the displays.
    pub acpi_id_list: [u32; 16],
}

layout!(DodMethodData: 72);

/// Result of _DSM JT; `JT_METHOD_DATA`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct JtMethodData {
    /// NV_STATUS of the method.
    pub status: u32,
    /// Capabilities.
    pub jt_caps: u32,
    /// Revision.
    pub jt_rev_id: u16,
    /// The system's firmware has capabilities of its own.
    pub b_sbios_caps: u8,
    #[doc(hidden)]
    pub _padding: u8,
}

layout!(JtMethodData: 12, b_sbios_caps @ 10);

/// Setting of the multiplexer for a display; `MUX_METHOD_DATA_ELEMENT`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct MuxMethodDataElement {
    /// The display.
    pub acpi_id: u32,
    /// Mode, part or state, by the table.
    pub mode: u32,
    /// NV_STATUS of the method.
    pub status: u32,
}

layout!(MuxMethodDataElement: 12);

/// Result of _DSM Optimus; `CAPS_METHOD_DATA`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct CapsMethodData {
    /// NV_STATUS of the method.
    pub status: u32,
    /// Capabilities.
    pub optimus_caps: u32,
}

layout!(CapsMethodData: 8);
