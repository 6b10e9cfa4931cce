// SPDX-License-Identifier: GPL-2.0

//! The machines that a card can be put into: one in this process, and a VM behind a socket; and the
//! control socket, through which a test injects faults into the card of a VM.
//!
//! Not here: the traits that a machine implements ([`bus`](crate::bus)).

pub(crate) mod control;
pub mod in_process;
pub(crate) mod intx;
pub mod vfio;
