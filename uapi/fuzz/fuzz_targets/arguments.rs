// SPDX-License-Identifier: MIT

#![no_main]

#[path = "../../tests/common/mod.rs"]
mod common;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| common::check_all(&mut common::Bytes(bytes)));
