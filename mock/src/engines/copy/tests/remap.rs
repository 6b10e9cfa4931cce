// SPDX-License-Identifier: GPL-2.0

//! Elements that are put together from components.

use super::*;

/// Components of the destination, the bytes of a component, and how many the source has.
fn components(parts: &[u32], size: u32, source: u32) -> u32 {
    let shifted = parts.iter().zip([0, 4, 8, 12]).map(|(part, at)| part << at);
    let count = parts.len() as u32;
    shifted.sum::<u32>() | (size - 1) << 16 | (source - 1) << 20 | (count - 1) << 24
}

/// An engine that remaps a line of two elements.
fn bench(components: u32) -> Bench {
    let mut bench = Bench::with_line(2);
    let bytes: Vec<_> = (0x10..0x50).collect();
    bench.memory.set(SRC, &bytes);
    bench.memory.set(DST, &[0xee; 0x40]);
    bench.set(&[
        (0x700, 0xa4a3_a2a1),
        (0x704, 0xb4b3_b2b1),
        (0x708, components),
    ]);
    bench
}

#[test]
fn components_are_taken_from_the_source_or_constant() {
    let cases: &[(&[u32], u32, u32, &[u8])] = &[
        // The same in another order.
        (
            &[2, 1, 0, 3],
            1,
            4,
            &[0x12, 0x11, 0x10, 0x13, 0x16, 0x15, 0x14, 0x17],
        ),
        // Fewer, and more.
        (&[3], 1, 4, &[0x13, 0x17]),
        (&[0, 0, 0], 1, 1, &[0x10, 0x10, 0x10, 0x11, 0x11, 0x11]),
        (
            &[1, 0],
            2,
            3,
            &[0x12, 0x13, 0x10, 0x11, 0x18, 0x19, 0x16, 0x17],
        ),
        // Three bytes are a component, and of a constant the lowest ones count.
        (
            &[1, 4],
            3,
            2,
            &[
                0x13, 0x14, 0x15, 0xa1, 0xa2, 0xa3, 0x19, 0x1a, 0x1b, 0xa1, 0xa2, 0xa3,
            ],
        ),
        (&[4, 5], 1, 1, &[0xa1, 0xb1, 0xa1, 0xb1]),
        (
            &[5],
            4,
            1,
            &[0xb1, 0xb2, 0xb3, 0xb4, 0xb1, 0xb2, 0xb3, 0xb4],
        ),
        // What is not written stays.
        (
            &[6, 0, 6],
            2,
            1,
            &[0xee, 0xee, 0x10, 0x11, 0xee, 0xee, 0xee, 0xee, 0x12, 0x13],
        ),
        (
            &[0, 6, 6, 5],
            1,
            1,
            &[0x10, 0xee, 0xee, 0xb1, 0x11, 0xee, 0xee, 0xb1],
        ),
        (&[6, 6], 4, 1, &[]),
    ];
    for &(parts, size, source, expected) in cases {
        let mut bench = bench(components(parts, size, source));
        bench.completes(PITCH | REMAP);
        let mut line = expected.to_vec();
        line.resize(0x40, 0xee);
        assert_eq!(bench.memory.get(DST, 0x40), line, "{parts:?} of {size}");
    }
}

#[test]
fn four_components_of_four_bytes_are_the_most() {
    let mut bench = bench(components(&[3, 2, 1, 0], 4, 4));
    bench.completes(PITCH | REMAP);
    let word = |first: u8| [first, first + 1, first + 2, first + 3];
    let words = [0x1c, 0x18, 0x14, 0x10, 0x2c, 0x28, 0x24, 0x20].map(word);
    assert_eq!(bench.memory.get(DST, 0x20), words.concat());
    assert_eq!(bench.memory.get(DST.plus(0x20), 0x20), [0xee; 0x20]);
}

#[test]
fn bytes_that_are_not_written_are_not_touched() {
    let mut bench = bench(components(&[6, 0], 2, 1));
    bench.memory.refuse(DST, 2, FaultType::ReadOnly);
    bench.memory.refuse(DST.plus(4), 2, FaultType::ReadOnly);
    bench.completes(PITCH | REMAP);
    assert_eq!(bench.memory.transferred(Access::Write), 4);
    assert_eq!(
        bench.memory.get(DST, 8),
        [0xee, 0xee, 0x10, 0x11, 0xee, 0xee, 0x12, 0x13]
    );
}

#[test]
fn the_source_is_read_only_if_it_is_used() {
    for parts in [&[4, 5][..], &[6], &[4, 6, 5, 4]] {
        let mut bench = bench(components(parts, 4, 1));
        bench.memory.refuse(SRC, 0x1000, FaultType::Pte);
        // It has no place, either.
        bench.completes((PITCH | REMAP) & !(1 << 7) | 1 << 12);
        bench.set(&[(0x41c, 2), (0x410, 0), (0x414, 0x20)]);
        bench.completes(PITCH | REMAP | MULTI_LINE);
        assert_eq!(bench.memory.transferred(Access::Read), 0);
    }
}

#[test]
fn components_that_are_used_exist() {
    for (parts, source) in [(&[1][..], 1), (&[0, 2], 2), (&[0, 0, 0, 3], 3)] {
        let mut bench = bench(components(parts, 1, source));
        bench.refused(PITCH | REMAP, "BAD_SRC_PIXEL_COMP_REF");
        bench.set(&[(0x708, components(parts, 1, source + 1))]);
        bench.completes(PITCH | REMAP);
    }
    let mut bench = bench(components(&[0, 7], 1, 1));
    bench.refused(PITCH | REMAP, "INVALID_VALUE");
    // Those that the destination does not have do not count.
    bench.set(&[(0x708, components(&[0, 7, 3, 3], 1, 1) & !(3 << 24))]);
    bench.completes(PITCH | REMAP);
    // Without remapping none does.
    bench.set(&[(0x708, components(&[7, 3], 1, 1))]);
    bench.completes(PITCH);
}

#[test]
fn elements_are_split_between_turns() {
    let mut bench = bench(components(&[1, 6, 0, 4], 3, 2));
    let expected = [
        &[
            0x13, 0x14, 0x15, 0xee, 0xee, 0xee, 0x10, 0x11, 0x12, 0xa1, 0xa2, 0xa3,
        ][..],
        &[
            0x19, 0x1a, 0x1b, 0xee, 0xee, 0xee, 0x16, 0x17, 0x18, 0xa1, 0xa2, 0xa3,
        ],
    ];
    let expected = expected.concat();
    let launch = PITCH | REMAP;
    let first =
        |engine: &mut CopyEngine, context: &mut Context<'_>| engine.method(context, 0x300, launch);
    assert_eq!(bench.limited(0, first), (Ok(Progress::Unfinished), 0));
    for done in 0..24 {
        let mut line = expected[..done].to_vec();
        line.resize(0x40, 0xee);
        assert_eq!(bench.memory.get(DST, 0x40), line);
        let turn = bench.limited(1, |engine, context| engine.proceed(context));
        let progress = match done {
            23 => Progress::Done,
            _ => Progress::Unfinished,
        };
        assert_eq!(turn, (Ok(progress), 0));
    }
    assert_eq!(bench.memory.get(DST, 24), expected);
}

#[test]
fn lines_and_pieces_are_whole_elements() {
    // 12 bytes are read and 9 are written, so that pieces end within no element.
    let length = 10_000;
    let mut bench = bench(components(&[2, 3, 0], 3, 4));
    let bytes = bench.memory.fill(SRC, 2 * 0x2_0000, 11);
    bench.set(&[
        (0x418, length),
        (0x41c, 2),
        (0x410, 0x2_0000),
        (0x414, 0x1_8000),
    ]);
    bench.completes(PITCH | REMAP | MULTI_LINE);
    let mut sizes = bench.memory.log.iter().map(|logged| logged.size as u64);
    assert!(sizes.all(|size| size <= transfer::PIECE));
    for (line, start) in [(0, 0), (0x1_8000, 0x2_0000)] {
        let line = bench.memory.get(DST.plus(line), 9 * length as usize);
        let elements = bytes[start..].chunks(12).zip(line.chunks(9));
        for (from, to) in elements {
            assert_eq!([&from[6..12], &from[..3]].concat(), to);
        }
    }
}
