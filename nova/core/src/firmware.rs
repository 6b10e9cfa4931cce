// SPDX-License-Identifier: GPL-2.0

//! The firmware files: their names, the choice of a release, and GSP-RM and its bootloader in
//! memory that the GPU reads. `nova_firmware` parses the files; booter, the FMC and other programs
//! are loaded by the modules that run them.

mod bootloader;
pub(crate) mod check;
pub(crate) mod choice;
pub(crate) mod common;
pub(crate) mod error;
mod file;
mod image;
pub(crate) mod names;
mod radix3;
