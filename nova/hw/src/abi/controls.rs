// SPDX-License-Identifier: GPL-2.0

//! Controls that are called through GSP_RM_CONTROL.

use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout};

/// Numbers of controls; the upper half names the class of the objects that have it. Numbers that
/// differ between releases are in [`ControlNumbers`](crate::release::ControlNumbers).
///
/// - `INTERNAL_INTR_GET_KERNEL_TABLE` returns the vectors of the engines' interrupts, on the
///   internal subdevice: [`IntrKernelTable`].
/// - `GPU_GET_INFO_V2` returns properties of the GPU. Its parameters are the number of requested
///   properties and a list of [`GpuInfo`], whose length differs between releases.
/// - `GPU_GET_NAME_STRING` returns the name of the GPU: [`GpuNameString`].
/// - `CE_GET_FAULT_METHOD_BUFFER_SIZE` returns the bytes that each channel needs for copies that a
///   fault interrupts: a number of 32 bits.
/// - `INTERNAL_MEMSYS_GET_STATIC_CONFIG` returns properties of the memory system: a structure that
///   differs between releases, in which the drivers here read [`MEMSYS_RAW_MODE`].
/// - `INTERNAL_MEMSYS_PROGRAM_RAW_COMPRESSION_MODE` turns the mode of [`MEMSYS_RAW_MODE`] on or off:
///   one byte.
/// - `FB_GET_COMPBIT_STORE_INFO` returns where the memory of compression is: a structure that differs
///   between releases, with its size in the first 64 bits.
/// - `INTERNAL_FBSR_INIT` names the memory to which a suspend saves the frame buffer: a structure that
///   differs between releases, [`FbsrInitLayout`](crate::release::FbsrInitLayout).
/// - `DP_SET_MANUAL_DISPLAYPORT` leaves DisplayPort's training to the driver. Its parameters are
///   the subdevice.
/// - `GPFIFO_GET_WORK_SUBMIT_TOKEN` returns what a driver writes to the doorbell: a number of 32
///   bits.
/// - `CHANNEL_BIND` and `CHANNEL_GROUP_BIND` bind a channel, or those of a group, to an
///   [engine](crate::abi::engine_type): a number of 32 bits.
/// - `CHANNEL_GPFIFO_SCHEDULE` and `CHANNEL_GROUP_GPFIFO_SCHEDULE` let a channel run, or those of a
///   group: two bytes, whether it shall run, and whether it shall do so without being submitted.
/// - `CHANNEL_GROUP_SET_TIMESLICE` sets how long a group runs before others on its runlist do: a number of
///   64 bits, in microseconds.
/// - `CHANNEL_GROUP_SET_INTERLEAVE_LEVEL` sets how often a group is on its runlist: a number of 32 bits,
///   one of [`InterleaveLevel`].
/// - `VGPU_MGR_INTERNAL_PGPU_ADD_VGPU_TYPE` adds types of virtual GPUs. Its parameters are the
///   longest of all controls. They begin with a flag that discards the types known so far and, at
///   byte 4, the number of types that follow.
///
/// The others have structures of their names.
///
/// Source: the headers in src/common/sdk/nvidia/inc/ctrl; those of the channel are in ctrla06f
/// (ctrla06fgpfifo.h), ctrlc36f.h and, for groups, ctrla06c.h, all below src/common/sdk/nvidia/inc/ctrl.
pub mod control {
    numbers! {
        SYSTEM_GET_NUM_HEADS = 0x73_0102,
        SPECIFIC_GET_ALL_HEAD_MASK = 0x73_0287,
        DP_SET_MANUAL_DISPLAYPORT = 0x73_1365,
        FB_GET_COMPBIT_STORE_INFO = 0x80_1306,
        DMA_SET_PAGE_DIRECTORY = 0x80_1813,
        DMA_UNSET_PAGE_DIRECTORY = 0x80_1814,
        GPU_GET_INFO_V2 = 0x2080_0102,
        GPU_GET_NAME_STRING = 0x2080_0110,
        GPU_PROMOTE_CTX = 0x2080_012b,
        GPU_GET_FERMI_GPC_INFO = 0x2080_0137,
        GPU_GET_FERMI_TPC_INFO = 0x2080_0138,
        EVENT_SET_NOTIFICATION = 0x2080_0301,
        INTERNAL_DISPLAY_GET_STATIC_INFO = 0x2080_0a01,
        INTERNAL_MEMSYS_GET_STATIC_CONFIG = 0x2080_0a1c,
        INTERNAL_STATIC_KGR_GET_INFO = 0x2080_0a2a,
        INTERNAL_STATIC_KGR_GET_CONTEXT_BUFFERS_INFO = 0x2080_0a32,
        INTERNAL_KGR_INIT_BUG4208224_WAR = 0x2080_0a46,
        INTERNAL_DISPLAY_WRITE_INST_MEM = 0x2080_0a49,
        INTERNAL_INTR_GET_KERNEL_TABLE = 0x2080_0a5c,
        INTERNAL_MEMSYS_PROGRAM_RAW_COMPRESSION_MODE = 0x2080_0a6f,
        INTERNAL_FBSR_INIT = 0x2080_0ac2,
        INTERNAL_INIT_BRIGHTC_STATE_LOAD = 0x2080_0ac6,
        FIFO_GET_DEVICE_INFO_TABLE = 0x2080_1112,
        GR_GET_ZCULL_INFO = 0x2080_1206,
        PERF_BOOST = 0x2080_200a,
        CE_GET_FAULT_METHOD_BUFFER_SIZE = 0x2080_2a08,
        VGPU_MGR_INTERNAL_PGPU_ADD_VGPU_TYPE = 0x2080_4003,
        VASPACE_COPY_SERVER_RESERVED_PDES = 0x90f1_0106,
        CHANNEL_GROUP_GPFIFO_SCHEDULE = 0xa06c_0101,
        CHANNEL_GROUP_BIND = 0xa06c_0102,
        CHANNEL_GROUP_SET_TIMESLICE = 0xa06c_0103,
        CHANNEL_GROUP_SET_INTERLEAVE_LEVEL = 0xa06c_0107,
        CHANNEL_GPFIFO_SCHEDULE = 0xa06f_0103,
        CHANNEL_BIND = 0xa06f_0104,
        GPFIFO_GET_WORK_SUBMIT_TOKEN = 0xc36f_0108,
    }
}

/// How often a channel group is on its runlist; `NVA06C_CTRL_INTERLEAVE_LEVEL_*`. Where there are L groups of
/// the lowest level and M of the one above, one of the lowest is there once, one of the next L times, and one
/// of the highest (M + 1) L times; without a group of the lowest, once, and M times.
///
/// Source: src/common/sdk/nvidia/inc/ctrl/ctrla06c.h.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u32)]
pub enum InterleaveLevel {
    /// Once.
    Low = 0,
    /// Between all of the lowest level; that of a new group (`kchangrpapiConstruct_IMPL` in
    /// src/nvidia/src/kernel/gpu/fifo/kernel_channel_group_api.c).
    #[default]
    Medium = 1,
    /// Between all others.
    High = 2,
}

impl InterleaveLevel {
    /// The level with this number.
    pub const fn from_number(number: u32) -> Option<Self> {
        match number {
            0 => Some(Self::Low),
            1 => Some(Self::Medium),
            2 => Some(Self::High),
            _ => None,
        }
    }
}

/// Time slice of a new channel group, in microseconds.
///
/// Source: `kfifoChannelGroupGetDefaultTimeslice_GV100` in
/// src/nvidia/src/kernel/gpu/fifo/arch/volta/kernel_fifo_gv100.c.
pub const TIMESLICE_US_DEFAULT: u32 = 128 << 3;

/// The longest time slice that an entry of a runlist holds, in microseconds: 8 bits, and 4 bits of scale.
///
/// Source: Linux 7.3, drivers/gpu/drm/nouveau/nvkm/engine/fifo/gv100.c (`gv100_runl_insert_cgrp`);
/// open-gpu-doc, manuals/volta/gv100/dev_ram.ref.txt (`NV_RAMRL_ENTRY_TSG_TIMESLICE_*`).
pub const TIMESLICE_US_MAX: u32 = 0xff << 0xf;

/// Byte of the parameters of
/// [`INTERNAL_MEMSYS_GET_STATIC_CONFIG`](control::INTERNAL_MEMSYS_GET_STATIC_CONFIG) that says
/// whether compression tags are used without the memory manager; `bUseRawModeComptaglineAllocation`.
///
/// Source: src/common/sdk/nvidia/inc/ctrl/ctrl2080/ctrl2080internal.h
/// (`NV2080_CTRL_INTERNAL_MEMSYS_GET_STATIC_CONFIG_PARAMS`).
pub const MEMSYS_RAW_MODE: usize = 2;

/// Vector of an interrupt that does not exist; `NV_INTR_VECTOR_INVALID`.
pub const INTR_VECTOR_INVALID: u32 = u32::MAX;

/// Parameters of [`control::INTERNAL_INTR_GET_KERNEL_TABLE`], all returned;
/// `NV2080_CTRL_INTERNAL_INTR_GET_KERNEL_TABLE_PARAMS`.
///
/// Source: src/common/sdk/nvidia/inc/ctrl/ctrl2080/ctrl2080internal.h.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct IntrKernelTable {
    /// Number of valid entries.
    pub table_len: u32,
    /// The entries.
    pub table: [IntrKernelTableEntry; 128],
    /// First and last subtree of each category of interrupts (`NV2080_INTR_CATEGORY_*`); 0xff if it
    /// has none.
    pub subtree_map: [[u8; 2]; 7],
    #[doc(hidden)]
    pub _padding: [u8; 2],
}

layout!(IntrKernelTable: 2068, table @ 4, subtree_map @ 2052);

impl IntrKernelTable {
    /// Interrupts of no other category; `NV2080_INTR_CATEGORY_DEFAULT`.
    pub const DEFAULT: usize = 0;
    /// Non-stalling interrupts of the engines that channels feed;
    /// `NV2080_INTR_CATEGORY_ESCHED_DRIVEN_ENGINE_NOTIFICATION`.
    pub const ENGINE_NOTIFICATION: usize = 2;
}

impl Default for IntrKernelTable {
    fn default() -> Self {
        Self::new_zeroed()
    }
}

/// The interrupts of an engine; `NV2080_CTRL_INTERNAL_INTR_GET_KERNEL_TABLE_ENTRY`.
///
/// Source: src/common/sdk/nvidia/inc/ctrl/ctrl2080/ctrl2080internal.h.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct IntrKernelTableEntry {
    /// The engine; the GSP is [`Release::gsp_engine`](crate::release::Release::gsp_engine).
    pub engine_idx: u16,
    #[doc(hidden)]
    pub _padding: [u8; 2],
    /// Interrupt bit of the engine, where interrupts are not vectors.
    pub pmc_intr_mask: u32,
    /// Vector of the stalling interrupt: the engine waits until it is served.
    pub vector_stall: u32,
    /// Vector of the non-stalling interrupt.
    pub vector_non_stall: u32,
}

layout!(IntrKernelTableEntry: 16, pmc_intr_mask @ 4, vector_stall @ 8, vector_non_stall @ 12);

/// A property of the GPU; `NV2080_CTRL_GPU_INFO`.
///
/// Source: src/common/sdk/nvidia/inc/ctrl/ctrl2080/ctrl2080gpu.h.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct GpuInfo {
    /// The property; `NV2080_CTRL_GPU_INFO_INDEX_*`.
    pub index: u32,
    /// Value of the property, in the reply.
    pub data: u32,
}

layout!(GpuInfo: 8, data @ 4);

/// Parameters of [`control::GPU_GET_NAME_STRING`]; `NV2080_CTRL_GPU_GET_NAME_STRING_PARAMS`.
///
/// Source: src/common/sdk/nvidia/inc/ctrl/ctrl2080/ctrl2080gpu.h.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct GpuNameString {
    /// Encoding of the name; `NV2080_CTRL_GPU_GET_NAME_STRING_FLAGS_TYPE_*`.
    pub kind: u32,
    /// The name, in the reply: 64 characters of ASCII at the start, or of UTF-16.
    pub name: [u8; 128],
}

layout!(GpuNameString: 132, name @ 4);

impl GpuNameString {
    /// `NV2080_CTRL_GPU_GET_NAME_STRING_FLAGS_TYPE_ASCII`
    pub const ASCII: u32 = 0;
    /// `NV2080_CTRL_GPU_GET_NAME_STRING_FLAGS_TYPE_UNICODE`
    pub const UNICODE: u32 = 1;
}

/// Parameters of [`control::PERF_BOOST`], which raises clocks for a while;
/// `NV2080_CTRL_PERF_BOOST_PARAMS`.
///
/// Source: src/common/sdk/nvidia/inc/ctrl/ctrl2080/ctrl2080perf.h.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct PerfBoost {
    /// What to do, in bits 1:0: 0 to end the boost, 1 for one level up, 2 for the most
    /// (`NV2080_CTRL_PERF_BOOST_FLAGS_*`).
    pub flags: u32,
    /// Seconds.
    pub duration: u32,
}

layout!(PerfBoost: 8, duration @ 4);

impl PerfBoost {
    /// The most seconds; `NV2080_CTRL_PERF_BOOST_DURATION_MAX`.
    pub const DURATION_MAX: u32 = 3600;
    /// Until the boost is ended; `NV2080_CTRL_PERF_BOOST_DURATION_INFINITE`.
    pub const DURATION_INFINITE: u32 = u32::MAX;
}
