// SPDX-License-Identifier: MIT

//! Single parameters, as in Linux 7.3. What is new is a [query](crate::Query).

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// [`GetParam::param`]: size of the VRAM BAR in bytes.
pub const GETPARAM_VRAM_BAR_SIZE: u64 = 0x1;

/// `struct drm_nova_getparam`: read a parameter of the GPU.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
pub struct GetParam {
    /// The identifier of the parameter to query.
    pub param: u64,
    /// Out: the value of the parameter.
    pub value: u64,
}
