// SPDX-License-Identifier: GPL-2.0

//! Inline data.

use super::*;

const DST: Address = Address::Virtual(0x12_3456_7000);
const LAUNCH: u16 = 0x1b0;
const DATA: u16 = 0x1b4;

/// Lines that are a pitch apart.
const PITCH: u32 = 1;
const SEMAPHORE_RELEASE: u32 = 2 << 4;
const ONE_WORD: u32 = 1 << 12;
const INTERRUPT: u32 = 1 << 8;

/// The classes with inline data.
fn with_inline() -> impl Iterator<Item = Class> {
    let classes = Class::ALL.iter().copied();
    classes.filter(|class| class.kind() != Kind::TwoD)
}

/// With a destination and a semaphore.
fn bench(class: Class, length: u32, lines: u32) -> Bench {
    let mut bench = Bench::new(class);
    bench.address(0x188, DST);
    bench.address(0x1dc, SEMAPHORE);
    bench.set(&[(0x1e4, 0x1234_5678), (0x180, length), (0x184, lines)]);
    bench
}

/// Words with bytes that count from 1.
fn words(count: u32) -> Vec<(u16, u32)> {
    let word = |at: u32| {
        let first = at * 4 + 1;
        let bytes = [first, first + 1, first + 2, first + 3];
        u32::from_le_bytes(bytes.map(|byte| byte as u8))
    };
    (0..count).map(|at| (DATA, word(at))).collect()
}

#[test]
fn a_line_is_written_without_the_rest_of_its_last_word() {
    for class in with_inline() {
        for length in 1..=9 {
            let mut bench = bench(class, length, 1);
            bench.memory.set(DST, &[0xff; 12]);
            bench.set(&[(LAUNCH, PITCH)]);
            bench.set(&words(length.div_ceil(4)));
            let mut expected: Vec<_> = (1..=length as u8).collect();
            expected.resize(12, 0xff);
            assert_eq!(bench.memory.get(DST, 12), expected);
            assert!(!bench.interrupt);
            bench.memory.log.clear();
            bench.refused(DATA, 0, "EXTRA_INLINE_DATA");
        }
    }
}

#[test]
fn lines_are_a_pitch_apart() {
    for pitch in [8, 12, -8] {
        let mut bench = bench(Class::KeplerInlineToMemoryB, 8, 3);
        bench.set(&[(0x190, pitch as u32), (LAUNCH, PITCH)]);
        bench.set(&words(6));
        for line in 0..3 {
            let at = DST.plus((line * i64::from(pitch)) as u64);
            let expected: Vec<_> = (1..=8).map(|byte| line as u8 * 8 + byte).collect();
            assert_eq!(bench.memory.get(at, 8), expected);
        }
    }
    for pitch in [7, -7_i32] {
        let mut bench = bench(Class::KeplerInlineToMemoryB, 8, 2);
        bench.set(&[(0x190, pitch as u32)]);
        bench.refused(LAUNCH, PITCH, "DST_LINE_EXCEEDS_PITCH");
        // A line alone has no pitch.
        bench.set(&[(0x184, 1), (LAUNCH, PITCH)]);
    }
    bench(Class::TuringA, 6, 2).not_modelled(LAUNCH, PITCH);
}

#[test]
fn blocks_are_written_as_the_copy_engine_writes_them() {
    // Blocks of two GOBs below each other; the byte at 65, 9 of layer 1 of 2.
    let classes = with_inline().filter(|&class| has_method(class, 0x194));
    for class in classes {
        let mut bench = bench(class, 4, 8);
        bench.set(&[(0x194, 1 << 4), (0x198, 128), (0x19c, 32), (0x1a0, 2)]);
        bench.set(&[(0x1a4, 1), (0x1a8, 65), (0x1ac, 9), (LAUNCH, 0)]);
        bench.set(&words(8));
        for line in 0..8 {
            let y = 9 + line;
            // Layers have 2 rows of 2 blocks of 2 GOBs.
            let block = 4 + y / 16 * 2 + 1;
            let gob = block * 2 + y / 8 % 2;
            let in_gob = y % 8 / 4 * 128 + y % 4 * 16 + 1;
            let bytes = bench.memory.get(DST.plus(gob * 512 + in_gob), 4);
            let expected: Vec<_> = (1..=4).map(|byte| line as u8 * 4 + byte).collect();
            assert_eq!(bytes, expected, "line {line} of {}", class.name());
        }
    }
}

#[test]
fn impossible_blocks_are_refused() {
    let valid = |class| {
        let mut bench = bench(class, 64, 8);
        bench.set(&[(0x194, 0), (0x198, 64), (0x19c, 8), (0x1a0, 1)]);
        bench
    };
    for (method, data, error) in [
        (0x194, 1, "INVALID_VALUE"),
        (0x194, 6 << 4, "INVALID_VALUE"),
        (0x194, 6 << 8, "INVALID_VALUE"),
        (0x194, 1 << 12, "INVALID_UNUSED_FIELD"),
        (0x18c, 0x100, "INVALID_ALIGNMENT"),
        (0x1a4, 1, "2D_LAYER_EXCEEDS_DEPTH"),
        (0x1a0, 0, "2D_LAYER_EXCEEDS_DEPTH"),
        (0x198, 63, "I2M_RECT_OUT_OF_BOUNDS"),
        (0x19c, 7, "I2M_RECT_OUT_OF_BOUNDS"),
        (0x1a8, 1, "I2M_RECT_OUT_OF_BOUNDS"),
        (0x1ac, 1, "I2M_RECT_OUT_OF_BOUNDS"),
    ] {
        let mut bench = valid(Class::AdaComputeA);
        bench.set(&[(method, data)]);
        bench.refused(LAUNCH, 0, error);
    }
    let mut bench = valid(Class::HopperA);
    bench.set(&[(0x194, 5 << 4 | 5 << 8), (LAUNCH, 0)]);
    for class in with_inline().filter(|&class| !has_method(class, 0x194)) {
        self::bench(class, 64, 8).not_modelled(LAUNCH, 0);
    }
}

#[test]
fn nothing_completes_at_once() {
    for (length, lines) in [(0, 1), (5, 0), (0, 0)] {
        for layout in [0, PITCH] {
            let mut bench = bench(Class::BlackwellComputeA, length, lines);
            bench.set(&[(LAUNCH, layout | SEMAPHORE_RELEASE | ONE_WORD | INTERRUPT)]);
            assert_eq!(bench.memory.get_u32(SEMAPHORE), 0x1234_5678);
            assert_eq!(bench.memory.log.len(), 1);
            assert!(bench.interrupt);
        }
    }
}

#[test]
fn a_semaphore_is_released_when_all_data_is_there() {
    for class in with_inline() {
        for (size, expected) in [
            (0, [0x1234_5678, TIME]),
            (ONE_WORD, [0xffff_ffff_1234_5678, u64::MAX]),
        ] {
            let mut bench = bench(class, 8, 1);
            bench.memory.set(SEMAPHORE, &[0xff; 16]);
            bench.set(&[(LAUNCH, PITCH | SEMAPHORE_RELEASE | size | INTERRUPT)]);
            bench.set(&words(1));
            assert_eq!(bench.memory.get_u64(SEMAPHORE), u64::MAX);
            assert!(!bench.interrupt);
            bench.set(&words(1));
            let words = [SEMAPHORE, SEMAPHORE.plus(8)].map(|at| bench.memory.get_u64(at));
            assert_eq!(words, expected);
            assert!(bench.interrupt);
            assert_eq!(bench.memory.get(DST, 8), [1, 2, 3, 4, 1, 2, 3, 4]);
        }
        // A flush alone
        let mut bench = bench(class, 4, 1);
        bench.set(&[(LAUNCH, PITCH | 1 << 4 | 1 << 6)]);
        bench.set(&words(1));
        assert_eq!(bench.memory.log.len(), 1);
        assert!(!bench.interrupt);
    }
}

#[test]
fn a_semaphore_may_be_reduced() {
    let reduce = PITCH | SEMAPHORE_RELEASE | ONE_WORD | 1 << 1;
    // ADD, signed MIN, XOR
    for (data, expected) in [
        (0, 0x1234_5677),
        (1 << 13 | 1 << 2, 0xffff_ffff),
        (7 << 13, 0xedcb_a987),
    ] {
        let mut bench = bench(Class::TuringA, 0, 0);
        bench.memory.set(SEMAPHORE, &[0xff; 16]);
        bench.set(&[(LAUNCH, reduce | data)]);
        assert_eq!(bench.memory.get_u32(SEMAPHORE), expected);
        assert_eq!(bench.memory.get_u32(SEMAPHORE.plus(4)), u32::MAX);
    }
    let mut bench = bench(Class::TuringA, 0, 0);
    bench.not_modelled(LAUNCH, reduce & !ONE_WORD);
    bench.refused(LAUNCH, reduce | 2 << 2, "INVALID_ENUM");
}

#[test]
fn invalid_launches_are_refused() {
    for class in with_inline() {
        let mut bench = bench(class, 4, 1);
        bench.refused(LAUNCH, PITCH | 3 << 4, "INVALID_ENUM");
        bench.refused(LAUNCH, PITCH | 2 << 8, "INVALID_ENUM");
        bench.refused(LAUNCH, PITCH | 3 << 8, "INVALID_ENUM");
        for bit in [7, 10, 11, 16, 31] {
            bench.refused(LAUNCH, PITCH | 1 << bit, "INVALID_UNUSED_FIELD");
        }
        bench.refused(DATA, 0, "EXTRA_INLINE_DATA");
        bench.set(&[(0x1e0, 8)]);
        let release = PITCH | SEMAPHORE_RELEASE;
        bench.refused(LAUNCH, release, "INVALID_ALIGNMENT");
    }
}

#[test]
fn only_data_may_follow_a_launch() {
    for class in with_inline() {
        for at in [0x100, 0x110, LAUNCH] {
            let mut bench = bench(class, 8, 1);
            bench.set(&[(LAUNCH, PITCH | SEMAPHORE_RELEASE | INTERRUPT)]);
            bench.refused(at, PITCH, "MISSING_INLINE_DATA");
            bench.refused(DATA, 0, "EXTRA_INLINE_DATA");
        }
    }
}

#[test]
fn addresses_have_the_bits_of_the_class() {
    for class in with_inline() {
        let is_wide = class.generation() >= nova_hw::class::graphics::Generation::Hopper
            || class.kind() == Kind::InlineToMemory;
        let (upper, semaphore) = match class.kind() {
            _ if is_wide => (0x1ff_ffff, 0x1ff_ffff),
            Kind::Compute => (0x1_ffff, 0xff),
            _ => (0xff, 0xff),
        };
        let mut bench = bench(class, 4, 1);
        bench.set(&[(0x188, u32::MAX), (0x18c, 0x2000)]);
        bench.set(&[(0x1dc, u32::MAX), (0x1e0, 0x1000)]);
        bench.set(&[(LAUNCH, PITCH | SEMAPHORE_RELEASE | ONE_WORD), (DATA, 7)]);
        let at = Address::Virtual(upper << 32 | 0x2000);
        assert_eq!(bench.memory.get_u32(at), 7);
        let at = Address::Virtual(semaphore << 32 | 0x1000);
        assert_eq!(bench.memory.get_u32(at), 0x1234_5678);
    }
}

#[test]
fn conditions_are_not_modelled() {
    for class in with_inline() {
        for (method, data) in [
            (0x1558, 0),
            (0x1558, 2),
            (0x138, 0),
            (0x1944, 2),
            (0x1944, 3),
        ] {
            let mut bench = bench(class, 4, 1);
            bench.set(&[(method, data)]);
            bench.not_modelled(LAUNCH, PITCH);
        }
        let mut bench = bench(class, 4, 1);
        bench.set(&[(0x1558, 0), (0x138, 0), (0x1944, 1), (LAUNCH, PITCH)]);
        let mut bench = self::bench(class, 4, 1);
        bench.set(&[(0x1558, 1), (0x138, 1), (0x1944, 0), (LAUNCH, PITCH)]);
    }
}

#[test]
fn data_may_fault() {
    let mut bench = bench(Class::AdaA, 8, 1);
    bench.memory.refuse(DST.plus(6), 1, FaultType::Pte);
    bench.set(&[(LAUNCH, PITCH | SEMAPHORE_RELEASE | INTERRUPT)]);
    bench.set(&words(1));
    let fault = MmuFault {
        address: DST.plus(6),
        access: Access::Write,
        reason: FaultType::Pte,
    };
    assert_eq!(bench.method(DATA, 0x0807_0605), Err(fault.into()));
    assert_eq!(bench.memory.get(DST, 8), [1, 2, 3, 4, 5, 6, 0, 0]);
    assert_eq!(bench.memory.get_u64(SEMAPHORE), 0);
    assert!(!bench.interrupt);
    bench.memory.refuse_nothing();
    let again = bench.method(DATA, 0);
    assert!(matches!(again, Err(Exception::Method { .. })));
}

#[test]
fn the_budget_may_end_within_a_word() {
    let mut bench = bench(Class::TuringComputeA, 7, 1);
    let launch = PITCH | SEMAPHORE_RELEASE | ONE_WORD | INTERRUPT;
    bench.set(&[(LAUNCH, launch)]);
    let turn = bench.limited(5, |engine, context| {
        engine.method(context, DATA, 0x0403_0201)
    });
    assert_eq!(turn, (Ok(Progress::Done), 1));
    let turn = bench.limited(1, |engine, context| {
        engine.method(context, DATA, 0x0807_0605)
    });
    assert_eq!(turn, (Ok(Progress::Unfinished), 0));
    let turn = bench.limited(0, |engine, context| engine.proceed(context));
    assert_eq!(turn, (Ok(Progress::Unfinished), 0));
    assert_eq!(bench.memory.get(DST, 8), [1, 2, 3, 4, 5, 0, 0, 0]);
    assert_eq!(bench.memory.get_u32(SEMAPHORE), 0);
    assert!(!bench.interrupt);
    let turn = bench.limited(9, |engine, context| engine.proceed(context));
    assert_eq!(turn, (Ok(Progress::Done), 7));
    assert_eq!(bench.memory.get(DST, 8), [1, 2, 3, 4, 5, 6, 7, 0]);
    assert_eq!(bench.memory.get_u32(SEMAPHORE), 0x1234_5678);
    assert!(bench.interrupt);
    let turn = bench.limited(9, |engine, context| engine.proceed(context));
    assert_eq!(turn, (Ok(Progress::Done), 9));
}

#[test]
fn the_trace_gets_inline_data_and_semaphores() {
    for class in with_inline() {
        let mut bench = bench(class, 6, 1);
        bench.set(&[(LAUNCH, PITCH | SEMAPHORE_RELEASE | ONE_WORD)]);
        let copy = Work::Copy {
            bytes: 6,
            source: None,
            destination: DST,
        };
        assert_eq!(bench.work, [copy]);
        bench.set(&words(2));
        let (at, payload) = (SEMAPHORE, 0x1234_5678);
        assert_eq!(bench.work, [copy, Work::Release { at, payload }]);
        bench.work.clear();
        // A sum, without data before.
        bench.set(&[(0x180, 0), (LAUNCH, SEMAPHORE_RELEASE | ONE_WORD | 2)]);
        assert_eq!(bench.work, [Work::Reduce { at, payload }]);
    }
}
