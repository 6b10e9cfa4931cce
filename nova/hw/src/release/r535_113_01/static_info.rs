// SPDX-License-Identifier: GPL-2.0

//! Payload of GET_GSP_STATIC_INFO: GSP-RM's description of the GPU.
//!
//! Source: src/nvidia/inc/kernel/gpu/gsp/gsp_static_config.h (`GspStaticConfigInfo_t` and below)
//! and, for the parameters of controls in it,
//! src/common/sdk/nvidia/inc/ctrl/ctrl0080/ctrl0080gpu.h, ctrl2080/ctrl2080gpu.h, ctrl2080bios.h
//! and ctrl2080fb.h.

use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout};

use crate::abi::{FbRegionInfoParams, GidInfo};

/// GSP-RM's description of the GPU; `GspStaticConfigInfo_t`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct GspStaticConfigInfo {
    /// Capabilities of the graphics engine, one bit each.
    pub gr_caps_bits: [u8; 23],
    #[doc(hidden)]
    pub _padding0: u8,
    /// The GPU's unique ID.
    pub gid_info: GidInfo,
    /// Graphics processing clusters (GPCs), one bit each.
    pub gpc_info: u32,
    /// GPC, and its texture processing clusters, one bit each.
    pub tpc_info: [[u32; 2]; 32],
    /// GPC, and its ZCULL units, one bit each.
    pub zcull_info: [[u32; 2]; 32],
    /// The product (stock keeping unit).
    pub sku_info: SkuInfo,
    /// Regions of the frame buffer.
    pub fb_region_info_params: FbRegionInfoParams,
    /// The product is branded for computing.
    pub compute_branding: u32,
    #[doc(hidden)]
    pub _padding1: [u8; 4],
    /// Virtual functions.
    pub sriov_caps: SriovCaps,
    /// Highest ID of a guest function (GFID).
    pub sriov_max_gfid: u32,
    /// Engines, one bit each.
    pub engine_caps: [u32; 2],
    /// Streaming multiprocessors (`GspSMInfo`): version, banks and size of their registers, warps,
    /// threads of a warp, entries of the geometry buffers, processors, ray-tracing cores.
    pub sm_info: [u32; 9],
    /// Poison handling is enabled by fuse.
    pub poison_fuse_enabled: u8,
    #[doc(hidden)]
    pub _padding2: [u8; 7],
    /// Bytes of the frame buffer.
    pub fb_length: u64,
    /// Memory controllers, one bit each.
    pub fbio_mask: u32,
    /// Bits of the memory bus.
    pub fb_bus_width: u32,
    /// Type of memory.
    pub fb_ram_type: u32,
    /// Memory partitions, one bit each.
    pub fbp_mask: u32,
    /// Bytes of the L2 cache.
    pub l2_cache_size: u32,
    /// Bytes of the buffers for graphics preemption.
    pub gfxp_buffer_size: [u32; 5],
    /// Alignment of these buffers.
    pub gfxp_buffer_alignment: [u32; 5],
    /// Name of the GPU; ends with a NUL.
    pub gpu_name_string: [u8; 64],
    /// Short name of the GPU; ends with a NUL.
    pub gpu_short_name_string: [u8; 64],
    /// Name of the GPU in UTF-16; ends with a NUL.
    pub gpu_name_string_unicode: [u16; 64],
    /// An NVIDIA-internal product.
    pub b_gpu_internal_sku: u8,
    /// Quadro.
    pub b_is_quadro_generic: u8,
    /// Quadro by its subsystem.
    pub b_is_quadro_ad: u8,
    /// NVS.
    pub b_is_nvidia_nvs: u8,
    /// VGX.
    pub b_is_vgx: u8,
    /// GeForce for small business.
    pub b_geforce_smb: u8,
    /// Titan.
    pub b_is_titan: u8,
    /// Tesla.
    pub b_is_tesla: u8,
    /// A product for laptops.
    pub b_is_mobile: u8,
    /// The GPU may enter GC6 with self-refreshing memory under runtime D3.
    pub b_is_gc6_rtd3_allowed: u8,
    /// The GPU may be switched off under runtime D3.
    pub b_is_gc_off_rtd3_allowed: u8,
    /// The GPU may be switched off by the legacy method.
    pub b_is_gcoff_legacy_allowed: u8,
    /// Root of BAR1's page tables.
    pub bar1_pde_base: u64,
    /// Root of BAR2's page tables.
    pub bar2_pde_base: u64,
    /// The fields about the VBIOS are valid.
    pub b_vbios_valid: u8,
    #[doc(hidden)]
    pub _padding4: [u8; 3],
    /// Subsystem vendor in the VBIOS.
    pub vbios_sub_vendor: u32,
    /// Subsystem device in the VBIOS.
    pub vbios_sub_device: u32,
    /// Page retirement is supported.
    pub b_page_retirement_supported: u8,
    /// Address spaces are split between GSP-RM and the driver.
    pub b_split_vas_between_server_client_rm: u8,
    /// The root port needs the no-snoop workaround.
    pub b_cl_rootport_needs_nosnoop_war: u8,
    #[doc(hidden)]
    pub _padding5: u8,
    /// Number of heads without displays, current and maximum
    /// (`VIRTUAL_DISPLAY_GET_NUM_HEADS_PARAMS`).
    pub displayless_max_heads: [u32; 2],
    /// Head, and its maximum width and height (`VIRTUAL_DISPLAY_GET_MAX_RESOLUTION_PARAMS`).
    pub displayless_max_resolution: [u32; 3],
    #[doc(hidden)]
    pub _padding6: [u8; 4],
    /// Maximum number of pixels.
    pub displayless_max_pixels: u64,
    /// Handle of the internal client, for the driver's own controls.
    pub h_internal_client: u32,
    /// Handle of the internal client's device.
    pub h_internal_device: u32,
    /// Handle of the internal client's subdevice.
    pub h_internal_subdevice: u32,
    /// The GPU is in self-hosted mode.
    pub b_self_hosted_mode: u8,
    /// The GPU supports address translation services (ATS).
    pub b_ats_supported: u8,
    /// The VBIOS has a UEFI image.
    pub b_is_gpu_uefi: u8,
    #[doc(hidden)]
    pub _padding7: u8,
}

layout!(GspStaticConfigInfo: 2168,
    gid_info @ 24, gpc_info @ 292, tpc_info @ 296, zcull_info @ 552, sku_info @ 808,
    fb_region_info_params @ 840, compute_branding @ 1616, sriov_caps @ 1624,
    sriov_max_gfid @ 1696, engine_caps @ 1700, sm_info @ 1708, poison_fuse_enabled @ 1744,
    fb_length @ 1752, l2_cache_size @ 1776, gfxp_buffer_size @ 1780, gpu_name_string @ 1820,
    gpu_name_string_unicode @ 1948, b_gpu_internal_sku @ 2076, bar1_pde_base @ 2088,
    b_vbios_valid @ 2104, b_page_retirement_supported @ 2116, displayless_max_heads @ 2120,
    displayless_max_pixels @ 2144, h_internal_client @ 2152, h_internal_subdevice @ 2160,
    b_is_gpu_uefi @ 2166);

impl Default for GspStaticConfigInfo {
    fn default() -> Self {
        Self::new_zeroed()
    }
}

/// The product; `NV2080_CTRL_BIOS_GET_SKU_INFO_PARAMS`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct SkuInfo {
    /// Board.
    pub board_id: u32,
    /// Chip; all strings end with a NUL.
    pub chip_sku: [u8; 4],
    /// Variant of the chip.
    pub chip_sku_mod: [u8; 2],
    /// Project.
    pub project: [u8; 5],
    /// Variant of the project.
    pub project_sku: [u8; 5],
    /// Collaborative design project.
    pub cdp: [u8; 6],
    /// Modification of the project.
    pub project_sku_mod: [u8; 2],
    /// Business cycle.
    pub business_cycle: u32,
}

layout!(SkuInfo: 32, project @ 10, business_cycle @ 28);

/// Virtual functions; `NV0080_CTRL_GPU_GET_SRIOV_CAPS_PARAMS`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct SriovCaps {
    /// Maximum number of virtual functions.
    pub total_vfs: u32,
    /// Routing ID of the first virtual function, relative to that of the GPU.
    pub first_vf_offset: u32,
    /// Features, one bit each.
    pub vf_feature_mask: u32,
    #[doc(hidden)]
    pub _padding0: [u8; 4],
    /// Physical address of the first virtual function's BAR0.
    pub first_vf_bar0_address: u64,
    /// Physical address of the first virtual function's BAR1.
    pub first_vf_bar1_address: u64,
    /// Physical address of the first virtual function's BAR2.
    pub first_vf_bar2_address: u64,
    /// Bytes of BAR0.
    pub bar0_size: u64,
    /// Bytes of BAR1.
    pub bar1_size: u64,
    /// Bytes of BAR2.
    pub bar2_size: u64,
    /// BAR0 has 64 bits.
    pub b_64bit_bar0: u8,
    /// BAR1 has 64 bits.
    pub b_64bit_bar1: u8,
    /// BAR2 has 64 bits.
    pub b_64bit_bar2: u8,
    /// SR-IOV is enabled.
    pub b_sriov_enabled: u8,
    /// SR-IOV heavy mode is enabled.
    pub b_sriov_heavy_enabled: u8,
    /// The virtual functions' register for TLB invalidation is emulated.
    pub b_emulate_vf_bar0_tlb_invalidation_register: u8,
    /// The driver allocates context buffers.
    pub b_client_rm_allocated_ctx_buffer: u8,
    #[doc(hidden)]
    pub _padding1: u8,
}

layout!(SriovCaps: 72, first_vf_bar0_address @ 16, bar0_size @ 40, b_64bit_bar0 @ 64);
