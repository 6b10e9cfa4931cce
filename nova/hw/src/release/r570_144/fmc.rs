// SPDX-License-Identifier: GPL-2.0

//! Arguments of the FMC, the first program that runs on the GSP of Hopper and later.
//!
//! Source: src/nvidia/arch/nvalloc/common/inc/gsp/gspifpub.h.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Arguments of the FMC; `GSP_FMC_BOOT_PARAMS`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct GspFmcBootParams {
    /// Registry keys of the FMC itself.
    pub regkeys: u32,
    #[doc(hidden)]
    pub _padding: [u8; 4],
    /// What the FMC puts into WPR2.
    pub boot_gsp_rm: BootGspRmParams,
    /// Arguments for starting GSP-RM.
    pub gsp_rm: GspRmParams,
    /// Parameters for confidential computing.
    pub gsp_spdm: GspSpdmParams,
}

layout!(GspFmcBootParams: 80, boot_gsp_rm @ 8, gsp_rm @ 40, gsp_spdm @ 56);

/// What the FMC puts into WPR2; `GSP_ACR_BOOT_GSP_RM_PARAMS`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct BootGspRmParams {
    /// `DMA_TARGET_*` of the WPR metadata.
    pub target: u32,
    /// Bytes of the WPR metadata.
    pub gsp_rm_desc_size: u32,
    /// Address of the WPR metadata.
    pub gsp_rm_desc_offset: u64,
    /// Offset of WPR2, for an FSP that does not know it.
    pub wpr_carveout_offset: u64,
    /// Bytes of WPR2.
    pub wpr_carveout_size: u32,
    /// The FMC boots GSP-RM.
    pub b_is_gsp_rm_boot: u8,
    #[doc(hidden)]
    pub _padding: [u8; 3],
}

layout!(BootGspRmParams: 32, gsp_rm_desc_offset @ 8, wpr_carveout_size @ 24, b_is_gsp_rm_boot @ 28);

/// Arguments for starting GSP-RM; `GSP_RM_PARAMS`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct GspRmParams {
    /// `DMA_TARGET_*` of the libos arguments.
    pub target: u32,
    #[doc(hidden)]
    pub _padding: [u8; 4],
    /// Address of the libos arguments.
    pub boot_args_offset: u64,
}

layout!(GspRmParams: 16, boot_args_offset @ 8);

/// Parameters for confidential computing; `GSP_SPDM_PARAMS`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct GspSpdmParams {
    /// `DMA_TARGET_*` of the buffer.
    pub target: u32,
    #[doc(hidden)]
    pub _padding0: [u8; 4],
    /// Address of the buffer.
    pub payload_buffer_offset: u64,
    /// Bytes of the buffer.
    pub payload_buffer_size: u32,
    #[doc(hidden)]
    pub _padding1: [u8; 4],
}

layout!(GspSpdmParams: 24, payload_buffer_offset @ 8);

impl GspFmcBootParams {
    /// System memory, coherent with the CPU's caches.
    pub const DMA_TARGET_COHERENT_SYSTEM: u32 = 1;

    /// System memory.
    pub const DMA_TARGET_NONCOHERENT_SYSTEM: u32 = 2;
}
