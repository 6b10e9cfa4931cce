// SPDX-License-Identifier: GPL-2.0

//! The firmware files of the GSP: what they are called, which of them are taken, and where GSP-RM and
//! its bootloader lie for the GPU to read. The formats of the files are `nova_firmware`'s; programs
//! for other processors are loaded by who runs them.

mod bootloader;
pub(crate) mod choice;
pub(crate) mod common;
pub(crate) mod error;
mod file;
mod image;
pub(crate) mod names;
mod radix3;
