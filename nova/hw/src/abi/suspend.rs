// SPDX-License-Identifier: GPL-2.0

//! A suspend of GSP-RM, from which it resumes with its objects.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Metadata of a suspend, in system memory: where booter, or the FMC, saves WPR2 to, and reads it
/// from at the resume.
///
/// Source: src/nvidia/arch/nvalloc/common/inc/gsp/gsp_fw_sr_meta.h of 570; 535 has padding for the
/// flags and the subrevision.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct GspFwSrMeta {
    /// [`Self::MAGIC`].
    pub magic: u64,
    /// [`Self::REVISION`].
    pub revision: u64,
    /// Bus address of the root of the radix3 tables over the memory for WPR2.
    pub sysmem_addr_of_suspend_resume_data: u64,
    /// Bytes of WPR2.
    pub size_of_suspend_resume_data: u64,
    /// Hashes of the firmware; a driver leaves them alone.
    pub internal: [u32; 32],
    /// Flags of the [WPR metadata](crate::abi::GspFwWprMeta).
    pub flags: u32,
    /// The firmware's.
    pub subrevision: u32,
    /// Zero.
    pub padding: [u32; 22],
}

layout!(GspFwSrMeta: 256, sysmem_addr_of_suspend_resume_data @ 16, internal @ 32, flags @ 160,
    padding @ 168);

impl GspFwSrMeta {
    /// `GSP_FW_SR_META_MAGIC`
    pub const MAGIC: u64 = 0x8a3b_b9e6_c6c3_9d93;

    /// `GSP_FW_SR_META_REVISION`
    pub const REVISION: u64 = 2;
}

/// Payload of ALLOC_MEMORY, followed by a list of pages, 64 bits each: addresses without the lower
/// 12 bits; `rpc_alloc_memory_v13_01`.
///
/// Source: src/nvidia/generated/g_rpc-structures.h; `struct pte_desc` in
/// sdk-structures.h.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct RpcAllocMemory {
    /// Client.
    pub h_client: u32,
    /// Device, the parent of the new object.
    pub h_device: u32,
    /// Handle of the new object, chosen by the driver.
    pub h_memory: u32,
    /// Class of the new object, which says where the memory is.
    pub h_class: u32,
    /// Flags; `NVOS02_FLAGS_*`.
    pub flags: u32,
    /// Offset of the memory in its first page.
    pub pte_adjust: u32,
    /// Kind of the memory.
    pub format: u32,
    #[doc(hidden)]
    pub _padding0: [u8; 4],
    /// Bytes of the memory.
    pub length: u64,
    /// Number of pages; 1 stands for all of memory that is contiguous.
    pub page_count: u32,
    #[doc(hidden)]
    pub _padding1: [u8; 4],
    /// Bits 1:0 are 0 for a list of pages, and bits 31:16 are their number.
    pub pte_desc: u32,
    #[doc(hidden)]
    pub _padding2: [u8; 4],
}

layout!(RpcAllocMemory: 56, format @ 24, length @ 32, page_count @ 40, pte_desc @ 48);

impl RpcAllocMemory {
    /// Memory is contiguous if these bits are 0; `NVOS02_FLAGS_PHYSICALITY`.
    pub const PHYSICALITY: u32 = 0xf << 4;
    /// Where memory is; `NVOS02_FLAGS_LOCATION`.
    pub const LOCATION: u32 = 0xf << 8;
    /// System memory; `NVOS02_FLAGS_LOCATION_PCI`.
    pub const LOCATION_PCI: u32 = 0;
    /// The frame buffer; `NVOS02_FLAGS_LOCATION_VIDMEM`.
    pub const LOCATION_VIDMEM: u32 = 2 << 8;
}
