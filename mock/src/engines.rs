// SPDX-License-Identifier: GPL-2.0

//! What executes: the MMU, the host, which runs the channels, and the engines that the host feeds
//! with methods.
//!
//! Each of these is a state machine without locks, time of its own or access to the card: memory
//! comes through [`memory::Memory`], and what it does beyond memory is returned or left in
//! [`engine::Context`]. The card ([`gpu`](crate::gpu)) puts them together.

pub(crate) mod copy;
pub(crate) mod engine;
pub(crate) mod graphics;
pub(crate) mod host;
pub(crate) mod memory;
pub(crate) mod mmu;
pub(crate) mod physical;
mod reduction;
mod sm;
mod surface;
#[cfg(test)]
pub(crate) mod testing;
