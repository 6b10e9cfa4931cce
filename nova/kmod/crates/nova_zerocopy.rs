// SPDX-License-Identifier: GPL-2.0

//! `zerocopy` as the portable crates know it: traits and derive macros under one name.
//!
//! The kernel builds `zerocopy` without its `derive` feature and gives the macros to everybody as
//! `zerocopy_derive`.
#![no_std]

pub use zerocopy::*;
pub use zerocopy_derive::*;
