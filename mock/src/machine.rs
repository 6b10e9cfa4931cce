// SPDX-License-Identifier: GPL-2.0

//! The machines that a card can be put into: one in this process, and a VM behind a socket; and the
//! socket through which a test breaks and repairs the card of a VM.
//!
//! Not here: what a card asks of its machine ([`bus`](crate::bus)).

pub(crate) mod control;
pub mod in_process;
pub mod vfio;
