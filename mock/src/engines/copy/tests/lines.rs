// SPDX-License-Identifier: GPL-2.0

//! Lines that are a pitch apart: their number, their length, faults and turns.

use super::super::super::memory::MmuFault;
use super::super::super::surface::{Layout, Surface};
use super::super::transfer::PIECE;
use super::*;

/// Lines with these pitches.
fn bench(pitches: (i32, i32), length: u32, lines: u32) -> Bench {
    let mut bench = Bench::with_line(length);
    bench.set(&[
        (0x410, pitches.0 as u32),
        (0x414, pitches.1 as u32),
        (0x41c, lines),
    ]);
    bench
}

#[test]
fn lines_are_a_pitch_apart_on_each_side() {
    let mut bench = bench((0x1003, 5), 5, 3);
    let bytes = bench.memory.fill(SRC, 0x4000, 3);
    bench.completes(PITCH | MULTI_LINE);
    let lines = [&bytes[..5], &bytes[0x1003..0x1008], &bytes[0x2006..0x200b]];
    assert_eq!(bench.memory.get(DST, 15), lines.concat());
    assert_eq!(bench.memory.get(DST.plus(15), 8), [0; 8]);
}

#[test]
fn pitches_may_be_negative() {
    let mut bench = bench((-0x10, 0x20), 0x10, 3);
    let before = Address::Virtual(0x1_2345_0000 - 0x20);
    let bytes = bench.memory.fill(before, 0x30, 4);
    bench.completes(PITCH | MULTI_LINE);
    for (line, start) in [0x20, 0x10, 0].into_iter().enumerate() {
        let at = DST.plus(0x20 * line as u64);
        assert_eq!(bench.memory.get(at, 0x10), bytes[start..start + 0x10]);
        assert_eq!(bench.memory.get(at.plus(0x10), 0x10), [0; 0x10]);
    }
    bench.set(&[(0x410, 0x10), (0x414, -0x30_i32 as u32)]);
    bench.addresses(before, DST.plus(0x1000));
    bench.completes(PITCH | MULTI_LINE);
    for (line, start) in [0, 0x10, 0x20].into_iter().enumerate() {
        let at = DST.plus(0x1000 - 0x30 * line as u64);
        assert_eq!(bench.memory.get(at, 0x10), bytes[start..start + 0x10]);
    }
}

#[test]
fn a_line_is_no_longer_than_a_pitch() {
    let refusals = [
        ((7, 8), "SRC_LINE_EXCEEDS_PITCH"),
        ((0, 8), "SRC_LINE_EXCEEDS_PITCH"),
        ((-7, 8), "SRC_LINE_EXCEEDS_NEG_PITCH"),
        ((8, 7), "DST_LINE_EXCEEDS_PITCH"),
        ((8, -7), "DST_LINE_EXCEEDS_NEG_PITCH"),
    ];
    for (pitches, report) in refusals {
        bench(pitches, 8, 2).refused(PITCH | MULTI_LINE, report);
        // The distance to the next line does not count if there is none.
        bench(pitches, 8, 1).completes(PITCH | MULTI_LINE);
        bench(pitches, 8, 2).completes(PITCH);
    }
    for pitches in [(8, 8), (-8, 8), (8, -8), (i32::MIN, i32::MAX)] {
        bench(pitches, 8, 2).completes(PITCH | MULTI_LINE);
    }
    // An element of the destination is larger than one of the source.
    let mut bench = bench((8, 15), 4, 2);
    bench.set(&[(0x708, 0x110_4040 | 1 << 16)]);
    bench.refused(PITCH | MULTI_LINE | REMAP, "SRC_LINE_EXCEEDS_PITCH");
    bench.set(&[(0x410, 16)]);
    bench.refused(PITCH | MULTI_LINE | REMAP, "DST_LINE_EXCEEDS_PITCH");
    bench.set(&[(0x414, 16)]);
    bench.completes(PITCH | MULTI_LINE | REMAP);
}

#[test]
fn without_multi_line_there_is_one_line() {
    let mut bench = bench((4, 4), 4, 9);
    let bytes = bench.memory.fill(SRC, 0x100, 5);
    bench.completes(PITCH);
    assert_eq!(bench.memory.get(DST, 4), bytes[..4]);
    assert_eq!(bench.memory.get(DST.plus(4), 32), [0; 32]);
    assert_eq!(bench.memory.transferred(Access::Write), 4);
}

#[test]
fn nothing_is_copied_where_a_size_is_zero() {
    for (length, lines, launch) in [
        (0, 1, PITCH),
        (0, u32::MAX, PITCH | MULTI_LINE),
        (8, 0, PITCH | MULTI_LINE),
        (0, 0, PITCH | MULTI_LINE),
        (0, 3, PITCH | MULTI_LINE | REMAP),
        // Blocks that would be refused, and physical memory.
        (0, 3, 0x3002 | MULTI_LINE),
        (8, 0, 0x3002 | MULTI_LINE),
    ] {
        let mut bench = bench((0, 0), length, lines);
        bench.memory.refuse(SRC, 0x1000, FaultType::Pte);
        bench.memory.refuse(DST, 0x1000, FaultType::Pte);
        bench.semaphore(7);
        bench.completes(launch | ONE_WORD | 2 << 5);
        assert_eq!(bench.memory.get_u32(SEMAPHORE), 7);
        assert!(bench.interrupt);
        assert_eq!(bench.memory.log.len(), 1);
    }
}

#[test]
fn lines_cross_pages() {
    let (source, destination) = (SRC.plus(0xfff), DST.plus(0x2ffd));
    let mut bench = Bench::with_line(0x2345);
    let bytes = bench.memory.fill(source, 0x2345, 6);
    bench.addresses(source, destination);
    bench.completes(PITCH);
    assert_eq!(bench.memory.get(destination, 0x2345), bytes);
}

#[test]
fn a_launch_needs_as_many_turns_as_its_budget_says() {
    let size = 3 * PIECE as u32 / 2;
    let mut bench = Bench::with_line(size);
    let bytes = bench.memory.fill(SRC, size as usize, 7);
    bench.semaphore(1);
    let launch = PITCH | ONE_WORD;
    let turn = bench.limited(0x6000, |engine, context| {
        engine.method(context, 0x300, launch)
    });
    assert_eq!(turn, (Ok(Progress::Unfinished), 0));
    let mut done = 0x6000;
    for budget in [0, 1, 0x1fff, 2, 0x3000] {
        assert_eq!(bench.memory.get(DST, done), bytes[..done]);
        assert_eq!(bench.memory.get(DST.plus(done as u64), 8), [0; 8]);
        let turn = bench.limited(budget, |engine, context| engine.proceed(context));
        assert_eq!(turn, (Ok(Progress::Unfinished), 0));
        done += budget as usize;
    }
    assert_eq!(bench.memory.get_u32(SEMAPHORE), 0);
    let turn = bench.limited(0x1_0000, |engine, context| engine.proceed(context));
    assert_eq!(
        turn,
        (
            Ok(Progress::Done),
            0x1_0000 - (u64::from(size) - done as u64)
        )
    );
    assert_eq!(bench.memory.get(DST, bytes.len()), bytes);
    assert_eq!(bench.memory.get_u32(SEMAPHORE), 1);
    assert_eq!(bench.memory.transferred(Access::Read), bytes.len());
    assert_eq!(bench.memory.transferred(Access::Write), bytes.len() + 4);
}

/// Each line is an access, however short it is.
#[test]
fn a_turn_has_few_short_lines() {
    let mut bench = bench((1, 1), 1, 0x1000);
    let launch = PITCH | MULTI_LINE;
    let mut turn = bench.limited(0x1_0000, |engine, context| {
        engine.method(context, 0x300, launch)
    });
    let mut turns = 1;
    while turn.0 == Ok(Progress::Unfinished) {
        turn = bench.limited(0x1_0000, |engine, context| engine.proceed(context));
        turns += 1;
    }
    assert_eq!((turn.0, turns), (Ok(Progress::Done), 16));
}

#[test]
fn the_largest_copies_keep_to_their_budget() {
    let budget = 0x1_0000;
    // With components there are four of four bytes, all left alone.
    for (length, lines, remap) in [
        (u32::MAX, 1, 0),
        (0x8000_0000, u32::MAX, 0),
        (u32::MAX, 1, REMAP),
        (0x800_0000, u32::MAX, REMAP),
    ] {
        let launch = PITCH | MULTI_LINE | remap;
        let mut bench = bench((i32::MIN, i32::MIN), length, lines);
        bench.set(&[(0x708, 0x303_6666)]);
        let turn = bench.limited(budget, |engine, context| {
            engine.method(context, 0x300, launch)
        });
        assert_eq!(turn, (Ok(Progress::Unfinished), 0));
        for _ in 0..2 {
            let turn = bench.limited(budget, |engine, context| engine.proceed(context));
            assert_eq!(turn, (Ok(Progress::Unfinished), 0));
        }
        let expected = if remap == 0 { 3 * budget } else { 0 };
        assert_eq!(bench.memory.transferred(Access::Write) as u64, expected);
    }
    let mut bench = bench((i32::MIN, i32::MIN), u32::MAX, u32::MAX);
    bench.set(&[(0x708, 0x333_3210)]);
    for launch in [PITCH | MULTI_LINE, PITCH | MULTI_LINE | REMAP] {
        bench.refused(launch, "SRC_LINE_EXCEEDS_NEG_PITCH");
    }
}

#[test]
fn no_line_is_too_far_away() {
    let surface = |pitch| Surface {
        base: Address::Virtual(u64::MAX - 3),
        layout: Layout::Pitch(pitch),
    };
    let mut memory = TestMemory::new();
    let last = u64::from(u32::MAX) - 1;
    for (pitch, at) in [
        (i32::MAX, 0x7fff_fffe_0000_0002 - 4),
        (i32::MIN, 0x8000_0001_0000_0000 - 4),
    ] {
        let at = Address::Virtual(at);
        assert_eq!(surface(pitch).write(&mut memory, 0, last, &[9]), Ok(()));
        assert_eq!(memory.get(at, 1), [9]);
    }
    // The address space ends within a line.
    assert_eq!(
        surface(0).write(&mut memory, 0, 0, &[1, 2, 3, 4, 5]),
        Ok(())
    );
    assert_eq!(memory.get(Address::Virtual(0), 1), [5]);
}

/// A piece is read before it is written; the next one reads what this one has written.
#[test]
fn a_piece_that_overlaps_is_copied_whole() {
    for by in [1, 0x10] {
        let size = PIECE as u32;
        let mut bench = Bench::with_line(size);
        let bytes = bench.memory.fill(SRC, size as usize, 8);
        bench.addresses(SRC, SRC.plus(by));
        bench.completes(PITCH);
        assert_eq!(bench.memory.get(SRC.plus(by), size as usize), bytes);
    }
    let mut bench = bench((4, 4), 4, 3);
    bench.memory.set(SRC, &[1, 2, 3, 4]);
    bench.addresses(SRC, SRC.plus(4));
    bench.completes(PITCH | MULTI_LINE);
    assert_eq!(bench.memory.get(SRC, 16), [[1, 2, 3, 4]; 4].concat());
}

#[test]
fn a_fault_stops_the_copy() {
    let size = 2 * PIECE as u32;
    let faults = [
        (SRC, Access::Read, FaultType::Pte),
        (DST, Access::Write, FaultType::ReadOnly),
    ];
    for (side, access, reason) in faults {
        for at in [0, 1, 0x1234, PIECE, PIECE + 0x1000, u64::from(size) - 1] {
            let mut bench = Bench::with_line(size);
            let bytes = bench.memory.fill(SRC, size as usize, 9);
            bench.memory.refuse_access(side.plus(at), 1, access, reason);
            bench.semaphore(1);
            let fault = MmuFault {
                address: side.plus(at),
                access,
                reason,
            };
            let result = bench.launch(PITCH | ONE_WORD | 2 << 5);
            assert_eq!(result, Err(Exception::Fault(fault)));
            // What could not be written was not, and neither was anything behind it. Of a piece that
            // cannot be read whole nothing is written.
            let done = match access {
                Access::Read => at / PIECE * PIECE,
                _ => at,
            } as usize;
            assert_eq!(bench.memory.get(DST, done), bytes[..done]);
            let rest = bench
                .memory
                .get(DST.plus(done as u64), size as usize - done);
            assert!(rest.iter().all(|&byte| byte == 0));
            assert_eq!(bench.memory.get_u32(SEMAPHORE), 0);
            assert!(!bench.interrupt);
            // The launch has ended.
            bench.memory.refuse_nothing();
            let turn = bench.limited(1, |engine, context| engine.proceed(context));
            assert_eq!(turn, (Ok(Progress::Done), 1));
            assert_eq!(bench.memory.get_u32(SEMAPHORE), 0);
        }
    }
}
