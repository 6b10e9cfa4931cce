// SPDX-License-Identifier: MIT

//! No check panics, whatever it is given. `fuzz` does the same for longer.

mod common;

use proptest::prelude::*;

/// Bytes that are often zero, so that some checks pass.
fn byte() -> impl Strategy<Value = u8> {
    prop_oneof![3 => Just(0), 1 => Just(0xff), 1 => 0..4_u8, 1 => any::<u8>()]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_are_checked(bytes in prop::collection::vec(byte(), 0..2000)) {
        common::check_all(&mut common::Bytes(&bytes));
    }
}
