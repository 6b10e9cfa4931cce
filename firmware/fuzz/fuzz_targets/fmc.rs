// SPDX-License-Identifier: GPL-2.0

#![no_main]

#[path = "../../tests/common/mod.rs"]
mod common;

use libfuzzer_sys::fuzz_target;
use nova_firmware::Format;

fuzz_target!(|file: &[u8]| {
    let _ = common::look(Format::Fmc, file);
});
