// SPDX-License-Identifier: GPL-2.0

//! WPR metadata: where the firmware is in system memory, and where it goes in the frame buffer.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// WPR metadata. The driver writes it to system memory; booter checks it, copies it to the start of
/// WPR2 and marks it verified.
///
/// From the end of the frame buffer downwards: VGA workspace, FRTS, bootloader, firmware, heap,
/// this structure, and the heap outside of WPR2; WPR2 spans FRTS to this structure. Offsets count
/// from the start of the frame buffer; sizes are in bytes.
///
/// Source: src/nvidia/arch/nvalloc/common/inc/gsp/gsp_fw_wpr_meta.h. Of its unions, this has the
/// members that are used for a boot on bare metal.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct GspFwWprMeta {
    /// [`Self::MAGIC`].
    pub magic: u64,
    /// [`Self::REVISION`].
    pub revision: u64,
    /// Bus address of the root of the radix3 tables over the firmware.
    pub sysmem_addr_of_radix3_elf: u64,
    /// Size of the firmware.
    pub size_of_radix3_elf: u64,
    /// Bus address of the RISC-V bootloader.
    pub sysmem_addr_of_bootloader: u64,
    /// Size of the bootloader.
    pub size_of_bootloader: u64,
    /// Offset of the code in the bootloader.
    pub bootloader_code_offset: u64,
    /// Offset of the data in the bootloader.
    pub bootloader_data_offset: u64,
    /// Offset of the manifest in the bootloader.
    pub bootloader_manifest_offset: u64,
    /// Bus address of the firmware's signatures.
    pub sysmem_addr_of_signature: u64,
    /// Size of the signatures.
    pub size_of_signature: u64,
    /// Start of the memory that is reserved for the GSP.
    pub gsp_fw_rsvd_start: u64,
    /// Offset of the heap outside of WPR2.
    pub non_wpr_heap_offset: u64,
    /// Size of the heap outside of WPR2.
    pub non_wpr_heap_size: u64,
    /// Start of WPR2.
    pub gsp_fw_wpr_start: u64,
    /// Offset of the heap in WPR2.
    pub gsp_fw_heap_offset: u64,
    /// Size of the heap in WPR2.
    pub gsp_fw_heap_size: u64,
    /// Offset of the firmware.
    pub gsp_fw_offset: u64,
    /// Offset of the bootloader.
    pub boot_bin_offset: u64,
    /// Offset of FRTS.
    pub frts_offset: u64,
    /// Size of FRTS.
    pub frts_size: u64,
    /// End of the memory in WPR2 that the firmware may use, a multiple of 128 KiB.
    pub gsp_fw_wpr_end: u64,
    /// Size of the frame buffer.
    pub fb_size: u64,
    /// Offset of the VGA workspace.
    pub vga_workspace_offset: u64,
    /// Size of the VGA workspace.
    pub vga_workspace_size: u64,
    /// Number of boots from this WPR2; 0 means that the firmware has to be loaded.
    pub boot_count: u64,
    /// Physical address of the memory for RPCs between partitions; not set by the driver.
    pub partition_rpc_addr: u64,
    /// Offset of the requests in that memory.
    pub partition_rpc_request_offset: u16,
    /// Offset of the replies in that memory.
    pub partition_rpc_reply_offset: u16,
    /// Offset of the firmware's code; not set by the driver.
    pub elf_code_offset: u32,
    /// Offset of the firmware's data; not set by the driver.
    pub elf_data_offset: u32,
    /// Size of the firmware's code; not set by the driver.
    pub elf_code_size: u32,
    /// Size of the firmware's data; not set by the driver.
    pub elf_data_size: u32,
    /// Version that is checked for revocation at a resume; not set by the driver.
    pub ls_ucode_version: u32,
    /// Number of virtual functions that the heap has space for.
    pub gsp_fw_heap_vf_partition_count: u8,
    /// `FLAG_*`.
    pub flags: u8,
    /// Zero.
    pub padding: [u8; 2],
    /// Size of the PMU's memory after FRTS.
    pub pmu_reserved_size: u32,
    /// [`Self::VERIFIED`] once booter has verified this structure.
    pub verified: u64,
}

layout!(GspFwWprMeta: 256,
    sysmem_addr_of_signature @ 72, gsp_fw_rsvd_start @ 88, frts_offset @ 152, boot_count @ 200,
    elf_code_offset @ 220, gsp_fw_heap_vf_partition_count @ 240, pmu_reserved_size @ 244,
    verified @ 248);

impl GspFwWprMeta {
    /// `GSP_FW_WPR_META_MAGIC`
    pub const MAGIC: u64 = 0xdc3a_ae21_371a_60b3;

    /// `GSP_FW_WPR_META_REVISION`
    pub const REVISION: u64 = 1;

    /// `GSP_FW_WPR_META_VERIFIED`
    pub const VERIFIED: u64 = 0xa0a0_a0a0_a0a0_a0a0;

    /// `GSP_FW_FLAGS_CLOCK_BOOST`
    pub const FLAG_CLOCK_BOOST: u8 = 1 << 0;

    /// `GSP_FW_FLAGS_RECOVERY_MARGIN_PRESENT`
    pub const FLAG_RECOVERY_MARGIN_PRESENT: u8 = 1 << 1;

    /// `GSP_FW_FLAGS_PPCIE_ENABLED`
    pub const FLAG_PPCIE_ENABLED: u8 = 1 << 2;
}
