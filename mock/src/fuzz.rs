// SPDX-License-Identifier: GPL-2.0

//! The fuzz targets in `mock/fuzz`, which the tests call with random bytes, too.
//!
//! Each makes steps of the bytes, carries them out, and checks what must hold whatever a driver
//! does. That nothing panics or overflows goes without saying; that no input takes long, the fuzzer
//! finds out.

mod card;
mod messages;
mod page_tables;
mod programs;
mod push_buffers;

pub use messages::messages;
pub use page_tables::page_tables;
pub use programs::programs;
pub use push_buffers::push_buffers;

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    /// Opcodes that are known in some form.
    const OPCODES: &[u16] = &[
        0x202, 0x207, 0x210, 0x211, 0x212, 0x216, 0x217, 0x219, 0x21a, 0x21b, 0x221, 0x223, 0x224,
        0x225, 0x304, 0x305, 0x306, 0x307, 0x308, 0x309, 0x355, 0x356, 0x381, 0x386, 0x389, 0x38c,
        0x3a8, 0x3a9, 0x80c, 0x802, 0x919, 0x941, 0x942, 0x945, 0x947, 0x94d, 0x984, 0x388, 0xb1d,
    ];

    /// A program of such instructions, guarded by the predicate that is true, whose other bits are
    /// often those that NAK sets.
    fn program(class: u8, opcodes: &[u16], data: &[u8]) -> Vec<u8> {
        let mut program = vec![class];
        program.extend([0; 384]);
        for (&opcode, data) in opcodes.iter().zip(data.chunks_exact(16)) {
            let mut word = [0; 16];
            word[2..5].copy_from_slice(&data[2..5]);
            word[8..12].copy_from_slice(&[0xff, data[9], 0xff, 0x07]);
            word[..2].copy_from_slice(&(opcode | 0x7000).to_le_bytes());
            program.extend(word);
        }
        program
    }

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
        fn programs_may_be_anything(
            class: u8,
            opcodes in vec(proptest::sample::select(OPCODES), 1..40),
            data in vec(any::<u8>(), 16 * 40),
        ) {
            super::programs(&program(class, &opcodes, &data));
        }

        #[test]
        fn messages_may_be_anything(data in vec(any::<u8>(), 0..2000)) {
            super::messages(&data);
        }
    }
}
