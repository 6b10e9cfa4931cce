// SPDX-License-Identifier: GPL-2.0

//! Semaphores and reports in both forms.

use super::*;

/// SET_REPORT_SEMAPHORE_D
const D: u16 = 0x1b0c;
const ONE_WORD: u32 = 1 << 28;
const REPORT_ONLY: u32 = 2;
const REDUCE: u32 = 1 << 3;
const SIGNED: u32 = 1 << 17;

/// REPORT_SEMAPHORE_EXECUTE
const EXECUTE: u16 = 0x168;

/// How classes write what REPORT_SEMAPHORE_EXECUTE has.
struct Form {
    kind: Kind,
    structure: u32,
    long: u32,
    reduce: u32,
    operation: u32,
    signed: u32,
    awaken: u32,
    trap: u32,
}

const FORMS: [Form; 2] = [
    Form {
        kind: Kind::ThreeD,
        structure: 13,
        long: 27,
        reduce: 20,
        operation: 21,
        signed: 24,
        awaken: 6,
        trap: 28,
    },
    Form {
        kind: Kind::Compute,
        structure: 3,
        long: 12,
        reduce: 6,
        operation: 7,
        signed: 10,
        awaken: 2,
        trap: 13,
    },
];

/// With the semaphore of the old form.
fn old(class: Class, payload: u32) -> Bench {
    let mut bench = Bench::new(class);
    bench.memory.set(SEMAPHORE, &[0xff; 32]);
    bench.address(0x1b00, SEMAPHORE);
    bench.set(&[(0x1b08, payload)]);
    bench
}

/// With the semaphore of the new form.
fn new(class: Class, payload: u64) -> Bench {
    let Address::Virtual(at) = SEMAPHORE else {
        unreachable!()
    };
    let mut bench = Bench::new(class);
    bench.memory.set(SEMAPHORE, &[0xff; 32]);
    bench.set(&[(0x158, payload as u32), (0x15c, (payload >> 32) as u32)]);
    bench.set(&[(0x160, at as u32), (0x164, (at >> 32) as u32)]);
    bench
}

/// The classes that have the old form, and those that have the new one.
fn with_old() -> impl Iterator<Item = Class> {
    classes(Kind::ThreeD).chain(classes(Kind::Compute))
}

fn with_new(kind: Kind) -> impl Iterator<Item = Class> {
    classes(kind).skip(2)
}

impl Bench {
    fn words(&self) -> [u64; 3] {
        [0, 8, 16].map(|by| self.memory.get_u64(SEMAPHORE.plus(by)))
    }
}

#[test]
fn one_word_is_written_without_a_time() {
    for class in with_old() {
        let mut bench = old(class, 0x1234_5678);
        bench.set(&[(D, ONE_WORD)]);
        assert_eq!(bench.words(), [0xffff_ffff_1234_5678, u64::MAX, u64::MAX]);
        assert!(!bench.interrupt);
    }
}

#[test]
fn four_words_have_the_time_which_is_written_first() {
    for class in with_old() {
        let mut bench = old(class, 0x1234_5678);
        bench.set(&[(D, 0)]);
        assert_eq!(bench.words(), [0x1234_5678, TIME, u64::MAX]);
        let writes = [SEMAPHORE.plus(8), SEMAPHORE].map(|at| Logged {
            access: Access::Write,
            at,
            size: 8,
        });
        assert_eq!(bench.memory.log, writes);
    }
}

#[test]
fn new_semaphores_have_three_sizes() {
    for form in FORMS {
        let Form {
            structure, long, ..
        } = form;
        for class in with_new(form.kind) {
            let payload = 0x9abc_def0_1234_5678;
            for (data, words) in [
                (0, [0x1234_5678, TIME]),
                (1 << long, [payload, TIME]),
                (1 << structure, [0xffff_ffff_1234_5678, u64::MAX]),
                (2 << structure | 1 << long, [payload, u64::MAX]),
            ] {
                let mut bench = new(class, payload);
                bench.set(&[(EXECUTE, data)]);
                assert_eq!(bench.words()[..2], words, "{data:#x}");
            }
            let mut bench = new(class, payload);
            bench.not_modelled(EXECUTE, 1 << structure | 1 << long);
            bench.not_modelled(EXECUTE, 2 << structure);
            bench.refused(EXECUTE, 3 << structure, "INVALID_ENUM");
        }
    }
}

#[test]
fn addresses_have_the_bits_of_the_class() {
    for class in with_old() {
        let is_wide = class.generation() >= nova_hw::class::graphics::Generation::Hopper;
        let upper = if is_wide { 0x1ff_ffff } else { 0xff };
        let at = Address::Virtual(upper << 32 | 0x1000);
        let mut bench = Bench::new(class);
        bench.set(&[(0x1b00, u32::MAX), (0x1b04, 0x1000), (0x1b08, 5)]);
        bench.set(&[(D, ONE_WORD)]);
        assert_eq!(bench.memory.get_u32(at), 5);
        if has_method(class, EXECUTE) {
            bench.set(&[(0x164, u32::MAX), (0x160, 0x1000), (0x158, 6)]);
            let structure = if class.kind() == Kind::ThreeD { 13 } else { 3 };
            bench.set(&[(EXECUTE, 1 << structure)]);
            assert_eq!(bench.memory.get_u32(at), 6);
        }
    }
}

#[test]
fn a_semaphore_is_aligned_to_its_size() {
    for by in 1..16 {
        for (data, size) in [(ONE_WORD, 4), (0, 16), (REPORT_ONLY, 16)] {
            let mut bench = Bench::new(Class::TuringA);
            bench.address(0x1b00, SEMAPHORE.plus(by));
            match by % size {
                0 => bench.set(&[(D, data)]),
                _ => bench.refused(D, data, "INVALID_ALIGNMENT"),
            }
        }
        let mut bench = Bench::new(Class::AmpereComputeB);
        bench.set(&[(0x160, by as u32)]);
        match by % 8 {
            0 => bench.set(&[(EXECUTE, 2 << 3 | 1 << 12)]),
            _ => bench.refused(EXECUTE, 2 << 3 | 1 << 12, "INVALID_ALIGNMENT"),
        }
        let mut bench = Bench::new(Class::TuringA);
        bench.address(0x1b00, SEMAPHORE.plus(by));
        match by % 4 {
            0 => bench.set(&[(D, 1 | ONE_WORD)]),
            _ => bench.refused(D, 1 | ONE_WORD, "INVALID_ALIGNMENT"),
        }
    }
}

#[test]
fn a_semaphore_may_fault() {
    for (data, access) in [
        (ONE_WORD, Access::Write),
        (ONE_WORD | REDUCE, Access::Atomic),
        (ONE_WORD | 1, Access::Read),
    ] {
        let mut bench = old(Class::HopperA, 1);
        bench.memory.refuse(SEMAPHORE, 16, FaultType::Pde);
        let fault = MmuFault {
            address: SEMAPHORE,
            access,
            reason: FaultType::Pde,
        };
        let result = bench.method(D, data | 1 << 20);
        assert_eq!(result, Err(Exception::Fault(fault)));
        assert!(!bench.interrupt);
    }
}

/// The operation, whether it has signs, the payload, and what becomes of what.
type Case = (u32, bool, u64, &'static [(u64, u64)]);

const WORDS: &[Case] = &[
    // ADD, MIN, MAX
    (0, false, 3, &[(4, 7), (0xffff_fffe, 1)]),
    (1, false, 5, &[(4, 4), (6, 5), (0xffff_ffff, 5)]),
    (1, true, 5, &[(4, 4), (6, 5), (0xffff_ffff, 0xffff_ffff)]),
    (2, false, 5, &[(4, 5), (6, 6), (0xffff_ffff, 0xffff_ffff)]),
    (2, true, 5, &[(4, 5), (6, 6), (0xffff_ffff, 5)]),
    // INC, DEC
    (3, false, 3, &[(0, 1), (2, 3), (3, 0), (0xffff_ffff, 0)]),
    (4, false, 3, &[(0, 3), (1, 0), (3, 2), (4, 3)]),
    // AND, OR, XOR
    (5, false, 0xff00_ff00, &[(0x0ff0_0ff0, 0x0f00_0f00)]),
    (6, true, 0xff00_ff00, &[(0x0ff0_0ff0, 0xfff0_fff0)]),
    (7, false, 0xff00_ff00, &[(0x0ff0_0ff0, 0xf0f0_f0f0)]),
];

const LONG: &[Case] = &[
    (0, true, 1 << 40, &[(0xffff_ffff, 0x100_ffff_ffff)]),
    (1, true, 5, &[(u64::MAX, u64::MAX), (0xffff_ffff, 5)]),
    (3, false, 1 << 40, &[(0xffff_ffff, 1 << 32), (1 << 40, 0)]),
];

#[test]
fn reductions_change_the_payload() {
    let check = |mut bench: Bench, at, data, old: u64, new: u64| {
        bench.memory.set(SEMAPHORE, &old.to_le_bytes());
        bench.set(&[(at, data)]);
        assert_eq!(bench.memory.get_u64(SEMAPHORE), new, "{data:#x}");
        assert_eq!(bench.memory.log.len(), 1);
        assert_eq!(bench.memory.log[0].access, Access::Atomic);
    };
    const HIGH: u64 = 0x77 << 32;
    for &(operation, signed, payload, words) in WORDS {
        for &(before, after) in words {
            let (before, after) = (before | HIGH, after | HIGH);
            for class in [Class::TuringA, Class::BlackwellComputeB] {
                let sign = if signed { SIGNED } else { 0 };
                let data = ONE_WORD | REDUCE | operation << 9 | sign;
                check(old(class, payload as u32), D, data, before, after);
            }
            for form in FORMS {
                let class = with_new(form.kind).last().unwrap();
                let data = 1 << form.structure
                    | 1 << form.reduce
                    | operation << form.operation
                    | u32::from(signed) << form.signed;
                check(new(class, payload), EXECUTE, data, before, after);
            }
        }
    }
    for &(operation, signed, payload, words) in LONG {
        for &(before, after) in words {
            for form in FORMS {
                let class = with_new(form.kind).next().unwrap();
                let data = 2 << form.structure
                    | 1 << form.long
                    | 1 << form.reduce
                    | operation << form.operation
                    | u32::from(signed) << form.signed;
                check(new(class, payload), EXECUTE, data, before, after);
            }
        }
    }
}

#[test]
fn reductions_without_a_known_result_are_not_modelled() {
    for class in [Class::AdaA, Class::TuringComputeA] {
        let mut bench = old(class, 1);
        bench.not_modelled(D, REDUCE);
        bench.not_modelled(D, ONE_WORD | REDUCE | SIGNED | 3 << 9);
        bench.not_modelled(D, ONE_WORD | REDUCE | SIGNED | 4 << 9);
        bench.refused(D, ONE_WORD | REDUCE | 2 << 17, "INVALID_ENUM");
        // The operation does not count if there is no reduction.
        bench.set(&[(D, ONE_WORD | 4 << 9 | 3 << 17)]);
    }
}

#[test]
fn a_semaphore_may_interrupt() {
    for class in with_old() {
        let mut bench = old(class, 1);
        bench.set(&[(D, ONE_WORD | 1 << 20)]);
        assert!(bench.interrupt);
    }
    for form in FORMS {
        for class in with_new(form.kind) {
            let mut bench = new(class, 1);
            bench.set(&[(EXECUTE, 1 << form.structure)]);
            assert!(!bench.interrupt);
            bench.set(&[(EXECUTE, 1 << form.structure | 1 << form.awaken)]);
            assert!(bench.interrupt);
        }
    }
}

/// As Mesa asks for them: reports alone, of four words.
#[test]
fn reports_count_what_has_been_drawn() {
    const PAYLOAD: u64 = 0x1234_5678;
    for class in classes(Kind::ThreeD) {
        for report in 0..0x20 {
            let mut bench = old(class, PAYLOAD as u32);
            let data = REPORT_ONLY | report << 23 | 0xf << 12 | 3 << 5;
            let first = match report {
                // None, and the samples as 32 bits
                0 | 2 => PAYLOAD,
                // Not in the headers
                0x16 => {
                    bench.refused(D, data, "INVALID_ENUM");
                    continue;
                }
                0x14 if matches!(class, Class::TuringA | Class::AmpereA) => {
                    bench.refused(D, data, "INVALID_ENUM");
                    continue;
                }
                // Clocks, culling, contents of targets, offsets of streams, rectangles, time
                4 | 8 | 0xa | 0xc | 0xe | 0x10 | 0x14 | 0x17..=0x1a | 0x1c => {
                    bench.not_modelled(D, data);
                    continue;
                }
                // Counters of 64 bits
                _ => 0,
            };
            bench.set(&[(D, data)]);
            assert_eq!(bench.words(), [first, TIME, u64::MAX], "{report:#x}");
            if has_method(class, EXECUTE) {
                let mut bench = new(class, PAYLOAD);
                bench.set(&[(EXECUTE, REPORT_ONLY | report << 7)]);
                assert_eq!(bench.words(), [first, TIME, u64::MAX], "{report:#x}");
            }
        }
    }
    let mut bench = old(Class::AdaA, 1);
    bench.not_modelled(D, REPORT_ONLY | ONE_WORD);
    bench.not_modelled(D, REPORT_ONLY | ONE_WORD | 1 << 23);
    bench.not_modelled(D, REPORT_ONLY | REDUCE);
    // A release with a report
    bench.not_modelled(D, 1 << 23);
    let mut bench = new(Class::AdaA, 1);
    bench.not_modelled(EXECUTE, REPORT_ONLY | 1 << 27);
    bench.not_modelled(EXECUTE, 1 << 7);
    let mut bench = new(Class::AdaComputeA, 9);
    bench.set(&[(EXECUTE, REPORT_ONLY)]);
    assert_eq!(bench.words(), [9, TIME, u64::MAX]);
}

#[test]
fn a_semaphore_with_the_value_is_acquired_and_another_is_not_awaited() {
    for class in classes(Kind::ThreeD) {
        // EQ and GE
        for data in [1, 1 | 1 << 16] {
            for size in [0, ONE_WORD] {
                let mut bench = old(class, 7);
                bench.memory.set(SEMAPHORE, &[7, 0, 0, 0, 9]);
                bench.set(&[(D, data | size)]);
                assert_eq!(bench.memory.transferred(Access::Read), 4);
                let (at, payload) = (SEMAPHORE, 7);
                assert_eq!(bench.work, [Work::Acquire { at, payload }]);
                bench.memory.set(SEMAPHORE, &[8]);
                let what = bench.not_modelled(D, data | size | 1 << 20);
                assert!(what.starts_with("to wait for the semaphore at 0xabcdef0120"));
            }
        }
        let mut bench = old(class, u32::MAX);
        bench.not_modelled(D, 1 | REDUCE);
        bench.not_modelled(D, 1 | 1 << 23);
    }
    for form in FORMS {
        for class in with_new(form.kind) {
            let mut bench = new(class, 7 | 1 << 32);
            bench.memory.set(SEMAPHORE, &[7, 0, 0, 0, 1, 0, 0, 0]);
            bench.set(&[(EXECUTE, 1 | 1 << form.structure)]);
            bench.set(&[(EXECUTE, 1 | 2 << form.structure | 1 << form.long)]);
            bench.memory.set(SEMAPHORE, &[7, 0, 0, 0, 2]);
            bench.set(&[(EXECUTE, 1 | 1 << form.structure)]);
            bench.not_modelled(EXECUTE, 1 | 2 << form.structure | 1 << form.long);
        }
    }
}

#[test]
fn traps_are_not_modelled_and_undefined_bits_are_refused() {
    for class in with_old() {
        let mut bench = old(class, 1);
        bench.not_modelled(D, 3);
        bench.not_modelled(D, 1 << 19);
        bench.refused(D, 1 << 22, "INVALID_UNUSED_FIELD");
        bench.refused(D, 1 << 31, "INVALID_UNUSED_FIELD");
        if class.kind() == Kind::Compute {
            // Compute has no stages, reports or acquires.
            for bit in [4, 8, 12, 16, 21, 23, 27] {
                bench.refused(D, 1 << bit, "INVALID_UNUSED_FIELD");
            }
            bench.refused(D, 1, "INVALID_ENUM");
            bench.refused(D, 2, "INVALID_ENUM");
        }
    }
    for form in FORMS {
        for class in with_new(form.kind) {
            let mut bench = new(class, 1);
            bench.not_modelled(EXECUTE, 3);
            for trap in 1..4 {
                bench.not_modelled(EXECUTE, trap << form.trap);
            }
            let undefined: &[u32] = match form.kind {
                Kind::ThreeD => &[12, 26, 30, 31],
                _ => &[15, 16, 31],
            };
            for bit in undefined {
                bench.refused(EXECUTE, 1 << bit, "INVALID_UNUSED_FIELD");
            }
        }
    }
}
