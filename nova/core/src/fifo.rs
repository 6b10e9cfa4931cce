// SPDX-License-Identifier: GPL-2.0

//! Channels as the host runs them: the engines that they feed, their rings, what the kernel pushes,
//! the doorbell, and what their errors mean; the jobs of a queue, which wait for the ring; and the last
//! faults of an address space. The objects of GSP-RM behind them are in `rm`; copies are in `ce`.
//!
//! Nothing here locks or waits: a channel says what to write, and what has completed.

pub(crate) mod channel;
pub(crate) mod doorbell;
pub(crate) mod engines;
pub(crate) mod fault;
pub(crate) mod fault_log;
pub(crate) mod jobs;
pub(crate) mod push;
pub(crate) mod ring;
pub(crate) mod time;
pub(crate) mod unfinished;
pub(crate) mod userd;
