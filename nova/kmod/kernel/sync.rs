// SPDX-License-Identifier: GPL-2.0

//! Waiting, and having another thread do something.

pub mod completion;
pub mod own_stack;
pub mod wait_queue;
pub mod work;
