// SPDX-License-Identifier: GPL-2.0

//! Payloads of events whose layout differs from other releases.
//!
//! Source: src/nvidia/generated/g_rpc-structures.h.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Payload of RC_TRIGGERED, the failure of a channel; `rpc_rc_triggered_v17_02`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct RcTriggered {
    /// Engine.
    pub nv2080_engine_type: u32,
    /// Channel.
    pub chid: u32,
    /// The Xid.
    pub except_type: u32,
    /// Scope of the failure.
    pub scope: u32,
    /// Partition.
    pub partition_attribution_id: u16,
    #[doc(hidden)]
    pub _padding: [u8; 2],
}

layout!(RcTriggered: 20, except_type @ 8, partition_attribution_id @ 16);
