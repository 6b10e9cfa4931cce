// SPDX-License-Identifier: GPL-2.0

//! PFSP, the processor through which a driver has the GSP booted on Hopper and later: its external
//! memory, in which messages lie, and the queues that say where.
//!
//! There are eight channels; a driver has the first. A queue is not a ring: a message starts at
//! the offset in its head, the tail points to its last word, and both are equal when there is none.
//!
//! Source: open-gpu-kernel-modules 570,
//! src/common/inc/swref/published/hopper/gh100/dev_fsp_pri.h; Linux 7.3,
//! drivers/gpu/nova-core/regs.rs and falcon/fsp.rs.

registers! {
    /// Where a port into the external memory stands.
    NV_PFSP_EMEMC as FspEmemc @ 0x8f2ac0 [8; 8] {
        #[bits(2)]
        __: u8,
        /// Word of the block.
        #[bits(6)]
        pub offs: u8,
        /// Block of 256 bytes.
        pub blk: u8,
        #[bits(8)]
        __: u8,
        /// Moves on after each write.
        pub aincw: bool,
        /// Moves on after each read.
        pub aincr: bool,
        #[bits(6)]
        __: u8,
    }

    /// A word of the external memory through a port.
    NV_PFSP_EMEMD as FspEmemd @ 0x8f2ac4 [8; 8] {
        /// All bits.
        pub data: u32,
    }

    /// Start of the message to the FSP; a write makes the FSP look.
    NV_PFSP_QUEUE_HEAD as FspQueueHead @ 0x8f2c00 [8; 8] {
        /// Offset in the external memory.
        pub address: u32,
    }

    /// Last word of the message to the FSP.
    NV_PFSP_QUEUE_TAIL as FspQueueTail @ 0x8f2c04 [8; 8] {
        /// Offset in the external memory.
        pub address: u32,
    }

    /// Start of the message from the FSP.
    NV_PFSP_MSGQ_HEAD as FspMsgqHead @ 0x8f2c80 [8; 8] {
        /// Offset in the external memory.
        pub val: u32,
    }

    /// Last word of the message from the FSP.
    NV_PFSP_MSGQ_TAIL as FspMsgqTail @ 0x8f2c84 [8; 8] {
        /// Offset in the external memory.
        pub val: u32,
    }
}
