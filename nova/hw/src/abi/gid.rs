// SPDX-License-Identifier: GPL-2.0

//! The GPU's unique ID.
//!
//! Source: src/common/sdk/nvidia/inc/ctrl/ctrl2080/ctrl2080gpu.h.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// The GPU's unique ID; `NV2080_CTRL_GPU_GET_GID_INFO_PARAMS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct GidInfo {
    /// Index of the ID.
    pub index: u32,
    /// Format of the ID.
    pub flags: u32,
    /// Bytes of the ID.
    pub length: u32,
    /// The ID.
    pub data: [u8; 256],
}

layout!(GidInfo: 268, data @ 12);
