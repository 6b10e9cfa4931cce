// SPDX-License-Identifier: GPL-2.0

//! Writes a valid file of each format into `corpus/`, as seeds for the fuzzers.

#[path = "../../tests/common/mod.rs"]
mod common;

use std::fs;
use std::io::Result;

use nova_firmware::Format;

use crate::common::{dumps, samples};

fn main() -> Result<()> {
    for (index, (format, file)) in samples().into_iter().enumerate() {
        let target = match format {
            Format::Gsp => "gsp",
            Format::Booter => "booter",
            Format::Bootloader => "bootloader",
            Format::GenBootloader => "gen_bootloader",
            Format::Fmc => "fmc",
            Format::Tlv => "tlv",
            Format::Vbios => "vbios",
        };
        let folder = format!("corpus/{target}");
        fs::create_dir_all(&folder)?;
        fs::write(format!("{folder}/sample-{index}"), file)?;
    }
    for (name, file) in dumps() {
        fs::write(format!("corpus/vbios/{name}"), file)?;
    }
    Ok(())
}
