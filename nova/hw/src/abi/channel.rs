// SPDX-License-Identifier: GPL-2.0

//! Address spaces, channels and the objects on them: allocation parameters and controls.
//!
//! The parameters of a channel and of an optical flow accelerator end differently in each release:
//! [`Release::objects`](crate::release::Release::objects).

use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout};

/// Parameters of an address space ([`FERMI_VASPACE_A`](crate::abi::class::FERMI_VASPACE_A));
/// `NV_VASPACE_ALLOCATION_PARAMETERS`.
///
/// Source: src/common/sdk/nvidia/inc/nvos.h.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct VaSpaceAllocationParameters {
    /// Which address space: 0 for a new one (`NV_VASPACE_ALLOCATION_INDEX_GPU_*`).
    pub index: u32,
    /// Flags; `NV_VASPACE_ALLOCATION_FLAGS_*`.
    pub flags: u32,
    /// Bytes; 0 for the most that there can be.
    pub va_size: u64,
    /// First address for the resource manager's own use.
    pub va_start_internal: u64,
    /// Last address for the resource manager's own use.
    pub va_limit_internal: u64,
    /// Bytes of a big page; 0 for the default.
    pub big_page_size: u32,
    #[doc(hidden)]
    pub _padding: [u8; 4],
    /// First address.
    pub va_base: u64,
}

layout!(VaSpaceAllocationParameters: 0x30, va_size @ 8, big_page_size @ 32, va_base @ 40);

impl VaSpaceAllocationParameters {
    /// A new address space; a value of [`Self::index`].
    pub const GPU_NEW: u32 = 0;
    /// One more than the largest [`Self::index`]; `NV_VASPACE_ALLOCATION_INDEX_GPU_MAX`.
    pub const INDEX_MAX: u32 = 5;
    /// The driver owns the page tables; `NV_VASPACE_ALLOCATION_FLAGS_IS_EXTERNALLY_OWNED`.
    pub const IS_EXTERNALLY_OWNED: u32 = 1 << 3;
    /// Addresses are those of processes; `NV_VASPACE_ALLOCATION_FLAGS_ENABLE_NVLINK_ATS`.
    pub const ENABLE_NVLINK_ATS: u32 = 1 << 4;
    /// The page tables mirror those of another; `NV_VASPACE_ALLOCATION_FLAGS_IS_MIRRORED`.
    pub const IS_MIRRORED: u32 = 1 << 5;
    /// Channels can resume after a fault; `NV_VASPACE_ALLOCATION_FLAGS_ENABLE_PAGE_FAULTING`.
    pub const ENABLE_PAGE_FAULTING: u32 = 1 << 6;
    /// Both share the page tables; `NV_VASPACE_ALLOCATION_FLAGS_SHARED_MANAGEMENT`.
    pub const SHARED_MANAGEMENT: u32 = 1 << 2;
}

/// A range of an address space
/// ([`NV01_MEMORY_VIRTUAL`](crate::abi::class::NV01_MEMORY_VIRTUAL));
/// `NV_MEMORY_VIRTUAL_ALLOCATION_PARAMS`.
///
/// Source: src/common/sdk/nvidia/inc/class/cl0070.h.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct MemoryVirtualAllocationParams {
    /// First address.
    pub offset: u64,
    /// Last address, or 0 for the space's; the reply has the last address.
    pub limit: u64,
    /// The address space; 0 for the device's.
    pub h_va_space: u32,
    #[doc(hidden)]
    pub _padding: [u8; 4],
}

layout!(MemoryVirtualAllocationParams: 24, limit @ 8, h_va_space @ 16);

/// A group of channels that run together
/// ([`KEPLER_CHANNEL_GROUP_A`](crate::abi::class::KEPLER_CHANNEL_GROUP_A));
/// `NV_CHANNEL_GROUP_ALLOCATION_PARAMETERS`.
///
/// Source: src/common/sdk/nvidia/inc/nvos.h.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct ChannelGroupAllocationParameters {
    /// Object that is notified of errors.
    pub h_object_error: u32,
    /// Object that is notified of memory errors.
    pub h_object_ecc_error: u32,
    /// Address space of channels that name none.
    pub h_va_space: u32,
    /// Engine.
    pub engine_type: u32,
    /// The caller is a hypervisor's plugin.
    pub b_is_calling_context_vgpu_plugin: u8,
    #[doc(hidden)]
    pub _padding: [u8; 3],
}

layout!(ChannelGroupAllocationParameters: 20, h_va_space @ 8, engine_type @ 12);

/// An address space for channels of a group
/// ([`FERMI_CONTEXT_SHARE_A`](crate::abi::class::FERMI_CONTEXT_SHARE_A));
/// `NV_CTXSHARE_ALLOCATION_PARAMETERS`.
///
/// Source: src/common/sdk/nvidia/inc/nvos.h.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct CtxShareAllocationParameters {
    /// The address space.
    pub h_va_space: u32,
    /// Which subcontext; `NV_CTXSHARE_ALLOCATION_FLAGS_SUBCONTEXT_*`.
    pub flags: u32,
    /// Number of the subcontext: the driver's, or chosen by GSP-RM.
    pub subctx_id: u32,
}

layout!(CtxShareAllocationParameters: 12, subctx_id @ 8);

impl CtxShareAllocationParameters {
    /// Subcontext 0, for graphics and compute; `NV_CTXSHARE_ALLOCATION_FLAGS_SUBCONTEXT_SYNC`.
    pub const SYNC: u32 = 0;
    /// Another subcontext, from the last one down; `NV_CTXSHARE_ALLOCATION_FLAGS_SUBCONTEXT_ASYNC`.
    pub const ASYNC: u32 = 1;
    /// The one that the driver names; `NV_CTXSHARE_ALLOCATION_FLAGS_SUBCONTEXT_SPECIFIED`.
    pub const SPECIFIED: u32 = 2;
    /// Another subcontext, from the first one up;
    /// `NV_CTXSHARE_ALLOCATION_FLAGS_SUBCONTEXT_ASYNC_PREFER_LOWER`.
    pub const ASYNC_PREFER_LOWER: u32 = 3;
}

/// Memory of a channel; `NV_MEMORY_DESC_PARAMS`.
///
/// Source: src/common/sdk/nvidia/inc/alloc/alloc_channel.h.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct MemoryDescParams {
    /// Physical address.
    pub base: u64,
    /// Bytes.
    pub size: u64,
    /// Where the address is.
    pub address_space: u32,
    /// How the CPU caches it.
    pub cache_attrib: u32,
}

layout!(MemoryDescParams: 24, address_space @ 16);

impl MemoryDescParams {
    /// System memory; `ADDR_SYSMEM` of src/nvidia/generated/g_mem_desc_nvoc.h.
    pub const SYSTEM: u32 = 1;
    /// Video memory; `ADDR_FBMEM`.
    pub const VIDEO: u32 = 2;
    /// The CPU caches it; `NV_MEMORY_CACHED` of src/nvidia/inc/kernel/os/nv_memory_type.h.
    pub const CACHED: u32 = 0;
    /// The CPU does not cache it; `NV_MEMORY_UNCACHED`.
    pub const UNCACHED: u32 = 1;
}

/// Start of the parameters of a channel, such as
/// [`AMPERE_CHANNEL_GPFIFO_A`](crate::abi::class::AMPERE_CHANNEL_GPFIFO_A); all that 535.113.01 has of
/// `NV_CHANNEL_ALLOC_PARAMS`. 570.144 appends the configuration of the TPCs, and four bytes.
///
/// Source: src/common/sdk/nvidia/inc/alloc/alloc_channel.h.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct ChannelAllocParams {
    /// Object that is notified of errors.
    pub h_object_error: u32,
    /// Memory of the push buffer; no longer used.
    pub h_object_buffer: u32,
    /// Address of the GPFIFO in the channel's space.
    pub gp_fifo_offset: u64,
    /// Entries of the GPFIFO, each of 8 bytes.
    pub gp_fifo_entries: u32,
    /// Flags: [`ChannelFlags`].
    pub flags: u32,
    /// Context share, with the address space; 0 without one.
    pub h_context_share: u32,
    /// Address space, unless there is a context share; 0 for the device's.
    pub h_va_space: u32,
    /// Memory of USERD, for each subdevice.
    pub h_userd_memory: [u32; 8],
    /// Offset of USERD in that memory.
    pub userd_offset: [u64; 8],
    /// Engine; 0 for the group's.
    pub engine_type: u32,
    /// Number of the channel in the resource manager, which sets it.
    pub cid: u32,
    /// Subdevices, one bit each.
    pub sub_device_id: u32,
    /// Object that is notified of memory errors.
    pub h_object_ecc_error: u32,
    /// The instance block.
    pub instance_mem: MemoryDescParams,
    /// USERD, with the channel's positions in its GPFIFO.
    pub userd_mem: MemoryDescParams,
    /// RAMFC, the part of the instance block with the state of host.
    pub ramfc_mem: MemoryDescParams,
    /// Room for methods that a fault interrupts.
    pub mthdbuf_mem: MemoryDescParams,
    /// Group, for internal use; zero in the reply.
    pub h_phys_channel_group: u32,
    /// Flags for internal use: [`ChannelFlags::privilege`], and the kinds of notifiers; zero in the
    /// reply.
    pub internal_flags: u32,
    /// Memory of the notifier of errors; zero in the reply.
    pub error_notifier_mem: MemoryDescParams,
    /// Memory of the notifier of memory errors; zero in the reply.
    pub ecc_error_notifier_mem: MemoryDescParams,
    /// Process; zero in the reply.
    pub process_id: u32,
    /// Process in a virtual machine; zero in the reply.
    pub sub_process_id: u32,
    /// First number of the encryption, with confidential computing.
    pub encrypt_iv: [u32; 3],
    /// First number of the decryption, with confidential computing.
    pub decrypt_iv: [u32; 3],
    /// Number of the authentication, with confidential computing.
    pub hmac_nonce: [u32; 8],
}

layout!(ChannelAllocParams: 0x168, gp_fifo_offset @ 8, flags @ 20, h_va_space @ 28,
    userd_offset @ 64, engine_type @ 128, instance_mem @ 144, userd_mem @ 168, ramfc_mem @ 192,
    mthdbuf_mem @ 216, h_phys_channel_group @ 240, internal_flags @ 244, error_notifier_mem @ 248,
    process_id @ 296, encrypt_iv @ 304, hmac_nonce @ 328);

impl Default for ChannelAllocParams {
    fn default() -> Self {
        Self::new_zeroed()
    }
}

/// Flags of a channel.
///
/// Source: src/common/sdk/nvidia/inc/alloc/alloc_channel.h, `NVOS04_FLAGS_*`;
/// the internal ones are in src/nvidia/generated/g_kernel_channel_nvoc.h
/// (`NV_KERNELCHANNEL_ALLOC_INTERNALFLAGS_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelFlags(pub u32);

impl ChannelFlags {
    /// `CHANNEL_TYPE`: 0 (`PHYSICAL`) is the only one in use.
    pub const fn channel_type(self) -> u32 {
        self.0 & 3
    }

    /// `GROUP_CHANNEL_RUNQUEUE`: which PBDMA of the runlist.
    pub const fn runqueue(self) -> u8 {
        (self.0 >> 4 & 1) as u8
    }

    /// `PRIVILEGED_CHANNEL`
    pub const fn is_privileged(self) -> bool {
        self.0 >> 5 & 1 != 0
    }

    /// The channel's number, if the driver has chosen it: `CHANNEL_USERD_INDEX_PAGE_VALUE` and
    /// `CHANNEL_USERD_INDEX_VALUE`, if `CHANNEL_USERD_INDEX_PAGE_FIXED`. A page of USERDs has eight.
    pub const fn fixed_id(self) -> Option<u32> {
        match self.0 >> 21 & 1 {
            0 => None,
            _ => Some((self.0 >> 12 & 0x1ff) << 3 | self.0 >> 8 & 7),
        }
    }

    /// The place of the channel in its page of USERDs, if the driver has chosen that alone:
    /// `CHANNEL_USERD_INDEX_VALUE`, if `CHANNEL_USERD_INDEX_FIXED`.
    pub const fn fixed_index(self) -> Option<u32> {
        match self.0 >> 11 & 1 {
            0 => None,
            _ => Some(self.0 >> 8 & 7),
        }
    }

    /// Flags that choose a channel's number.
    pub const fn with_fixed_id(self, id: u32) -> Self {
        Self(self.0 | 1 << 21 | id >> 3 << 12 | (id & 7) << 8)
    }

    /// The flags with `PRIVILEGED_CHANNEL`.
    pub const fn with_privilege(self, is_privileged: bool) -> Self {
        Self(self.0 | (is_privileged as u32) << 5)
    }

    /// Internal flags of an administrator, beside those below.
    pub const ADMIN: u32 = 1;

    /// Internal flags of a user's channel without notifiers: `ERROR_NOTIFIER_TYPE_NONE` and
    /// `ECC_ERROR_NOTIFIER_TYPE_NONE`.
    pub const USER_WITHOUT_NOTIFIERS: u32 = 1 << 2 | 1 << 4;

    /// The privilege in the internal flags: 0 a user's, 1 an administrator's, 2 the kernel's.
    pub const fn privilege(internal_flags: u32) -> u32 {
        internal_flags & 3
    }
}

/// Parameters of a copy engine's object, such as
/// [`AMPERE_DMA_COPY_B`](crate::abi::class::AMPERE_DMA_COPY_B); `NVB0B5_ALLOCATION_PARAMETERS`.
///
/// Source: src/common/sdk/nvidia/inc/class/clb0b5sw.h.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct CopyAllocationParameters {
    /// What the other field is: 0 the instance, 1 the number in [`engine_type`](crate::abi::engine_type).
    pub version: u32,
    /// The engine.
    pub engine_type: u32,
}

layout!(CopyAllocationParameters: 8, engine_type @ 4);

/// Parameters of a video decoder's object, such as
/// [`NVC7B0_VIDEO_DECODER`](crate::abi::class::NVC7B0_VIDEO_DECODER), and of those of video
/// encoders and JPEG decoders; `NV_BSP_ALLOCATION_PARAMETERS`, `NV_MSENC_ALLOCATION_PARAMETERS` and
/// `NV_NVJPG_ALLOCATION_PARAMETERS`. In 570.144 also `NV_OFA_ALLOCATION_PARAMETERS`; 535.113.01 has
/// no instance there.
///
/// Source: src/common/sdk/nvidia/inc/nvos.h.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct VideoAllocationParameters {
    /// Bytes of the structure.
    pub size: u32,
    /// Whether other objects of the class are refused.
    pub prohibit_multiple_instances: u32,
    /// The engine.
    pub engine_instance: u32,
}

layout!(VideoAllocationParameters: 12, engine_instance @ 8);

/// Bytes of the parameters of an object of the graphics engine; `NV_GR_ALLOCATION_PARAMETERS` of
/// src/common/sdk/nvidia/inc/nvos.h.
pub const GR_ALLOCATION_PARAMETERS: usize = 16;

/// Parameters of [`DMA_SET_PAGE_DIRECTORY`](crate::abi::control::DMA_SET_PAGE_DIRECTORY);
/// `NV0080_CTRL_DMA_SET_PAGE_DIRECTORY_PARAMS`.
///
/// Source: src/common/sdk/nvidia/inc/ctrl/ctrl0080/ctrl0080dma.h.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct SetPageDirectory {
    /// Physical address.
    pub phys_address: u64,
    /// Number of entries.
    pub num_entries: u32,
    /// Flags; `NV0080_CTRL_DMA_SET_PAGE_DIRECTORY_FLAGS_*`.
    pub flags: u32,
    /// The address space; 0 for the device's.
    pub h_va_space: u32,
    /// Channel whose directory is set, without `ALL_CHANNELS`.
    pub ch_id: u32,
    /// Number of the subdevice, from 1 on; 0 for all.
    pub sub_device_id: u32,
    /// Process whose addresses are used.
    pub pasid: u32,
}

layout!(SetPageDirectory: 0x20, flags @ 12, h_va_space @ 16, sub_device_id @ 24);

impl SetPageDirectory {
    /// Where the address is, in [`Self::flags`]; 0 video memory, 1 coherent system memory, 2 other
    /// system memory (`APERTURE`).
    pub const APERTURE: u32 = 3;
}

/// Parameters of [`DMA_UNSET_PAGE_DIRECTORY`](crate::abi::control::DMA_UNSET_PAGE_DIRECTORY);
/// `NV0080_CTRL_DMA_UNSET_PAGE_DIRECTORY_PARAMS`.
///
/// Source: src/common/sdk/nvidia/inc/ctrl/ctrl0080/ctrl0080dma.h.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct UnsetPageDirectory {
    /// The address space; 0 for the device's.
    pub h_va_space: u32,
    /// Number of the subdevice, from 1 on; 0 for all.
    pub sub_device_id: u32,
}

layout!(UnsetPageDirectory: 8, sub_device_id @ 4);

/// Payload of SET_PAGE_DIRECTORY, with which NVIDIA's driver passes the control of this name on;
/// `rpc_set_page_directory_v1E_05`.
///
/// Source: src/nvidia/generated/g_rpc-structures.h.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct RpcSetPageDirectory {
    /// Client.
    pub h_client: u32,
    /// Device.
    pub h_device: u32,
    /// Process whose addresses are used.
    pub pasid: u32,
    #[doc(hidden)]
    pub _padding: [u8; 4],
    /// Parameters of the control.
    pub params: SetPageDirectory,
}

layout!(RpcSetPageDirectory: 48, pasid @ 8, params @ 16);

/// Parameters of
/// [`VASPACE_COPY_SERVER_RESERVED_PDES`](crate::abi::control::VASPACE_COPY_SERVER_RESERVED_PDES),
/// with which a driver has GSP-RM enter its own range of addresses into the driver's page tables;
/// `NV90F1_CTRL_VASPACE_COPY_SERVER_RESERVED_PDES_PARAMS`.
///
/// Source: src/common/sdk/nvidia/inc/ctrl/ctrl90f1.h.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct CopyServerReservedPdes {
    /// Subdevice; 0 for the number below.
    pub h_sub_device: u32,
    /// Number of the subdevice, from 1 on; 0 for all.
    pub sub_device_id: u32,
    /// Bytes that an entry of the last table covers.
    pub page_size: u64,
    /// First address.
    pub virt_addr_lo: u64,
    /// Last address.
    pub virt_addr_hi: u64,
    /// Number of tables.
    pub num_levels_to_copy: u32,
    #[doc(hidden)]
    pub _padding: [u8; 4],
    /// The tables, from the directory down.
    pub levels: [PageLevel; Self::MAX_LEVELS],
}

layout!(CopyServerReservedPdes: 0xb8, page_size @ 8, num_levels_to_copy @ 32, levels @ 40);

impl CopyServerReservedPdes {
    /// Most tables; `GMMU_FMT_MAX_LEVELS`.
    pub const MAX_LEVELS: usize = 6;
}

impl Default for CopyServerReservedPdes {
    fn default() -> Self {
        Self::new_zeroed()
    }
}

/// A table in [`CopyServerReservedPdes`].
///
/// Source: src/common/sdk/nvidia/inc/ctrl/ctrl90f1.h.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct PageLevel {
    /// Physical address.
    pub phys_address: u64,
    /// Bytes.
    pub size: u64,
    /// Where the address is, as in an entry of a page directory: 1 video memory, 2 coherent system
    /// memory, 3 other system memory (`GMMU_APERTURE`).
    pub aperture: u32,
    /// Lowest bit of the addresses by which the table is indexed.
    pub page_shift: u8,
    #[doc(hidden)]
    pub _padding: [u8; 3],
}

layout!(PageLevel: 24, aperture @ 16, page_shift @ 20);

/// Payload of UPDATE_BAR_PDE, which enters a driver's page tables into the page directory that
/// GSP-RM has for a BAR; `rpc_update_bar_pde_v15_00`.
///
/// Source: src/nvidia/generated/g_sdk-structures.h (`UpdateBarPde_v15_00`).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct UpdateBarPde {
    /// The BAR, by the constants of this structure.
    pub bar_type: u32,
    #[doc(hidden)]
    pub _padding: [u8; 4],
    /// The entry, in the MMU's format.
    pub entry_value: u64,
    /// Lowest bit of the addresses by which the directory is indexed.
    pub entry_level_shift: u64,
}

layout!(UpdateBarPde: 24, entry_value @ 8, entry_level_shift @ 16);

impl UpdateBarPde {
    /// BAR1; `NV_RPC_UPDATE_PDE_BAR_1` of src/nvidia/inc/kernel/vgpu/rpc_headers.h.
    pub const BAR1: u32 = 0;
    /// BAR2; `NV_RPC_UPDATE_PDE_BAR_2`.
    pub const BAR2: u32 = 1;
}
