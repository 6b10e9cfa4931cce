// SPDX-License-Identifier: GPL-2.0

//! Payloads of events whose layout differs from other releases.
//!
//! Source: src/nvidia/generated/g_rpc-structures.h.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Start of the payload of RC_TRIGGERED, the failure of a channel, followed by a journal;
/// `rpc_rc_triggered_v17_02`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct RcTriggered {
    /// Engine.
    pub nv2080_engine_type: u32,
    /// Channel.
    pub chid: u32,
    /// Guest.
    pub gfid: u32,
    /// Severity.
    pub except_level: u32,
    /// The Xid.
    pub except_type: u32,
    /// Scope of the failure.
    pub scope: u32,
    /// Partition.
    pub partition_attribution_id: u16,
    #[doc(hidden)]
    pub _padding0: [u8; 2],
    /// Address of an MMU fault, low part.
    pub mmu_fault_addr_lo: u32,
    /// Address of an MMU fault, high part.
    pub mmu_fault_addr_hi: u32,
    /// Type of the MMU fault.
    pub mmu_fault_type: u32,
    /// GSP-RM expects a callback.
    pub b_callback_needed: u8,
    #[doc(hidden)]
    pub _padding1: [u8; 3],
    /// Bytes of the journal.
    pub rc_journal_buffer_size: u32,
}

layout!(RcTriggered: 48, mmu_fault_addr_lo @ 28, rc_journal_buffer_size @ 44);
