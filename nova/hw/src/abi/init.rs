// SPDX-License-Identifier: GPL-2.0

//! The part of GSP-RM's arguments that all releases share.
//!
//! Source: src/nvidia/inc/kernel/gpu/gsp/gsp_init_args.h.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Arguments for a resume; all zero for a first boot; `GSP_SR_INIT_ARGUMENTS`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct GspSrInitArguments {
    /// Power level before the resume.
    pub old_level: u32,
    /// Flags.
    pub flags: u32,
    /// This boot is a resume.
    pub b_in_pm_transition: u8,
    #[doc(hidden)]
    pub _padding: [u8; 3],
}

layout!(GspSrInitArguments: 12);
