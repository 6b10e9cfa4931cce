// SPDX-License-Identifier: GPL-2.0

//! The description of a release: names, sizes and field offsets.

use crate::abi::FbRegionInfoParams;
use crate::chipset::Chipset;
use crate::field::Field;

/// A firmware release.
#[derive(Debug)]
pub struct Release {
    /// Name, as in the names of firmware files and in their `.fwversion` section.
    pub name: &'static str,
    /// File name, below the chip's folder, of the program that fetches FWSEC on Turing and GA100.
    pub gen_bootloader: &'static str,
    /// Arguments of the FMC; `None` for a release without files for Hopper and later, which boot
    /// through the FSP.
    pub fmc_arguments: Option<FmcArgumentsLayout>,
    /// Version of the RPCs, major and minor number; `VGX_MAJOR_VERSION_NUMBER` and
    /// `VGX_MINOR_VERSION_NUMBER` in vgpu_version.h.
    pub vgx_version: [u32; 2],
    /// Number of the GSP in an interrupt table; `MC_ENGINE_IDX_GSP`.
    pub gsp_engine: u16,
    /// GSP-RM's heap in WPR2.
    pub heap: Heap,
    /// Payload of GSP_SET_SYSTEM_INFO.
    pub system_info: SystemInfoLayout,
    /// Arguments of GSP-RM, in the memory region RMARGS.
    pub arguments: ArgumentsLayout,
    /// Payload of GET_GSP_STATIC_INFO.
    pub static_info: StaticInfoLayout,
    /// Payload of RC_TRIGGERED.
    pub rc_triggered: RcTriggeredLayout,
    /// Numbers of engines.
    pub engines: EngineNumbers,
    /// Numbers of controls.
    pub control_numbers: ControlNumbers,
    /// Sizes of the parameters of controls.
    pub controls: ControlSizes,
    /// Sizes of the parameters of objects.
    pub objects: ObjectSizes,
    /// Channels, from number 0 on, that GSP-RM has for itself.
    ///
    /// Source: open-gpu-kernel-modules, `KFIFO_NUM_GSP_RESERVED_CHANNELS` in
    /// src/nvidia/src/kernel/gpu/fifo/kernel_fifo.c, which 535 does not have.
    pub reserved_channels: u16,
    /// Number of events that a subdevice has; `NV2080_NOTIFIERS_MAXCOUNT`.
    pub notifiers: u32,
    /// Parameters of a client.
    pub root: RootLayout,
}

impl Release {
    /// The number of the branch that the release is from, such as 570.
    pub fn branch(&self) -> Option<u32> {
        self.name.split('.').next()?.parse().ok()
    }

    /// Whether the release has firmware for `chipset`.
    pub const fn is_for(&self, chipset: Chipset) -> bool {
        self.fmc_arguments.is_some() || !chipset.arch().boots_through_fsp()
    }
}

impl PartialEq for Release {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Release {}

/// Components of the size of GSP-RM's heap in WPR2, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heap {
    /// libos2, which runs on Turing and GA100.
    pub libos2: Libos,
    /// libos3, which runs on all later chips.
    pub libos3: Libos,
    /// Bytes that GSP-RM needs to boot, Turing to Ada.
    pub base_tu10x: u64,
    /// Bytes that GSP-RM needs to boot, Hopper and later.
    pub base_gh100: u64,
    /// Bytes that GSP-RM needs to manage a GiB of frame buffer.
    pub per_gib_of_fb: u64,
    /// Bytes for the channels of a client.
    pub clients: u64,
}

/// Part of libos, the operating system under GSP-RM, in the size of the heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Libos {
    /// Bytes that libos itself needs.
    pub size: u64,
    /// Minimum bytes of a heap with this libos.
    pub min: u64,
    /// Maximum bytes of a heap with this libos.
    pub max: u64,
}

/// `GspSystemInfo`, the machine around the GPU.
#[derive(Debug)]
pub struct SystemInfoLayout {
    /// Bytes of the structure.
    pub size: usize,
    /// Physical address of BAR0, the registers.
    pub gpu_phys_addr: Field<u64>,
    /// Physical address of BAR1, the frame buffer.
    pub gpu_phys_fb_addr: Field<u64>,
    /// Physical address of BAR3, the instance memory.
    pub gpu_phys_inst_addr: Field<u64>,
    /// Domain << 32 | bus << 8 | device << 3 | function.
    pub nv_domain_bus_device_func: Field<u64>,
    /// End of user addresses.
    pub max_user_va: Field<u64>,
    /// Offset of the mirror of PCI configuration space in BAR0.
    pub pci_config_mirror_base: Field<u32>,
    /// Bytes of the mirror.
    pub pci_config_mirror_size: Field<u32>,
    /// Device << 16 | vendor.
    pub pci_device_id: Option<Field<u32>>,
    /// Subsystem device << 16 | subsystem vendor.
    pub pci_sub_device_id: Option<Field<u32>>,
    /// Revision in configuration space.
    pub pci_revision_id: Option<Field<u32>>,
}

/// `GSP_ARGUMENTS_CACHED`, the arguments of GSP-RM.
#[derive(Debug)]
pub struct ArgumentsLayout {
    /// Bytes of the structure.
    pub size: usize,
    /// Bus address of the memory that holds a table of its own pages, then the queues.
    pub queue_memory: Field<u64>,
    /// Entries of the table, 64 bits each, one per page of 4 KiB.
    pub queue_pages: Field<u32>,
    /// Offset of the command queue in that memory.
    pub command_queue: Field<u64>,
    /// Offset of the status queue in that memory.
    pub status_queue: Field<u64>,
    /// Power level before a resume; this and the other resume fields are zero for a first boot.
    pub resume_level: Field<u32>,
    /// Flags of a resume.
    pub resume_flags: Field<u32>,
    /// This boot is a resume.
    pub in_pm_transition: Field<u8>,
    /// The stack is in the falcon's data memory.
    pub dmem_stack: Option<Field<u8>>,
}

/// `GSP_FMC_BOOT_PARAMS`, the arguments of the FMC.
#[derive(Debug)]
pub struct FmcArgumentsLayout {
    /// Bytes of the structure.
    pub size: usize,
    /// Memory that the WPR metadata is in.
    pub metadata_target: Field<u32>,
    /// Bytes of the WPR metadata.
    pub metadata_size: Field<u32>,
    /// Address of the WPR metadata.
    pub metadata: Field<u64>,
    /// The FMC boots GSP-RM.
    pub boots_gsp_rm: Field<u8>,
    /// Memory that the libos arguments are in.
    pub libos_target: Field<u32>,
    /// Address of the libos arguments.
    pub libos: Field<u64>,
    /// Target value of system memory that is coherent with the CPU's caches.
    pub coherent_system: u32,
    /// Target value of non-coherent system memory.
    pub noncoherent_system: u32,
}

/// `GspStaticConfigInfo`, GSP-RM's description of the GPU.
#[derive(Debug)]
pub struct StaticInfoLayout {
    /// Bytes of the structure.
    pub size: usize,
    /// Name of the GPU; ends with a NUL.
    pub name: Field<[u8; 64]>,
    /// Short name of the GPU; ends with a NUL.
    pub short_name: Field<[u8; 64]>,
    /// Name of the GPU in UTF-16; ends with a NUL.
    pub unicode_name: Field<[u16; 64]>,
    /// Graphics processing clusters, one bit each; other releases have a control for it.
    pub gpcs: Option<Field<u32>>,
    /// Of each graphics processing cluster: its number, and its texture processing clusters, one
    /// bit each.
    pub tpcs: Option<Field<[[u32; 2]; 32]>>,
    /// Bytes of the frame buffer.
    pub fb_length: Field<u64>,
    /// Regions of the frame buffer.
    pub fb_regions: Field<FbRegionInfoParams>,
    /// Root of BAR1's page tables.
    pub bar1_pde_base: Field<u64>,
    /// Root of BAR2's page tables.
    pub bar2_pde_base: Field<u64>,
    /// The fields about the VBIOS are valid.
    pub vbios_valid: Field<u8>,
    /// Subsystem vendor in the VBIOS.
    pub vbios_sub_vendor: Field<u32>,
    /// Subsystem device in the VBIOS.
    pub vbios_sub_device: Field<u32>,
    /// Handle of the internal client, for the driver's own controls.
    pub client: Field<u32>,
    /// Handle of the internal client's device.
    pub device: Field<u32>,
    /// Handle of the internal client's subdevice.
    pub subdevice: Field<u32>,
    /// Offset of the heap outside of WPR2 in the frame buffer.
    pub non_wpr_heap: Option<Field<u64>>,
    /// Offset of FRTS in the frame buffer.
    pub frts: Option<Field<u64>>,
}

/// `rpc_rc_triggered_v17_02`, the failure of a channel.
#[derive(Debug)]
pub struct RcTriggeredLayout {
    /// Bytes of the structure.
    pub size: usize,
    /// Engine, `NV2080_ENGINE_TYPE_*`.
    pub engine: Field<u32>,
    /// Channel.
    pub channel: Field<u32>,
    /// The Xid, NVIDIA's number of this error.
    pub xid: Field<u32>,
    /// Scope of the failure: the channel, or [`SCOPE_GROUP`](Self::SCOPE_GROUP).
    pub scope: Field<u32>,
    /// Address of an MMU fault, low part.
    pub mmu_fault_addr_lo: Option<Field<u32>>,
    /// Address of an MMU fault, high part.
    pub mmu_fault_addr_hi: Option<Field<u32>>,
    /// Type of the MMU fault.
    pub mmu_fault_type: Option<Field<u32>>,
}

impl RcTriggeredLayout {
    /// The failure is that of all channels in the channel's group.
    ///
    /// Source: open-gpu-kernel-modules 570, src/nvidia/generated/g_kernel_rc_nvoc.h
    /// (`RC_NOTIFIER_SCOPE_TSG`).
    pub const SCOPE_GROUP: u32 = 1;
}

/// `NV0000_ALLOC_PARAMETERS`, the allocation parameters of a client.
#[derive(Debug)]
pub struct RootLayout {
    /// Bytes of the structure.
    pub size: usize,
    /// Handle of the client; GSP-RM sets it.
    pub client: Field<u32>,
    /// Process that the client is for.
    pub process_id: Field<u32>,
}

/// `NV2080_CTRL_INTERNAL_FBSR_INIT_PARAMS`, the memory to which a suspend saves the frame buffer.
#[derive(Debug)]
pub struct FbsrInitLayout {
    /// Bytes of the structure.
    pub size: usize,
    /// Client of the memory.
    pub client: Field<u32>,
    /// System memory, an object that ALLOC_MEMORY has made.
    pub memory: Field<u32>,
    /// How to copy; other releases only copy by DMA.
    pub kind: Option<Field<u32>>,
    /// Number of regions that the driver has saved; others save what they need by themselves.
    pub regions: Option<Field<u32>>,
    /// Where in the memory the regions begin that GSP-RM needs itself; in other releases at 0.
    pub own_regions: Option<Field<u64>>,
    /// Bus address of the [metadata](crate::abi::GspFwSrMeta); other releases do not need it.
    pub metadata: Option<Field<u64>>,
}

/// Numbers of engines that differ between releases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EngineNumbers {
    /// In the table of engines (`RM_ENGINE_TYPE_*`).
    pub rm: EngineBases,
    /// In an interrupt table (`MC_ENGINE_IDX_*`).
    pub mc: EngineBases,
    /// Copy engines that have numbers in both (`RM_ENGINE_TYPE_COPY_SIZE`).
    pub copies: u8,
    /// The display in an interrupt table; `MC_ENGINE_IDX_DISP`.
    pub display: u16,
    /// The display's interrupts with low latency in an interrupt table; `MC_ENGINE_IDX_DISP_LOW`.
    pub display_low: Option<u16>,
}

/// Number of the first engine of each kind; the others follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EngineBases {
    /// Graphics and compute.
    pub gr: u16,
    /// Copy engines.
    pub copy: u16,
    /// Video decoders.
    pub nvdec: u16,
    /// Video encoders.
    pub nvenc: u16,
    /// JPEG decoders.
    pub nvjpeg: u16,
    /// Optical flow accelerators.
    pub ofa: u16,
    /// SEC2.
    pub sec2: u16,
}

/// Numbers of controls that differ between releases: another release uses the number for another
/// control, or has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ControlNumbers {
    /// Lists the context buffers of engines with a falcon:
    /// [`ConstructedFalconInfo`](crate::abi::ConstructedFalconInfo)
    /// (`NV2080_CTRL_CMD_GPU_GET_CONSTRUCTED_FALCON_INFO`).
    pub constructed_falcons: u32,
    /// Lists the outputs of displays: [`GetSupported`](crate::abi::GetSupported)
    /// (`NV0073_CTRL_CMD_SYSTEM_GET_SUPPORTED`).
    pub display_supported: u32,
    /// Names a region that a suspend is to save:
    /// [`FbsrSendRegionInfo`](crate::release::r535_113_01::FbsrSendRegionInfo)
    /// (`NV2080_CTRL_CMD_INTERNAL_FBSR_SEND_REGION_INFO`).
    pub fbsr_send_region_info: Option<u32>,
    /// Stops all channels, or lets them go on: one byte
    /// (`NV2080_CTRL_CMD_INTERNAL_FIFO_TOGGLE_ACTIVE_CHANNEL_SCHEDULING`).
    pub toggle_channels: Option<u32>,
}

/// Bytes of the parameters of objects whose size differs between releases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectSizes {
    /// Parameters of a channel; they begin with
    /// [`ChannelAllocParams`](crate::abi::ChannelAllocParams).
    pub channel: usize,
    /// Parameters of an optical flow accelerator; as many bytes of
    /// [`VideoAllocationParameters`](crate::abi::VideoAllocationParameters).
    pub ofa: usize,
}

/// Bytes of the parameters of controls whose size differs between releases.
#[derive(Debug)]
pub struct ControlSizes {
    /// Parameters of
    /// [`control::INTERNAL_MEMSYS_GET_STATIC_CONFIG`](crate::abi::control::INTERNAL_MEMSYS_GET_STATIC_CONFIG).
    pub memsys_static_config: usize,
    /// Parameters of
    /// [`control::INTERNAL_STATIC_KGR_GET_INFO`](crate::abi::control::INTERNAL_STATIC_KGR_GET_INFO).
    pub gr_info: usize,
    /// Parameters of
    /// [`control::INTERNAL_STATIC_KGR_GET_CONTEXT_BUFFERS_INFO`](crate::abi::control::INTERNAL_STATIC_KGR_GET_CONTEXT_BUFFERS_INFO).
    pub context_buffers: usize,
    /// Parameters of
    /// [`control::INTERNAL_KGR_INIT_BUG4208224_WAR`](crate::abi::control::INTERNAL_KGR_INIT_BUG4208224_WAR),
    /// if the release has it.
    pub kgr_init_bug4208224_war: Option<usize>,
    /// Parameters of
    /// [`control::INTERNAL_DISPLAY_GET_STATIC_INFO`](crate::abi::control::INTERNAL_DISPLAY_GET_STATIC_INFO).
    pub display_static_info: usize,
    /// Parameters of [`control::GPU_GET_INFO_V2`](crate::abi::control::GPU_GET_INFO_V2).
    pub gpu_get_info_v2: usize,
    /// Parameters of
    /// [`control::FB_GET_COMPBIT_STORE_INFO`](crate::abi::control::FB_GET_COMPBIT_STORE_INFO).
    pub compbit_store_info: usize,
    /// Parameters of [`control::VGPU_MGR_INTERNAL_PGPU_ADD_VGPU_TYPE`](crate::abi::control::VGPU_MGR_INTERNAL_PGPU_ADD_VGPU_TYPE).
    pub pgpu_add_vgpu_type: usize,
}
