// SPDX-License-Identifier: GPL-2.0

//! Controls that are called through GSP_RM_CONTROL.

use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout};

/// Control that returns the vectors of the engines' interrupts, on the internal subdevice;
/// `NV2080_CTRL_CMD_INTERNAL_INTR_GET_KERNEL_TABLE`.
pub const CTRL_INTR_GET_KERNEL_TABLE: u32 = 0x2080_0a5c;

/// A vector that there is none of; `NV_INTR_VECTOR_INVALID`.
pub const INTR_VECTOR_INVALID: u32 = u32::MAX;

/// Parameters of [`CTRL_INTR_GET_KERNEL_TABLE`], all returned;
/// `NV2080_CTRL_INTERNAL_INTR_GET_KERNEL_TABLE_PARAMS`.
///
/// Source: src/common/sdk/nvidia/inc/ctrl/ctrl2080/ctrl2080internal.h.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct IntrKernelTable {
    /// Entries that are filled.
    pub table_len: u32,
    /// The entries.
    pub table: [IntrKernelTableEntry; 128],
    /// First and last subtree of each category of interrupts; 0xff where there is none.
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
    /// Its bit where interrupts are not vectors.
    pub pmc_intr_mask: u32,
    /// Vector of what has to be served for the engine to go on.
    pub vector_stall: u32,
    /// Vector of what need not.
    pub vector_non_stall: u32,
}

layout!(IntrKernelTableEntry: 16, pmc_intr_mask @ 4, vector_stall @ 8, vector_non_stall @ 12);
