// SPDX-License-Identifier: GPL-2.0

use super::call::{CallInfo, CALLS_MAX, PAYLOAD_LIMIT};
use super::*;
use crate::chip::FalconKind;
use crate::falcon::error::Stopped;
use crate::falcon::processors::Processors;
use crate::gsp::commands::control::{self, Control};
use crate::gsp::commands::init_done::InitDone;
use crate::gsp::commands::interrupt_table::GetInterruptTable;
use crate::gsp::commands::ping::Ping;
use crate::gsp::handles::Handles;
use crate::gsp::payload::{Payload, ShortPayload};
use crate::gsp::queue::peer::Gsp;
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

/// The RISC-V core's register CPUCTL, and its bit that says that the core runs.
const CPUCTL: u32 = 0x111388;
const ACTIVE: u32 = 1 << 7;

const SECOND: Duration = Duration::from_secs(1);
const NOP: u32 = 0;

/// Both sides of the queues.
pub(super) struct Session {
    card: Card,
    memory: Allocator,
    pub(super) rpc: Rpc<Allocator>,
    pub(super) gsp: Gsp,
    pub(super) events: Vec<String>,
}

impl Session {
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
        let call = CallInfo::request("a call", NOP);
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
        if self.rpc.needs_ping() {
            self.rpc.ping(&PING, self.card.now())?;
        }
        Ok(())
    }

    /// Runs the pending list of register accesses.
    fn run_list(&mut self) -> Result<(), RpcError> {
        let list = self.rpc.take_list().expect("a list");
        let result = with_sequencer(&self.card, |sequencer| sequencer.run(list.payload()));
        self.rpc.finish_list(list, result, self.card.now())
    }

    /// Has the GSP request these register accesses.
    fn put_list(&mut self, list: &[u32]) {
        let len = list.len() as u32;
        let words = [&[len, len][..], &[0; 8], list].concat();
        self.gsp
            .put(GSP_RUN_CPU_SEQUENCER, words.as_bytes(), |_| {});
    }

    /// Takes the payload of the reply.
    pub(super) fn take(&mut self, ticket: Ticket) -> Option<Result<Vec<u8>, RpcError>> {
        let reply = self.rpc.take(ticket)?;
        Some(reply.and_then(|reply| reply.good().map(|payload| payload.bytes.to_vec())))
    }

    /// Answers the call with this sequence number.
    fn answer(&mut self, sequence: u32, payload: &[u8]) {
        self.gsp.put(NOP, payload, |draft| draft.answers = sequence);
    }

    /// Lets time pass as an adapter does, without messages of the GSP.
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

/// Bytes that differ by position.
fn pattern(len: usize) -> Vec<u8> {
    // The period is prime, so that pages and messages differ.
    let block: Vec<u8> = (0..4099).map(|at| (at ^ at >> 8) as u8).collect();
    let mut bytes = block.repeat(len / block.len() + 1);
    bytes.truncate(len);
    bytes
}

#[test]
fn replies_reach_their_calls_in_any_order() {
    let mut session = Session::new();
    let tickets: Vec<_> = (0..8).map(|n| session.submit(&[n; 4]).unwrap()).collect();
    let commands = session.gsp.commands(usize::MAX);
    assert_eq!(commands.len(), 8);
    for command in commands.iter().rev() {
        assert_eq!(session.take(tickets[0]), None);
        session.answer(command.sequence, &command.payload);
    }
    session.service().unwrap();
    for (n, ticket) in tickets.into_iter().enumerate() {
        assert_eq!(session.take(ticket), Some(Ok(vec![n as u8; 4])));
        assert_eq!(session.take(ticket), Some(Err(RpcError::NoCall)));
    }
}

#[test]
fn a_reply_without_a_call_is_counted_and_skipped() {
    let mut session = Session::new();
    let ticket = session.submit(&[0; 4]).unwrap();
    let sequence = session.gsp.commands(1)[0].sequence;
    session.answer(sequence + 1, &[1; 4]);
    // The same number, but another function.
    session
        .gsp
        .put(GSP_RM_CONTROL, &[2; 4], |draft| draft.answers = sequence);
    session.answer(sequence, &[3; 4]);
    session.answer(sequence, &[4; 4]);
    session.service().unwrap();
    assert_eq!(session.take(ticket), Some(Ok(vec![3; 4])));
    assert_eq!(session.rpc.counts().skipped, 3);
}

#[test]
fn long_payloads_are_continued_in_both_directions() {
    let mut session = Session::new();
    let payload = pattern(2 * PAYLOAD_MAX + 100);
    let large = session.submit(&payload).unwrap();
    let small = session.submit(&[9]).unwrap();
    let commands = session.gsp.commands(usize::MAX);
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

    // The reply, with an event and another reply between its fragments.
    let back: Vec<u8> = payload.iter().map(|byte| !byte).collect();
    let mut fragments = back.chunks(PAYLOAD_MAX);
    session.answer(1, fragments.next().unwrap());
    session.gsp.put(0x1020, &[], |_| {});
    session.service().unwrap();
    let mut continued = |session: &mut Session, sequence| {
        let fragment = fragments.next().unwrap();
        session.gsp.put(CONTINUATION_RECORD, fragment, |draft| {
            draft.answers = sequence
        });
        session.service().unwrap();
    };
    continued(&mut session, 2);
    session.answer(4, &[10]);
    session.service().unwrap();
    assert_eq!(session.take(small), Some(Ok(vec![10])));
    assert_eq!(session.take(large), None);
    continued(&mut session, 3);
    assert!(session.take(large) == Some(Ok(back)));
    assert_eq!(session.events, ["event 0x1020 of GSP-RM skipped"]);
}

#[test]
#[cfg_attr(miri, ignore = "takes minutes")]
fn messages_beyond_the_ring_are_sent_as_the_gsp_reads() {
    let mut session = Session::new();
    let payload = pattern(10 * PAYLOAD_MAX);
    let ticket = session.submit(&payload).unwrap();
    // Messages of another call do not come between.
    session.submit(&[1]).unwrap();
    assert_eq!(session.rpc.pause(session.card.now()), LONGEST_PAUSE);
    let mut commands = Vec::new();
    while commands.len() < 11 {
        let read = session.gsp.commands(2);
        assert!(!read.is_empty());
        commands.extend(read);
        session.card.sleep(LONGEST_PAUSE);
        session.service().unwrap();
    }
    let sent: Vec<u8> = commands[..10]
        .iter()
        .flat_map(|c| c.payload.clone())
        .collect();
    assert!(sent == payload);
    assert_eq!(commands[10].payload, [1]);
    session.answer(commands[0].sequence, &[]);
    session.service().unwrap();
    assert_eq!(session.take(ticket), Some(Ok(vec![])));
}

#[test]
fn a_reply_may_be_shorter_than_its_call_and_is_truncated_if_longer() {
    let mut session = Session::new();
    let short = session.submit(&[0; 8]).unwrap();
    let long = session.submit(&[0; 8]).unwrap();
    session.answer(1, &[1; 3]);
    session.answer(2, &[2; 30]);
    session.service().unwrap();
    assert_eq!(session.take(short), Some(Ok(vec![1; 3])));
    assert_eq!(session.take(long), Some(Ok(vec![2; 8])));
}

const PING: Ping = Ping(control::Call {
    on: CONTROL.on,
    method: GetInterruptTable,
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
fn refusals_are_returned_with_their_status() {
    let mut session = Session::new();
    let ticket = session.submit(&[0; 8]).unwrap();
    session.gsp.put(NOP, &[], |draft| {
        (draft.answers, draft.result) = (1, 0x56);
    });
    session.service().unwrap();
    let refused = RpcError::Refused {
        rpc: "a call",
        status: 0x56,
    };
    assert_eq!(session.take(ticket), Some(Err(refused)));

    let ticket = session
        .rpc
        .submit_new(&session.memory, &CONTROL, SECOND)
        .unwrap();
    let header = RmControl {
        status: 0x1f,
        ..RmControl::default()
    };
    let payload = [header.as_bytes(), &[6; 4]].concat();
    session
        .gsp
        .put(GSP_RM_CONTROL, &payload, |draft| draft.answers = 2);
    session.service().unwrap();
    let reply = session.rpc.take(ticket).unwrap().unwrap();
    assert_eq!((reply.status(), reply.params()), (0x1f, &[6; 4][..]));
}

#[test]
fn a_reply_without_a_complete_header_is_an_error() {
    for len in [0, 12, size_of::<RmControl>() - 1] {
        let mut session = Session::new();
        let ticket = session
            .rpc
            .submit_new(&session.memory, &CONTROL, SECOND)
            .unwrap();
        session
            .gsp
            .put(GSP_RM_CONTROL, &pattern(len), |draft| draft.answers = 1);
        session.service().unwrap();
        let cut_off = RpcError::Payload(ShortPayload {
            message: "GSP_RM_CONTROL",
            expected: size_of::<RmControl>(),
            found: len,
        });
        assert_eq!(session.take(ticket), Some(Err(cut_off)));
        assert_eq!(session.take(ticket), Some(Err(RpcError::NoCall)));
        assert!(session.rpc.lost().is_none());
    }
}

#[test]
#[cfg_attr(miri, ignore = "takes minutes")]
fn the_number_and_the_length_of_calls_are_limited() {
    let mut session = Session::new();
    let tickets: Vec<_> = (0..CALLS_MAX)
        .map(|_| session.submit(&[]).unwrap())
        .collect();
    assert_eq!(session.submit(&[]), Err(RpcError::TooManyCalls));
    // A cancelled call that has been sent keeps its entry until it is answered.
    session.rpc.cancel(tickets[0]);
    assert_eq!(session.submit(&[]), Err(RpcError::TooManyCalls));
    session.answer(1, &[]);
    session.service().unwrap();
    assert_eq!(session.take(tickets[0]), Some(Err(RpcError::NoCall)));
    session.submit(&[]).unwrap();

    let mut session = Session::new();
    let len = PAYLOAD_LIMIT + 1;
    assert_eq!(
        session.submit(&vec![0; len]),
        Err(RpcError::CallTooLong { len })
    );
    session.submit(&vec![0; PAYLOAD_LIMIT]).unwrap();
}

#[test]
fn a_ticket_of_an_earlier_boot_is_invalid() {
    let mut session = Session::new();
    let old = session.submit(&[1]).unwrap();
    session.rpc = Rpc::new(&session.memory, RELEASES[0], 2 * SECOND).unwrap();
    session.submit(&[2]).unwrap();
    assert_eq!(session.take(old), Some(Err(RpcError::NoCall)));
}

#[test]
#[cfg_attr(miri, ignore = "takes minutes")]
fn a_cancelled_call_is_not_sent() {
    let mut session = Session::new();
    session.submit(&pattern(10 * PAYLOAD_MAX)).unwrap();
    let ticket = session.submit(&[77]).unwrap();
    session.rpc.cancel(ticket);
    session.submit(&[78]).unwrap();
    let mut commands = Vec::new();
    for _ in 0..10 {
        commands.extend(session.gsp.commands(usize::MAX));
        session.service().unwrap();
    }
    assert_eq!(commands.len(), 11);
    assert_eq!(commands[10].payload, [78]);
}

#[test]
fn a_gsp_that_does_not_answer_is_lost() {
    let mut session = Session::new();
    let first = session.submit(&[]).unwrap();
    session.pass(2 * SECOND);
    let second = session.submit(&[]).unwrap();
    session.pass(SECOND * 29 / 10);
    assert_eq!(session.gsp.commands(usize::MAX).len(), 2);
    session.pass(SECOND / 5);
    assert_eq!(session.gsp.commands(usize::MAX).len(), 1, "a ping");
    assert_eq!(session.take(first), None, "the ping is in progress");
    session.pass(SECOND * 47 / 10);
    assert!(session.rpc.lost().is_none());
    session.pass(SECOND / 5);
    let lost = *session.rpc.lost().unwrap();
    let line = lost.to_string();
    assert!(
        line.contains("waited 5s for GSP-RM to answer a ping"),
        "{line}"
    );
    let (name, age) = lost.call.unwrap();
    assert!(name == "a call" && age >= 10 * SECOND && age < 11 * SECOND);
    assert_eq!(session.take(first), Some(Err(lost.cause)));
    assert_eq!(session.take(second), Some(Err(lost.cause)));
    assert_eq!(session.submit(&[]), Err(lost.cause));
    assert_eq!(session.service(), Err(lost.cause));
}

/// Answers all sent messages; returns their number.
fn answer_all(session: &mut Session) -> usize {
    let commands = session.gsp.commands(usize::MAX);
    for command in &commands {
        session.gsp.put(command.function, &[9], |draft| {
            draft.answers = command.sequence;
        });
    }
    session.service().unwrap();
    commands.len()
}

#[test]
fn a_late_call_fails_alone() {
    let mut session = Session::new();
    let late = session.submit(&[1]).unwrap();
    let sequence = session.gsp.commands(1)[0].sequence;
    // Replies to later calls do not restart its limit.
    for _ in 0..9 {
        session.pass(SECOND / 2);
        let other = session.submit(&[2]).unwrap();
        assert_eq!(answer_all(&mut session), 1);
        assert_eq!(session.take(other), Some(Ok(vec![9])));
    }
    session.pass(SECOND * 2 / 5);
    assert_eq!(session.take(late), None);
    assert!(session.rpc.calls.ping().is_none());
    session.card.sleep(SECOND / 5);
    session.service().unwrap();
    let other = session.submit(&[2]).unwrap();
    assert_eq!(session.take(late), None, "the ping is in progress");
    assert_eq!(answer_all(&mut session), 2, "a ping and the other call");
    let timeout = session.take(late).unwrap().unwrap_err();
    assert_eq!(timeout.to_string(), "waited 5s for a call, saw 0x0");
    assert_eq!(timeout.kind(), crate::error_kind::ErrorKind::Timeout);
    assert_eq!(session.take(late), Some(Err(RpcError::NoCall)));
    assert_eq!(session.take(other), Some(Ok(vec![9])));
    // Its late reply is not taken for another call's, and no further ping is sent.
    session.pass(10 * SECOND);
    let other = session.submit(&[2]).unwrap();
    session.answer(sequence, &[5]);
    session.service().unwrap();
    assert_eq!(session.take(other), None);
    assert_eq!(session.rpc.counts().skipped, 0);
    assert_eq!(answer_all(&mut session), 1);
    assert_eq!(session.take(other), Some(Ok(vec![9])));
    assert!(session.rpc.lost().is_none());
}

#[test]
fn calls_that_are_never_answered_free_their_entries() {
    let mut session = Session::new();
    for _ in 0..2 {
        let late: Vec<_> = (0..CALLS_MAX)
            .map(|_| session.submit(&[]).unwrap())
            .collect();
        assert_eq!(session.submit(&[]), Err(RpcError::TooManyCalls));
        session.service().unwrap();
        let mut commands = session.gsp.commands(usize::MAX).len();
        while commands < CALLS_MAX {
            session.service().unwrap();
            commands += session.gsp.commands(usize::MAX).len();
        }
        session.pass(SECOND * 51 / 10);
        assert_eq!(answer_all(&mut session), 1, "a ping");
        for ticket in late {
            let error = session.take(ticket).unwrap().unwrap_err();
            assert!(matches!(error, RpcError::Timeout(_)), "{error}");
        }
    }
    let other = session.submit(&[1]).unwrap();
    assert_eq!(answer_all(&mut session), 1);
    assert_eq!(session.take(other), Some(Ok(vec![9])));
}

#[test]
fn a_slow_gsp_is_not_lost_while_it_answers() {
    let mut session = Session::new();
    let tickets: Vec<_> = (0..10).map(|_| session.submit(&[]).unwrap()).collect();
    for (n, ticket) in tickets.into_iter().enumerate() {
        session.pass(4 * SECOND);
        session.answer(1 + n as u32, &[]);
        session.service().unwrap();
        assert_eq!(session.take(ticket), Some(Ok(vec![])));
    }
}

#[test]
#[cfg_attr(miri, ignore = "takes minutes")]
fn a_gsp_that_only_sends_events_is_lost() {
    let mut session = Session::new();
    session.submit(&[]).unwrap();
    for _ in 0..12000 {
        if session.rpc.lost().is_some() {
            break;
        }
        session.gsp.put(0x1020, &[], |_| {});
        session.card.sleep(SECOND / 1000);
        let _ = session.service();
    }
    let lost = session.rpc.lost().unwrap();
    assert!(matches!(lost.cause, RpcError::Timeout(t) if t.seen > 1000));
}

#[test]
fn a_reply_that_arrives_before_the_loss_is_returned() {
    let mut session = Session::new();
    let first = session.submit(&[1]).unwrap();
    let second = session.submit(&[2]).unwrap();
    session.answer(1, &[1]);
    // The reply arrived in time, but the queue was not read.
    session.card.sleep(10 * SECOND);
    session.service().unwrap();
    session.gsp.put(NOP, &[], |draft| draft.flip = 1);
    let error = session.service().unwrap_err();
    assert!(matches!(
        error,
        RpcError::Queue(QueueError::Checksum { .. })
    ));
    assert_eq!(session.take(first), Some(Ok(vec![1])));
    assert_eq!(session.take(second), Some(Err(error)));
}

#[test]
fn a_gsp_whose_processor_has_stopped_is_lost_at_once() {
    let mut session = Session::new();
    let ticket = session.submit(&[]).unwrap();
    session.pass(SECOND / 2);
    session.card.set(CPUCTL, 1 << 4);
    session.pass(SECOND / 5);
    let halted = RpcError::Stopped(Stopped::Halted { cpuctl: 1 << 4 });
    assert_eq!(session.take(ticket), Some(Err(halted)));

    let mut session = Session::new();
    let ticket = session.submit(&[]).unwrap();
    session.card.set(CPUCTL, u32::MAX);
    session.pass(SECOND / 5);
    assert_eq!(
        session.take(ticket),
        Some(Err(RpcError::Stopped(Stopped::CardGone)))
    );
}

#[test]
fn a_gsp_that_stops_without_calls_in_progress_is_lost() {
    let mut session = Session::new();
    session.service().unwrap();
    session.card.set(CPUCTL, 1 << 4);
    let halted = RpcError::Stopped(Stopped::Halted { cpuctl: 1 << 4 });
    assert_eq!(session.service(), Err(halted));
    assert_eq!(session.rpc.lost().unwrap().call, None);
}

#[test]
fn an_error_of_the_sequencer_loses_the_gsp() {
    let mut session = Session::new();
    session.gsp.put(GSP_RUN_CPU_SEQUENCER, &[0; 8], |_| {});
    session.service().unwrap();
    let error = session.run_list().unwrap_err();
    let short = ShortPayload {
        message: "GSP_RUN_CPU_SEQUENCER",
        expected: 40,
        found: 8,
    };
    assert_eq!(error, RpcError::Sequencer(SequencerError::Payload(short)));
    assert_eq!(session.rpc.lost().unwrap().cause, error);
}

/// A command with a byte, whose reply is another byte.
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

/// A list that writes `value` to a register and then has the CPU wait.
fn write_and_wait(value: u32, seconds: u32) -> [u32; 5] {
    [0, 0x1400, value, 3, seconds * 1_000_000]
}

#[test]
fn messages_after_a_list_wait_until_it_was_run() {
    let mut session = Session::new();
    let first = session.submit(&[1]).unwrap();
    assert_eq!(session.gsp.commands(usize::MAX).len(), 1);
    session.put_list(&write_and_wait(5, 3));
    session.answer(1, &[1]);
    session.put_list(&write_and_wait(6, 0));
    session.gsp.put(0x1020, &[], |_| {});
    let before = session.card.now();
    session.service().unwrap();
    assert_eq!(session.card.now(), before, "service() slept");
    let written = |session: &Session| {
        let writes = session.card.writes.borrow().clone();
        let writes = writes.into_iter().filter(|write| write.0 == 0x1400);
        writes.map(|write| write.1).collect::<Vec<_>>()
    };
    assert!(written(&session).is_empty(), "service() ran the list");
    assert_eq!(session.take(first), None);
    // Calls are not sent, since the GSP may be in reset.
    let second = session.submit(&[2]).unwrap();
    session.service().unwrap();
    assert!(session.gsp.commands(usize::MAX).is_empty());

    assert!(session.rpc.has_list());
    session.run_list().unwrap();
    assert!(!session.rpc.has_list());
    assert!(session.card.now() >= before + 3 * SECOND);
    session.service().unwrap();
    assert_eq!(session.take(first), Some(Ok(vec![1])));
    assert!(
        session.events.is_empty(),
        "the event follows the second list"
    );
    session.run_list().unwrap();
    assert!(session.rpc.take_list().is_none());
    session.service().unwrap();
    assert_eq!(session.events.len(), 1);
    assert_eq!(written(&session), [5, 6]);
    let commands = session.gsp.commands(usize::MAX);
    assert_eq!(commands.len(), 1);
    session.answer(commands[0].sequence, &[2]);
    session.service().unwrap();
    assert_eq!(session.take(second), Some(Ok(vec![2])));
}

#[test]
fn limits_of_calls_restart_after_a_list() {
    let mut session = Session::new();
    let ticket = session.submit(&[0]).unwrap();
    session.pass(4 * SECOND);
    session.put_list(&write_and_wait(5, 6));
    session.service().unwrap();
    // The list resets the GSP.
    session.card.set(CPUCTL, 1 << 4);
    session.pass(2 * SECOND);
    session.run_list().unwrap();
    session.card.set(CPUCTL, ACTIVE);
    session.pass(4 * SECOND);
    assert_eq!(session.take(ticket), None);
    session.answer(1, &[7]);
    session.service().unwrap();
    assert_eq!(session.take(ticket), Some(Ok(vec![7])));
}

#[test]
fn calls_time_out_if_the_gsp_only_sends_lists() {
    let mut session = Session::new();
    let ticket = session.submit(&[]).unwrap();
    let list = write_and_wait(5, 10);
    let mut lists = 0;
    while session.take(ticket).is_none() {
        assert!(lists <= LISTS_MAX + 2, "{lists} lists");
        session.put_list(&list);
        let _ = session.service();
        if session.rpc.has_list() {
            session.run_list().unwrap();
            lists += 1;
        }
    }
    assert!(lists > LISTS_MAX, "only {lists} lists");
}

#[test]
fn cancelling_all_calls_makes_room() {
    let mut session = Session::new();
    for _ in 0..CALLS_MAX {
        session.submit(&[1]).unwrap();
    }
    let sequence = session.gsp.commands(usize::MAX)[0].sequence;
    session.service().unwrap();
    assert!(!session.rpc.has_room());
    session.rpc.cancel_all();
    assert!(session.rpc.has_room());
    let ticket = session.submit(&[2]).unwrap();
    // The reply to a call that was cancelled is nobody's.
    session.answer(sequence, &[3]);
    session.service().unwrap();
    assert_eq!(session.take(ticket), None);
}

#[test]
fn blocking_calls_use_the_same_queues() {
    let Session {
        card,
        memory,
        mut rpc,
        mut gsp,
        ..
    } = Session::new();
    gsp.put(0x1020, &[], |_| {});
    gsp.put(NOP, &[5], |draft| draft.answers = 1);
    gsp.put(0x1001, &[], |draft| draft.result = 0x55);
    let wait = Wait::Polling;
    with_sequencer(&card, |sequencer| {
        let mut events = 0;
        let note = &mut |_: crate::gsp::events::GspEvent<'_>| events += 1;
        let reply = rpc.call(&memory, &Echo(4), wait, sequencer, note);
        assert_eq!(reply, Ok(5));
        // The event arrived before the call, and was skipped.
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
