// SPDX-License-Identifier: GPL-2.0

//! The portable GPU driver: everything that Nova knows about bringing up and talking to a GPU.
//!
//! It reaches the machine through [`platform`] alone, memory included; it never locks or panics. It
//! waits, with a bound, while it has the GPU to itself, in a boot and on the way back, and otherwise
//! only where GSP-RM's sequencer has it wait.
//!
//! [`probe`] identifies a GPU, [`Found::prepare`] gets everything ready, [`Prepared::boot`] boots
//! it and [`Running::unload`] undoes that. What differs between chips is in `chip.rs` and in the file of
//! the block that differs.
#![no_std]
#![forbid(unsafe_code)]
// Errors carry what is needed to say them in one line, and there is no allocator to put that into.
#![allow(clippy::result_large_err)]

#[cfg(any(test, fuzzing))]
extern crate std;

mod boot;
mod booter;
mod bug;
mod chip;
mod choice;
mod error;
mod falcon;
mod fb;
mod firmware;
mod flush;
mod fsp;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod fwsec;
mod gfw;
mod gpu;
mod identify;
mod intr;
mod io;
mod libos;
mod path;
pub mod platform;
mod prepare;
mod queue;
mod radix3;
mod report;
mod rpc;
mod scrubber;
mod sequencer;
mod static_info;
mod system_info;
#[cfg(any(test, fuzzing))]
mod testing;
mod text;
mod vbios;
mod wire;
mod wpr;

pub use boot::Running;
pub use error::{Error, ErrorKind, Failure, ImageError, Timeout};
pub use fb::{Layout, NoRoom};
pub use firmware::{
    firmware_kinds, name_parts, File, FileSet, ImageFile, Packing, FIRMWARE_RELEASES,
};
pub use fsp::FspError;
pub use identify::{probe, Found};
pub use intr::{Handled, Irq};
pub use prepare::Prepared;
pub use queue::QueueError;
pub use report::{BootReport, Stage, StageReport};
pub use rpc::call::{Control, Object, Reply, Ticket};
pub use rpc::event::{ChannelError, Event, EventCounts};
pub use rpc::history::{Answer, Record};
pub use rpc::lost::Lost;
pub use sequencer::SequencerError;
pub use static_info::StaticInfo;
pub use text::Text;
