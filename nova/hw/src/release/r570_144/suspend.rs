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
    /// Client of the memory.
    pub h_client: u32,
    /// The memory.
    pub h_sys_mem: u32,
    /// The GPU loses its power.
    pub b_entering_gcoff_state: u8,
    #[doc(hidden)]
    pub _padding: [u8; 7],
    /// Bus address of the metadata.
    pub sysmem_addr_of_suspend_resume_data: u64,
}

layout!(FbsrInit: 24, h_sys_mem @ 4, b_entering_gcoff_state @ 8,
    sysmem_addr_of_suspend_resume_data @ 16);

/// See [`Release::fbsr_init`](crate::release::Release::fbsr_init).
pub(crate) const FBSR_INIT: FbsrInitLayout = FbsrInitLayout {
    size: size_of::<FbsrInit>(),
    client: field!(FbsrInit, h_client),
    memory: field!(FbsrInit, h_sys_mem),
    kind: None,
    regions: None,
    own_regions: None,
    metadata: Some(field!(FbsrInit, sysmem_addr_of_suspend_resume_data)),
};
