// SPDX-License-Identifier: GPL-2.0

//! Parameters of the controls of a suspend.
//!
//! Source: src/common/sdk/nvidia/inc/ctrl/ctrl2080/ctrl2080internal.h.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::field::field;
use crate::release::FbsrInitLayout;

/// Parameters of [`control::INTERNAL_FBSR_INIT`](crate::abi::control::INTERNAL_FBSR_INIT);
/// `NV2080_CTRL_INTERNAL_FBSR_INIT_PARAMS`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct FbsrInit {
    /// How to copy; [`Self::DMA`].
    pub fbsr_type: u32,
    /// Number of regions that the driver has saved.
    pub num_regions: u32,
    /// Client of the memory.
    pub h_client: u32,
    /// The memory.
    pub h_sys_mem: u32,
    /// Where in the memory the regions begin that GSP-RM needs itself.
    pub gsp_fb_allocs_sys_offset: u64,
    /// The GPU loses its power.
    pub b_entering_gcoff_state: u8,
    #[doc(hidden)]
    pub _padding: [u8; 7],
}

layout!(FbsrInit: 32, h_client @ 8, gsp_fb_allocs_sys_offset @ 16, b_entering_gcoff_state @ 24);

impl FbsrInit {
    /// `FBSR_TYPE_DMA` of src/nvidia/generated/g_fbsr_nvoc.h.
    pub const DMA: u32 = 4;
}

/// Parameters of the control that names a region to save;
/// `NV2080_CTRL_INTERNAL_FBSR_SEND_REGION_INFO_PARAMS`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct FbsrSendRegionInfo {
    /// How to copy; [`FbsrInit::DMA`].
    pub fbsr_type: u32,
    /// Client of the memory.
    pub h_client: u32,
    /// Memory of the frame buffer, an object that ALLOC_MEMORY has made.
    pub h_vid_mem: u32,
    #[doc(hidden)]
    pub _padding: [u8; 4],
    /// First byte of it.
    pub vid_offset: u64,
    /// First byte of the system memory.
    pub sys_offset: u64,
    /// Bytes to save.
    pub size: u64,
}

layout!(FbsrSendRegionInfo: 40, h_vid_mem @ 8, vid_offset @ 16, size @ 32);

/// See [`Release::fbsr_init`](crate::release::Release::fbsr_init).
pub(crate) const FBSR_INIT: FbsrInitLayout = FbsrInitLayout {
    size: size_of::<FbsrInit>(),
    client: field!(FbsrInit, h_client),
    memory: field!(FbsrInit, h_sys_mem),
    kind: Some(field!(FbsrInit, fbsr_type)),
    regions: Some(field!(FbsrInit, num_regions)),
    own_regions: Some(field!(FbsrInit, gsp_fb_allocs_sys_offset)),
    metadata: None,
};
