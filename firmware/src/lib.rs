// SPDX-License-Identifier: GPL-2.0

//! Parsers for NVIDIA's firmware files and for VBIOS images.
//!
//! They borrow from the file, copy and allocate nothing, and return an [`Error`] that names the
//! offset and the field. Not here: the use of the contents, which is in the driver.
#![no_std]
#![forbid(unsafe_code)]

mod bin;
pub mod booter;
pub mod bootloader;
pub mod elf;
mod error;
pub mod falcon;
pub mod fmc;
pub mod gen_bootloader;
pub mod gsp;
pub mod tlv;
pub mod vbios;
mod view;

pub use booter::Booter;
pub use bootloader::Bootloader;
pub use elf::len_from_head;
pub use error::{Error, ErrorKind, Expected, Format, Result};
pub use fmc::Fmc;
pub use gen_bootloader::GenBootloader;
pub use gsp::{Gsp, PackedGsp};
pub use tlv::Tlv;
pub use vbios::Vbios;

/// Guesses the format of a file by its first bytes.
pub fn recognise(file: &[u8]) -> Option<Format> {
    match file {
        [0x7f, b'E', b'L', b'F', 1, ..] => Some(Format::Fmc),
        [0x7f, b'E', b'L', b'F', ..] => Some(Format::Gsp),
        [b'N', b'V', b'F', b'W', ..] => Some(Format::Tlv),
        [b'N', b'V', b'G', b'I', ..] | [0x55, 0xaa, ..] => Some(Format::Vbios),
        [0x56, 0x4e, ..] | [0x77, 0xbb, ..] => Some(Format::Vbios),
        file if vbios::is_nvfw(file) => Some(Format::Vbios),
        _ => bin::Bin::recognise(file).map(|header_len| match header_len {
            gen_bootloader::DESC_SIZE | gen_bootloader::DESC_SIZE_ACR => Format::GenBootloader,
            bootloader::DESC_SIZE | bootloader::DESC_SIZE_V5 => Format::Bootloader,
            _ => Format::Booter,
        }),
    }
}
