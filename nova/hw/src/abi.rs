// SPDX-License-Identifier: GPL-2.0

//! Structures in memory, messages and numbers of the firmware interface that are the same in all
//! releases. Those that differ are in a module per [release](crate::release).
//!
//! Fields keep the names of the C structures, in Rust's case; `_padding` is what a C compiler
//! leaves between fields and is zero. Each structure names the header that it was read from; its
//! size and selected offsets are checked at compile time. Paths are those of
//! open-gpu-kernel-modules 570.144; 535.113.01 has the same definitions.

mod channel;
mod controls;
mod display;
mod engine;
mod fb_region;
mod fifo;
mod gid;
mod graphics;
mod init;
mod libos;
mod numbers;
mod object;
mod queue;
mod registry;
mod rpc;
mod sequencer;
pub mod status;
mod suspend;
mod system_info;
mod wpr;

pub use channel::*;
pub use controls::*;
pub use display::*;
pub use engine::*;
pub use fb_region::*;
pub use fifo::*;
pub use gid::*;
pub use graphics::*;
pub use init::*;
pub use libos::*;
pub use numbers::{event, function, message_name};
pub use object::*;
pub use queue::*;
pub use registry::*;
pub use rpc::*;
pub use sequencer::*;
pub use suspend::*;
pub use system_info::*;
pub use wpr::*;
