// SPDX-License-Identifier: GPL-2.0

//! What all firmware releases and a driver exchange alike: structures in memory, messages, numbers.
//! What differs is in a module per [release](crate::release).
//!
//! Fields keep the names of the C structures, in Rust's case; `_padding` is what a C compiler
//! leaves between fields and is zero. Each structure names the header that it was read from, and
//! its size and the offsets that matter are checked when this is compiled. Paths are those of
//! open-gpu-kernel-modules 570.144; 535.113.01 says the same.

mod controls;
mod fb_region;
mod gid;
mod init;
mod libos;
mod numbers;
mod object;
mod queue;
mod registry;
mod rpc;
mod sequencer;
pub mod status;
mod system_info;
mod wpr;

pub use controls::*;
pub use fb_region::*;
pub use gid::*;
pub use init::*;
pub use libos::*;
pub use numbers::{event, function, message_name};
pub use object::*;
pub use queue::*;
pub use registry::*;
pub use rpc::*;
pub use sequencer::*;
pub use system_info::*;
pub use wpr::*;
