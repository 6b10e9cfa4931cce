// SPDX-License-Identifier: GPL-2.0

//! Typed access to registers, and waits with a bound. The meaning of registers is in `nova_hw` and
//! in the file of each block.

mod io;
mod pacer;

pub(crate) use io::{halves, Counts, Io};
pub use pacer::Timeout;
pub(crate) use pacer::{Pacer, LONGEST_PAUSE};
