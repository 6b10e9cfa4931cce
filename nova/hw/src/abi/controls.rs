// SPDX-License-Identifier: GPL-2.0

//! Controls that are called through GSP_RM_CONTROL.

use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout};

/// Numbers of controls of the subdevice (`NV2080_CTRL_CMD_*`).
///
/// - `INTERNAL_INTR_GET_KERNEL_TABLE` returns the vectors of the engines' interrupts, on the
///   internal subdevice: [`IntrKernelTable`].
/// - `GPU_GET_INFO_V2` returns properties of the GPU. Its parameters are the number of requested
///   properties and a list of [`GpuInfo`], whose length differs between releases.
/// - `GPU_GET_NAME_STRING` returns the name of the GPU: [`GpuNameString`].
/// - `VGPU_MGR_INTERNAL_PGPU_ADD_VGPU_TYPE` adds types of virtual GPUs. Its parameters are the
///   longest of all controls. They begin with a flag that discards the types known so far and, at
///   byte 4, the number of types that follow.
///
/// Source: src/common/sdk/nvidia/inc/ctrl/ctrl2080/ctrl2080internal.h, ctrl2080gpu.h and
/// ctrl2080vgpumgrinternal.h.
pub mod control {
    numbers! {
        GPU_GET_INFO_V2 = 0x2080_0102,
        GPU_GET_NAME_STRING = 0x2080_0110,
        INTERNAL_INTR_GET_KERNEL_TABLE = 0x2080_0a5c,
        VGPU_MGR_INTERNAL_PGPU_ADD_VGPU_TYPE = 0x2080_4003,
    }
}

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
    /// First and last subtree of each category of interrupts; 0xff if it has none.
    pub subtree_map: [[u8; 2]; 7],
    #[doc(hidden)]
    pub _padding: [u8; 2],
}

layout!(IntrKernelTable: 2068, table @ 4, subtree_map @ 2052);

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
