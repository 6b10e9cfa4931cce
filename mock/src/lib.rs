// SPDX-License-Identifier: GPL-2.0

//! A GPU that is a program: one file per hardware block.
//!
//! The card behaves as hardware does towards a driver. It reads what the driver prepared the way the
//! hardware would, and refuses what the hardware would refuse, with the reason in its trace. It does
//! not know who is asking, and shares nothing with the driver but definitions (`nova_hw`): this crate
//! does not depend on `nova_core`.
//!
//! [`Gpu`] is the card; [`in_process`] puts it into a machine for tests without a VM, [`vfio`] behind
//! a socket for QEMU. Not here: display, engines, channels.
#![forbid(unsafe_code)]

mod block;
mod boot;
mod boot_fsp;
mod booter;
mod brom;
mod chain_of_trust;
pub mod chips;
pub mod config;
mod control;
mod falcon;
pub mod fault;
pub mod firmware;
mod flush;
mod fmc;
mod fsp;
mod fuse;
mod fwsec;
mod gpu;
mod gsp;
mod gsp_rm;
pub mod host;
pub mod in_process;
mod intr;
mod pbus;
mod pdisp;
mod pfb;
mod pgc6;
mod pmc;
mod prom;
mod ptimer;
mod queue;
mod register_log;
mod schedule;
mod sequencer;
pub mod synthetic;
mod therm;
mod trace;
pub mod vbios;
pub mod vfio;
mod vram;

pub use block::{Block, Engine};
pub use fault::Fault;
pub use fuse::Fuses;
pub use gpu::{Gpu, NoFwsec, Setup};
pub use gsp_rm::notice::Notice;
pub use trace::{Accesses, Refusal, Trace};
pub use vram::Vram;
