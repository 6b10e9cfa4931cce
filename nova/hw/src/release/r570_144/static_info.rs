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
    /// The product (stock keeping unit).
    pub sku_info: SkuInfo,
    #[doc(hidden)]
    pub _padding1: [u8; 4],
    /// Regions of the frame buffer.
    pub fb_region_info_params: FbRegionInfoParams,
    /// Virtual functions.
    pub sriov_caps: SriovCaps,
    /// Highest ID of a guest function (GFID).
    pub sriov_max_gfid: u32,
    /// Engines, one bit each.
    pub engine_caps: [u32; 3],
    /// Poison handling is enabled by fuse.
    pub poison_fuse_enabled: u8,
    #[doc(hidden)]
    pub _padding2: [u8; 7],
    /// Bytes of the frame buffer.
    pub fb_length: u64,
    /// Memory controllers, one bit each.
    pub fbio_mask: u64,
    /// Bits of the memory bus.
    pub fb_bus_width: u32,
    /// Type of memory.
    pub fb_ram_type: u32,
    /// Memory partitions, one bit each.
    pub fbp_mask: u64,
    /// Bytes of the L2 cache.
    pub l2_cache_size: u32,
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
    /// The GPU may enter GC8 under runtime D3.
    pub b_is_gc8_rtd3_allowed: u8,
    /// The GPU may be switched off under runtime D3.
    pub b_is_gc_off_rtd3_allowed: u8,
    /// The GPU may be switched off by the legacy method.
    pub b_is_gcoff_legacy_allowed: u8,
    /// MIG partitioning is supported.
    pub b_is_mig_supported: u8,
    /// Power draw of the board in GC6.
    pub rtd3_gc6_total_board_power: u16,
    /// Delay of PERST in GC6.
    pub rtd3_gc6_perst_delay: u16,
    #[doc(hidden)]
    pub _padding3: [u8; 2],
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
    /// UEFI has initialized the GPU.
    pub b_is_efi_init: u8,
    /// Manufacturing IDs of the chip (ECID).
    pub ecid_info: [EcidManufacturingInfo; 2],
    /// Offsets of regions in the frame buffer.
    pub fw_wpr_layout_offset: FwWprLayoutOffset,
}

layout!(GspStaticConfigInfo: 1656,
    gid_info @ 24, sku_info @ 292, fb_region_info_params @ 344, sriov_caps @ 1120,
    sriov_max_gfid @ 1200, engine_caps @ 1204, fb_length @ 1224, fb_bus_width @ 1240,
    l2_cache_size @ 1256,
    gpu_name_string @ 1260, gpu_name_string_unicode @ 1388, b_gpu_internal_sku @ 1516,
    bar1_pde_base @ 1536, b_vbios_valid @ 1552, displayless_max_heads @ 1568,
    displayless_max_pixels @ 1592, h_internal_client @ 1600, h_internal_subdevice @ 1608,
    ecid_info @ 1616, fw_wpr_layout_offset @ 1640);

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
    pub chip_sku: [u8; 9],
    /// Variant of the chip.
    pub chip_sku_mod: [u8; 5],
    #[doc(hidden)]
    pub _padding0: [u8; 2],
    /// Version of the configuration.
    pub sku_config_version: u32,
    /// Project.
    pub project: [u8; 5],
    /// Variant of the project.
    pub project_sku: [u8; 5],
    /// Collaborative design project.
    pub cdp: [u8; 6],
    /// Modification of the project.
    pub project_sku_mod: [u8; 2],
    #[doc(hidden)]
    pub _padding1: [u8; 2],
    /// Business cycle.
    pub business_cycle: u32,
}

layout!(SkuInfo: 48, sku_config_version @ 20, business_cycle @ 44);

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
    /// The number of channels need not be a power of two.
    pub b_non_power_of2_channel_count_supported: u8,
    /// BAR1 can be resized.
    pub b_vf_resizable_bar1_supported: u8,
    #[doc(hidden)]
    pub _padding1: [u8; 7],
}

layout!(SriovCaps: 80, first_vf_bar0_address @ 16, bar0_size @ 40, b_64bit_bar0 @ 64);

/// Manufacturing ID of a chip; `EcidManufacturingInfo`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct EcidManufacturingInfo {
    /// Low part.
    pub ecid_low: u32,
    /// High part.
    pub ecid_high: u32,
    /// Extension.
    pub ecid_extended: u32,
}

layout!(EcidManufacturingInfo: 12);

/// Offsets of regions in the frame buffer; `FW_WPR_LAYOUT_OFFSET`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct FwWprLayoutOffset {
    /// The heap outside of WPR2.
    pub non_wpr_heap_offset: u64,
    /// FRTS.
    pub frts_offset: u64,
}

layout!(FwWprLayoutOffset: 16);
