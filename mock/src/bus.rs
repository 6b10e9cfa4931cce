// SPDX-License-Identifier: GPL-2.0

//! The interface between the card and the machine: PCI configuration space, the machine's memory
//! and the interrupt.
//!
//! Not here: the machines themselves ([`machine`](crate::machine)).

pub mod config;
pub(crate) mod machine;
