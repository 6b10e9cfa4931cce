// SPDX-License-Identifier: GPL-2.0

//! Streaming multiprocessors: they execute the programs that compute classes launch.
//!
//! Layouts are those of [`nova_hw::class::qmd`] and [`nova_hw::sass`]. NVIDIA documents names of
//! instructions alone, so what they do is from Mesa's compiler, which folds constants as the
//! hardware computes (src/nouveau/compiler/nak/ir.rs), and from the PTX instructions that they
//! implement (PTX ISA). What an instruction does where neither says it is not modelled, and traps:
//! the channel stops, and nothing after it is written or released.
//!
//! The lanes of a warp have a program counter each. Those with the lowest one execute together, so
//! that lanes that have branched forward wait for the others, and now and then the lanes of another
//! counter have their turn, so that no lane waits forever for one that spins. That alone would not
//! do: a loop may end in code that lies before the place where its lanes meet again, and programs
//! exchange values between lanes, which have to execute together then. So barrier registers do what
//! Volta has introduced them for (NVIDIA's V100 whitepaper, "Independent Thread Scheduling"; Mesa's
//! `BSSY` and `BSYNC`): a lane waits at `BSYNC` until all lanes do that were there at `BSSY`, and
//! have neither ended nor left by `BREAK`. Each lane has registers of its own, which hold masks, so
//! that lanes on different paths may use the same one.
//!
//! The rest is this model's choice:
//!
//! - Blocks of threads run one after the other, and the warps of a block in turns. A program that
//!   waits for a later block never ends.
//! - A launch has completed when the next method comes. There are no caches but for constants and
//!   instructions, which a launch reads once at most. All accesses are in order, so barriers of
//!   memory have nothing to do.
//! - Local memory is the model's own and not where the methods say. Generic addresses are not
//!   modelled, so that nothing depends on the windows.
//! - An instruction costs as much of a turn as [`COST`] bytes of a copy, so an endless loop is one
//!   of many turns, which only the driver ends.
//! - Functions that hardware approximates are as exact as the host computes them. A NaN that is
//!   computed is the one that hardware makes, 0x7fffffff.
//! - Clocks count instructions of the warp.

mod bits;
mod block;
mod constants;
mod convert;
mod double;
mod float;
mod flow;
mod half;
mod integer;
mod lanes;
mod launch;
mod memory;
mod program;
mod rounding;
mod shared;
mod warp;

pub(super) use launch::{Invalid, Launch};

use super::engine::Exception;

/// Lanes of a warp.
const LANES: usize = 32;

/// What an instruction takes of the turn's budget, in bytes. A whole turn has 4 MiB, so 16384
/// instructions.
const COST: u64 = 256;

/// The exception of a program that does what hardware does not allow.
fn trap(what: impl Into<String>) -> Exception {
    Exception::Program {
        reason: what.into(),
    }
}

/// The exception of an instruction that hardware executes.
fn not_modelled(what: impl std::fmt::Display) -> Exception {
    trap(format!("not modelled: {what}"))
}

#[cfg(test)]
mod tests;
