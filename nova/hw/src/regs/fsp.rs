// SPDX-License-Identifier: GPL-2.0

//! PFSP, the processor that boots the GSP on Hopper and later at the driver's request: its external
//! memory, which holds messages, and the queues with their offsets.
//!
//! The FSP has eight channels; a driver uses the first. A queue is not a ring: a message starts at
//! the offset in its head, the tail points to its last word, and both are equal if the queue is
//! empty.
//!
//! Source: open-gpu-kernel-modules 570,
//! src/common/inc/swref/published/hopper/gh100/dev_fsp_pri.h; Linux 7.3,
//! drivers/gpu/nova-core/regs.rs and falcon/fsp.rs.

registers! {
    /// Position of a port into the external memory.
    NV_PFSP_EMEMC as FspEmemc @ 0x8f2ac0 [8; 8] {
        #[bits(2)]
        __: u8,
        /// Word in the block.
        #[bits(6)]
        pub offs: u8,
        /// Block of 256 bytes.
        pub blk: u8,
        #[bits(8)]
        __: u8,
        /// Increments the position after each write.
        pub aincw: bool,
        /// Increments the position after each read.
        pub aincr: bool,
        #[bits(6)]
        __: u8,
    }

    /// Reads or writes a word of the external memory at the port's position.
    NV_PFSP_EMEMD as FspEmemd @ 0x8f2ac4 [8; 8] {
        /// All bits.
        pub data: u32,
    }

    /// Start of the message to the FSP; a write notifies the FSP.
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
