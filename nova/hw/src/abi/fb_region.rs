// SPDX-License-Identifier: GPL-2.0

//! Regions of the frame buffer, as GSP-RM describes them.
//!
//! Source: src/common/sdk/nvidia/inc/ctrl/ctrl2080/ctrl2080fb.h.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Regions of the frame buffer; `NV2080_CTRL_CMD_FB_GET_FB_REGION_INFO_PARAMS`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct FbRegionInfoParams {
    /// Number of valid regions.
    pub num_fb_regions: u32,
    #[doc(hidden)]
    pub _padding: [u8; 4],
    /// The regions.
    pub fb_region: [FbRegionInfo; 16],
}

layout!(FbRegionInfoParams: 776, fb_region @ 8);

/// A region of the frame buffer; `NV2080_CTRL_CMD_FB_GET_FB_REGION_FB_REGION_INFO`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct FbRegionInfo {
    /// First byte.
    pub base: u64,
    /// Last byte.
    pub limit: u64,
    /// Bytes that GSP-RM reserves for itself.
    pub reserved: u64,
    /// Speed relative to the other regions.
    pub performance: u32,
    /// The region may hold compressed surfaces.
    pub support_compressed: u8,
    /// The region may be scanned out to a display.
    pub support_iso: u8,
    /// The region is protected.
    pub b_protected: u8,
    /// Kinds of surfaces that must not be in the region.
    pub black_list: [u8; 17],
}

layout!(FbRegionInfo: 48, reserved @ 16, performance @ 24, support_compressed @ 28,
    black_list @ 31);
