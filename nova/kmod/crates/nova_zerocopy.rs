// SPDX-License-Identifier: GPL-2.0

//! `zerocopy` as the portable crates use it: traits and derive macros in one crate.
//!
//! The kernel builds `zerocopy` without its `derive` feature, and the macros as the crate
//! `zerocopy_derive`.
#![no_std]

pub use zerocopy::*;
pub use zerocopy_derive::*;
