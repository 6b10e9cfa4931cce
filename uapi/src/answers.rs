// SPDX-License-Identifier: MIT

//! The structures that a [query](crate::Query) answers. The checks of other calls take their facts
//! about the GPU from the same structures, so that user space is told what is checked.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::text::Text;

/// [`QueryDevice::architecture`]: TU10x, TU11x.
pub const ARCHITECTURE_TURING: u32 = 0x16;
/// [`QueryDevice::architecture`]: GA10x.
pub const ARCHITECTURE_AMPERE: u32 = 0x17;
/// [`QueryDevice::architecture`]: GH10x.
pub const ARCHITECTURE_HOPPER: u32 = 0x18;
/// [`QueryDevice::architecture`]: AD10x.
pub const ARCHITECTURE_ADA: u32 = 0x19;
/// [`QueryDevice::architecture`]: GB10x.
pub const ARCHITECTURE_BLACKWELL_GB10X: u32 = 0x1a;
/// [`QueryDevice::architecture`]: GB20x.
pub const ARCHITECTURE_BLACKWELL_GB20X: u32 = 0x1b;

/// `struct drm_nova_query_device`: the GPU.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
pub struct QueryDevice {
    /// Chipset id: 0x172 is a GA102.
    pub chipset: u32,
    /// One of the `ARCHITECTURE_` constants.
    pub architecture: u32,
    /// Major revision: 0xa for revision A1.
    pub revision_major: u32,
    /// Minor revision: 0x1 for revision A1.
    pub revision_minor: u32,
    /// VRAM on the board, in bytes.
    pub vram_size: u64,
    /// VRAM that is not reserved by the firmware, in bytes.
    pub vram_usable: u64,
    /// Size in bytes of each PCI BAR by its index; zero if there is none.
    pub bar_size: [u64; 6],
    /// The GPU's name, from its firmware.
    pub name: Text<64>,
}

impl QueryDevice {
    /// Size of the first version, in bytes.
    pub const FIRST_SIZE: usize = 144;
}

const _: () = assert!(size_of::<QueryDevice>() >= QueryDevice::FIRST_SIZE);

/// `struct drm_nova_query_firmware`: the firmware that runs the GPU.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
pub struct QueryFirmware {
    /// Release such as `570.144`.
    pub release: Text<32>,
}

impl QueryFirmware {
    /// Size of the first version, in bytes.
    pub const FIRST_SIZE: usize = 32;
}

const _: () = assert!(size_of::<QueryFirmware>() >= QueryFirmware::FIRST_SIZE);

/// `struct drm_nova_query_list`: the start of an answer that is a list.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
pub struct QueryList {
    /// Number of elements, which follow.
    pub count: u32,
    /// Distance from one element to the next, in bytes.
    pub stride: u32,
}

impl QueryList {
    /// Size of the first version, in bytes: a list may be empty.
    pub const FIRST_SIZE: usize = 8;
}

/// [`MemoryRegion::region_class`]: memory of the machine.
pub const MEMORY_REGION_SYSTEM: u32 = 0;
/// [`MemoryRegion::region_class`]: memory of the GPU.
pub const MEMORY_REGION_VRAM: u32 = 1;

/// `struct drm_nova_memory_region`: memory that objects may lie in.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
pub struct MemoryRegion {
    /// Number of the region's bit in [`GemCreate::placement`](crate::GemCreate::placement).
    pub id: u32,
    /// [`MEMORY_REGION_SYSTEM`] or [`MEMORY_REGION_VRAM`].
    pub region_class: u32,
    /// Bit n: pages of `1 << n` bytes.
    pub page_sizes: u64,
    /// Bytes for objects.
    pub size: u64,
    /// Bytes that the objects of all files, and the driver, take.
    pub used: u64,
    /// The largest block of free memory in bytes; zero if unknown.
    pub largest_free: u64,
    /// Bytes that the CPU can reach at a time.
    pub cpu_visible_size: u64,
    /// Bytes that the CPU reaches now.
    pub cpu_visible_used: u64,
    /// Bytes that the objects of this file take.
    pub client_used: u64,
    /// Bytes that the objects of this file should not exceed.
    pub client_budget: u64,
}

/// [`Engine::flags`]: takes its turns with the graphics engine.
pub const ENGINE_SHARES_GRAPHICS: u32 = 1 << 0;

/// `engine_class`: changes mappings, in the kernel.
pub const ENGINE_CLASS_BIND: u32 = 0;
/// `engine_class`: copies.
pub const ENGINE_CLASS_COPY: u32 = 1;
/// `engine_class`: computes.
pub const ENGINE_CLASS_COMPUTE: u32 = 2;
/// `engine_class`: renders, computes and copies.
pub const ENGINE_CLASS_GRAPHICS: u32 = 3;
/// `engine_class`: decodes video.
pub const ENGINE_CLASS_NVDEC: u32 = 4;
/// `engine_class`: encodes video.
pub const ENGINE_CLASS_NVENC: u32 = 5;
/// `engine_class`: decodes and encodes JPEG images.
pub const ENGINE_CLASS_NVJPG: u32 = 6;
/// `engine_class`: finds the optical flow.
pub const ENGINE_CLASS_OFA: u32 = 7;

/// `struct drm_nova_engine`: an engine that queues can be created for.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
pub struct Engine {
    /// One of the `ENGINE_CLASS_` constants.
    pub engine_class: u32,
    /// Number among the engines of the class.
    pub engine_instance: u32,
    /// [`ENGINE_SHARES_GRAPHICS`].
    pub flags: u32,
    /// Class of the channel under a queue.
    pub channel_class: u32,
    /// How many object classes there are.
    pub object_count: u32,
    /// Classes of the objects that a queue has.
    pub object_classes: [u32; 16],
    /// Name of the engine, as `copy2`. In fdinfo, those of a class are together, as `copy`.
    pub name: Text<16>,
    /// Always zero.
    pub reserved: u32,
}

/// `struct drm_nova_query_vm`: what address spaces look like.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
pub struct QueryVm {
    /// First address that user space may use.
    pub va_start: u64,
    /// End of the addresses that user space may use.
    pub va_end: u64,
    /// End of the addresses of pushes and of the kernel's range.
    pub push_va_end: u64,
    /// Least size of the kernel's range.
    pub kernel_size_min: u64,
    /// Alignment of the kernel's range.
    pub kernel_align: u64,
    /// Bit per kind of pages.
    pub kinds: u64,
    /// Bit per kind of pages that are compressed.
    pub kinds_compressible: u64,
    /// Alignment of mappings of a compressible kind.
    pub compression_align: u64,
}

impl QueryVm {
    /// Size of the first version, in bytes.
    pub const FIRST_SIZE: usize = 64;
}

const _: () = assert!(size_of::<QueryVm>() >= QueryVm::FIRST_SIZE);

/// `struct drm_nova_query_limits`: limits of calls.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
pub struct QueryLimits {
    /// Fewest entries of a ring.
    pub ring_entries_min: u32,
    /// Most entries of a ring.
    pub ring_entries_max: u32,
    /// Entries of a ring by default.
    pub ring_entries_default: u32,
    /// Most bytes of a push.
    pub push_bytes_max: u32,
    /// Alignment of the address and the size of a push.
    pub push_align: u32,
    /// Most sync objects of a call.
    pub syncs_max: u32,
    /// Most operations of a bind.
    pub bind_ops_max: u32,
    /// Most jobs of a queue that are not done.
    pub jobs_max: u32,
    /// Bit per priority that the caller may use.
    pub priorities: u32,
    /// Shortest time slice.
    pub timeslice_us_min: u32,
    /// Longest time slice.
    pub timeslice_us_max: u32,
    /// Time slice by default.
    pub timeslice_us_default: u32,
    /// Time that a job may take by default.
    pub job_timeout_ms: u32,
    /// Longest time that a job may take.
    pub job_timeout_ms_max: u32,
    /// Most address spaces of a file; zero if there is no limit.
    pub vms_max: u32,
    /// Most queues of a file, with those that are destroyed but have jobs; zero if there is no limit.
    pub queues_max: u32,
}

impl QueryLimits {
    /// Size of the first version, in bytes.
    pub const FIRST_SIZE: usize = 64;
}

const _: () = assert!(size_of::<QueryLimits>() >= QueryLimits::FIRST_SIZE);

/// [`QueryStatus::health`]: the GPU works.
pub const HEALTH_OK: u32 = 0;
/// [`QueryStatus::health`]: the GPU is being reset.
pub const HEALTH_RECOVERING: u32 = 1;
/// [`QueryStatus::health`]: the GPU does not work until it is bound again.
pub const HEALTH_LOST: u32 = 2;

/// `struct drm_nova_query_status`: how the GPU is.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
pub struct QueryStatus {
    /// One of the `HEALTH_` constants.
    pub health: u32,
    /// Always zero.
    pub reserved: u32,
    /// Resets since the GPU was bound.
    pub resets: u64,
    /// How often the contents of VRAM were lost since the GPU was bound.
    pub vram_losses: u64,
}

impl QueryStatus {
    /// Size of the first version, in bytes.
    pub const FIRST_SIZE: usize = 24;
}

const _: () = assert!(size_of::<QueryStatus>() >= QueryStatus::FIRST_SIZE);

/// Numbers that a graphics processing cluster (GPC) can have.
pub const GPCS_MAX: u32 = 32;

/// `struct drm_nova_query_graphics`: what the graphics engine consists of.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
pub struct QueryGraphics {
    /// Version of the streaming multiprocessors (SMs): 8 for 8.6.
    pub sm_major: u32,
    /// The same: 6 for 8.6.
    pub sm_minor: u32,
    /// Warps that an SM can have at a time.
    pub warps_per_sm: u32,
    /// Threads of a warp.
    pub threads_per_warp: u32,
    /// SMs of each texture processing cluster (TPC).
    pub sms_per_tpc: u32,
    /// Number of GPCs.
    pub gpc_count: u32,
    /// Number of TPCs, those of all GPCs together.
    pub tpc_count: u32,
    /// Bit n: there is a GPC n.
    pub gpc_mask: u32,
    /// For each GPC by its number, bit n: it has a TPC n.
    pub tpc_masks: [u32; GPCS_MAX as usize],
}

impl QueryGraphics {
    /// Size of the first version, in bytes.
    pub const FIRST_SIZE: usize = 160;
}

const _: () = assert!(size_of::<QueryGraphics>() >= QueryGraphics::FIRST_SIZE);

/// `struct drm_nova_query_zcull`: how 3D objects cull what is hidden.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
pub struct QueryZcull {
    /// Alignment of a region's width, in pixels.
    pub width_align: u32,
    /// Alignment of a region's height, in pixels.
    pub height_align: u32,
    /// Pixels that an aliquot is for.
    pub aliquot_pixels: u32,
    /// Number of aliquots.
    pub aliquot_count: u32,
    /// Bytes of an aliquot when a region is saved.
    pub aliquot_size: u32,
    /// Bytes of a region's header when it is saved.
    pub region_header_size: u32,
    /// Bytes of a subregion's header then.
    pub subregion_header_size: u32,
    /// Number of subregions.
    pub subregion_count: u32,
    /// Alignment of a subregion's width, in pixels.
    pub subregion_width_align: u32,
    /// Alignment of a subregion's height, in pixels.
    pub subregion_height_align: u32,
    /// Bytes of memory for what a queue's regions hold while others run; zero if that is not kept.
    pub context_size: u32,
    /// Alignment of that memory, in bytes.
    pub context_align: u32,
}

impl QueryZcull {
    /// Size of the first version, in bytes.
    pub const FIRST_SIZE: usize = 48;
}

const _: () = assert!(size_of::<QueryZcull>() >= QueryZcull::FIRST_SIZE);
