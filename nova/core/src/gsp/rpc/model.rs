// SPDX-License-Identifier: GPL-2.0

//! Random schedules: each caller gets the reply to its own call, once, for calls of any length and
//! replies in any order.

use std::collections::VecDeque;
use std::vec;
use std::vec::Vec;

use proptest::prelude::*;

use super::tests::Session;
use super::*;
use crate::gsp::queue::peer::{Gsp, SentCommand};
use crate::gsp::queue::PAYLOAD_MAX;
use nova_hw::abi::function::{CONTINUATION_RECORD, NOP};

/// The next action.
#[derive(Clone, Debug)]
enum Action {
    /// A caller submits a payload of this many bytes.
    Submit(usize),
    /// A caller cancels a call.
    Cancel(usize),
    /// The GSP reads this many messages.
    Read(usize),
    /// The GSP sends the next message of one of its replies.
    Answer(usize),
    /// The GSP sends an event.
    Event,
    /// The driver handles messages, and callers take replies.
    Service,
}

fn action() -> impl Strategy<Value = Action> {
    let longest = if cfg!(miri) { 100 } else { 5 * PAYLOAD_MAX };
    prop_oneof![
        3 => (4..100usize).prop_map(Action::Submit),
        1 => (4..longest).prop_map(Action::Submit),
        1 => any::<usize>().prop_map(Action::Cancel),
        4 => (0..4usize).prop_map(Action::Read),
        4 => any::<usize>().prop_map(Action::Answer),
        1 => Just(Action::Event),
        4 => Just(Action::Service),
    ]
}

/// A payload that begins with its length, so that the GSP knows when it is complete.
fn payload(call: usize, len: usize) -> Vec<u8> {
    let mut payload: Vec<u8> = (0..len).map(|at| (at ^ at >> 8 ^ call) as u8).collect();
    payload[..4].copy_from_slice(&(len as u32).to_le_bytes());
    payload
}

/// The GSP's reply to a payload.
fn answer(payload: &[u8]) -> Vec<u8> {
    payload.iter().map(|byte| !byte).collect()
}

/// Both sides, and what each of them expects.
struct Schedule {
    session: Session,
    /// Calls in progress, with their expected replies.
    waiting: Vec<(Ticket, Vec<u8>)>,
    /// The call that the GSP is reading: its first sequence number, and the payload so far.
    reading: Option<(u32, Vec<u8>)>,
    /// Messages of the replies that the GSP has not sent yet, for each call that it has read.
    answers: Vec<VecDeque<SentCommand>>,
    calls: usize,
    events: usize,
}

impl Schedule {
    fn new() -> Self {
        Self {
            session: Session::new(),
            waiting: vec![],
            reading: None,
            answers: vec![],
            calls: 0,
            events: 0,
        }
    }

    fn act(&mut self, action: &Action) {
        match *action {
            Action::Submit(len) => {
                let payload = payload(self.calls, len);
                self.calls += 1;
                match self.session.submit(&payload) {
                    Ok(ticket) => self.waiting.push((ticket, answer(&payload))),
                    Err(error) => assert_eq!(error, RpcError::TooManyCalls),
                }
            }
            Action::Cancel(which) if !self.waiting.is_empty() => {
                let which = which % self.waiting.len();
                let (ticket, _) = self.waiting.swap_remove(which);
                self.session.rpc.cancel(ticket);
            }
            Action::Cancel(_) => {}
            Action::Read(count) => {
                for command in self.session.gsp.commands(count) {
                    self.read(command);
                }
            }
            Action::Answer(which) if !self.answers.is_empty() => {
                let which = which % self.answers.len();
                self.answer(which);
            }
            Action::Answer(_) => {}
            Action::Event => {
                if self.session.gsp.room() > 0 {
                    self.session.gsp.put(0x1020, &[], |_| {});
                    self.events += 1;
                }
            }
            Action::Service => self.service(),
        }
    }

    /// The GSP reads a message; messages of different calls must not be interleaved.
    fn read(&mut self, command: SentCommand) {
        let (first, mut payload) = match self.reading.take() {
            None => {
                assert_eq!(command.function, NOP);
                (command.sequence, vec![])
            }
            Some(reading) => {
                assert_eq!(command.function, CONTINUATION_RECORD);
                reading
            }
        };
        let records = payload.len().div_ceil(PAYLOAD_MAX) as u32;
        assert_eq!(command.sequence, first + records);
        payload.extend(command.payload);
        let len = payload.first_chunk().map(|len| u32::from_le_bytes(*len));
        if payload.len() < len.unwrap() as usize {
            self.reading = Some((first, payload));
            return;
        }
        let answer = answer(&payload);
        let records = answer.chunks(PAYLOAD_MAX).zip(first..);
        let records = records.map(|(fragment, sequence)| SentCommand {
            function: if sequence == first {
                NOP
            } else {
                CONTINUATION_RECORD
            },
            sequence,
            payload: fragment.to_vec(),
        });
        self.answers.push(records.collect());
    }

    /// The GSP sends the next message of one of its replies, if there is space.
    fn answer(&mut self, which: usize) {
        let records = &mut self.answers[which];
        let fits =
            |record: &SentCommand| Gsp::elements(record.payload.len()) <= self.session.gsp.room();
        if records.front().is_some_and(fits) {
            let record = records.pop_front().unwrap();
            self.session
                .gsp
                .put(record.function, &record.payload, |draft| {
                    draft.answers = record.sequence;
                });
        }
        self.answers.retain(|records| !records.is_empty());
    }

    fn service(&mut self) {
        self.session.service().unwrap();
        let Self {
            session, waiting, ..
        } = self;
        waiting.retain(|(ticket, expected)| match session.take(*ticket) {
            None => true,
            Some(answer) => {
                assert!(answer.as_ref() == Ok(expected), "reply to another call");
                false
            }
        });
    }

    /// Both sides finish all calls.
    fn finish(mut self) {
        for _ in 0..100_000 {
            if self.waiting.is_empty() && self.answers.is_empty() && self.reading.is_none() {
                break;
            }
            for action in [Action::Read(1), Action::Answer(0), Action::Service] {
                self.act(&action);
            }
        }
        self.service();
        assert!(self.waiting.is_empty(), "{} calls", self.waiting.len());
        // All events were reported, and nothing else was taken for an event.
        assert_eq!(self.session.events.len(), self.events);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 2 } else { 8 }))]

    #[test]
    fn each_caller_gets_the_reply_to_its_own_call(actions in prop::collection::vec(
        action(),
        1..if cfg!(miri) { 30 } else { 400 },
    )) {
        let mut schedule = Schedule::new();
        for action in &actions {
            schedule.act(action);
        }
        schedule.finish();
    }
}
