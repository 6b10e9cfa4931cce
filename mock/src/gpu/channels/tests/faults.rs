// SPDX-License-Identifier: GPL-2.0

//! Faults that strike channels.

use nova_hw::abi::event;

use super::*;
use crate::faults::Fault;

/// The method LAUNCH_DMA of a copy engine.
const LAUNCH_DMA: Fault = Fault::EngineHangs(0x300);

/// An engine with another runlist.
const OTHER: Engine = Engine::Copy(3);

/// A copy that the channel says it has done.
fn work(done: u64, value: u32) -> Vec<u32> {
    [
        copies(va(DATA), va(DATA + 0x800), 4),
        releases(va(done), value),
    ]
    .concat()
}

#[test]
fn an_engine_that_hangs_holds_up_its_runlist_and_no_other() {
    let mut tested = Tested::new();
    let (same, other) = (tested.add(ENGINE, |_| {}), tested.add(OTHER, |_| {}));
    tested.card.inject(LAUNCH_DMA);
    for at in [0, same, other] {
        tested.push_to(at, &work(DATA + 0x100 + at as u64 * 4, 7));
        tested.settle();
    }
    let done = |tested: &Tested| [0, 4, 8].map(|at| tested.word(DATA + 0x100 + at));
    assert_eq!(done(&tested), [0, 0, 7]);
    assert!(tested.status().contains("Hanging"), "{}", tested.status());
    let soon = tested.card.now() + SECOND / 2;
    assert!(
        tested.card.next_event().is_none_or(|next| next > soon),
        "no turns in vain"
    );
    // GSP-RM resets the engine for whoever comes next.
    let hanging = tested.channel().number;
    tested.card.apply(Effect::ChannelFreed(hanging));
    tested.settle();
    assert_eq!(done(&tested), [0, 7, 7]);
    assert!(tested.card.trace().refusals().is_empty());
}

#[test]
fn an_engine_hangs_in_the_method_that_was_named() {
    let mut tested = Tested::new();
    tested.card.inject(Fault::EngineHangs(0x308));
    tested.push(&work(DATA + 0x100, 7));
    tested.settle();
    assert_eq!(tested.word(DATA + 0x100), 7);
    tested.push(&copy(0x308, &[0]));
    tested.push(&work(DATA + 0x100, 8));
    tested.settle();
    assert_eq!(tested.word(DATA + 0x100), 7);
}

#[test]
fn a_lost_interrupt_is_lost_once() {
    let mut tested = Tested::new();
    let row = engines::of(tested.card.chip().chipset).row(ENGINE).unwrap();
    let leaf = CpuIntrLeaf::at(row.nonstall / 32).unwrap();
    tested.card.inject(Fault::NoNonStall);
    for pending in [0, 1 << (row.nonstall % 32)] {
        tested.push(&host(method::NON_STALL_INTERRUPT, &[0]));
        tested.settle();
        assert_eq!(tested.card.read32(leaf), pending);
    }
}

/// The functions of GSP-RM's messages, and their Xid; of RC_TRIGGERED with the channel.
fn reports(tested: &mut Tested) -> Vec<(u32, u32, Option<u32>)> {
    let at = &RELEASES[0].rc_triggered;
    let report = |(function, payload): (u32, Vec<u8>)| match function {
        event::RC_TRIGGERED => {
            let channel = at.channel.read(&payload);
            (function, at.xid.read(&payload).unwrap(), channel)
        }
        _ => (function, payload[0].into(), None),
    };
    sent(tested).into_iter().map(report).collect()
}

#[test]
fn gsp_rm_stops_a_channel_that_has_work() {
    let mut tested = with_gsp_rm();
    let other = tested.add(OTHER, |_| {});
    tested.push(&acquires(va(DATA + 0x200), 5));
    tested.settle();
    tested.card.inject(Fault::ChannelError(45));
    tested.settle();
    assert_eq!(tested.stopped(), [0; 0], "one that waits has no work");
    tested.push_to(other, &releases(va(DATA + 0x100), 7));
    tested.settle();
    assert_eq!(tested.stopped(), [other]);
    assert_eq!(tested.word(DATA + 0x100), 0, "instead of its work");
    let channel = 3 + other as u32;
    let expected = [
        (event::OS_ERROR_LOG, 45, None),
        (event::RC_TRIGGERED, 45, Some(channel)),
    ];
    assert_eq!(reports(&mut tested), expected);
    tested.card.vram.write(DATA + 0x200, &[5]);
    tested.push(&releases(va(DATA + 0x100), 7));
    tested.settle();
    assert_eq!(tested.word(DATA + 0x100), 7, "the fault has ended");
}

/// Three channels, the first two of which have the same address space.
fn three() -> Tested {
    let mut tested = with_gsp_rm();
    tested.add(OTHER, |_| {});
    tested.add(OTHER, |channel| channel.space = None);
    tested
}

#[test]
fn an_error_of_memory_stops_the_address_space_or_all_channels() {
    for (fault, xid, stopped) in [
        (Fault::EccContained, 94, &[1, 0][..]),
        (Fault::EccUncontained, 95, &[1, 0, 2]),
    ] {
        let mut tested = three();
        tested.card.inject(fault);
        tested.push_to(1, &releases(va(DATA), 1));
        tested.settle();
        assert_eq!(tested.word(DATA), 0);
        let triggered = |&at: &u32| (event::RC_TRIGGERED, xid, Some(3 + at));
        let reported: Vec<_> = [(event::OS_ERROR_LOG, xid, None)]
            .into_iter()
            .chain(stopped.iter().map(triggered))
            .collect();
        assert_eq!(reports(&mut tested), reported, "{fault:?}");
        assert_eq!(tested.stopped().len(), stopped.len());
    }
}

#[test]
fn gsp_rm_refuses_an_allocation_counted_from_the_fault() {
    let mut tested = with_gsp_rm();
    let rm = tested.card.programs.rm.as_mut().unwrap();
    rm.allocations = 5;
    let status = 0x51;
    let fault = Fault::AllocRefused { after: 2, status };
    tested.card.inject(fault);
    let refused = |tested: &Tested| [5, 6, 7, 8].map(|at| tested.card.faults.alloc_refused(at));
    assert_eq!(refused(&tested), [None, None, Some(status), None]);
    tested.card.faults.end_alloc_refused(7);
    assert_eq!(refused(&tested)[2], Some(status), "still to come");
    tested.card.faults.end_alloc_refused(8);
    assert_eq!(refused(&tested)[2], None);
}
