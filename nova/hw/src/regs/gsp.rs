// SPDX-License-Identifier: GPL-2.0

//! PGSP, the registers of the GSP that other falcons lack.
//!
//! Source: open-gpu-kernel-modules 570, src/common/inc/swref/published/ampere/ga102/dev_gsp.h.

registers! {
    /// Further mailboxes.
    NV_PGSP_MAILBOX as PgspMailbox @ 0x110804 [4; 4] {
        /// All bits.
        pub data: u32,
    }

    /// Doorbells: writing any value tells GSP-RM that a command queue has new messages.
    NV_PGSP_QUEUE_HEAD as PgspQueueHead @ 0x110c00 [8; 8] {
        /// All bits.
        pub address: u32,
    }
}
