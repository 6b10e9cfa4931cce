// SPDX-License-Identifier: GPL-2.0

//! Compares the queues with a model over random schedules of both sides.

use std::collections::VecDeque;
use std::vec;
use std::vec::Vec;

use proptest::prelude::*;

use super::peer::Gsp;
use super::*;
use crate::testing::Allocator;

/// Next action of one of the sides.
#[derive(Clone, Debug)]
enum Action {
    /// The driver sends a payload of this many bytes.
    Send(usize),
    /// The GSP reads this many commands.
    Read(usize),
    /// The GSP writes a message with a payload of this many bytes.
    Put(usize),
    /// The driver receives this many messages.
    Receive(usize),
}

fn action() -> impl Strategy<Value = Action> {
    let longest = if cfg!(miri) { 600 } else { PAYLOAD_MAX };
    let len = || prop_oneof![3 => 0..100usize, 1 => 0..=longest];
    prop_oneof![
        len().prop_map(Action::Send),
        (0..4usize).prop_map(Action::Read),
        len().prop_map(Action::Put),
        (0..4usize).prop_map(Action::Receive),
    ]
}

/// Messages in flight in one direction: function and payload of each.
#[derive(Default)]
struct InFlight(VecDeque<(u32, Vec<u8>)>);

impl InFlight {
    /// Number of free elements; one always stays empty.
    fn free(&self) -> u32 {
        let lens = self.0.iter().map(|(_, payload)| payload.len());
        ELEMENTS - 1 - lens.map(Gsp::elements).sum::<u32>()
    }
}

/// A payload that differs between messages.
fn payload(number: u32, len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 7) as u8 ^ number as u8).collect()
}

/// Performs the actions on the queues and on the model, and compares them.
fn compare(actions: &[Action]) -> Result<(), TestCaseError> {
    let allocator = Allocator::default();
    let mut queue = QueuePair::new(&allocator).unwrap();
    let mut gsp = Gsp::of(&allocator);
    let (mut commands, mut status) = (InFlight::default(), InFlight::default());
    let mut buffer = vec![0; MESSAGE_MAX];
    for (number, action) in (0..).zip(actions) {
        match *action {
            Action::Send(len) => {
                let (needed, free) = (Gsp::elements(len), commands.free());
                let payload = payload(number, len);
                let sent = queue.send(number, number, &payload).map(drop);
                if needed <= free {
                    prop_assert_eq!(sent, Ok(()));
                    commands.0.push_back((number, payload));
                } else {
                    prop_assert_eq!(sent, Err(QueueError::Full { needed, free }));
                }
            }
            Action::Read(count) => {
                for command in gsp.commands(count) {
                    let expected = commands.0.pop_front();
                    let read = (command.function, command.payload);
                    prop_assert!(expected == Some(read), "command {}", command.sequence);
                }
            }
            Action::Put(len) => {
                prop_assert_eq!(gsp.room(), status.free());
                if Gsp::elements(len) <= status.free() {
                    let payload = payload(number, len);
                    gsp.put(number, &payload, |_| {});
                    status.0.push_back((number, payload));
                }
            }
            Action::Receive(count) => {
                for _ in 0..count {
                    let received = queue.receive(&mut buffer).unwrap();
                    let received = received
                        .map(|message| (message.function, message.payload(&buffer).to_vec()));
                    prop_assert!(received == status.0.pop_front());
                }
            }
        }
    }
    prop_assert!(gsp.commands(usize::MAX).len() == commands.0.len());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 2 } else { 64 }))]

    #[test]
    fn the_queues_behave_as_their_model(actions in prop::collection::vec(
        action(),
        1..if cfg!(miri) { 30 } else { 300 },
    )) {
        compare(&actions)?;
    }
}
