// SPDX-License-Identifier: GPL-2.0

//! Errors stop a channel, and nothing is written after them.

use super::*;
use crate::engines::memory::{Access, FaultType};

/// What of the channel's memory has changed since the error.
fn writes(bench: &Bench, from: usize) -> usize {
    let log = bench.card.memory.log[from..].iter();
    log.filter(|logged| logged.access != Access::Read && logged.size > 0)
        .count()
}

fn release(offset: u32, payload: u32) -> Vec<u32> {
    inc(0x5c, &[DATA as u32 + offset, 0, payload, 0, 1])
}

/// Pushes the words that stop the channel, with a release before and after them.
fn stopped_by(words: &[u32]) -> (Bench, Stopped) {
    let mut bench = Bench::with_channel(ChannelClass::AmpereA);
    let words = [&release(0, 1), words, &release(4, 1), &[immd(0x100, 1)]];
    bench.segment(1, &words.concat());
    bench.segment(1, &release(8, 1));
    bench.ring(1);
    let stop = bench.error();
    assert_eq!(bench.data(0), 1);
    assert_eq!((bench.data(4), bench.data(8)), (0, 0));
    assert_eq!(bench.seen(), []);
    assert_eq!(bench.gp_get(1), 0, "USERD is memory, too");
    (bench, stop)
}

#[test]
fn nothing_is_written_after_an_error() {
    let bad = [
        vec![0xc000_0000],
        inc(0x38, &[0]),
        inc(0x6c, &[7]),
        vec![Header::of(Header::IMMD, 5, 0x100, 0).into()],
        vec![immd(TestEngine::REFUSED.into(), 0)],
        vec![immd(TestEngine::NOT_MODELLED.into(), 0)],
    ];
    for words in bad {
        let (mut bench, stop) = stopped_by(&words);
        let from = bench.card.memory.log.len();
        // Doorbells, new work and polling do not revive the channel.
        bench.push(1, &release(12, 1));
        bench.host.poll();
        assert!(bench.host.enable(id(1), true));
        assert_eq!(bench.run(), []);
        assert_eq!(writes(&bench, from), 0);
        assert_eq!(bench.status(1), Status::Stopped(&stop.cause));
    }
}

#[test]
fn errors_of_engines_name_the_engine() {
    let (_, stop) = stopped_by(&[immd(TestEngine::REFUSED.into(), 3)]);
    let cause = Cause::Engine {
        class: CLASS,
        method: 0x308,
        data: 3,
        reason: "refused".to_owned(),
    };
    let expected = Stopped {
        cause,
        exception: EXCEPTION,
        engine: OBJECT_TYPE,
        others: vec![],
    };
    assert_eq!(stop, expected);
    let text = "class 0xc7b5, method 0x308 with 0x3: refused";
    assert_eq!(stop.cause.to_string(), text);
    let (_, stop) = stopped_by(&[immd(TestEngine::NOT_MODELLED.into(), 3)]);
    assert_eq!(stop.cause.to_string(), "not modelled: this");
    assert_eq!((stop.engine, stop.exception), (OBJECT_TYPE, EXCEPTION));
}

#[test]
fn faults_stop_the_channel_where_they_happen() {
    // Address, its size, and what of the words before it is executed.
    let check = |at: Address, access, words: &[u32], engine| {
        let mut bench = Bench::with_channel(ChannelClass::AmpereA);
        bench
            .card
            .memory
            .refuse_access(at, 4, access, FaultType::Pte);
        bench.segment(1, &[&release(0, 1), words].concat());
        bench.push(1, &release(8, 1));
        let stop = bench.error();
        let fault = MmuFault {
            address: at,
            access,
            reason: FaultType::Pte,
        };
        let cause = Cause::Fault(fault);
        let exception = 31;
        assert_eq!(
            stop,
            Stopped {
                cause,
                exception,
                engine,
                others: vec![],
            }
        );
        bench.host.poll();
        bench.ring(1);
        assert_eq!(bench.run(), []);
        assert_eq!(bench.data(8), 0);
        bench.data(0)
    };
    let data = Address::Virtual(DATA + 4);
    let entry = Address::Virtual(gpfifo(1));
    let second = Address::Virtual(gpfifo(1) + 8);
    let segment = Address::Virtual(0x100_0000);
    assert_eq!(check(entry, Access::Read, &[], HOST_TYPE), 0);
    assert_eq!(check(second, Access::Read, &[], HOST_TYPE), 1);
    assert_eq!(check(segment, Access::Read, &[], HOST_TYPE), 0);
    assert_eq!(check(data, Access::Write, &release(4, 1), HOST_TYPE), 1);
    assert_eq!(
        check(
            data,
            Access::Read,
            &inc(0x5c, &[DATA as u32 + 4, 0, 0, 0, 0]),
            HOST_TYPE
        ),
        1
    );
    let reduction = inc(0x5c, &[DATA as u32 + 4, 0, 0, 0, 6 | 5 << 27]);
    assert_eq!(check(data, Access::Atomic, &reduction, HOST_TYPE), 1);
    let engine = OBJECT_TYPE;
    let write = inc(TestEngine::WRITE.into(), &[4]);
    assert_eq!(check(data, Access::Write, &write, engine), 1);
    assert_eq!(
        check(userd_at(1, userd::GP_PUT), Access::Read, &[], HOST_TYPE),
        0
    );
}

#[test]
fn a_failing_time_stamp_keeps_the_payload_from_being_written() {
    let mut bench = Bench::with_channel(ChannelClass::AmpereA);
    let at = Address::Virtual(DATA + 8);
    bench.card.memory.refuse(at, 8, FaultType::ReadOnly);
    bench.push(1, &inc(0x5c, &[DATA as u32, 0, 5, 0, 1 | 1 << 25]));
    bench.error();
    assert_eq!(bench.data(0), 0);
}

#[test]
fn what_lies_before_a_missing_page_of_a_segment_is_executed() {
    let mut bench = Bench::with_channel(ChannelClass::AmpereA);
    bench.next = 0x100_0ff0;
    let at = Address::Virtual(0x100_1000);
    bench.card.memory.refuse(at, 0x1000, FaultType::Pte);
    let words: Vec<u32> = (0..8).map(|data| immd(0x100, data)).collect();
    let stop = bench.error_of(&words);
    assert_eq!(
        bench.seen(),
        [(0x100, 0), (0x100, 1), (0x100, 2), (0x100, 3)]
    );
    let Cause::Fault(fault) = stop.cause else {
        panic!("{stop:?}");
    };
    assert_eq!(fault.address, at);
}

#[test]
fn gp_put_must_be_in_the_ring() {
    for put in [ENTRIES, u32::MAX] {
        let mut bench = Bench::with_channel(ChannelClass::AmpereA);
        bench.segment(1, &release(0, 1));
        bench.set_gp_put(1, put);
        bench.ring(1);
        let stop = bench.error();
        let entries = ENTRIES;
        assert_eq!(stop.cause, Cause::GpPointer { put, entries });
        assert_eq!(stop.exception, 32);
        assert_eq!(bench.data(0), 0);
    }
}

#[test]
fn the_ring_must_be_in_the_address_space() {
    let end_40 = (1 << 40) - u64::from(ENTRIES) * GP_ENTRY_SIZE;
    let end_57 = (1 << 57) - u64::from(ENTRIES) * GP_ENTRY_SIZE;
    for (class, gpfifo, is_right) in [
        (ChannelClass::AmpereA, end_40, true),
        (ChannelClass::AmpereA, end_40 + 8, false),
        (ChannelClass::HopperA, end_40 + 8, true),
        (ChannelClass::HopperA, end_57, true),
        (ChannelClass::HopperA, end_57 + 8, false),
        (ChannelClass::HopperA, u64::MAX - 7, false),
    ] {
        let mut bench = Bench::of(class);
        let setup = Setup {
            gpfifo,
            ..bench.setup(1)
        };
        bench.add_as(1, setup);
        bench.ring(1);
        let mut events = bench.events();
        assert_eq!(events.is_empty(), is_right, "{class:?} {gpfifo:#x}");
        if let Some(HostEvent::Stopped(stop)) = events.pop() {
            assert_eq!(stop.cause, Cause::GpFifo);
        }
    }
}

#[test]
fn impossible_channels_are_not_created() {
    let mut bench = Bench::new();
    for (entries, result) in [
        (0, Err(Refused::Impossible)),
        (3, Err(Refused::Impossible)),
        (1, Ok(())),
        (2, Err(Refused::InUse)),
    ] {
        let setup = Setup {
            entries,
            ..bench.setup(1)
        };
        assert_eq!(bench.host.create(id(1), setup), result, "{entries}");
    }
}

#[test]
fn a_group_stops_together() {
    let mut bench = Bench::new();
    for (channel, group) in [
        (1, Some(7)),
        (2, Some(7)),
        (3, Some(8)),
        (4, None),
        (5, None),
    ] {
        let setup = Setup {
            group,
            ..bench.setup(channel)
        };
        bench.add_as(channel, setup);
    }
    let setup = Setup {
        group: Some(7),
        ..bench.setup(6)
    };
    let elsewhere = ChannelId {
        runlist: RUNLIST + 1,
        channel: 6,
    };
    assert_eq!(bench.host.create(elsewhere, setup), Ok(()));
    bench.push(1, &[0xc000_0000]);
    let [HostEvent::Stopped(stop)] = &bench.events()[..] else {
        panic!("not stopped");
    };
    assert_eq!(stop.others, [id(2)]);
    let first = stop.cause.clone();
    assert_eq!(bench.status(2), Status::Stopped(&first));
    let rest = [3, 4, 5].map(|channel| bench.status(channel));
    assert_eq!(rest, [Status::Idle; 3]);
    assert_eq!(bench.host.status(elsewhere), Some(Status::Disabled));
    bench.push(2, &release(0, 1));
    bench.push(5, &[0xc000_0000]);
    let [HostEvent::Stopped(stop)] = &bench.events()[..] else {
        panic!("not stopped");
    };
    assert_eq!(stop.others, []);
    assert_eq!(bench.data(0), 0);
    // One that joins the group later ends alone.
    let setup = Setup {
        group: Some(7),
        ..bench.setup(8)
    };
    bench.add_as(8, setup);
    bench.push(8, &inc(0x38, &[0]));
    let [HostEvent::Stopped(stop)] = &bench.events()[..] else {
        panic!("not stopped");
    };
    assert_eq!(stop.others, []);
    assert_eq!(bench.status(2), Status::Stopped(&first));
}

#[test]
fn a_channel_can_be_stopped_from_outside() {
    let mut bench = Bench::with_channel(ChannelClass::AmpereA);
    bench.push(1, &release(0, 1));
    let stop = Stop {
        cause: Cause::Requested,
        engine: None,
        exception: 43,
    };
    let stopped = Stopped {
        cause: Cause::Requested,
        exception: 43,
        engine: HOST_TYPE,
        others: vec![],
    };
    assert_eq!(bench.host.stop(id(1), stop.clone()), Some(stopped));
    assert_eq!(bench.host.stop(id(1), stop.clone()), None);
    assert_eq!(bench.host.stop(id(2), stop), None);
    assert_eq!(bench.run(), []);
    assert_eq!(bench.data(0), 0);
}
