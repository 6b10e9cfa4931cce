// SPDX-License-Identifier: GPL-2.0

//! What a launch does when it has copied.

use super::super::super::memory::MmuFault;
use super::super::super::testing::Logged;
use super::*;

const REDUCE: u32 = 1 << 19;
const UNSIGNED: u32 = 1 << 18;
const TWO_WORDS: u32 = 1 << 27;

#[test]
fn one_word_is_written_without_a_time() {
    for class in Class::ALL {
        let mut bench = Bench::new(class);
        bench.memory.set(SEMAPHORE, &[0xff; 16]);
        bench.semaphore(0x1234_5678);
        bench.completes(ONE_WORD);
        assert_eq!(bench.memory.get_u64(SEMAPHORE), 0xffff_ffff_1234_5678);
        assert_eq!(bench.memory.get_u64(SEMAPHORE.plus(8)), u64::MAX);
    }
}

#[test]
fn payloads_have_two_words_since_ampere_b() {
    for class in Class::ALL {
        let mut bench = Bench::new(class);
        bench.memory.set(SEMAPHORE, &[0xff; 16]);
        bench.semaphore(0x1234_5678);
        if class < Class::AmpereB {
            bench.refused(ONE_WORD | TWO_WORDS, "INVALID_UNUSED_FIELD");
            continue;
        }
        bench.set(&[(0x24c, 0x9abc_def0)]);
        bench.completes(ONE_WORD);
        assert_eq!(bench.memory.get_u64(SEMAPHORE), 0xffff_ffff_1234_5678);
        bench.completes(ONE_WORD | TWO_WORDS);
        assert_eq!(bench.memory.get_u64(SEMAPHORE), 0x9abc_def0_1234_5678);
        assert_eq!(bench.memory.get_u64(SEMAPHORE.plus(8)), u64::MAX);
        bench.completes(FOUR_WORDS);
        assert_eq!(bench.memory.get_u64(SEMAPHORE), 0x1234_5678);
        assert_eq!(bench.memory.get_u64(SEMAPHORE.plus(8)), TIME);
        bench.completes(FOUR_WORDS | TWO_WORDS);
        assert_eq!(bench.memory.get_u64(SEMAPHORE), 0x9abc_def0_1234_5678);
    }
}

#[test]
fn the_time_is_written_before_the_payload() {
    let mut bench = Bench::new(Class::HopperA);
    bench.semaphore(1);
    bench.completes(FOUR_WORDS);
    let writes = [SEMAPHORE.plus(8), SEMAPHORE].map(|at| Logged {
        access: Access::Write,
        at,
        size: 8,
    });
    assert_eq!(bench.memory.log, writes);
}

#[test]
fn a_semaphore_is_aligned_to_its_size() {
    for (launch, size) in [(ONE_WORD, 4), (ONE_WORD | TWO_WORDS, 8), (FOUR_WORDS, 16)] {
        for by in 1..16 {
            let mut bench = Bench::new(Class::HopperA);
            bench.address(0x240, SEMAPHORE.plus(by));
            match by % size {
                0 => bench.completes(launch),
                _ => bench.refused(launch, "INVALID_ALIGNMENT"),
            }
        }
    }
}

#[test]
fn a_semaphore_is_released_after_the_copy() {
    let mut bench = Bench::with_line(4);
    bench.semaphore(1);
    bench.completes(PITCH | ONE_WORD);
    let log = bench.memory.log.iter().map(|logged| logged.at);
    assert_eq!(log.collect::<Vec<_>>(), [SRC, DST, SEMAPHORE]);
}

#[test]
fn a_semaphore_may_fault() {
    for (launch, access) in [
        (ONE_WORD, Access::Write),
        (ONE_WORD | REDUCE | 5 << 14, Access::Atomic),
    ] {
        let mut bench = Bench::new(Class::HopperA);
        bench.memory.refuse(SEMAPHORE, 16, FaultType::Pde);
        bench.semaphore(1);
        let fault = MmuFault {
            address: SEMAPHORE,
            access,
            reason: FaultType::Pde,
        };
        assert_eq!(bench.launch(launch | 2 << 5), Err(Exception::Fault(fault)));
        assert!(!bench.interrupt);
    }
}

/// The operation, its other bits, the payload, and what becomes of what.
type Case = (u32, u32, u64, &'static [(u64, u64)]);

const WORDS: &[Case] = &[
    // IMIN, IMAX
    (0, 0, 5, &[(4, 4), (6, 5), (0xffff_ffff, 0xffff_ffff)]),
    (0, UNSIGNED, 5, &[(4, 4), (6, 5), (0xffff_ffff, 5)]),
    (1, 0, 5, &[(4, 5), (6, 6), (0xffff_ffff, 5)]),
    (
        1,
        UNSIGNED,
        5,
        &[(4, 5), (6, 6), (0xffff_ffff, 0xffff_ffff)],
    ),
    // IXOR, IAND, IOR
    (2, 0, 0xff00_ff00, &[(0x0ff0_0ff0, 0xf0f0_f0f0)]),
    (3, UNSIGNED, 0xff00_ff00, &[(0x0ff0_0ff0, 0x0f00_0f00)]),
    (4, UNSIGNED, 0xff00_ff00, &[(0x0ff0_0ff0, 0xfff0_fff0)]),
    // IADD
    (5, 0, 3, &[(4, 7), (0xffff_fffe, 1)]),
    (5, UNSIGNED, 3, &[(4, 7), (0xffff_fffe, 1)]),
    // INC, DEC
    (
        6,
        UNSIGNED,
        3,
        &[(0, 1), (2, 3), (3, 0), (4, 0), (0xffff_ffff, 0)],
    ),
    (
        7,
        UNSIGNED,
        3,
        &[(0, 3), (1, 0), (3, 2), (4, 3), (0xffff_ffff, 3)],
    ),
    // FADD: 1.5 + 0.25; the infinities have no sum.
    (0xa, 0, 0x3fc0_0000, &[(0x3e80_0000, 0x3fe0_0000)]),
    (0xa, 0, 0x7f80_0000, &[(0xff80_0000, 0x7fff_ffff)]),
    // FMIN, FMAX: of 1.5 and -2.0
    (
        0xb,
        0,
        0x3fc0_0000,
        &[(0xc000_0000, 0xc000_0000), (0x4000_0000, 0x3fc0_0000)],
    ),
    (
        0xc,
        0,
        0x3fc0_0000,
        &[(0xc000_0000, 0x3fc0_0000), (0x4000_0000, 0x4000_0000)],
    ),
];

const TWO_WORD_CASES: &[Case] = &[
    (0, 0, 5, &[(6, 5), (u64::MAX, u64::MAX), (0xffff_ffff, 5)]),
    (1, UNSIGNED, 5, &[(6, 6), (u64::MAX, u64::MAX)]),
    (
        5,
        0,
        1 << 40,
        &[(0xffff_ffff, 0x100_ffff_ffff), (u64::MAX, 0xff_ffff_ffff)],
    ),
    (
        6,
        UNSIGNED,
        1 << 40,
        &[(0xffff_ffff, 1 << 32), (1 << 40, 0)],
    ),
    (
        7,
        UNSIGNED,
        1 << 40,
        &[(0, 1 << 40), (1 << 32, 0xffff_ffff)],
    ),
];

#[test]
fn reductions_change_the_payload() {
    for (cases, size) in [(WORDS, 0), (TWO_WORD_CASES, TWO_WORDS)] {
        for &(operation, sign, payload, words) in cases {
            for &(old, new) in words {
                let mut bench = Bench::new(Class::HopperA);
                let high = if size == 0 { 0x77 << 32 } else { 0 };
                bench.memory.set(SEMAPHORE, &(old | high).to_le_bytes());
                bench.semaphore(payload as u32);
                bench.set(&[(0x24c, (payload >> 32) as u32)]);
                bench.completes(ONE_WORD | REDUCE | operation << 14 | sign | size);
                let found = bench.memory.get_u64(SEMAPHORE);
                assert_eq!(found, new | high, "{operation:#x} of {old:#x}");
                assert_eq!(bench.memory.log.len(), 1);
                assert_eq!(bench.memory.log[0].access, Access::Atomic);
            }
        }
    }
}

#[test]
fn only_reductions_of_the_class_are_executed() {
    let launch = |operation: u32| ONE_WORD | REDUCE | UNSIGNED | operation << 14;
    for class in Class::ALL {
        for operation in 0..0x10 {
            let mut bench = Bench::new(class);
            let is_defined = match operation {
                8 | 9 | 0xd.. => false,
                0xb | 0xc => class >= Class::AmpereB,
                _ => true,
            };
            match is_defined {
                true => bench.completes(launch(operation)),
                false => bench.refused(launch(operation), "INVALID_VALUE"),
            }
        }
    }
    let mut bench = Bench::new(Class::HopperA);
    for operation in [6, 7] {
        bench.not_modelled(launch(operation) & !UNSIGNED);
    }
    for operation in [0xa, 0xb, 0xc] {
        bench.not_modelled(launch(operation) | TWO_WORDS);
    }
    bench.not_modelled(FOUR_WORDS | REDUCE | 5 << 14);
    // The operation does not count if there is no reduction, or no semaphore.
    bench.completes(ONE_WORD | 0xf << 14);
    bench.completes(REDUCE | 0xf << 14);
}

#[test]
fn a_launch_may_interrupt() {
    let mut bench = Bench::with_line(8);
    bench.completes(PITCH);
    assert!(!bench.interrupt);
    let launch = PITCH | 2 << 5;
    let turn = bench.limited(5, |engine, context| engine.method(context, 0x300, launch));
    assert_eq!(turn, (Ok(Progress::Unfinished), 0));
    assert!(!bench.interrupt);
    let turn = bench.limited(5, |engine, context| engine.proceed(context));
    assert_eq!(turn, (Ok(Progress::Done), 0));
    assert!(bench.interrupt);
    let mut bench = Bench::with_line(8);
    bench.not_modelled(PITCH | 1 << 5);
    bench.refused(PITCH | 3 << 5, "INVALID_VALUE");
    bench.not_modelled(PITCH | 3 << 3);
}
