// SPDX-License-Identifier: GPL-2.0

//! Doorbells, and whose turn it is.

use super::*;

#[test]
fn doorbells_of_no_channel_are_ignored() {
    let mut bench = Bench::with_channel(ChannelClass::AmpereA);
    bench.segment(1, &[immd(0x100, 1)]);
    let token = token(ChannelClass::AmpereA, 1);
    for wrong in [
        token + 1,
        token ^ 1 << 11,
        token ^ 1 << 16,
        token | 1 << 12,
        token | 1 << 23,
        token | 1 << 30,
        token | 1 << 31,
        u32::MAX,
    ] {
        assert!(!bench.host.ring(wrong), "{wrong:#x}");
    }
    assert_eq!(bench.run(), []);
    assert!(bench.host.ring(token));
    // Once removed, the channel is dead, and its doorbell with it.
    assert!(bench.host.remove(id(1)));
    assert!(!bench.host.remove(id(1)));
    assert!(!bench.host.ring(token));
    assert_eq!(bench.host.status(id(1)), None);
    assert_eq!(bench.run(), []);
    assert_eq!(bench.seen(), []);
}

#[test]
fn tokens_have_another_form_on_the_last_chips() {
    let mut bench = Bench::with_channel(ChannelClass::BlackwellB);
    let token = token(ChannelClass::BlackwellB, 1);
    assert!(bench.host.ring(token));
    assert!(!bench.host.ring(token & !(1 << 30)));
}

#[test]
fn a_channel_runs_only_in_its_runlist() {
    let mut bench = Bench::with_channel(ChannelClass::AmpereA);
    assert!(bench.host.enable(id(1), false));
    bench.push(1, &[immd(0x100, 1)]);
    assert_eq!(bench.status(1), Status::Disabled);
    assert_eq!(bench.run(), []);
    assert!(!bench.host.is_ready());
    // The doorbell is not forgotten.
    assert!(bench.host.enable(id(1), true));
    assert!(bench.host.is_ready());
    bench.run();
    assert_eq!(bench.seen(), [(0x100, 1)]);
    assert!(!bench.host.enable(id(2), true));
}

#[test]
fn a_turn_has_a_limit_of_methods() {
    let mut bench = Bench::with_channel(ChannelClass::AmpereA);
    let words: Vec<u32> = (0..150).map(|data| immd(0x100, data)).collect();
    bench.push(1, &words);
    let turns = bench.run();
    let count = |turn: &Turn| turn.report.methods().count();
    let methods: Vec<_> = turns.iter().map(count).collect();
    assert_eq!(methods, [64, 64, 22]);
    assert_eq!(bench.seen().len(), 150);
}

#[test]
fn a_turn_has_a_limit_of_words_and_entries() {
    let mut bench = Bench::with_channel(ChannelClass::AmpereA);
    bench.push(1, &vec![0; 600]);
    assert_eq!(bench.run().len(), 3);
    let mut bench = Bench::new();
    let setup = Setup {
        entries: 256,
        ..bench.setup(1)
    };
    bench.add_as(1, setup);
    bench.set_gp_put(1, 130);
    bench.ring(1);
    assert_eq!(bench.run().len(), 3);
}

#[test]
fn a_long_copy_takes_several_turns() {
    let mut bench = Bench::with_channel(ChannelClass::AmpereA);
    bench.add(2);
    let words = [
        &inc(TestEngine::COPY.into(), &[10 << 20]),
        &[immd(0x100, 1)][..],
    ];
    bench.push(1, &words.concat());
    bench.push(2, &inc(TestEngine::COPY.into(), &[5 << 20]));
    let turns = bench.run();
    let channels: Vec<_> = turns.iter().map(|turn| turn.channel.channel).collect();
    assert_eq!(channels, [1, 2, 1, 2, 1]);
    assert_eq!(bench.seen(), [(0x100, 1)]);
    // An object that goes takes its copy with it.
    bench.push(1, &words.concat());
    bench.turn();
    assert!(bench.host.detach(id(1), 4));
    let object = bench.object();
    assert!(bench.host.attach(id(1), 4, object));
    bench.run();
    assert_eq!(bench.seen(), [(0x100, 1)]);
}

#[test]
fn an_engine_that_hangs_holds_up_its_runlist() {
    let mut bench = Bench::with_channel(ChannelClass::AmpereA);
    bench.add(2);
    bench.card.hangs_at = Some(TestEngine::COPY);
    let words = [&inc(TestEngine::COPY.into(), &[1]), &[immd(0x100, 1)][..]];
    bench.push(1, &words.concat());
    assert_eq!(bench.events(), [HostEvent::Hangs]);
    bench.card.hangs_at = None;
    let waits = inc(0x5c, &[DATA as u32, 0, 1, 0, 0]);
    bench.push(2, &[vec![immd(0x100, 2)], waits].concat());
    assert_eq!(bench.run(), []);
    assert_eq!(
        [bench.status(1), bench.status(2)],
        [Status::Hanging, Status::Runnable]
    );
    assert!(!bench.host.is_ready() && bench.host.hanging().eq([id(1)]));
    // GSP-RM takes the channel out of the runlist, and resets the engine.
    assert!(bench.host.enable(id(1), false));
    bench.run();
    assert_eq!(bench.seen(), [(0x100, 2)]);
    assert!(bench.host.is_waiting());
    assert!(bench.host.enable(id(1), true));
    assert_eq!(bench.status(1), Status::Hanging, "its work is lost");
    assert!(!bench.host.is_waiting(), "no turn would come of it");
    // What hangs goes with its object.
    assert!(bench.host.detach(id(1), 4));
    let object = bench.object();
    assert!(bench.host.attach(id(1), 4, object));
    bench.run();
    assert_eq!(bench.seen(), [(0x100, 1)]);
}

#[test]
fn an_engine_that_hangs_keeps_other_groups_waiting() {
    let mut bench = Bench::new();
    for (channel, group) in [(1, Some(7)), (2, Some(7)), (3, Some(8)), (4, None)] {
        let setup = Setup {
            group,
            ..bench.setup(channel)
        };
        bench.add_as(channel, setup);
    }
    let elsewhere = ChannelId {
        runlist: 9,
        channel: 1,
    };
    let setup = bench.setup(5);
    assert_eq!(bench.host.create(elsewhere, setup), Ok(()));
    assert!(bench.host.enable(elsewhere, true));
    bench.card.hangs_at = Some(TestEngine::COPY);
    bench.push(1, &inc(TestEngine::COPY.into(), &[1]));
    bench.run();
    bench.ring(2);
    assert!(bench.host.ring(9 << 16 | 1));
    assert_eq!(bench.host.overdue().next(), None);
    for channel in [3, 4] {
        bench.ring(channel);
        assert!(bench.host.overdue().eq([id(1)]), "{channel}");
        assert!(bench.host.remove(id(channel)));
        assert_eq!(bench.host.overdue().next(), None);
    }
}

#[test]
fn copies_share_the_limit_of_a_turn() {
    let mut bench = Bench::with_channel(ChannelClass::AmpereA);
    let copy = |size| inc(TestEngine::COPY.into(), &[size]);
    bench.push(1, &[copy(3 << 20), copy(3 << 20)].concat());
    assert_eq!(bench.run().len(), 2);
    // A turn that is exactly used up is over.
    bench.push(1, &[copy(4 << 20), vec![immd(0x100, 1)]].concat());
    assert_eq!(bench.run().len(), 2);
    // One that is not is not.
    bench.push(1, &[copy((4 << 20) - 1), vec![immd(0x100, 1)]].concat());
    assert_eq!(bench.run().len(), 1);
}

#[test]
fn channels_take_turns() {
    let mut bench = Bench::new();
    let words: Vec<u32> = (0..200).map(|data| immd(0x100, data)).collect();
    for channel in [1, 2, 5] {
        bench.add(channel);
        bench.push(channel, &words);
    }
    let mut order = Vec::new();
    for _ in 0..6 {
        order.push(bench.turn().unwrap().channel.channel);
    }
    assert_eq!(order, [1, 2, 5, 1, 2, 5]);
    // One that comes later does not wait longer than the others.
    bench.add(3);
    bench.push(3, &words);
    let next: Vec<_> = (0..3)
        .map(|_| bench.turn().unwrap().channel.channel)
        .collect();
    assert_eq!(next, [1, 2, 3]);
}

#[test]
fn runlists_take_turns() {
    let mut bench = Bench::with_channel(ChannelClass::AmpereA);
    bench.add(2);
    let other = ChannelId {
        runlist: 9,
        channel: 1,
    };
    let setup = bench.setup(4);
    assert_eq!(bench.host.create(other, setup), Ok(()));
    let object = bench.object();
    assert!(bench.host.attach(other, 0, object));
    assert!(bench.host.enable(other, true));
    let words: Vec<u32> = (0..200).map(|data| immd(0x100, data)).collect();
    bench.push(1, &words);
    bench.push(2, &words);
    bench.segment(4, &words);
    assert!(bench.host.ring(9 << 16 | 1));
    let turns = (0..6).map(|_| bench.turn().unwrap().channel);
    let turns: Vec<_> = turns.map(|id| (id.runlist, id.channel)).collect();
    assert_eq!(turns, [(3, 1), (9, 1), (3, 2), (9, 1), (3, 1), (9, 1)]);
}

#[test]
fn each_channel_has_its_address_space() {
    let mut bench = Bench::with_channel(ChannelClass::AmpereA);
    let instance = Place {
        aperture: Aperture::System,
        at: 0x1_2345_6000,
    };
    let setup = Setup {
        instance,
        is_privileged: true,
        ..bench.setup(2)
    };
    bench.add_as(2, setup);
    bench.ring(1);
    bench.ring(2);
    bench.turn();
    assert_eq!(bench.card.instance, Some((INSTANCE, false)));
    bench.turn();
    assert_eq!(bench.card.instance, Some((instance, true)));
}

#[test]
fn the_same_calls_have_the_same_effects() {
    let run = || {
        let mut bench = Bench::new();
        let words: Vec<u32> = (0..100).map(|data| immd(0x100, data)).collect();
        for channel in 1..5 {
            bench.add(channel);
            bench.push(channel, &words);
        }
        bench.run()
    };
    assert_eq!(run(), run());
}
