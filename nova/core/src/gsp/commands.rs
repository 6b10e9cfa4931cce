// SPDX-License-Identifier: GPL-2.0

//! The commands that GSP-RM is given, a file each: which function it is, what is in its payload, how long it may
//! take, and what comes of it. How a command gets there and its reply back is in `rpc`.

pub(crate) mod alloc;
pub(crate) mod control;
pub(crate) mod free;
pub(crate) mod init_done;
pub(crate) mod interrupt_table;
pub(crate) mod ping;
pub(crate) mod set_registry;
pub(crate) mod set_system_info;
pub(crate) mod static_info;
pub(crate) mod unloading_guest_driver;
