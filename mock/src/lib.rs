// SPDX-License-Identifier: GPL-2.0

//! A mocked GPU: one file per hardware block.
//!
//! The card behaves as hardware does towards a driver. It reads what the driver prepared the way
//! the hardware would, and refuses what the hardware would refuse, with the reason in its trace. It
//! behaves the same for every driver, and shares only definitions (`nova_hw`) with Nova: this crate
//! does not depend on `nova_core`.
//!
//! [`Gpu`] is the card; [`in_process`] puts it into a machine in the same process, for tests
//! without a VM, and [`vfio`] serves it to QEMU over a socket. Not here: drawing, programs, video, and
//! outputs of a display.
#![forbid(unsafe_code)]

mod block_id;
// Some blocks have a list with a single range of registers.
#[allow(clippy::single_range_in_vec_init)]
mod blocks;
mod bus;
pub mod chips;
mod engines;
pub mod faults;
mod fuses;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod gpu;
mod gsp_rm;
mod images;
mod machine;
#[cfg(feature = "measure")]
pub mod measure;
mod programs;
mod schedule;
mod trace;
mod vram;

pub use block_id::{BlockId, FalconId};
pub use bus::config;
pub use bus::machine::{GuestMemory, InterruptSink, Machine, Unmapped};
pub use engines::mmu::alone::{FaultNumber, MmuAlone, Place, Translated};
pub use faults::Fault;
pub use fuses::Fuses;
pub use gpu::{Gpu, NoFwsec, Setup};
pub use gsp_rm::notice::Notice;
pub use images::{firmware, synthetic, vbios};
pub use machine::{in_process, vfio};
pub use trace::{Accesses, Refusal, Trace};
pub use vram::Vram;
