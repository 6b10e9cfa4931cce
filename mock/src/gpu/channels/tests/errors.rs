// SPDX-License-Identifier: GPL-2.0

//! What GSP-RM reports of channels that stop.

use nova_hw::abi::event;

use super::*;
use crate::gsp_rm::notice::Notice;

#[test]
fn gsp_rm_reports_a_fault() {
    let mut tested = with_gsp_rm();
    tested.push(&copies(NOWHERE, va(DATA), 4));
    tested.settle();
    let messages = sent(&mut tested);
    let functions: Vec<_> = messages.iter().map(|(function, _)| *function).collect();
    assert_eq!(functions, [event::OS_ERROR_LOG, event::RC_TRIGGERED]);
    assert_eq!(messages[0].1[0], 31, "the Xid");
    let (at, report) = (&RELEASES[0].rc_triggered, &messages[1].1);
    assert_eq!(at.xid.read(report), Some(31));
    assert_eq!(at.channel.read(report), Some(3));
    assert_eq!(at.engine.read(report), Some(ENGINE.number()));
    let address = at.mmu_fault_addr_lo.unwrap().read(report);
    assert_eq!(address, Some(NOWHERE as u32));
    let kind = at.mmu_fault_type.unwrap().read(report);
    assert_eq!(kind, Some(0), "PDE");
}

#[test]
fn a_channel_that_gsp_rm_has_stopped_does_nothing() {
    let mut tested = with_gsp_rm();
    let (xid, engine, channel) = (43, 1, 3);
    tested.card.report(&Notice::RcTriggered {
        xid,
        engine,
        channel,
        fault_address: 0,
        fault_type: 0,
    });
    assert_eq!(sent(&mut tested).len(), 1);
    assert!(tested.status().contains("Stopped"), "{}", tested.status());
    tested.push(&releases(va(DATA), 1));
    tested.settle();
    assert_eq!(tested.word(DATA), 0);
    tested.card.stop_channel(4, 31);
    tested.card.stop_channel(u32::MAX, 31);
}

/// A channel without a group, and two groups of two, whose clients call them the same.
#[test]
fn a_group_stops_together_and_is_reported_once() {
    let mut tested = with_gsp_rm();
    let group = |client| {
        move |channel: &mut resource::Channel| {
            let handle = 0xa06c_0000;
            channel.group = Some(resource::GroupId { client, handle });
        }
    };
    for client in [1, 1, 2, 2] {
        tested.add(ENGINE, group(client));
    }
    tested.push_to(1, &copies(NOWHERE, va(DATA), 4));
    tested.settle();
    assert_eq!(tested.stopped(), [1, 2]);
    let messages = sent(&mut tested);
    let functions: Vec<_> = messages.iter().map(|(function, _)| *function).collect();
    assert_eq!(functions, [event::OS_ERROR_LOG, event::RC_TRIGGERED]);
    let (at, report) = (&RELEASES[0].rc_triggered, &messages[1].1);
    assert_eq!(at.channel.read(report), Some(4), "the one at fault");
    assert_eq!(at.scope.read(report), Some(1), "and its group");
    // As GSP-RM stops one by itself.
    tested.card.stop_channel(6, 43);
    assert_eq!(tested.stopped(), [1, 2, 3, 4]);
    tested.push(&releases(va(DATA), 1));
    tested.settle();
    assert_eq!(tested.word(DATA), 1, "the channel without a group runs");
}
