// SPDX-License-Identifier: GPL-2.0

//! Release 535.261.03, which NVIDIA's driver of this version boots: the structures that differ from
//! 535.113.01.
//!
//! Paths are those of open-gpu-kernel-modules 535.261.03.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::r535_113_01;
use crate::field::field;
use crate::release::{RcTriggeredLayout, Release, SystemInfoLayout};

/// The release.
pub const RELEASE: Release = Release {
    name: "535.261.03",
    gen_bootloader: "gsp/gen_bootloader-535.261.03.bin",
    system_info: SystemInfoLayout {
        size: SYSTEM_INFO_SIZE,
        ..r535_113_01::DESCRIPTION.system_info
    },
    rc_triggered: RcTriggeredLayout {
        size: size_of::<RcTriggered>(),
        engine: field!(RcTriggered, nv2080_engine_type),
        channel: field!(RcTriggered, chid),
        xid: field!(RcTriggered, except_type),
        scope: field!(RcTriggered, scope),
        mmu_fault_addr_lo: None,
        mmu_fault_addr_hi: None,
        mmu_fault_type: None,
    },
    ..r535_113_01::DESCRIPTION
};

/// Bytes of `GspSystemInfo`. It has two fields more than that of 535.113.01: `virtualConfigBits` at
/// byte 608, which moves `bIsPassthru` to 610, and `bTdrEventSupported` at 664. All fields that the
/// [`SystemInfoLayout`] names come before them.
///
/// Source: src/nvidia/inc/kernel/gpu/gsp/gsp_static_config.h.
const SYSTEM_INFO_SIZE: usize = 672;

/// Payload of RC_TRIGGERED, the failure of a channel; `rpc_rc_triggered_v17_02`. A journal of
/// `rc_journal_buffer_size` bytes follows.
///
/// Source: src/nvidia/generated/g_rpc-structures.h.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct RcTriggered {
    /// Engine.
    pub nv2080_engine_type: u32,
    /// Channel.
    pub chid: u32,
    /// Guest function.
    pub gfid: u32,
    /// The Xid.
    pub except_type: u32,
    /// Scope of the failure.
    pub scope: u32,
    /// Partition.
    pub partition_attribution_id: u16,
    #[doc(hidden)]
    pub _padding: [u8; 2],
    /// Bytes of the journal.
    pub rc_journal_buffer_size: u32,
}

layout!(RcTriggered: 28, except_type @ 12, partition_attribution_id @ 20,
    rc_journal_buffer_size @ 24);
