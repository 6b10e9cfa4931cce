// SPDX-License-Identifier: GPL-2.0

//! Surfaces in blocks.
//!
//! The tables are from Mesa: src/nouveau/nil/copy.rs for the order in a GOB, and the pictures of
//! src/nouveau/nil/tiling.rs for that of GOBs and blocks.

use super::*;

/// From blocks to lines, and back.
const FROM_BLOCKS: u32 = 0x102;
const TO_BLOCKS: u32 = 0x82;

/// `GOB_HEIGHT_FERMI_8`
const GOB: u32 = 1 << 12;

/// Methods of a side: block size, width, height, depth, layer, two for the origin.
const DST_SIDE: [u16; 7] = [0x70c, 0x710, 0x714, 0x718, 0x71c, 0x74c, 0x750];
const SRC_SIDE: [u16; 7] = [0x728, 0x72c, 0x730, 0x734, 0x738, 0x744, 0x748];

fn side(bench: &mut Bench, methods: [u16; 7], data: [u32; 7]) {
    let pairs: Vec<_> = methods.into_iter().zip(data).collect();
    bench.set(&pairs);
}

/// Lines of 64 bytes, of which there are eight.
fn gob(class: Class, kind: u32) -> Bench {
    let mut bench = Bench::new(class);
    bench.addresses(SRC, DST);
    let surface = [GOB | kind << 16, 64, 8, 1, 0, 0, 0];
    side(&mut bench, DST_SIDE, surface);
    side(&mut bench, SRC_SIDE, surface);
    bench.set(&[(0x410, 64), (0x414, 64), (0x418, 64), (0x41c, 8)]);
    bench
}

/// Where the runs of a line are of which a GOB's first half consists; the other half has the same
/// for the other 32 bytes of the lines.
const TURING: [(usize, usize); 16] = [
    (0, 0),
    (0, 1),
    (0, 2),
    (0, 3),
    (16, 0),
    (16, 1),
    (16, 2),
    (16, 3),
    (0, 4),
    (0, 5),
    (0, 6),
    (0, 7),
    (16, 4),
    (16, 5),
    (16, 6),
    (16, 7),
];

const BITS_16: [(usize, usize); 16] = [
    (0, 0),
    (0, 1),
    (0, 2),
    (0, 3),
    (0, 4),
    (0, 5),
    (0, 6),
    (0, 7),
    (16, 0),
    (16, 1),
    (16, 2),
    (16, 3),
    (16, 4),
    (16, 5),
    (16, 6),
    (16, 7),
];

/// Each 8 bytes of the lines have the eight lines below each other.
fn bits_8() -> Vec<(usize, usize)> {
    let columns = [0, 8, 16, 24].into_iter();
    columns.flat_map(|x| (0..8).map(move |y| (x, y))).collect()
}

#[test]
fn a_gob_has_mesas_order() {
    let cases = Class::ALL.map(|class| (class, 0, TURING.to_vec()));
    let more = [
        (Class::BlackwellB, 1, bits_8()),
        (Class::BlackwellB, 2, BITS_16.to_vec()),
    ];
    for (class, kind, runs) in cases.into_iter().chain(more) {
        let mut bench = gob(class, kind);
        let lines = bench.memory.fill(SRC, 512, 12);
        let size = 256 / runs.len();
        let halves = [0, 32].into_iter();
        let starts = halves.flat_map(|half| runs.iter().map(move |&(x, y)| 64 * y + x + half));
        let expected: Vec<_> = starts
            .flat_map(|start| &lines[start..start + size])
            .copied()
            .collect();
        bench.completes(TO_BLOCKS | MULTI_LINE);
        assert_eq!(bench.memory.get(DST, 512), expected, "{class:?} {kind}");
        assert_eq!(bench.memory.get(DST.plus(512), 8), [0; 8]);

        let back = SRC.plus(0x1000);
        bench.addresses(DST, back);
        bench.completes(FROM_BLOCKS | MULTI_LINE);
        assert_eq!(bench.memory.get(back, 512), lines, "{class:?} {kind}");
    }
}

#[test]
fn kinds_of_blocks_are_of_gb20x() {
    for class in Class::ALL {
        for kind in 1..3 {
            match class {
                Class::BlackwellB => gob(class, kind).completes(TO_BLOCKS | MULTI_LINE),
                _ => gob(class, kind).refused(TO_BLOCKS | MULTI_LINE, "INVALID_UNUSED_FIELD"),
            }
        }
    }
    gob(Class::BlackwellB, 3).not_modelled(TO_BLOCKS | MULTI_LINE);
    gob(Class::BlackwellB, 3).not_modelled(FROM_BLOCKS | MULTI_LINE);
}

/// Offsets of bytes (x, y, z) in a surface of 200 bytes by 40 lines by 3 layers, in blocks of two
/// GOBs below and two behind each other: 64 bytes by 16 lines by 2 layers are 2048 bytes. There are
/// 4 blocks beside and 3 below each other. Counted by hand.
const OFFSETS: &[((u32, u32, u32), u64)] = &[
    ((0, 0, 0), 0),
    // The next block, the next GOB, the next layer, the next row of blocks, and the next blocks
    // behind.
    ((64, 0, 0), 2048),
    ((0, 8, 0), 512),
    ((0, 0, 1), 1024),
    ((0, 16, 0), 4 * 2048),
    ((0, 0, 2), 12 * 2048),
    // The seventh block, fifth line: third run of 128 bytes.
    ((130, 20, 0), 6 * 2048 + 128 + 2),
    // The last block, second layer, eighth line.
    ((199, 39, 1), 11 * 2048 + 1024 + 128 + 48 + 7),
    ((33, 13, 2), 12 * 2048 + 512 + 256 + 128 + 16 + 1),
    ((63, 31, 2), 16 * 2048 + 512 + 511),
];

#[test]
fn blocks_have_mesas_order() {
    for &((x, y, z), offset) in OFFSETS {
        let surface = [GOB | 1 << 4 | 1 << 8, 200, 40, 3, z, x, y];
        let mut bench = Bench::with_line(1);
        side(&mut bench, DST_SIDE, surface);
        bench.memory.set(SRC, &[0xab]);
        bench.completes(TO_BLOCKS);
        let written = bench.memory.get(DST, 24 * 2048);
        let found = written.iter().position(|&byte| byte == 0xab);
        assert_eq!(found, Some(offset as usize), "{x}, {y}, {z}");
        assert_eq!(bench.memory.transferred(Access::Write), 1);

        let mut bench = Bench::with_line(1);
        side(&mut bench, SRC_SIDE, surface);
        bench.memory.set(SRC.plus(offset), &[0xab]);
        bench.completes(FROM_BLOCKS);
        assert_eq!(bench.memory.get(DST, 2), [0xab, 0], "{x}, {y}, {z}");
    }
}

#[test]
fn a_line_is_split_where_a_gob_splits_it() {
    // From byte 10 to byte 69 of the second line.
    let mut bench = Bench::with_line(60);
    let bytes = bench.memory.fill(SRC, 60, 17);
    side(&mut bench, DST_SIDE, [GOB, 128, 8, 1, 0, 10, 1]);
    bench.completes(TO_BLOCKS);
    let written: Vec<_> = bench.memory.log[1..]
        .iter()
        .map(|logged| logged.at)
        .collect();
    let runs = [16 + 10, 16 + 64, 16 + 256, 16 + 320, 16 + 512].map(|offset| DST.plus(offset));
    assert_eq!(written, runs);
    for (run, part) in runs.into_iter().zip([0..6, 6..22, 22..38, 38..54, 54..60]) {
        assert_eq!(bench.memory.get(run, part.len()), bytes[part]);
    }
    side(&mut bench, SRC_SIDE, [GOB, 128, 8, 1, 0, 10, 1]);
    let back = DST.plus(0x1000);
    bench.addresses(DST, back);
    bench.completes(FROM_BLOCKS);
    assert_eq!(bench.memory.get(back, 60), bytes);
}

/// The largest blocks, and a surface of which the last block is incomplete.
#[test]
fn blocks_have_up_to_32_gobs_in_each_direction() {
    for (block, (x, y, z), offset) in [
        // 32 GOBs below each other: 256 lines, 0x4000 bytes.
        (5 << 4, (0, 256, 0), 2 * 0x4000),
        (5 << 4, (64, 255, 0), 0x4000 + 31 * 512 + 128 + 48),
        // 32 GOBs behind each other: 8 lines, 0x4000 bytes.
        (5 << 8, (0, 8, 0), 2 * 0x4000),
        (5 << 8, (0, 0, 31), 31 * 512),
        (5 << 8, (0, 0, 32), 2 * 38 * 0x4000),
        // Both: 0x8_0000 bytes.
        (
            5 << 8 | 5 << 4,
            (127, 299, 33),
            0x8_0000 * 7 + 512 * (32 + 5) + 256 + 64 + 48 + 15,
        ),
    ] {
        let mut bench = Bench::with_line(1);
        side(&mut bench, DST_SIDE, [GOB | block, 128, 300, 40, z, x, y]);
        bench.memory.set(SRC, &[0xab]);
        bench.completes(TO_BLOCKS);
        assert_eq!(
            bench.memory.get(DST.plus(offset), 1),
            [0xab],
            "{x}, {y}, {z}"
        );
    }
}

#[test]
fn a_part_goes_to_lines_and_back() {
    let surface = |x, y| [GOB | 1 << 4, 300, 50, 2, 1, x, y];
    let mut bench = Bench::with_line(123);
    bench.set(&[(0x41c, 29), (0x410, 150), (0x414, 150)]);
    let lines = bench.memory.fill(SRC, 150 * 29, 13);
    side(&mut bench, DST_SIDE, surface(77, 19));
    bench.completes(TO_BLOCKS | MULTI_LINE);
    let blocks = bench.memory.transferred(Access::Write);
    assert_eq!(blocks, 123 * 29);

    // From one surface in blocks to another, in other blocks, and to lines.
    let other = DST.plus(0x10_0000);
    bench.addresses(DST, other);
    side(&mut bench, SRC_SIDE, surface(77, 19));
    side(&mut bench, DST_SIDE, [GOB | 1 << 8, 256, 64, 4, 3, 100, 30]);
    bench.completes(2 | MULTI_LINE);
    let back = DST.plus(0x20_0000);
    bench.addresses(other, back);
    side(&mut bench, SRC_SIDE, [GOB | 1 << 8, 256, 64, 4, 3, 100, 30]);
    bench.completes(FROM_BLOCKS | MULTI_LINE);
    for line in 0..29 {
        let found = bench.memory.get(back.plus(150 * line as u64), 150);
        assert_eq!(found[..123], lines[150 * line..150 * line + 123], "{line}");
        assert_eq!(found[123..], [0; 27], "{line}");
    }
}

/// The source and the destination have other elements: their widths and origins are in elements.
#[test]
fn widths_and_origins_are_in_elements() {
    let mut bench = Bench::with_line(2);
    let bytes: Vec<_> = (1..9).collect();
    bench.memory.set(SRC, &bytes);
    // Two components of two bytes to one.
    bench.set(&[(0x708, 1 << 20 | 1 << 16)]);
    // 40 elements of two bytes are 80, which are two blocks; element 33 is byte 66.
    side(&mut bench, DST_SIDE, [GOB, 40, 10, 1, 0, 33, 8]);
    bench.completes(TO_BLOCKS | REMAP);
    assert_eq!(
        bench.memory.get(DST.plus(3 * 512), 8),
        [0, 0, 1, 2, 5, 6, 0, 0]
    );

    // One component of two bytes to two.
    let back = DST.plus(0x1_0000);
    bench.addresses(DST, back);
    bench.set(&[(0x708, 1 << 24 | 1 << 16)]);
    side(&mut bench, SRC_SIDE, [GOB, 40, 10, 1, 0, 33, 8]);
    bench.completes(FROM_BLOCKS | REMAP);
    assert_eq!(bench.memory.get(back, 9), [1, 2, 1, 2, 5, 6, 5, 6, 0]);
}

#[test]
fn both_methods_for_an_origin_set_the_same() {
    let mut bench = Bench::with_line(1);
    bench.memory.set(SRC, &[0xab]);
    side(&mut bench, DST_SIDE, [GOB, 64, 8, 1, 0, 1, 2]);
    bench.set(&[(0x720, 7 << 16 | 5)]);
    bench.completes(TO_BLOCKS);
    assert_eq!(bench.memory.get(DST.plus(128 + 48 + 5), 1), [0xab]);
    bench.set(&[(0x74c, 6)]);
    bench.completes(TO_BLOCKS);
    assert_eq!(bench.memory.get(DST.plus(128 + 48 + 6), 1), [0xab]);

    let mut bench = Bench::with_line(1);
    bench.memory.set(SRC.plus(128 + 48 + 5), &[0xab]);
    side(&mut bench, SRC_SIDE, [GOB, 64, 8, 1, 0, 1, 2]);
    bench.set(&[(0x73c, 7 << 16 | 5)]);
    bench.completes(FROM_BLOCKS);
    assert_eq!(bench.memory.get(DST, 1), [0xab]);
}

#[test]
fn a_part_lies_in_its_surface() {
    let sides = [(DST_SIDE, TO_BLOCKS, 0x408), (SRC_SIDE, FROM_BLOCKS, 0x400)];
    for (methods, launch, address) in sides {
        // 5 bytes of 3 lines.
        let bench = |surface| {
            let mut bench = Bench::with_line(5);
            bench.set(&[(0x41c, 3), (0x410, 5), (0x414, 5)]);
            side(&mut bench, methods, surface);
            bench
        };
        let launch = launch | MULTI_LINE;
        bench([GOB, 9, 7, 3, 2, 4, 4]).completes(launch);
        bench([GOB, 8, 7, 3, 2, 4, 4]).refused(launch, "MEM2MEM_RECT_OUT_OF_BOUNDS");
        bench([GOB, 9, 6, 3, 2, 4, 4]).refused(launch, "MEM2MEM_RECT_OUT_OF_BOUNDS");
        bench([GOB, 9, 7, 2, 2, 4, 4]).refused(launch, "2D_LAYER_EXCEEDS_DEPTH");
        bench([GOB, 9, 7, 0, 0, 4, 4]).refused(launch, "2D_LAYER_EXCEEDS_DEPTH");
        let far = [GOB, 9, 7, 3, 2, u32::MAX, 4];
        bench(far).refused(launch, "MEM2MEM_RECT_OUT_OF_BOUNDS");
        // A line has no place for three.
        bench([GOB, 9, 5, 3, 2, 4, 4]).completes(launch & !MULTI_LINE);
        for block in [0, 2 << 12, GOB | 1, GOB | 6 << 4, GOB | 6 << 8] {
            bench([block, 9, 7, 3, 2, 4, 4]).refused(launch, "INVALID_VALUE");
        }
        for by in [1, 0x100] {
            let mut bench = bench([GOB, 9, 7, 3, 2, 4, 4]);
            bench.address(address, SRC.plus(by));
            bench.refused(launch, "INVALID_ALIGNMENT");
        }
    }
}

/// The largest surface: no offset overflows.
#[test]
fn the_largest_surface_wraps_around() {
    let last = u32::MAX - 1;
    for (methods, launch) in [(DST_SIDE, TO_BLOCKS), (SRC_SIDE, FROM_BLOCKS)] {
        let mut bench = Bench::with_line(1);
        bench.set(&[(0x708, 0x333_3210)]);
        let surface = [
            GOB | 5 << 4 | 5 << 8,
            u32::MAX,
            u32::MAX,
            u32::MAX,
            last,
            last,
            last,
        ];
        side(&mut bench, methods, surface);
        bench.completes(launch | REMAP);
        assert_eq!(bench.memory.transferred(Access::Write), 16);
    }
}

#[test]
fn a_fault_in_blocks_stops_the_copy() {
    let mut bench = gob(Class::HopperA, 0);
    let lines = bench.memory.fill(SRC, 512, 14);
    bench.semaphore(1);
    // Byte 16 of the fourth line.
    bench.memory.refuse(DST.plus(0x70), 1, FaultType::Pte);
    match bench.launch(TO_BLOCKS | MULTI_LINE | ONE_WORD) {
        Err(Exception::Fault(fault)) => assert_eq!(fault.address, DST.plus(0x70)),
        other => panic!("{other:?}"),
    }
    assert_eq!(bench.memory.transferred(Access::Write), 3 * 64 + 16);
    assert_eq!(
        bench.memory.get(DST.plus(0x30), 16),
        lines[3 * 64..3 * 64 + 16]
    );
    assert_eq!(bench.memory.get_u32(SEMAPHORE), 0);
}
