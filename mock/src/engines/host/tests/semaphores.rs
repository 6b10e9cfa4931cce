// SPDX-License-Identifier: GPL-2.0

//! Semaphores of both kinds.

use nova_hw::class::host::{method, reduction, SemExecute, SemaphoreD};

use super::*;
use crate::engines::engine::Work;
use crate::engines::memory::Access;
use crate::engines::testing::Logged;

const OTHER: u64 = 0x0123_4567_89ab_cdef;

fn execute(operation: u8) -> SemExecute {
    SemExecute::new().with_operation(operation)
}

/// The methods of an operation of SEM_EXECUTE.
fn new(offset: u64, payload: u64, data: SemExecute) -> Vec<u32> {
    let at = DATA + offset;
    let words = [at, at >> 32, payload, payload >> 32, u32::from(data).into()];
    inc(method::SEM_ADDR_LO, &words.map(|word| word as u32))
}

/// The methods of an operation of SEMAPHORED.
fn old(offset: u64, payload: u32, data: SemaphoreD) -> Vec<u32> {
    let at = DATA + offset;
    let words = [(at >> 32) as u32, at as u32, payload, data.into()];
    inc(method::SEMAPHOREA, &words)
}

/// What the methods leave in 16 bytes that were all [`OTHER`] before.
fn left(class: ChannelClass, words: &[u32]) -> [u64; 2] {
    let mut bench = Bench::with_channel(class);
    bench.set_data(0, OTHER);
    bench.set_data(8, OTHER);
    bench.push(1, words);
    assert_eq!(bench.events(), []);
    assert_eq!(bench.status(1), Status::Idle);
    let word = |at| bench.card.memory.get_u64(Address::Virtual(DATA + at));
    [word(0), word(8)]
}

#[test]
fn releases_write_what_their_size_says() {
    let release = execute(SemExecute::RELEASE);
    let payload = 0xaaaa_bbbb_cccc_dddd;
    for class in ChannelClass::ALL {
        for wfi in [false, true] {
            let release = release.with_release_wfi(wfi);
            let done = left(class, &new(0, payload, release));
            assert_eq!(done, [0x0123_4567_cccc_dddd, OTHER]);
            let wide = release.with_is_64bit(true);
            assert_eq!(left(class, &new(0, payload, wide)), [payload, OTHER]);
            let timed = release.with_release_timestamp(true);
            assert_eq!(left(class, &new(0, payload, timed)), [0xcccc_dddd, TIME]);
            let both = wide.with_release_timestamp(true);
            assert_eq!(left(class, &new(0, payload, both)), [payload, TIME]);
        }
    }
}

#[test]
fn old_releases_write_4_or_16_bytes() {
    let release = SemaphoreD::new().with_operation(SemaphoreD::RELEASE);
    for class in ChannelClass::ALL {
        let small = release.with_release_4byte(true);
        let done = left(class, &old(0, 0xcccc_dddd, small));
        assert_eq!(done, [0x0123_4567_cccc_dddd, OTHER]);
        let done = left(class, &old(0, 0xcccc_dddd, release));
        assert_eq!(done, [0xcccc_dddd, TIME]);
    }
}

#[test]
fn the_time_is_written_before_the_payload() {
    let timed = execute(SemExecute::RELEASE).with_release_timestamp(true);
    let mut bench = Bench::with_channel(ChannelClass::AmpereA);
    bench.push(1, &new(0x10, 1, timed));
    bench.run();
    let write = |offset| Logged {
        access: Access::Write,
        at: Address::Virtual(DATA + offset),
        size: 8,
    };
    let log = bench.card.memory.log.iter();
    let data: Vec<_> = log
        .filter(|logged| matches!(logged.at, Address::Virtual(at) if at >= DATA))
        .copied()
        .collect();
    assert_eq!(data, [write(0x18), write(0x10)]);
}

#[test]
fn wide_addresses_have_57_bits_and_others_40() {
    let at = 0xffff_ff12_3456_7000;
    for (class, expected) in [
        (ChannelClass::AmpereA, 0x12_3456_7000),
        (ChannelClass::HopperA, 0x1ff_ff12_3456_7000),
    ] {
        let mut bench = Bench::with_channel(class);
        bench.push(1, &new(at - DATA, 7, execute(SemExecute::RELEASE)));
        bench.run();
        let word = bench.card.memory.get_u32(Address::Virtual(expected));
        assert_eq!(word, 7, "{class:?}");
    }
}

/// What each reduction makes of some values, as 32 bits and as 64 bits; none where the hardware
/// has no such reduction.
#[test]
fn reductions_compute_what_the_manual_says() {
    const MINUS_1: u32 = u32::MAX;
    // Reduction, unsigned, value, payload, result.
    for (number, is_unsigned, value, payload, result) in [
        (reduction::MIN, true, MINUS_1, 1, Some(1)),
        (reduction::MIN, false, MINUS_1, 1, Some(MINUS_1)),
        (reduction::MAX, true, MINUS_1, 1, Some(MINUS_1)),
        (reduction::MAX, false, MINUS_1, 1, Some(1)),
        (reduction::XOR, true, 6, 3, Some(5)),
        (reduction::XOR, false, 6, 3, Some(5)),
        (reduction::AND, true, 6, 3, Some(2)),
        (reduction::OR, false, 6, 3, Some(7)),
        (reduction::ADD, true, MINUS_1, 3, Some(2)),
        (reduction::ADD, false, MINUS_1, 3, Some(2)),
        (reduction::INC, true, 2, 3, Some(3)),
        (reduction::INC, true, 3, 3, Some(0)),
        (reduction::INC, true, 4, 3, Some(0)),
        (reduction::INC, false, 2, 3, None),
        (reduction::DEC, true, 2, 3, Some(1)),
        (reduction::DEC, true, 0, 3, Some(3)),
        (reduction::DEC, true, 5, 3, Some(3)),
        (reduction::DEC, false, 2, 3, None),
        (8, true, 2, 3, None),
        (15, true, 2, 3, None),
    ] {
        let data = execute(SemExecute::REDUCTION)
            .with_reduction(number)
            .with_is_unsigned(is_unsigned);
        let old_data = SemaphoreD::new()
            .with_operation(SemaphoreD::REDUCTION)
            .with_release_4byte(true)
            .with_reduction(number)
            .with_is_unsigned(is_unsigned);
        for words in [
            new(0, u64::from(payload) | 0xff << 32, data),
            old(0, payload, old_data),
        ] {
            let mut bench = Bench::with_channel(ChannelClass::TuringA);
            bench.set_data(0, 7 << 32 | u64::from(value));
            bench.push(1, &words);
            let stopped = !bench.events().is_empty();
            assert_eq!(stopped, result.is_none(), "{number} {is_unsigned}");
            assert_eq!(bench.data(0), result.unwrap_or(value), "{number}");
            assert_eq!(bench.data(4), 7);
        }
    }
}

#[test]
fn reductions_of_64_bits_are_fewer() {
    let minus_1 = u64::MAX;
    let low = 0xffff_ffff;
    for (number, is_unsigned, value, payload, result) in [
        (reduction::MIN, true, minus_1, 1, Some(1)),
        (reduction::MIN, false, minus_1, 1, Some(minus_1)),
        (reduction::MIN, false, low, 1, Some(1)),
        (reduction::MAX, false, minus_1, 1, Some(1)),
        (reduction::MAX, true, minus_1, 1, Some(minus_1)),
        (reduction::XOR, false, OTHER, low, Some(OTHER ^ low)),
        (reduction::ADD, true, low, 1, Some(1 << 32)),
        (reduction::ADD, false, low, 1, None),
        (reduction::INC, true, 1, 3, None),
        (reduction::DEC, true, 1, 3, None),
    ] {
        let data = execute(SemExecute::REDUCTION)
            .with_is_64bit(true)
            .with_reduction(number)
            .with_is_unsigned(is_unsigned);
        let mut bench = Bench::with_channel(ChannelClass::HopperA);
        bench.set_data(0, value);
        bench.push(1, &new(0, payload, data));
        let stopped = !bench.events().is_empty();
        assert_eq!(stopped, result.is_none(), "{number} {is_unsigned}");
        let now = bench.card.memory.get_u64(Address::Virtual(DATA));
        assert_eq!(now, result.unwrap_or(value), "{number}");
    }
}

#[test]
fn reductions_are_one_access_and_can_have_the_time() {
    let data = execute(SemExecute::REDUCTION)
        .with_release_timestamp(true)
        .with_reduction(reduction::ADD);
    let mut bench = Bench::with_channel(ChannelClass::AmpereA);
    bench.set_data(0, 7 << 32 | 1);
    bench.push(1, &new(0, 2, data));
    assert_eq!(bench.events(), []);
    let word = |at| bench.card.memory.get_u64(Address::Virtual(DATA + at));
    assert_eq!([word(0), word(8)], [7 << 32 | 3, TIME]);
    assert_eq!(bench.card.memory.transferred(Access::Atomic), 4);
}

/// When an acquire succeeds: the operation, 64 bits or not, value, payload.
#[test]
fn acquires_compare_as_the_manual_says() {
    use SemExecute as Sem;
    let high = 1 << 63;
    for (operation, is_64bit, value, payload, succeeds) in [
        (Sem::ACQUIRE, false, 5, 5, true),
        (Sem::ACQUIRE, false, 5 | 1 << 32, 5 | 2 << 32, true),
        (Sem::ACQUIRE, true, 5 | 1 << 32, 5 | 2 << 32, false),
        (Sem::ACQUIRE, true, OTHER, OTHER, true),
        (Sem::ACQUIRE, false, 6, 5, false),
        (Sem::ACQ_STRICT_GEQ, false, 5, 5, true),
        (Sem::ACQ_STRICT_GEQ, false, 4, 5, false),
        (Sem::ACQ_STRICT_GEQ, false, 0xffff_ffff, 5, true),
        (Sem::ACQ_STRICT_GEQ, false, 0, 0xffff_ffff, false),
        (Sem::ACQ_STRICT_GEQ, true, high, 5, true),
        (Sem::ACQ_STRICT_GEQ, true, 4, 5, false),
        (Sem::ACQ_CIRC_GEQ, false, 5, 5, true),
        (Sem::ACQ_CIRC_GEQ, false, 4, 5, false),
        (Sem::ACQ_CIRC_GEQ, false, 0, 0xffff_ffff, true),
        (Sem::ACQ_CIRC_GEQ, false, 0x8000_0004, 5, true),
        (Sem::ACQ_CIRC_GEQ, false, 0x8000_0005, 5, false),
        (Sem::ACQ_CIRC_GEQ, true, 0, u64::MAX, true),
        (Sem::ACQ_CIRC_GEQ, true, high + 5, 5, false),
        (Sem::ACQ_CIRC_GEQ, true, high + 4, 5, true),
        (Sem::ACQ_AND, false, 6, 3, true),
        (Sem::ACQ_AND, false, 4, 3, false),
        (Sem::ACQ_AND, false, 1 << 32, 1 << 32, false),
        (Sem::ACQ_AND, true, 1 << 32, 1 << 32, true),
        (Sem::ACQ_NOR, false, 0xffff_fff0, 0xf, false),
        (Sem::ACQ_NOR, false, 0xffff_fff0, 0x7, true),
        (Sem::ACQ_NOR, true, 0xffff_fff0, 0xf, true),
        (Sem::ACQ_NOR, true, !0xff, 0xff, false),
    ] {
        for switch in [false, true] {
            let data = execute(operation)
                .with_is_64bit(is_64bit)
                .with_acquire_switch_tsg(switch);
            let case = format!("{operation} {is_64bit} {value:#x} {payload:#x}");
            check_acquire(&new(8, payload, data), value, succeeds, &case);
        }
    }
}

#[test]
fn old_acquires_compare_likewise() {
    for (operation, value, payload, succeeds) in [
        (SemaphoreD::ACQUIRE, 5, 5, true),
        (SemaphoreD::ACQUIRE, 5 | 1 << 32, 5, true),
        (SemaphoreD::ACQUIRE, 6, 5, false),
        (SemaphoreD::ACQ_GEQ, 0, 0xffff_ffff, true),
        (SemaphoreD::ACQ_GEQ, 4, 5, false),
        (SemaphoreD::ACQ_AND, 6, 3, true),
        (SemaphoreD::ACQ_AND, 4, 3, false),
    ] {
        for switch in [false, true] {
            let data = SemaphoreD::new()
                .with_operation(operation)
                .with_acquire_switch(switch);
            let case = format!("old {operation} {value:#x} {payload:#x}");
            check_acquire(&old(8, payload, data), value, succeeds, &case);
        }
    }
}

fn check_acquire(acquire: &[u32], value: u64, succeeds: bool, case: &str) {
    let mut bench = Bench::with_channel(ChannelClass::TuringA);
    bench.set_data(8, value);
    bench.push(1, &[acquire, &[immd(0x100, 1)]].concat());
    assert_eq!(bench.events(), []);
    assert_eq!(bench.seen().len(), usize::from(succeeds), "{case}");
    assert_eq!(bench.host.is_waiting(), !succeeds, "{case}");
    assert_eq!(bench.card.memory.transferred(Access::Atomic), 0);
}

#[test]
fn misaligned_semaphores_stop_the_channel() {
    let release = execute(SemExecute::RELEASE);
    let acquire = execute(SemExecute::ACQUIRE);
    let reduce = execute(SemExecute::REDUCTION).with_reduction(reduction::ADD);
    let old_release = SemaphoreD::new().with_operation(SemaphoreD::RELEASE);
    let old_reduce = SemaphoreD::new()
        .with_operation(SemaphoreD::REDUCTION)
        .with_reduction(reduction::ADD);
    for (words, is_right) in [
        (new(4, 0, release), true),
        (new(4, 0, acquire), true),
        (new(4, 0, release.with_is_64bit(true)), false),
        (new(4, 0, acquire.with_is_64bit(true)), false),
        (new(4, 0, reduce.with_is_64bit(true)), false),
        (new(8, 0, release.with_is_64bit(true)), true),
        (new(8, 0, acquire.with_is_64bit(true)), true),
        (new(8, 0, release.with_release_timestamp(true)), false),
        (new(8, 0, reduce.with_release_timestamp(true)), false),
        // The bit has no meaning for an acquire.
        (new(4, 0, acquire.with_release_timestamp(true)), true),
        // The lowest bits do not count.
        (new(3, 0, release), true),
        (new(0x13, 0, release.with_release_timestamp(true)), true),
        (old(8, 0, old_release), false),
        (old(4, 0, old_release.with_release_4byte(true)), true),
        (old(8, 0, old_reduce), false),
        (old(16, 0, old_release), true),
        (old(4, 0, SemaphoreD::new().with_operation(1)), true),
    ] {
        let mut bench = Bench::with_channel(ChannelClass::AmpereA);
        bench.push(1, &words);
        let events = bench.events();
        assert_eq!(events.is_empty(), is_right, "{words:x?}: {events:?}");
        if let Some(HostEvent::Stopped(stop)) = events.first() {
            assert!(matches!(stop.cause, Cause::Semaphore { .. }));
            assert_eq!(stop.exception, 32);
            assert_eq!(bench.data(0) | bench.data(8) | bench.data(16), 0);
        }
    }
}

#[test]
fn unknown_operations_stop_the_channel() {
    for words in [
        new(0, 0, execute(7)),
        old(0, 0, SemaphoreD::new()),
        old(0, 0, SemaphoreD::new().with_operation(3)),
        old(0, 0, SemaphoreD::new().with_operation(31)),
    ] {
        let mut bench = Bench::with_channel(ChannelClass::AmpereA);
        let stop = bench.error_of(&words);
        let Cause::Semaphore { reason, .. } = stop.cause else {
            panic!("{stop:?}");
        };
        assert_eq!(reason, "no such operation");
    }
}

#[test]
fn an_acquire_is_satisfied_by_another_channel() {
    let mut bench = Bench::with_channel(ChannelClass::AmpereA);
    bench.add(2);
    let acquire = new(0, 5, execute(SemExecute::ACQ_CIRC_GEQ));
    bench.push(1, &[&acquire[..], &[immd(0x100, 1)]].concat());
    bench.run();
    assert_eq!(bench.status(1), Status::Waiting);
    // The other channel runs all the same, and what it does first does not help.
    bench.push(2, &[immd(0x100, 2)]);
    bench.run();
    assert_eq!(bench.seen(), [(0x100, 2)]);
    assert!(bench.host.is_waiting());
    bench.push(2, &new(0, 5, execute(SemExecute::RELEASE)));
    bench.run();
    assert_eq!(bench.seen(), [(0x100, 1)]);
    assert!(!bench.host.is_waiting());
}

#[test]
fn an_acquire_is_satisfied_by_the_cpu_once_it_is_polled() {
    let mut bench = Bench::with_channel(ChannelClass::AmpereA);
    let acquire = new(0, 5, execute(SemExecute::ACQUIRE));
    bench.push(1, &[&acquire[..], &[immd(0x100, 1)]].concat());
    bench.run();
    bench.host.poll();
    assert_eq!(bench.run().len(), 1);
    assert!(bench.host.is_waiting());
    bench.set_data(0, 5);
    assert_eq!(bench.run(), []);
    bench.host.poll();
    assert!(bench.host.is_ready());
    bench.run();
    assert_eq!(bench.seen(), [(0x100, 1)]);
}

#[test]
fn a_channel_that_is_enabled_again_looks_at_its_semaphore() {
    let mut bench = Bench::with_channel(ChannelClass::AmpereA);
    bench.push(1, &new(0, 5, execute(SemExecute::ACQUIRE)));
    bench.run();
    assert!(bench.host.enable(id(1), false));
    assert!(!bench.host.is_waiting(), "nothing has to poll for it");
    bench.set_data(0, 5);
    assert_eq!(bench.run(), []);
    assert!(bench.host.enable(id(1), true));
    bench.run();
    assert_eq!(bench.status(1), Status::Idle);
}

#[test]
fn any_doorbell_has_acquires_look_again() {
    let mut bench = Bench::with_channel(ChannelClass::AmpereA);
    bench.push(1, &new(0, 5, execute(SemExecute::ACQUIRE)));
    bench.run();
    bench.set_data(0, 5);
    assert!(!bench.host.ring(0x7f_0000));
    bench.run();
    assert_eq!(bench.status(1), Status::Idle);
}

#[test]
fn an_acquire_may_never_succeed() {
    let mut bench = Bench::with_channel(ChannelClass::AmpereA);
    bench.add(2);
    let acquire = new(0, 5, execute(SemExecute::ACQUIRE));
    bench.push(1, &acquire);
    bench.push(2, &acquire);
    // Two that wait do not keep each other busy.
    assert_eq!(bench.run().len(), 3);
    assert_eq!(bench.run(), []);
    for _ in 0..100 {
        bench.host.poll();
        bench.card.time += 1 << 40;
        assert_eq!(bench.run().len(), 2);
    }
    assert_eq!(bench.status(1), Status::Waiting);
    assert_eq!(bench.status(2), Status::Waiting);
    // What is pushed behind waits, too.
    bench.push(1, &[immd(0x100, 1)]);
    bench.run();
    assert_eq!((bench.seen(), bench.gp_get(1)), (vec![], 1));
}

#[test]
fn a_channel_can_be_removed_while_it_waits() {
    let mut bench = Bench::with_channel(ChannelClass::AmpereA);
    let acquire = new(0, 5, execute(SemExecute::ACQUIRE));
    bench.push(1, &[&acquire[..], &[immd(0x100, 1)]].concat());
    bench.run();
    assert!(bench.host.remove(id(1)));
    assert!(!bench.host.is_waiting());
    bench.set_data(0, 5);
    bench.host.poll();
    assert_eq!(bench.run(), []);
    // Another channel with the number starts anew.
    bench.set_gp_put(1, 0);
    bench.add(1);
    bench.push(1, &[immd(0x100, 2)]);
    bench.run();
    assert_eq!(bench.seen(), [(0x100, 2)]);
}

#[test]
fn a_fault_stops_a_waiting_channel() {
    let mut bench = Bench::with_channel(ChannelClass::AmpereA);
    bench.push(1, &new(0, 5, execute(SemExecute::ACQUIRE)));
    bench.run();
    let at = Address::Virtual(DATA);
    let reason = crate::engines::memory::FaultType::Pte;
    bench.card.memory.refuse(at, 4, reason);
    bench.host.poll();
    let stop = bench.error();
    let fault = MmuFault {
        address: at,
        access: Access::Read,
        reason,
    };
    assert_eq!(stop.cause, Cause::Fault(fault));
    assert_eq!((stop.exception, stop.engine), (31, HOST_TYPE));
    assert!(!bench.host.is_waiting());
}

#[test]
fn the_report_has_semaphores() {
    let mut bench = Bench::with_channel(ChannelClass::AmpereA);
    let at = Address::Virtual(DATA);
    let works = |turns: &[Turn]| {
        let steps = turns.iter().flat_map(|turn| &turn.report.steps);
        let works = steps.filter_map(|step| match step {
            Step::Work(work) => Some(*work),
            Step::Method(_) | Step::Proceeded(_) => None,
        });
        works.collect::<Vec<_>>()
    };
    let add = execute(SemExecute::REDUCTION).with_reduction(reduction::ADD);
    let words = [
        new(0, 4, execute(SemExecute::RELEASE)),
        new(0, 1, add.with_is_unsigned(true)),
        new(0, 5, execute(SemExecute::ACQUIRE)),
        new(0, 6, execute(SemExecute::ACQUIRE)),
    ];
    bench.push(1, &words.concat());
    let expected = [
        Work::Release { at, payload: 4 },
        Work::Reduce { at, payload: 1 },
        Work::Acquire { at, payload: 5 },
        Work::Wait { at, payload: 6 },
    ];
    assert_eq!(works(&bench.run()), expected);
    bench.host.poll();
    assert_eq!(works(&bench.run()), [], "a look in vain is no work");
    bench.set_data(0, 6);
    bench.host.poll();
    assert_eq!(works(&bench.run()), [Work::Acquire { at, payload: 6 }]);
}
