// SPDX-License-Identifier: GPL-2.0

//! Definitions of NVIDIA GPUs from Turing to Blackwell: chips, registers, the falcon, and the
//! firmware interface, one module per firmware release.
//!
//! The driver and the mocked GPU share this crate and nothing else, so it has no logic beyond
//! decoding a value.
//!
//! The GPU, the firmware and every supported machine are little-endian, so structures hold native
//! integers.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

#[macro_use]
mod layout;

pub mod abi;
pub mod chipset;
pub mod class;
pub mod falcon;
pub mod field;
pub mod fsp;
pub mod fwsec;
pub mod gmmu;
pub mod gsp;
pub mod regs;
pub mod release;
pub mod sass;
pub mod size;

#[cfg(not(target_endian = "little"))]
compile_error!("the structures that the firmware reads are little-endian");
