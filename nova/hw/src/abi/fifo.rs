// SPDX-License-Identifier: GPL-2.0

//! Controls about the engines that channels feed.

use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout};

/// Parameters of
/// [`FIFO_GET_DEVICE_INFO_TABLE`](crate::abi::control::FIFO_GET_DEVICE_INFO_TABLE);
/// `NV2080_CTRL_FIFO_GET_DEVICE_INFO_TABLE_PARAMS`.
///
/// Source: src/common/sdk/nvidia/inc/ctrl/ctrl2080/ctrl2080fifo.h.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct DeviceInfoTable {
    /// First entry of the table that is returned: a multiple of [`Self::MAX_ENTRIES`].
    pub base_index: u32,
    /// Number of entries, in the reply.
    pub num_entries: u32,
    /// More entries follow, in the reply.
    pub b_more: u8,
    #[doc(hidden)]
    pub _padding: [u8; 3],
    /// The entries, in the reply.
    pub entries: [DeviceEntry; Self::MAX_ENTRIES],
}

layout!(DeviceInfoTable: 0xc8c, num_entries @ 4, b_more @ 8, entries @ 12);

impl DeviceInfoTable {
    /// Entries of a reply; `NV2080_CTRL_FIFO_GET_DEVICE_INFO_TABLE_MAX_ENTRIES`.
    pub const MAX_ENTRIES: usize = 32;
    /// Entries of the whole table; `NV2080_CTRL_FIFO_GET_DEVICE_INFO_TABLE_MAX_DEVICES`.
    pub const MAX_DEVICES: usize = 256;
}

impl Default for DeviceInfoTable {
    fn default() -> Self {
        Self::new_zeroed()
    }
}

/// An engine; `NV2080_CTRL_FIFO_DEVICE_ENTRY`.
///
/// Source: as for [`DeviceInfoTable`]; the indices of the data are those of `ENGINE_INFO_TYPE` in
/// src/nvidia/inc/kernel/gpu/fifo/engine_info.h (535.113.01: src/nvidia/generated/
/// g_kernel_fifo_nvoc.h).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct DeviceEntry {
    /// Properties of the engine, by the constants of this structure.
    pub engine_data: [u32; 16],
    /// Its PBDMAs, which fetch from push buffers.
    pub pbdma_ids: [u32; 2],
    /// Numbers of these PBDMAs in MMU faults.
    pub pbdma_fault_ids: [u32; 2],
    /// Number of these PBDMAs.
    pub num_pbdmas: u32,
    /// Name; ends with a NUL.
    pub engine_name: [u8; 16],
}

layout!(DeviceEntry: 100, pbdma_ids @ 64, pbdma_fault_ids @ 72, num_pbdmas @ 80, engine_name @ 84);

impl DeviceEntry {
    /// Descriptor of the engine, as in [`engine_class`](crate::abi::engine_class).
    pub const ENG_DESC: usize = 0;
    /// Number of the engine in host.
    pub const FIFO_TAG: usize = 1;
    /// Number of the engine in the release, [`EngineNumbers::rm`](crate::release::EngineNumbers).
    pub const RM_ENGINE_TYPE: usize = 2;
    /// Runlist.
    pub const RUNLIST: usize = 3;
    /// Number of the engine in MMU faults.
    pub const MMU_FAULT_ID: usize = 4;
    /// Number of the engine in interrupt tables, [`EngineNumbers::mc`](crate::release::EngineNumbers).
    pub const MC: usize = 8;
    /// Kind of the engine in PTOP's table.
    pub const DEV_TYPE_ENUM: usize = 9;
    /// Instance of the engine.
    pub const INSTANCE_ID: usize = 10;
    /// Base of the runlist's registers, from Ampere on.
    pub const RUNLIST_PRI_BASE: usize = 11;
    /// Channels feed the engine.
    pub const IS_HOST_DRIVEN_ENGINE: usize = 12;
    /// Number of the engine in its runlist, from Ampere on.
    pub const RUNLIST_ENGINE_ID: usize = 13;
    /// Base of the runlist's channel RAM, from Ampere on.
    pub const CHRAM_PRI_BASE: usize = 14;
}

/// Parameters of the control that lists the context buffers of engines with a falcon
/// ([`ControlNumbers::constructed_falcons`](crate::release::ControlNumbers)), all returned;
/// `NV2080_CTRL_GPU_GET_CONSTRUCTED_FALCON_INFO_PARAMS`.
///
/// Source: src/common/sdk/nvidia/inc/ctrl/ctrl2080/ctrl2080gpu.h (535.113.01: ctrl2080internal.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct ConstructedFalconInfo {
    /// Number of valid entries.
    pub num_constructed_falcons: u32,
    /// The entries.
    pub constructed_falcons_table: [ConstructedFalcon; 64],
}

layout!(ConstructedFalconInfo: 0x504, constructed_falcons_table @ 4);

impl Default for ConstructedFalconInfo {
    fn default() -> Self {
        Self::new_zeroed()
    }
}

/// An engine with a falcon; `NV2080_CTRL_GPU_CONSTRUCTED_FALCON_INFO`.
///
/// Source: as for [`ConstructedFalconInfo`].
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct ConstructedFalcon {
    /// Descriptor of the engine.
    pub eng_desc: u32,
    /// Caching of its context buffers.
    pub ctx_attr: u32,
    /// Bytes of a channel's context buffer.
    pub ctx_buffer_size: u32,
    /// Where context buffers may be.
    pub addr_space_list: u32,
    /// Base of the engine's registers.
    pub register_base: u32,
}

layout!(ConstructedFalcon: 20, ctx_buffer_size @ 8, register_base @ 16);
