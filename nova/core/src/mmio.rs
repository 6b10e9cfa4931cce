// SPDX-License-Identifier: GPL-2.0

//! Registers and time, as all blocks of this crate use them: typed, and never waited for
//! without a bound. What the registers mean is in `nova_hw` and in the file of each block.

mod io;
mod pacer;

pub(crate) use io::{halves, Counts, Io};
pub use pacer::Timeout;
pub(crate) use pacer::{Pacer, LONGEST_PAUSE};
