// SPDX-License-Identifier: GPL-2.0

//! The message queues: the layout of the memory that CPU and GSP share, and the headers of a
//! message.
//!
//! A queue is a page with both headers, then a ring of elements of 4 KiB. A message takes as many
//! elements as it needs.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Header of a queue, written by the sender; `msgqTxHeader`.
///
/// Source: src/common/shared/msgq/inc/msgq/msgq_priv.h.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct MsgqTxHeader {
    /// [`MSGQ_VERSION`].
    pub version: u32,
    /// Bytes of the queue, headers included.
    pub size: u32,
    /// Bytes of an element.
    pub msg_size: u32,
    /// Elements of the ring.
    pub msg_count: u32,
    /// Index of the element that is written next.
    pub write_ptr: u32,
    /// [`MSGQ_FLAGS_SWAP_RX`].
    pub flags: u32,
    /// Offset of [`MsgqRxHeader`] from the start of the queue.
    pub rx_hdr_off: u32,
    /// Offset of the ring from the start of the queue.
    pub entry_off: u32,
}

layout!(MsgqTxHeader: 32, msg_count @ 12, write_ptr @ 16, rx_hdr_off @ 24, entry_off @ 28);

/// Header written by the receiver; `msgqRxHeader`.
///
/// With [`MSGQ_FLAGS_SWAP_RX`] this header is in the queue that its writer sends through, and
/// counts the elements read from the other queue.
///
/// Source: src/common/shared/msgq/inc/msgq/msgq_priv.h.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct MsgqRxHeader {
    /// Index of the element that is read next.
    pub read_ptr: u32,
}

layout!(MsgqRxHeader: 4, read_ptr @ 0);

/// `MSGQ_VERSION`
pub const MSGQ_VERSION: u32 = 0;

/// Each side keeps its read pointer in its own queue; `MSGQ_FLAGS_SWAP_RX`.
pub const MSGQ_FLAGS_SWAP_RX: u32 = 1;

/// Bytes of an element; `GSP_MSG_QUEUE_ELEMENT_SIZE_MIN`.
pub const QUEUE_ELEMENT_SIZE_MIN: usize = 4096;

/// Bytes of the longest message, headers included; `GSP_MSG_QUEUE_ELEMENT_SIZE_MAX`.
pub const QUEUE_ELEMENT_SIZE_MAX: usize = 16 * QUEUE_ELEMENT_SIZE_MIN;

/// Header of a message; `GSP_MSG_QUEUE_ELEMENT`.
///
/// Source: src/nvidia/inc/kernel/gpu/gsp/message_queue_priv.h.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct QueueElement {
    /// For confidential computing only.
    pub auth_tag_buffer: [u8; 16],
    /// For confidential computing only.
    pub aad_buffer: [u8; 16],
    /// Value that makes the XOR of all 64-bit words of the message zero, once its halves are XORed.
    pub checksum: u32,
    /// Sequence number of the message in its queue.
    pub seq_num: u32,
    /// Number of elements that the message takes.
    pub elem_count: u32,
    #[doc(hidden)]
    pub _padding: [u8; 4],
    /// The RPC; its payload follows.
    pub rpc: RpcHeader,
}

layout!(QueueElement: 80, checksum @ 32, seq_num @ 36, elem_count @ 40, rpc @ 48);

/// Header of an RPC or event; `rpc_message_header_v`.
///
/// Source: src/nvidia/generated/g_rpc-message-header.h, src/nvidia/inc/kernel/vgpu/rpc_headers.h.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct RpcHeader {
    /// [`RPC_HEADER_VERSION`].
    pub header_version: u32,
    /// [`RPC_SIGNATURE`].
    pub signature: u32,
    /// Bytes of this header and the payload.
    pub length: u32,
    /// [`function`](super::function) or [`event`](super::event).
    pub function: u32,
    /// NV_STATUS of a reply; [`RPC_RESULT_PENDING`] in a call.
    pub rpc_result: u32,
    /// As [`Self::rpc_result`], for the transport's own use.
    pub rpc_result_private: u32,
    /// Sequence number of the call, which the reply repeats.
    pub sequence: u32,
    /// Zero on bare metal.
    pub spare: u32,
}

layout!(RpcHeader: 32, length @ 8, function @ 12, rpc_result @ 16, sequence @ 24);

/// Version 3.0 of [`RpcHeader`].
pub const RPC_HEADER_VERSION: u32 = 3 << 24;

/// `NV_VGPU_MSG_SIGNATURE_VALID`, "VRPC".
pub const RPC_SIGNATURE: u32 = 0x4350_5256;

/// Value of [`RpcHeader::rpc_result`] in a call; `NV_VGPU_MSG_RESULT_RPC_PENDING`.
pub const RPC_RESULT_PENDING: u32 = u32::MAX;
