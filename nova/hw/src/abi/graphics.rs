// SPDX-License-Identifier: GPL-2.0

//! Controls about the graphics engine.

use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout};

/// Parameters of [`GPU_GET_FERMI_TPC_INFO`](crate::abi::control::GPU_GET_FERMI_TPC_INFO);
/// `NV2080_CTRL_GPU_GET_FERMI_TPC_INFO_PARAMS`. Those of
/// [`GPU_GET_FERMI_GPC_INFO`](crate::abi::control::GPU_GET_FERMI_GPC_INFO) are the mask alone.
///
/// Source: src/common/sdk/nvidia/inc/ctrl/ctrl2080/ctrl2080gpu.h.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct FermiTpcInfo {
    /// The GPC.
    pub gpc_id: u32,
    /// Its TPCs, one bit each, in the reply.
    pub tpc_mask: u32,
}

layout!(FermiTpcInfo: 8, tpc_mask @ 4);

/// A property of the graphics engine; `NV2080_CTRL_INTERNAL_GR_INFO`. The parameters of
/// [`INTERNAL_STATIC_KGR_GET_INFO`](crate::abi::control::INTERNAL_STATIC_KGR_GET_INFO) are
/// [`ContextBufferInfo::ENGINES`] lists of these, one for each index of the release.
///
/// Source: src/common/sdk/nvidia/inc/ctrl/ctrl2080/ctrl2080internal.h; the indices are
/// `NV0080_CTRL_GR_INFO_INDEX_*` of ctrl0080/ctrl0080gr.h.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct GrInfo {
    /// The property, by the constants of this structure.
    pub index: u32,
    /// Its value, in the reply.
    pub data: u32,
}

layout!(GrInfo: 8, data @ 4);

impl GrInfo {
    /// GPCs; `SHADER_PIPE_COUNT`.
    pub const GPCS: u32 = 0x07;
    /// TPCs of all GPCs; `SHADER_PIPE_SUB_COUNT`.
    pub const TPCS: u32 = 0x09;
    /// Version of the SMs: major << 8 | minor; `SM_VERSION`.
    pub const SM_VERSION: u32 = 0x0c;
    /// Warps of an SM; `MAX_WARPS_PER_SM`.
    pub const WARPS_PER_SM: u32 = 0x0d;
    /// Threads of a warp; `MAX_THREADS_PER_WARP`.
    pub const THREADS_PER_WARP: u32 = 0x0e;
    /// GPCs that the chip could have; `LITTER_NUM_GPCS`.
    pub const LITTER_GPCS: u32 = 0x14;
    /// TPCs that a GPC could have; `LITTER_NUM_TPC_PER_GPC`.
    pub const LITTER_TPCS_PER_GPC: u32 = 0x17;
    /// SMs of a TPC; `LITTER_NUM_SM_PER_TPC`.
    pub const LITTER_SMS_PER_TPC: u32 = 0x20;
}

/// A context buffer of the graphics engine; `NV2080_CTRL_INTERNAL_ENGINE_CONTEXT_BUFFER_INFO`. The
/// parameters of
/// [`INTERNAL_STATIC_KGR_GET_CONTEXT_BUFFERS_INFO`](crate::abi::control::INTERNAL_STATIC_KGR_GET_CONTEXT_BUFFERS_INFO)
/// are [`Self::ENGINES`] lists of these, one buffer for each
/// `NV0080_CTRL_FIFO_GET_ENGINE_CONTEXT_PROPERTIES_ENGINE_ID_*`.
///
/// Source: src/common/sdk/nvidia/inc/ctrl/ctrl2080/ctrl2080internal.h.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct ContextBufferInfo {
    /// Bytes.
    pub size: u32,
    /// Alignment of the address.
    pub alignment: u32,
}

layout!(ContextBufferInfo: 8, alignment @ 4);

impl ContextBufferInfo {
    /// Graphics engines of a GPU with partitions; `NV2080_CTRL_INTERNAL_GR_MAX_ENGINES`.
    pub const ENGINES: usize = 8;
}

/// Parameters of [`GR_GET_ZCULL_INFO`](crate::abi::control::GR_GET_ZCULL_INFO), all returned;
/// `NV2080_CTRL_GR_GET_ZCULL_INFO_PARAMS`.
///
/// Source: src/common/sdk/nvidia/inc/ctrl/ctrl2080/ctrl2080gr.h.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct ZcullInfo {
    /// Pixels to which a region's width is aligned.
    pub width_align_pixels: u32,
    /// Pixels to which a region's height is aligned.
    pub height_align_pixels: u32,
    /// Square pixels of an aliquot.
    pub pixel_squares_by_aliquots: u32,
    /// Number of aliquots.
    pub aliquot_total: u32,
    /// Multiplier of a region's aliquots to get bytes.
    pub zcull_region_byte_multiplier: u32,
    /// Bytes of a region's header.
    pub zcull_region_header_size: u32,
    /// Bytes of a subregion's header.
    pub zcull_subregion_header_size: u32,
    /// Number of subregions.
    pub subregion_count: u32,
    /// Pixels to which a subregion's width is aligned.
    pub subregion_width_align_pixels: u32,
    /// Pixels to which a subregion's height is aligned.
    pub subregion_height_align_pixels: u32,
}

layout!(ZcullInfo: 40, subregion_count @ 28);

/// Parameters of [`GPU_PROMOTE_CTX`](crate::abi::control::GPU_PROMOTE_CTX), which tells GSP-RM
/// where a channel's context buffers are; `NV2080_CTRL_GPU_PROMOTE_CTX_PARAMS`.
///
/// Source: src/common/sdk/nvidia/inc/ctrl/ctrl2080/ctrl2080gpu.h.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct PromoteCtx {
    /// Engine.
    pub engine_type: u32,
    /// Client of the call.
    pub h_client: u32,
    /// Channel, by its number.
    pub ch_id: u32,
    /// Client of the channel.
    pub h_chan_client: u32,
    /// Channel, by its handle.
    pub h_object: u32,
    /// Memory with the address, where the driver has no list of buffers.
    pub h_virt_memory: u32,
    /// Address of the only buffer.
    pub virt_address: u64,
    /// Bytes of the only buffer.
    pub size: u64,
    /// Number of buffers in the list.
    pub entry_count: u32,
    #[doc(hidden)]
    pub _padding: [u8; 4],
    /// The list.
    pub promote_entry: [PromoteEntry; Self::ENTRIES],
}

layout!(PromoteCtx: 0x230, h_object @ 16, virt_address @ 24, entry_count @ 40, promote_entry @ 48);

impl PromoteCtx {
    /// Buffers that the list can have.
    pub const ENTRIES: usize = 16;
}

impl Default for PromoteCtx {
    fn default() -> Self {
        Self::new_zeroed()
    }
}

/// A context buffer; `NV2080_CTRL_GPU_PROMOTE_CTX_BUFFER_ENTRY`.
///
/// Source: as for [`PromoteCtx`].
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct PromoteEntry {
    /// Physical address, if [`Self::b_initialize`].
    pub gpu_phys_addr: u64,
    /// Address in the channel's space, unless [`Self::b_nonmapped`].
    pub gpu_virt_addr: u64,
    /// Bytes.
    pub size: u64,
    /// Where the physical address is.
    pub phys_attr: u32,
    /// The buffer; `NV2080_CTRL_GPU_PROMOTE_CTX_BUFFER_ID_*`.
    pub buffer_id: u16,
    /// GSP-RM initializes the buffer.
    pub b_initialize: u8,
    /// The buffer has no address in the channel's space.
    pub b_nonmapped: u8,
}

layout!(PromoteEntry: 32, phys_attr @ 24, buffer_id @ 28, b_nonmapped @ 31);
