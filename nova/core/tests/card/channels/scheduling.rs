// SPDX-License-Identifier: GPL-2.0

//! Channels that run longer than others.

use super::queue::{Queue, Session, DATA};
use crate::common::Machine;
use nova_core::Scheduling;
use nova_hw::abi::InterleaveLevel::{self, High, Low, Medium};

/// Bytes of a copy: three turns of the mock's host.
const LONG: usize = 12 << 20;

fn of(level: InterleaveLevel) -> Scheduling {
    Scheduling {
        level,
        timeslice_us: 0,
    }
}

/// The order in which jobs of the same length end, one for each queue. They are submitted in the order of the queues.
fn order(queues: &[Scheduling]) -> Vec<usize> {
    let machine = Machine::synthetic();
    let mut session = Session::new(&machine);
    let space = session.space(0);
    let engine = session.engine(0);
    let new = |&scheduling| Queue::scheduled(&mut session, &space, engine, 64, scheduling);
    let mut queues: Vec<_> = queues.iter().map(new).collect();
    for queue in &mut queues {
        let copy = queue.copy(DATA, DATA, LONG);
        queue.submit(&machine, &mut [copy]).unwrap();
    }
    let mut order = Vec::new();
    while order.len() < queues.len() {
        session.wait();
        for (at, queue) in queues.iter_mut().enumerate() {
            if queue.completed() == 1 && !order.contains(&at) {
                order.push(at);
            }
        }
    }
    session.end();
    order
}

/// As on an H200 (docs/real-cards.md).
#[test]
fn levels_have_no_effect() {
    for level in [Low, Medium, High] {
        assert_eq!(order(&[of(level); 4]), [0, 1, 2, 3], "{level:?}");
    }
    let queues = [Low, Low, Medium, Medium, High].map(of);
    assert_eq!(order(&queues), [0, 1, 2, 3, 4]);
}

#[test]
fn those_that_run_longer_end_earlier() {
    let long = Scheduling {
        timeslice_us: 20_000,
        ..of(Medium)
    };
    assert_eq!(order(&[of(Medium), of(Medium), long]), [2, 0, 1]);
}
