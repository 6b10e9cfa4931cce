// SPDX-License-Identifier: GPL-2.0

//! Waiting for events, and running functions on other threads.

pub mod arc_work;
pub mod completion;
pub mod own_stack;
pub mod turns;
pub mod wait_queue;
pub mod work;
pub mod workqueue;
