// SPDX-License-Identifier: GPL-2.0

//! The commands to GSP-RM, a file each: function, payload, time-out and result of a command. `rpc`
//! sends them and receives the replies.

pub(crate) mod alloc;
pub(crate) mod channel;
pub(crate) mod channel_group;
pub(crate) mod clusters;
pub(crate) mod context_buffers;
pub(crate) mod control;
pub(crate) mod copy_object;
pub(crate) mod device_info;
pub(crate) mod fault_method_buffer;
pub(crate) mod free;
pub(crate) mod graphics_object;
pub(crate) mod graphics_properties;
pub(crate) mod group_bind;
pub(crate) mod group_interleave_level;
pub(crate) mod group_schedule;
pub(crate) mod group_timeslice;
pub(crate) mod init_done;
pub(crate) mod interrupt_table;
pub(crate) mod page_directory;
pub(crate) mod ping;
pub(crate) mod promote_context;
pub(crate) mod reserved_directories;
pub(crate) mod set_registry;
pub(crate) mod set_system_info;
pub(crate) mod static_info;
pub(crate) mod unloading_guest_driver;
pub(crate) mod update_bar_pde;
pub(crate) mod va_space;
pub(crate) mod zcull_info;
