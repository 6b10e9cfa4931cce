// SPDX-License-Identifier: GPL-2.0

//! Engines that are not given to the next channel in time.

use nova_hw::abi::event;

use super::*;
use crate::faults::Fault;
use crate::gpu::channels::timeout::SWITCH;

const GROUP: Option<resource::GroupId> = Some(resource::GroupId {
    client: 1,
    handle: 2,
});

/// A card whose engine hangs in a copy of the first channel; a second one is in the same group.
fn hanging() -> Tested {
    let mut tested = with_gsp_rm();
    let first = tested.channel().number;
    tested.card.apply(Effect::ChannelFreed(first));
    tested.pushed.clear();
    for _ in 0..2 {
        tested.add(ENGINE, |channel| channel.group = GROUP);
    }
    tested.card.inject(Fault::EngineHangs(0x300));
    tested.push(&copies(va(DATA), va(DATA + 0x800), 4));
    tested.settle();
    assert!(tested.status().contains("Hanging"), "{}", tested.status());
    tested
}

#[test]
fn the_group_that_keeps_an_engine_from_another_stops() {
    let mut tested = hanging();
    pass(&mut tested.card, 10 * SWITCH);
    assert_eq!(tested.stopped(), [0; 0], "nobody wants the engine");
    tested.push_to(1, &releases(va(DATA), 7));
    pass(&mut tested.card, 10 * SWITCH);
    assert_eq!(tested.stopped(), [0; 0], "nobody outside of the group");
    let next = tested.add(ENGINE, |_| {});
    tested.push_to(next, &releases(va(DATA + 4), 7));
    pass(&mut tested.card, SWITCH - 2 * TURN);
    assert_eq!(tested.stopped(), [0; 0], "there is still time");
    pass(&mut tested.card, 4 * TURN);
    assert_eq!(tested.stopped(), [0, 1]);
    pass(&mut tested.card, 4 * TURN);
    assert_eq!([0, 4].map(|at| tested.word(DATA + at)), [0, 7]);
    let messages = sent(&mut tested);
    let functions: Vec<_> = messages.iter().map(|(function, _)| *function).collect();
    assert_eq!(functions, [event::OS_ERROR_LOG, event::RC_TRIGGERED]);
    let (at, report) = (&RELEASES[0].rc_triggered, &messages[1].1);
    assert_eq!(at.xid.read(report), Some(109));
    assert_eq!(at.channel.read(report), Some(3));
}

#[test]
fn an_engine_that_nobody_waits_for_any_more_is_in_time() {
    let mut tested = hanging();
    let next = tested.add(ENGINE, |_| {});
    tested.push_to(next, &releases(va(DATA + 4), 7));
    pass(&mut tested.card, SWITCH / 2);
    let id = tested.pushed[next].channel.number;
    let runs = |runs| Effect::Scheduled { channel: id, runs };
    tested.card.apply(runs(false));
    pass(&mut tested.card, SWITCH);
    assert_eq!(
        tested.stopped(),
        [0; 0],
        "the next one is not in the runlist"
    );
    tested.card.apply(runs(true));
    let hanging = tested.channel().number;
    tested.card.apply(Effect::ChannelFreed(hanging));
    pass(&mut tested.card, 4 * TURN);
    assert_eq!(tested.word(DATA + 4), 7);
    pass(&mut tested.card, 10 * SWITCH);
    assert!(!tested.status().contains("Stopped"), "{}", tested.status());
}

#[test]
fn a_semaphore_may_take_any_time() {
    let mut tested = with_gsp_rm();
    let next = tested.add(ENGINE, |_| {});
    tested.push(&acquires(va(DATA), 5));
    tested.push_to(next, &acquires(va(DATA), 5));
    pass(&mut tested.card, 10 * SWITCH);
    tested.push_to(next, &releases(va(DATA + 4), 7));
    pass(&mut tested.card, 10 * SWITCH);
    assert_eq!(tested.stopped(), [0; 0]);
}

#[test]
fn no_time_out_outlives_gsp_rm() {
    let mut tested = hanging();
    let next = tested.add(ENGINE, |_| {});
    tested.push_to(next, &releases(va(DATA + 4), 7));
    pass(&mut tested.card, SWITCH / 2);
    tested.card.end_gsp_rm();
    assert_eq!(tested.card.next_event(), None);
}
