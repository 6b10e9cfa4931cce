// SPDX-License-Identifier: GPL-2.0

//! What tells one GPU from all others.
//!
//! Source: src/common/sdk/nvidia/inc/ctrl/ctrl2080/ctrl2080gpu.h.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// The GPU's unique id; `NV2080_CTRL_GPU_GET_GID_INFO_PARAMS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct GidInfo {
    /// Which id.
    pub index: u32,
    /// Its format.
    pub flags: u32,
    /// Its bytes.
    pub length: u32,
    /// The id.
    pub data: [u8; 256],
}

layout!(GidInfo: 268, data @ 12);
