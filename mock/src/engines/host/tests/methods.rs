// SPDX-License-Identifier: GPL-2.0

//! Methods other than semaphores, and where they go.

use nova_hw::class::host::{method, MemOpD};

use super::*;

#[test]
fn each_class_has_its_methods() {
    for class in ChannelClass::ALL {
        for method in (4..method::END).step_by(4) {
            let mut bench = Bench::with_channel(class);
            // All these addresses are aligned, and no acquire fails. MEM_OP_D is a barrier.
            let data = match method {
                method::SEMAPHORED => 2,
                method::MEM_OP_D => 5 << 27,
                _ => 0,
            };
            bench.push(1, &inc(method, &[data]));
            let error = bench.events().pop();
            let is_refused = match method {
                method::ILLEGAL | method::CLEAR_FAULTED | method::CRC_CHECK => true,
                method => !class.has_method(method),
            };
            let is_interrupt = error == Some(HostEvent::NonStall);
            assert_eq!(is_interrupt, method == method::NON_STALL_INTERRUPT);
            let is_error = error.is_some() && !is_interrupt;
            assert_eq!(is_error, is_refused, "{class:?} {method:#x}: {error:?}");
        }
    }
}

#[test]
fn an_unknown_method_stops_the_channel() {
    let mut bench = Bench::with_channel(ChannelClass::HopperA);
    let stop = bench.error_of(&inc(method::FB_FLUSH, &[3]));
    let cause = Cause::Method {
        method: 0x24,
        data: 3,
        reason: "the host has no such method",
    };
    assert_eq!(stop.cause, cause);
    assert_eq!((stop.exception, stop.engine), (32, HOST_TYPE));
    let text = "method 0x24 (FB_FLUSH) with 0x3: the host has no such method";
    assert_eq!(stop.cause.to_string(), text);
}

#[test]
fn the_host_ignores_the_subchannel() {
    let mut bench = Bench::with_channel(ChannelClass::AmpereA);
    let words = [0, 4, 7].map(|subchannel| {
        let header = Header::of(Header::IMMD, subchannel, method::NON_STALL_INTERRUPT, 0);
        u32::from(header)
    });
    bench.push(1, &words);
    assert_eq!(
        bench.events(),
        [
            HostEvent::NonStall,
            HostEvent::NonStall,
            HostEvent::NonStall
        ]
    );
}

#[test]
fn engine_methods_go_to_the_object() {
    let mut bench = Bench::with_channel(ChannelClass::AmpereA);
    let words: Vec<u32> = (0..5)
        .map(|subchannel| Header::of(Header::IMMD, subchannel, 0x100, 7).into())
        .collect();
    bench.push(1, &words);
    let turns = bench.run();
    assert_eq!(bench.seen(), [(0x100, 7); 5]);
    let methods: Vec<_> = turns[0].report.methods().collect();
    assert_eq!(methods.len(), 5);
    let method = Method {
        subchannel: 4,
        class: Some(CLASS),
        method: 0x100,
        data: 7,
    };
    assert_eq!(methods[4], &method);
}

#[test]
fn the_report_has_methods_and_those_that_go_on() {
    let mut bench = Bench::with_channel(ChannelClass::AmpereA);
    let copy = TestEngine::COPY.into();
    let words = [inc(copy, &[5 << 20]), vec![immd(method::NOP, 1)]];
    bench.push(1, &words.concat());
    let turns = bench.run().into_iter();
    let steps: Vec<_> = turns.map(|turn| turn.report.steps).collect();
    let copy = Method {
        subchannel: 4,
        class: Some(CLASS),
        method: copy,
        data: 5 << 20,
    };
    let nop = Method {
        class: None,
        method: method::NOP,
        data: 1,
        ..copy
    };
    let expected = [
        vec![Step::Method(copy)],
        vec![Step::Proceeded(copy), Step::Method(nop)],
    ];
    assert_eq!(steps, expected);
}

#[test]
fn the_graphics_runlist_has_an_object_per_subchannel() {
    let mut bench = Bench::new();
    let setup = Setup {
        is_graphics: true,
        ..bench.setup(1)
    };
    bench.add_as(1, setup);
    let object = Object {
        class: CLASS + 1,
        ..bench.object()
    };
    assert!(!bench.host.attach(id(1), 4, object));
    let object = bench.object();
    assert!(!bench.host.attach(id(1), 5, object));
    bench.push(1, &inc(method::SET_OBJECT, &[CLASS.into()]));
    assert_eq!(bench.events(), []);
    let on = |subchannel, method| Header::of(Header::IMMD, subchannel, method, 7).into();
    bench.push(1, &[on(4, 0x100)]);
    bench.run();
    assert_eq!(bench.seen(), [(0x100, 7)]);
    let stop = bench.error_of(&[on(1, 0x100)]);
    let cause = Cause::NoObject {
        subchannel: 1,
        method: 0x100,
    };
    assert_eq!(stop.cause, cause);
    assert_eq!(stop.exception, 32);
}

#[test]
fn methods_of_software_stop_the_channel() {
    for (subchannel, method) in [(5, 0x100), (6, 0), (7, 0x3ffc)] {
        let mut bench = Bench::with_channel(ChannelClass::TuringA);
        let header = Header::of(Header::IMMD, subchannel, method, 0);
        let stop = bench.error_of(&[header.into()]);
        let cause = Cause::Device { subchannel, method };
        assert_eq!(stop.cause, cause);
        assert_eq!((stop.exception, stop.engine), (32, HOST_TYPE));
    }
}

#[test]
fn an_object_must_have_the_class() {
    let mut bench = Bench::with_channel(ChannelClass::AmpereA);
    // Bits above the class do not count.
    bench.push(
        1,
        &inc(method::SET_OBJECT, &[0x1234_0000 | u32::from(CLASS)]),
    );
    assert_eq!(bench.events(), []);
    let stop = bench.error_of(&inc(method::SET_OBJECT, &[0xc6b5]));
    let cause = Cause::Class {
        class: 0xc6b5,
        object: CLASS,
    };
    assert_eq!(stop.cause, cause);
    assert_eq!((stop.exception, stop.engine), (EXCEPTION, OBJECT_TYPE));
}

#[test]
fn without_an_object_there_is_no_engine() {
    for method in [method::SET_OBJECT, 0x100] {
        let mut bench = Bench::with_channel(ChannelClass::AmpereA);
        assert!(bench.host.detach(id(1), 4));
        assert!(!bench.host.detach(id(1), 4));
        let stop = bench.error_of(&[immd(method, 7)]);
        let cause = Cause::NoObject {
            subchannel: 4,
            method,
        };
        assert_eq!(stop.cause, cause);
    }
}

#[test]
fn interrupts_come_after_what_was_written_before_them() {
    let mut bench = Bench::with_channel(ChannelClass::AmpereA);
    let write = inc(TestEngine::WRITE.into(), &[0]);
    let words = [
        &write[..],
        &[immd(TestEngine::INTERRUPT.into(), 0), immd(0x20, 0)],
    ];
    bench.push(1, &words.concat());
    let turn = bench.turn().unwrap();
    assert_eq!(turn.channel, id(1));
    let engine = OBJECT_TYPE;
    let events = [HostEvent::EngineNonStall { engine }, HostEvent::NonStall];
    assert_eq!(turn.report.events, events);
    assert_eq!(bench.data(0), u32::MAX);
}

#[test]
fn the_reference_is_written_to_userd() {
    let mut bench = Bench::with_channel(ChannelClass::TuringA);
    bench.push(1, &inc(method::SET_REFERENCE, &[0xdead_beef]));
    bench.run();
    assert_eq!(bench.userd(1, userd::REFERENCE), 0xdead_beef);
}

#[test]
fn engines_know_the_time_and_the_privilege() {
    for is_privileged in [false, true] {
        let mut bench = Bench::new();
        let setup = Setup {
            is_privileged,
            ..bench.setup(1)
        };
        bench.add_as(1, setup);
        bench.push(1, &[immd(TestEngine::CONTEXT.into(), 0)]);
        bench.run();
        assert_eq!(bench.seen(), [(is_privileged.into(), TIME as u32)]);
    }
}

fn mem_op(data: [u32; 3], operation: u8, high: u32) -> Vec<u32> {
    let operation = MemOpD::new()
        .with_operation(operation)
        .with_pdb_addr_hi(high);
    inc(method::MEM_OP_A, &[&data[..], &[operation.into()]].concat())
}

#[test]
fn privileged_channels_invalidate_tlbs() {
    let run = |words: &[u32], is_privileged| {
        let mut bench = Bench::new();
        let setup = Setup {
            is_privileged,
            ..bench.setup(1)
        };
        bench.add_as(1, setup);
        bench.push(1, &[words, &[immd(0x100, 1)]].concat());
        let turn = bench.turn().unwrap();
        assert_eq!(bench.seen(), [], "the card comes first");
        let events = turn.report.events;
        bench.run();
        let goes_on = bench.seen() == [(0x100, 1)];
        (events, goes_on)
    };
    let one = mem_op(
        [0x1234_5000, 0xab, 0x0123_4000],
        MemOpD::MMU_TLB_INVALIDATE,
        5,
    );
    let directory = Place {
        aperture: Aperture::Vram,
        at: 0x5_0123_4000,
    };
    let invalidate = |directory, page, levels| {
        (
            vec![HostEvent::Invalidate(Invalidate {
                directory,
                page,
                levels,
            })],
            true,
        )
    };
    assert_eq!(run(&one, true), invalidate(Some(directory), None, None));
    let page = mem_op(
        [0x1234_5000, 0xab, 0x0123_4d00],
        MemOpD::MMU_TLB_INVALIDATE_TARGETED,
        0,
    );
    let directory = Place {
        aperture: Aperture::System,
        at: 0x0123_4000,
    };
    let expected = invalidate(Some(directory), Some(0xab_1234_5000), Some(1));
    assert_eq!(run(&page, true), expected);
    let all = mem_op([0, 0, 1], MemOpD::MMU_TLB_INVALIDATE, 0);
    assert_eq!(run(&all, true), invalidate(None, None, None));
    for words in [
        (one, false),
        (page, false),
        (mem_op([0; 3], MemOpD::ACCESS_COUNTER_CLR, 0), false),
        (mem_op([0, 0, 1 << 10], MemOpD::MMU_TLB_INVALIDATE, 0), true),
    ] {
        let (events, goes_on) = run(&words.0, words.1);
        assert!(matches!(
            &events[..],
            [HostEvent::Stopped(stop)] if matches!(stop.cause, Cause::Method { .. })
        ));
        assert!(!goes_on);
    }
}

#[test]
fn memory_operations_are_known_or_refused() {
    for operation in 0..32 {
        let mut bench = Bench::with_channel(ChannelClass::HopperA);
        bench.push(1, &mem_op([0; 3], operation, 0));
        let is_known = matches!(operation, 5 | 0xd..=0x10 | 0x15);
        assert_eq!(bench.events().is_empty(), is_known, "{operation:#x}");
    }
}

#[test]
fn what_is_not_modelled_is_not_passed_over() {
    let check = |class, words: &[u32]| {
        let mut bench = Bench::with_channel(class);
        let stop = bench.error_of(words);
        assert!(matches!(stop.cause, Cause::NotModelled { .. }), "{stop:?}");
    };
    check(ChannelClass::TuringA, &[immd(method::CRC_CHECK, 0)]);
    let words = mem_op([0; 3], MemOpD::MMU_OPERATION, 0);
    check(ChannelClass::HopperA, &words);
}

#[test]
fn yielding_ends_the_turn() {
    let yields = |class, operation| {
        let mut bench = Bench::with_channel(class);
        bench.push(1, &[immd(method::YIELD, operation), immd(0x100, 1)]);
        bench.turn().unwrap();
        let yields = bench.seen().is_empty();
        (yields, bench.events().is_empty())
    };
    for (operation, expected) in [(0, false), (1, false), (2, true), (3, true)] {
        assert_eq!(yields(ChannelClass::AmpereA, operation), (expected, true));
    }
    let mut bench = Bench::with_channel(ChannelClass::TuringA);
    let stop = bench.error_of(&[immd(method::YIELD, 1)]);
    assert!(matches!(stop.cause, Cause::Method { .. }));
}
