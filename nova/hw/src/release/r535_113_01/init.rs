// SPDX-License-Identifier: GPL-2.0

//! GSP-RM's arguments, in the memory region RMARGS.
//!
//! Source: src/nvidia/inc/kernel/gpu/gsp/gsp_init_args.h.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::abi::GspSrInitArguments;

/// Location of the message queues; `MESSAGE_QUEUE_INIT_ARGUMENTS`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct MessageQueueInitArguments {
    /// Bus address of the memory that holds a table of its own pages, then the queues.
    pub shared_mem_phys_addr: u64,
    /// Entries of the table, 64 bits each, one per page of 4 KiB.
    pub page_table_entry_count: u32,
    #[doc(hidden)]
    pub _padding: [u8; 4],
    /// Offset of the command queue in that memory.
    pub cmd_queue_offset: u64,
    /// Offset of the status queue in that memory.
    pub stat_queue_offset: u64,
    /// Offset of the lockless command queue, or 0.
    pub lockless_cmd_queue_offset: u64,
    /// Offset of the lockless status queue, or 0.
    pub lockless_stat_queue_offset: u64,
}

layout!(MessageQueueInitArguments: 48, page_table_entry_count @ 8, cmd_queue_offset @ 16,
    stat_queue_offset @ 24, lockless_cmd_queue_offset @ 32);

/// Arguments of GSP-RM; `GSP_ARGUMENTS_CACHED`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct GspArgumentsCached {
    /// The message queues.
    pub message_queue_init_arguments: MessageQueueInitArguments,
    /// Arguments for a resume.
    pub sr_init_arguments: GspSrInitArguments,
    /// Number of the GPU in this system.
    pub gpu_instance: u32,
    /// Bus address of the profiler's memory, or 0.
    pub profiler_args_pa: u64,
    /// Bytes of the profiler's memory.
    pub profiler_args_size: u64,
}

layout!(GspArgumentsCached: 80, sr_init_arguments @ 48, gpu_instance @ 60, profiler_args_pa @ 64);
