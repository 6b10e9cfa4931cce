// SPDX-License-Identifier: GPL-2.0

use super::call::{Call, CALLS_MAX, PAYLOAD_LIMIT};
use super::*;
use crate::chip::FalconKind;
use crate::falcon::error::Stopped;
use crate::falcon::processors::Processors;
use crate::gsp::commands::control::{self, Control};
use crate::gsp::commands::init_done::InitDone;
use crate::gsp::commands::interrupt_table::GetGspVector;
use crate::gsp::commands::ping::Ping;
use crate::gsp::handles::Handles;
use crate::gsp::payload::{Payload, ShortPayload};
use crate::gsp::queue::far_side::Gsp;
use crate::gsp::queue::PAYLOAD_MAX;
use crate::gsp::sequencer::SequencerError;
use crate::platform::Clock;
use crate::testing::{Allocator, Card};
use nova_hw::abi::function::{CONTINUATION_RECORD, GSP_RM_CONTROL};
use nova_hw::abi::RmControl;
use nova_hw::release::RELEASES;
use std::string::{String, ToString};
use std::vec;
use std::vec::Vec;
use zerocopy::IntoBytes;

/// Where the RISC-V core says that it runs, and how.
const CPUCTL: u32 = 0x111388;
const ACTIVE: u32 = 1 << 7;

const SECOND: Duration = Duration::from_secs(1);
const NOP: u32 = 0;

/// The two ends of a conversation.
pub(super) struct Talk {
    card: Card,
    memory: Allocator,
    pub(super) rpc: Rpc<Allocator>,
    pub(super) gsp: Gsp,
    pub(super) events: Vec<String>,
}

impl Talk {
    pub(super) fn new() -> Self {
        let (card, memory) = (Card::default(), Allocator::default());
        card.set(CPUCTL, ACTIVE);
        let mut rpc = Rpc::new(&memory, RELEASES[0], SECOND).unwrap();
        rpc.keep_ping(&memory, &PING).unwrap();
        let gsp = Gsp::of(&memory);
        Self {
            card,
            memory,
            rpc,
            gsp,
            events: Vec::new(),
        }
    }

    pub(super) fn submit(&mut self, payload: &[u8]) -> Result<Ticket, RpcError> {
        let call = Call::request("a call", NOP);
        let write = &mut |place: &mut [u8]| place.copy_from_slice(payload);
        let call = Outgoing::write(&self.memory, call, payload.len(), write)?;
        self.rpc.submit(call, self.card.now())
    }

    pub(super) fn service(&mut self) -> Result<(), RpcError> {
        let Self {
            card, rpc, events, ..
        } = self;
        with_sequencer(card, |sequencer| {
            rpc.service(sequencer.processors, &mut |event| {
                events.push(event.to_string());
            })
        })?;
        if self.rpc.is_doubtful() {
            self.rpc.ping(&PING, self.card.now())?;
        }
        Ok(())
    }

    /// Runs the list of register accesses that came.
    fn run_list(&mut self) -> Result<(), RpcError> {
        let list = self.rpc.take_list().expect("a list");
        let result = with_sequencer(&self.card, |sequencer| sequencer.run(list.payload()));
        self.rpc.finish_list(list, result, self.card.now())
    }

    /// Has the GSP ask for these register accesses.
    fn put_list(&mut self, list: &[u32]) {
        let len = list.len() as u32;
        let words = [&[len, len][..], &[0; 8], list].concat();
        self.gsp
            .put(GSP_RUN_CPU_SEQUENCER, words.as_bytes(), |_| {});
    }

    /// The payload that came back.
    pub(super) fn take(&mut self, ticket: Ticket) -> Option<Result<Vec<u8>, RpcError>> {
        let reply = self.rpc.take(ticket)?;
        Some(reply.and_then(|reply| reply.good().map(|payload| payload.bytes.to_vec())))
    }

    /// Answers the call with this sequence number.
    fn answer(&mut self, sequence: u32, payload: &[u8]) {
        self.gsp.put(NOP, payload, |draft| draft.answers = sequence);
    }

    /// Lets time pass as an adapter does, with nothing coming from the GSP.
    fn pass(&mut self, time: Duration) {
        let until = self.card.now() + time;
        while self.card.now() < until {
            let pause = self.rpc.pause(self.card.now());
            self.card.sleep(pause.max(LONGEST_PAUSE));
            let _ = self.service();
        }
    }
}

fn with_sequencer<T>(card: &Card, act: impl FnOnce(&Sequencer<'_>) -> T) -> T {
    let io = &Io::new(card);
    act(&Sequencer {
        processors: Processors::new(io, FalconKind::Ga102, 0),
        bar: 1 << 24,
        libos: 0,
        app_version: 0,
    })
}

/// Bytes that tell where they belong.
fn pattern(len: usize) -> Vec<u8> {
    // Not a part of any power of two.
    let block: Vec<u8> = (0..4099).map(|at| (at ^ at >> 8) as u8).collect();
    let mut bytes = block.repeat(len / block.len() + 1);
    bytes.truncate(len);
    bytes
}

#[test]
fn replies_find_their_calls_in_any_order() {
    let mut talk = Talk::new();
    let tickets: Vec<_> = (0..8).map(|n| talk.submit(&[n; 4]).unwrap()).collect();
    let commands = talk.gsp.commands(usize::MAX);
    assert_eq!(commands.len(), 8);
    for command in commands.iter().rev() {
        assert_eq!(talk.take(tickets[0]), None);
        talk.answer(command.sequence, &command.payload);
    }
    talk.service().unwrap();
    for (n, ticket) in tickets.into_iter().enumerate() {
        assert_eq!(talk.take(ticket), Some(Ok(vec![n as u8; 4])));
        assert_eq!(talk.take(ticket), Some(Err(RpcError::NoCall)));
    }
}

#[test]
fn a_reply_to_nobody_is_counted_and_skipped() {
    let mut talk = Talk::new();
    let ticket = talk.submit(&[0; 4]).unwrap();
    let sequence = talk.gsp.commands(1)[0].sequence;
    talk.answer(sequence + 1, &[1; 4]);
    // The same number, but another function.
    talk.gsp
        .put(GSP_RM_CONTROL, &[2; 4], |draft| draft.answers = sequence);
    talk.answer(sequence, &[3; 4]);
    talk.answer(sequence, &[4; 4]);
    talk.service().unwrap();
    assert_eq!(talk.take(ticket), Some(Ok(vec![3; 4])));
    assert_eq!(talk.rpc.counts().skipped, 3);
}

#[test]
fn what_is_too_long_for_a_message_is_continued_both_ways() {
    let mut talk = Talk::new();
    let payload = pattern(2 * PAYLOAD_MAX + 100);
    let large = talk.submit(&payload).unwrap();
    let small = talk.submit(&[9]).unwrap();
    let commands = talk.gsp.commands(usize::MAX);
    let functions: Vec<_> = commands.iter().map(|command| command.function).collect();
    assert_eq!(
        functions,
        [NOP, CONTINUATION_RECORD, CONTINUATION_RECORD, NOP]
    );
    let sequences: Vec<_> = commands.iter().map(|command| command.sequence).collect();
    assert_eq!(sequences, [1, 2, 3, 4]);
    let sent: Vec<u8> = commands[..3]
        .iter()
        .flat_map(|c| c.payload.clone())
        .collect();
    assert!(sent == payload);

    // It comes back changed, with an event and another reply between its pieces.
    let back: Vec<u8> = payload.iter().map(|byte| !byte).collect();
    let mut pieces = back.chunks(PAYLOAD_MAX);
    talk.answer(1, pieces.next().unwrap());
    talk.gsp.put(0x1020, &[], |_| {});
    talk.service().unwrap();
    let mut continued = |talk: &mut Talk, sequence| {
        let piece = pieces.next().unwrap();
        talk.gsp
            .put(CONTINUATION_RECORD, piece, |draft| draft.answers = sequence);
        talk.service().unwrap();
    };
    continued(&mut talk, 2);
    talk.answer(4, &[10]);
    talk.service().unwrap();
    assert_eq!(talk.take(small), Some(Ok(vec![10])));
    assert_eq!(talk.take(large), None);
    continued(&mut talk, 3);
    assert!(talk.take(large) == Some(Ok(back)));
    assert_eq!(talk.events, ["event 0x1020 of GSP-RM skipped"]);
}

#[test]
#[cfg_attr(miri, ignore = "takes minutes")]
fn what_the_ring_does_not_hold_is_sent_as_the_gsp_reads() {
    let mut talk = Talk::new();
    let payload = pattern(10 * PAYLOAD_MAX);
    let ticket = talk.submit(&payload).unwrap();
    // Nobody else's messages come between.
    talk.submit(&[1]).unwrap();
    assert_eq!(talk.rpc.pause(talk.card.now()), LONGEST_PAUSE);
    let mut commands = Vec::new();
    while commands.len() < 11 {
        let read = talk.gsp.commands(2);
        assert!(!read.is_empty());
        commands.extend(read);
        talk.card.sleep(LONGEST_PAUSE);
        talk.service().unwrap();
    }
    let sent: Vec<u8> = commands[..10]
        .iter()
        .flat_map(|c| c.payload.clone())
        .collect();
    assert!(sent == payload);
    assert_eq!(commands[10].payload, [1]);
    talk.answer(commands[0].sequence, &[]);
    talk.service().unwrap();
    assert_eq!(talk.take(ticket), Some(Ok(vec![])));
}

#[test]
fn a_reply_that_is_shorter_or_longer_than_its_call_is_cut_to_fit() {
    let mut talk = Talk::new();
    let short = talk.submit(&[0; 8]).unwrap();
    let long = talk.submit(&[0; 8]).unwrap();
    talk.answer(1, &[1; 3]);
    talk.answer(2, &[2; 30]);
    talk.service().unwrap();
    assert_eq!(talk.take(short), Some(Ok(vec![1; 3])));
    assert_eq!(talk.take(long), Some(Ok(vec![2; 8])));
}

const PING: Ping = Ping(control::Call {
    on: CONTROL.on,
    method: GetGspVector,
});

const CONTROL: Control<'_> = Control {
    on: Handles {
        client: 1,
        object: 2,
    },
    cmd: 0x2080_0102,
    params: &[5; 4],
};

#[test]
fn refusals_are_told_with_their_status() {
    let mut talk = Talk::new();
    let ticket = talk.submit(&[0; 8]).unwrap();
    talk.gsp.put(NOP, &[], |draft| {
        (draft.answers, draft.result) = (1, 0x56);
    });
    talk.service().unwrap();
    let refused = RpcError::Refused {
        rpc: "a call",
        status: 0x56,
    };
    assert_eq!(talk.take(ticket), Some(Err(refused)));

    let ticket = talk.rpc.submit_new(&talk.memory, &CONTROL, SECOND).unwrap();
    let header = RmControl {
        status: 0x1f,
        ..RmControl::default()
    };
    let payload = [header.as_bytes(), &[6; 4]].concat();
    talk.gsp
        .put(GSP_RM_CONTROL, &payload, |draft| draft.answers = 2);
    talk.service().unwrap();
    let reply = talk.rpc.take(ticket).unwrap().unwrap();
    assert_eq!((reply.status(), reply.params()), (0x1f, &[6; 4][..]));
}

#[test]
fn a_control_that_is_answered_without_its_header_has_not_succeeded() {
    for len in [0, 12, size_of::<RmControl>() - 1] {
        let mut talk = Talk::new();
        let ticket = talk.rpc.submit_new(&talk.memory, &CONTROL, SECOND).unwrap();
        talk.gsp
            .put(GSP_RM_CONTROL, &pattern(len), |draft| draft.answers = 1);
        talk.service().unwrap();
        let cut_off = RpcError::Payload(ShortPayload {
            message: "GSP_RM_CONTROL",
            expected: size_of::<RmControl>(),
            found: len,
        });
        assert_eq!(talk.take(ticket), Some(Err(cut_off)));
        assert_eq!(talk.take(ticket), Some(Err(RpcError::NoCall)));
        assert!(talk.rpc.lost().is_none());
    }
}

#[test]
#[cfg_attr(miri, ignore = "takes minutes")]
fn there_are_only_so_many_calls_and_so_many_bytes() {
    let mut talk = Talk::new();
    let tickets: Vec<_> = (0..CALLS_MAX).map(|_| talk.submit(&[]).unwrap()).collect();
    assert_eq!(talk.submit(&[]), Err(RpcError::TooManyCalls));
    // One that the GSP has seen keeps its place until it is answered.
    talk.rpc.cancel(tickets[0]);
    assert_eq!(talk.submit(&[]), Err(RpcError::TooManyCalls));
    talk.answer(1, &[]);
    talk.service().unwrap();
    assert_eq!(talk.take(tickets[0]), Some(Err(RpcError::NoCall)));
    talk.submit(&[]).unwrap();

    let mut talk = Talk::new();
    let len = PAYLOAD_LIMIT + 1;
    assert_eq!(
        talk.submit(&vec![0; len]),
        Err(RpcError::CallTooLong { len })
    );
    talk.submit(&vec![0; PAYLOAD_LIMIT]).unwrap();
}

#[test]
fn a_ticket_of_an_earlier_boot_is_worth_nothing() {
    let mut talk = Talk::new();
    let old = talk.submit(&[1]).unwrap();
    talk.rpc = Rpc::new(&talk.memory, RELEASES[0], 2 * SECOND).unwrap();
    talk.submit(&[2]).unwrap();
    assert_eq!(talk.take(old), Some(Err(RpcError::NoCall)));
}

#[test]
#[cfg_attr(miri, ignore = "takes minutes")]
fn a_cancelled_call_that_was_not_sent_never_is() {
    let mut talk = Talk::new();
    talk.submit(&pattern(10 * PAYLOAD_MAX)).unwrap();
    let ticket = talk.submit(&[77]).unwrap();
    talk.rpc.cancel(ticket);
    talk.submit(&[78]).unwrap();
    let mut commands = Vec::new();
    for _ in 0..10 {
        commands.extend(talk.gsp.commands(usize::MAX));
        talk.service().unwrap();
    }
    assert_eq!(commands.len(), 11);
    assert_eq!(commands[10].payload, [78]);
}

#[test]
fn a_gsp_that_does_not_answer_is_lost() {
    let mut talk = Talk::new();
    let first = talk.submit(&[]).unwrap();
    talk.pass(2 * SECOND);
    let second = talk.submit(&[]).unwrap();
    talk.pass(SECOND * 29 / 10);
    assert_eq!(talk.gsp.commands(usize::MAX).len(), 2);
    talk.pass(SECOND / 5);
    assert_eq!(talk.gsp.commands(usize::MAX).len(), 1, "a ping");
    assert_eq!(talk.take(first), None, "it is not known yet what it is");
    talk.pass(SECOND * 47 / 10);
    assert!(talk.rpc.lost().is_none());
    talk.pass(SECOND / 5);
    let lost = *talk.rpc.lost().unwrap();
    let line = lost.to_string();
    assert!(
        line.contains("waited 5s for GSP-RM to answer a ping"),
        "{line}"
    );
    let (name, age) = lost.call.unwrap();
    assert!(name == "a call" && age >= 10 * SECOND && age < 11 * SECOND);
    assert_eq!(talk.take(first), Some(Err(lost.cause)));
    assert_eq!(talk.take(second), Some(Err(lost.cause)));
    assert_eq!(talk.submit(&[]), Err(lost.cause));
    assert_eq!(talk.service(), Err(lost.cause));
}

/// Answers all that has been sent; returns how many messages that were.
fn answer_all(talk: &mut Talk) -> usize {
    let commands = talk.gsp.commands(usize::MAX);
    for command in &commands {
        talk.gsp.put(command.function, &[9], |draft| {
            draft.answers = command.sequence;
        });
    }
    talk.service().unwrap();
    commands.len()
}

#[test]
fn a_late_call_fails_alone() {
    let mut talk = Talk::new();
    let late = talk.submit(&[1]).unwrap();
    let sequence = talk.gsp.commands(1)[0].sequence;
    // Calls behind it that are answered do not make it younger.
    for _ in 0..9 {
        talk.pass(SECOND / 2);
        let other = talk.submit(&[2]).unwrap();
        assert_eq!(answer_all(&mut talk), 1);
        assert_eq!(talk.take(other), Some(Ok(vec![9])));
    }
    talk.pass(SECOND * 2 / 5);
    assert_eq!(talk.take(late), None);
    assert!(talk.rpc.calls.ping().is_none());
    talk.card.sleep(SECOND / 5);
    talk.service().unwrap();
    let other = talk.submit(&[2]).unwrap();
    assert_eq!(talk.take(late), None, "whether the GSP is lost");
    assert_eq!(answer_all(&mut talk), 2, "a ping and the other call");
    let timeout = talk.take(late).unwrap().unwrap_err();
    assert_eq!(timeout.to_string(), "waited 5s for a call, saw 0x0");
    assert_eq!(timeout.kind(), crate::error_kind::ErrorKind::Timeout);
    assert_eq!(talk.take(late), Some(Err(RpcError::NoCall)));
    assert_eq!(talk.take(other), Some(Ok(vec![9])));
    // Its answer is nobody else's, and no ping follows.
    talk.pass(10 * SECOND);
    let other = talk.submit(&[2]).unwrap();
    talk.answer(sequence, &[5]);
    talk.service().unwrap();
    assert_eq!(talk.take(other), None);
    assert_eq!(talk.rpc.counts().skipped, 0);
    assert_eq!(answer_all(&mut talk), 1);
    assert_eq!(talk.take(other), Some(Ok(vec![9])));
    assert!(talk.rpc.lost().is_none());
}

#[test]
fn calls_that_are_never_answered_leave_room_for_others() {
    let mut talk = Talk::new();
    for _ in 0..2 {
        let late: Vec<_> = (0..CALLS_MAX).map(|_| talk.submit(&[]).unwrap()).collect();
        assert_eq!(talk.submit(&[]), Err(RpcError::TooManyCalls));
        talk.service().unwrap();
        let mut commands = talk.gsp.commands(usize::MAX).len();
        while commands < CALLS_MAX {
            talk.service().unwrap();
            commands += talk.gsp.commands(usize::MAX).len();
        }
        talk.pass(SECOND * 51 / 10);
        assert_eq!(answer_all(&mut talk), 1, "a ping");
        for ticket in late {
            let error = talk.take(ticket).unwrap().unwrap_err();
            assert!(matches!(error, RpcError::Timeout(_)), "{error}");
        }
    }
    let other = talk.submit(&[1]).unwrap();
    assert_eq!(answer_all(&mut talk), 1);
    assert_eq!(talk.take(other), Some(Ok(vec![9])));
}

#[test]
fn a_slow_gsp_is_not_lost_while_it_gets_on() {
    let mut talk = Talk::new();
    let tickets: Vec<_> = (0..10).map(|_| talk.submit(&[]).unwrap()).collect();
    for (n, ticket) in tickets.into_iter().enumerate() {
        talk.pass(4 * SECOND);
        talk.answer(1 + n as u32, &[]);
        talk.service().unwrap();
        assert_eq!(talk.take(ticket), Some(Ok(vec![])));
    }
}

#[test]
#[cfg_attr(miri, ignore = "takes minutes")]
fn a_gsp_that_only_talks_is_lost_too() {
    let mut talk = Talk::new();
    talk.submit(&[]).unwrap();
    for _ in 0..12000 {
        if talk.rpc.lost().is_some() {
            break;
        }
        talk.gsp.put(0x1020, &[], |_| {});
        talk.card.sleep(SECOND / 1000);
        let _ = talk.service();
    }
    let lost = talk.rpc.lost().unwrap();
    assert!(matches!(lost.cause, RpcError::Timeout(t) if t.seen > 1000));
}

#[test]
fn a_reply_that_comes_before_the_gsp_is_lost_is_not() {
    let mut talk = Talk::new();
    let first = talk.submit(&[1]).unwrap();
    let second = talk.submit(&[2]).unwrap();
    talk.answer(1, &[1]);
    // It came long ago, but nobody looked.
    talk.card.sleep(10 * SECOND);
    talk.service().unwrap();
    talk.gsp.put(NOP, &[], |draft| draft.flip = 1);
    let error = talk.service().unwrap_err();
    assert!(matches!(
        error,
        RpcError::Queue(QueueError::Checksum { .. })
    ));
    assert_eq!(talk.take(first), Some(Ok(vec![1])));
    assert_eq!(talk.take(second), Some(Err(error)));
}

#[test]
fn a_gsp_whose_processor_has_stopped_is_lost_soon() {
    let mut talk = Talk::new();
    let ticket = talk.submit(&[]).unwrap();
    talk.pass(SECOND / 2);
    talk.card.set(CPUCTL, 1 << 4);
    talk.pass(SECOND / 5);
    let halted = RpcError::Stopped(Stopped::Halted { cpuctl: 1 << 4 });
    assert_eq!(talk.take(ticket), Some(Err(halted)));

    let mut talk = Talk::new();
    let ticket = talk.submit(&[]).unwrap();
    talk.card.set(CPUCTL, u32::MAX);
    talk.pass(SECOND / 5);
    assert_eq!(
        talk.take(ticket),
        Some(Err(RpcError::Stopped(Stopped::CardGone)))
    );
}

#[test]
fn a_gsp_that_stops_while_nobody_calls_is_lost_too() {
    let mut talk = Talk::new();
    talk.service().unwrap();
    talk.card.set(CPUCTL, 1 << 4);
    let halted = RpcError::Stopped(Stopped::Halted { cpuctl: 1 << 4 });
    assert_eq!(talk.service(), Err(halted));
    assert_eq!(talk.rpc.lost().unwrap().call, None);
}

#[test]
fn a_sequencer_that_fails_is_the_end() {
    let mut talk = Talk::new();
    talk.gsp.put(GSP_RUN_CPU_SEQUENCER, &[0; 8], |_| {});
    talk.service().unwrap();
    let error = talk.run_list().unwrap_err();
    let short = ShortPayload {
        message: "GSP_RUN_CPU_SEQUENCER",
        expected: 40,
        found: 8,
    };
    assert_eq!(error, RpcError::Sequencer(SequencerError::Payload(short)));
    assert_eq!(talk.rpc.lost().unwrap().cause, error);
}

/// A command with a byte that comes back as another one.
struct Echo(u8);

impl Command for Echo {
    const FUNCTION: u32 = NOP;
    type Reply = u8;

    fn size(&self, _release: &Release) -> usize {
        1
    }

    fn write(&self, _release: &Release, payload: &mut [u8]) {
        payload.copy_from_slice(&[self.0]);
    }

    fn read(&self, _release: &Release, reply: Payload<'_>) -> Result<u8, RpcError> {
        Ok(reply.field(0)?)
    }
}

/// A list that writes a number to a register, and then has the CPU wait so many seconds.
fn write_and_wait(value: u32, seconds: u32) -> [u32; 5] {
    [0, 0x1400, value, 3, seconds * 1_000_000]
}

#[test]
fn a_list_is_run_by_whoever_takes_it_and_what_is_behind_it_waits() {
    let mut talk = Talk::new();
    let first = talk.submit(&[1]).unwrap();
    assert_eq!(talk.gsp.commands(usize::MAX).len(), 1);
    talk.put_list(&write_and_wait(5, 3));
    talk.answer(1, &[1]);
    talk.put_list(&write_and_wait(6, 0));
    talk.gsp.put(0x1020, &[], |_| {});
    let before = talk.card.now();
    talk.service().unwrap();
    assert_eq!(talk.card.now(), before, "it waits");
    let written = |talk: &Talk| {
        let writes = talk.card.writes.borrow().clone();
        let writes = writes.into_iter().filter(|write| write.0 == 0x1400);
        writes.map(|write| write.1).collect::<Vec<_>>()
    };
    assert!(written(&talk).is_empty(), "it is run");
    assert_eq!(talk.take(first), None);
    // The GSP may be in reset, and not hear of a call.
    let second = talk.submit(&[2]).unwrap();
    talk.service().unwrap();
    assert!(talk.gsp.commands(usize::MAX).is_empty());

    assert!(talk.rpc.has_list());
    talk.run_list().unwrap();
    assert!(!talk.rpc.has_list());
    assert!(talk.card.now() >= before + 3 * SECOND);
    talk.service().unwrap();
    assert_eq!(talk.take(first), Some(Ok(vec![1])));
    assert!(talk.events.is_empty(), "what is behind the second list");
    talk.run_list().unwrap();
    assert!(talk.rpc.take_list().is_none());
    talk.service().unwrap();
    assert_eq!(talk.events.len(), 1);
    assert_eq!(written(&talk), [5, 6]);
    let commands = talk.gsp.commands(usize::MAX);
    assert_eq!(commands.len(), 1);
    talk.answer(commands[0].sequence, &[2]);
    talk.service().unwrap();
    assert_eq!(talk.take(second), Some(Ok(vec![2])));
}

#[test]
fn calls_wait_for_the_end_of_a_list() {
    let mut talk = Talk::new();
    let ticket = talk.submit(&[0]).unwrap();
    talk.pass(4 * SECOND);
    talk.put_list(&write_and_wait(5, 6));
    talk.service().unwrap();
    // The list resets the GSP.
    talk.card.set(CPUCTL, 1 << 4);
    talk.pass(2 * SECOND);
    talk.run_list().unwrap();
    talk.card.set(CPUCTL, ACTIVE);
    talk.pass(4 * SECOND);
    assert_eq!(talk.take(ticket), None);
    talk.answer(1, &[7]);
    talk.service().unwrap();
    assert_eq!(talk.take(ticket), Some(Ok(vec![7])));
}

#[test]
fn a_gsp_that_only_has_lists_run_keeps_nobody_for_ever() {
    let mut talk = Talk::new();
    let ticket = talk.submit(&[]).unwrap();
    let list = write_and_wait(5, 10);
    let mut lists = 0;
    while talk.take(ticket).is_none() {
        assert!(lists <= LISTS_MAX + 2, "{lists} lists");
        talk.put_list(&list);
        let _ = talk.service();
        if talk.rpc.has_list() {
            talk.run_list().unwrap();
            lists += 1;
        }
    }
    assert!(lists > LISTS_MAX, "only {lists} lists");
}

#[test]
fn blocking_calls_go_the_same_way() {
    let Talk {
        card,
        memory,
        mut rpc,
        mut gsp,
        ..
    } = Talk::new();
    gsp.put(0x1020, &[], |_| {});
    gsp.put(NOP, &[5], |draft| draft.answers = 1);
    gsp.put(0x1001, &[], |draft| draft.result = 0x55);
    let wait = Wait::Polling;
    with_sequencer(&card, |sequencer| {
        let mut events = 0;
        let note = &mut |_: crate::gsp::events::GspEvent<'_>| events += 1;
        let reply = rpc.call(&memory, &Echo(4), wait, sequencer, note);
        assert_eq!(reply, Ok(5));
        // It has come already, and nobody waited for it.
        let error = rpc.call(&memory, &InitDone, wait, sequencer, note);
        assert!(matches!(error, Err(RpcError::Timeout(t)) if t.after == InitDone::LIMIT));
        assert_eq!(events, 2);
    });
    let [first, second] = rpc.history().records().collect::<Vec<_>>()[..] else {
        panic!("two calls");
    };
    assert!(first.to_string().contains("status 0x0, 0x1 bytes after"));
    assert!(second.to_string().ends_with(": no answer"));
}
