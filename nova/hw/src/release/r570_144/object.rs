// SPDX-License-Identifier: GPL-2.0

//! Parameters of objects whose layout differs from other releases.
//!
//! Source: src/common/sdk/nvidia/inc/class/cl0000.h.

use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout};

/// Parameters of a client, the root of a tree of objects; `NV0000_ALLOC_PARAMETERS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct Nv0000AllocParameters {
    /// Handle of the client.
    pub h_client: u32,
    /// Process that the client is for.
    pub process_id: u32,
    /// Name of the process; ends with a NUL.
    pub process_name: [u8; 100],
    #[doc(hidden)]
    pub _padding: [u8; 4],
    /// Used by NVIDIA's driver only.
    pub p_os_pid_info: u64,
}

layout!(Nv0000AllocParameters: 0x78, process_name @ 8, p_os_pid_info @ 112);

impl Default for Nv0000AllocParameters {
    fn default() -> Self {
        Self::new_zeroed()
    }
}
