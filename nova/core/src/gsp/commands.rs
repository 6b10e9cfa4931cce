// SPDX-License-Identifier: GPL-2.0

//! The requests to GSP-RM and its replies, a file for each message. How a request gets there and its
//! reply back is in `rpc`.

pub(crate) mod interrupt_table;
pub(crate) mod static_info;
pub(crate) mod system_info;
