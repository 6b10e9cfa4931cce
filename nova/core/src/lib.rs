// SPDX-License-Identifier: GPL-2.0

//! The portable GPU driver: everything that Nova knows about bringing up and talking to a GPU.
//!
//! It reaches the machine through [`platform`] alone; it never blocks, locks, allocates or panics on
//! its own.
#![no_std]
#![forbid(unsafe_code)]

pub mod platform;
