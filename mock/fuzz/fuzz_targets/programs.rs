// SPDX-License-Identifier: GPL-2.0

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| nova_mock::fuzz::programs(data));
