// SPDX-License-Identifier: GPL-2.0

//! What NVIDIA GPUs from Turing to Blackwell look like to a driver: chips, registers, the falcon,
//! and the firmware's side of the conversation, one module per firmware release.
//!
//! Definitions only. The driver and the mocked GPU both use them and share nothing else, so nothing
//! here decides, waits or computes beyond taking a value apart.
//!
//! GPU and firmware are little-endian, and so is every machine that this crate supports: structures
//! hold native integers.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

#[macro_use]
mod layout;

pub mod abi;
pub mod chipset;
pub mod falcon;
pub mod field;
pub mod fsp;
pub mod fwsec;
pub mod gsp;
pub mod regs;
pub mod release;
pub mod size;

#[cfg(not(target_endian = "little"))]
compile_error!("the structures that the firmware reads are little-endian");
