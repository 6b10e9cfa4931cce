// SPDX-License-Identifier: GPL-2.0

//! Interrupts: the tree that brings all of them to the CPU, and what raises them.

mod gsp;
mod tree;

pub use gsp::{Handled, Irq, NoInterrupt};
pub use tree::{Vectors, LEAVES};
