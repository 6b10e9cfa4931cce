// SPDX-License-Identifier: GPL-2.0

//! What is said to GSP-RM and what it answers, a file for each message. How a message gets there and
//! its answer back is in `rpc`.

pub(crate) mod interrupt_table;
pub(crate) mod static_info;
pub(crate) mod system_info;
