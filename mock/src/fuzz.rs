// SPDX-License-Identifier: GPL-2.0

//! The fuzz targets in `mock/fuzz`, which the tests call with random bytes, too.
//!
//! Each makes steps of the bytes, carries them out, and checks what must hold whatever a driver
//! does. That nothing panics or overflows goes without saying; that no input takes long, the fuzzer
//! finds out.

mod card;
mod messages;
mod page_tables;
mod push_buffers;

pub use messages::messages;
pub use page_tables::page_tables;
pub use push_buffers::push_buffers;

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn page_tables_may_be_anything(data in vec(any::<u8>(), 0..2000)) {
            super::page_tables(&data);
        }

        #[test]
        fn push_buffers_may_be_anything(data in vec(any::<u8>(), 0..2000)) {
            super::push_buffers(&data);
        }

        #[test]
        fn messages_may_be_anything(data in vec(any::<u8>(), 0..2000)) {
            super::messages(&data);
        }
    }
}
