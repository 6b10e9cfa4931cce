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

mod block_id;
// A list of one range of registers is meant as that.
#[allow(clippy::single_range_in_vec_init)]
mod blocks;
mod bus;
pub mod chips;
pub mod faults;
mod fuses;
mod gpu;
mod gsp_rm;
mod images;
mod machine;
mod programs;
mod schedule;
mod trace;
mod vram;

pub use block_id::{BlockId, Engine};
pub use bus::{config, host};
pub use faults::Fault;
pub use fuses::Fuses;
pub use gpu::{Gpu, NoFwsec, Setup};
pub use gsp_rm::notice::Notice;
pub use images::{firmware, synthetic, vbios};
pub use machine::{in_process, vfio};
pub use trace::{Accesses, Refusal, Trace};
pub use vram::Vram;
