// SPDX-License-Identifier: GPL-2.0

//! The conversation over random schedules: whatever the lengths of calls, and in whatever order the
//! GSP answers, each caller gets what belongs to its call, once.

use std::collections::VecDeque;
use std::vec;
use std::vec::Vec;

use proptest::prelude::*;

use super::tests::Talk;
use super::*;
use crate::gsp::queue::far_side::{Command, Gsp};
use crate::gsp::queue::PAYLOAD_MAX;
use nova_hw::abi::function::{CONTINUATION_RECORD, NOP};

/// What happens next.
#[derive(Clone, Debug)]
enum Action {
    /// Somebody calls with a payload of so many bytes.
    Submit(usize),
    /// Somebody gives a call up.
    Cancel(usize),
    /// The GSP reads so many messages.
    Read(usize),
    /// The GSP goes on with one of its answers.
    Answer(usize),
    /// The GSP says something in between.
    Event,
    /// The driver looks at its queue, and callers at their calls.
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

/// A payload that begins with its length, so that the GSP knows when it has all of it.
fn payload(call: usize, len: usize) -> Vec<u8> {
    let mut payload: Vec<u8> = (0..len).map(|at| (at ^ at >> 8 ^ call) as u8).collect();
    payload[..4].copy_from_slice(&(len as u32).to_le_bytes());
    payload
}

/// What the GSP makes of it.
fn answer(payload: &[u8]) -> Vec<u8> {
    payload.iter().map(|byte| !byte).collect()
}

/// Both sides, and what each of them expects.
struct Schedule {
    talk: Talk,
    /// Calls that wait, with the answers that they should get.
    waiting: Vec<(Ticket, Vec<u8>)>,
    /// The call that the GSP is reading: its first sequence number, and what is there.
    reading: Option<(u32, Vec<u8>)>,
    /// Messages that the GSP has yet to write, for each call that it has read.
    answers: Vec<VecDeque<Command>>,
    calls: usize,
    events: usize,
}

impl Schedule {
    fn new() -> Self {
        Self {
            talk: Talk::new(),
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
                match self.talk.submit(&payload) {
                    Ok(ticket) => self.waiting.push((ticket, answer(&payload))),
                    Err(error) => assert_eq!(error, RpcError::TooManyCalls),
                }
            }
            Action::Cancel(which) if !self.waiting.is_empty() => {
                let which = which % self.waiting.len();
                let (ticket, _) = self.waiting.swap_remove(which);
                self.talk.rpc.cancel(ticket);
            }
            Action::Cancel(_) => {}
            Action::Read(count) => {
                for command in self.talk.gsp.commands(count) {
                    self.read(command);
                }
            }
            Action::Answer(which) if !self.answers.is_empty() => {
                let which = which % self.answers.len();
                self.answer(which);
            }
            Action::Answer(_) => {}
            Action::Event => {
                if self.talk.gsp.room() > 0 {
                    self.talk.gsp.put(0x1020, &[], |_| {});
                    self.events += 1;
                }
            }
            Action::Service => self.service(),
        }
    }

    /// The GSP reads a message: none of another call may come between those of one.
    fn read(&mut self, command: Command) {
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
        let records = records.map(|(piece, sequence)| Command {
            function: if sequence == first {
                NOP
            } else {
                CONTINUATION_RECORD
            },
            sequence,
            payload: piece.to_vec(),
        });
        self.answers.push(records.collect());
    }

    /// The GSP writes the next message of one of its answers, if there is room.
    fn answer(&mut self, which: usize) {
        let records = &mut self.answers[which];
        let fits = |record: &Command| Gsp::elements(record.payload.len()) <= self.talk.gsp.room();
        if records.front().is_some_and(fits) {
            let record = records.pop_front().unwrap();
            self.talk
                .gsp
                .put(record.function, &record.payload, |draft| {
                    draft.answers = record.sequence;
                });
        }
        self.answers.retain(|records| !records.is_empty());
    }

    fn service(&mut self) {
        self.talk.service().unwrap();
        let Self { talk, waiting, .. } = self;
        waiting.retain(|(ticket, expected)| match talk.take(*ticket) {
            None => true,
            Some(answer) => {
                assert!(answer.as_ref() == Ok(expected), "another's answer");
                false
            }
        });
    }

    /// Everybody finishes what was begun.
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
        // Everything that was said in between was told, and nothing was taken for it.
        assert_eq!(self.talk.events.len(), self.events);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 2 } else { 8 }))]

    #[test]
    fn everybody_gets_the_answer_to_the_own_call(actions in prop::collection::vec(
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
