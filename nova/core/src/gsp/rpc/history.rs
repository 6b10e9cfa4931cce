// SPDX-License-Identifier: GPL-2.0

//! The last calls, for whoever has to find out what went wrong.

use core::fmt;
use core::time::Duration;

use super::call::{Call, Ticket};

/// Calls that are remembered.
const DEPTH: usize = 32;

/// One of the last calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// The call; the next one has the next number.
    pub number: u64,
    /// Its name.
    pub name: &'static str,
    /// Its function.
    pub function: u32,
    /// Which control, if it is one.
    pub cmd: u32,
    /// Bytes of its payload.
    pub len: usize,
    /// When it was made, in the platform's time.
    pub made: Duration,
    /// What came back, if it has.
    pub answer: Option<Answer>,
}

/// What came back of one of the last calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// When, in the platform's time.
    pub at: Duration,
    /// NV_STATUS of the RPC.
    pub status: u32,
    /// Bytes of the reply.
    pub len: usize,
}

/// The last calls.
#[derive(Default)]
pub(crate) struct History {
    records: [Record; DEPTH],
    /// Number of the next call.
    next: u64,
}

impl History {
    /// Remembers a call with a payload of `len` bytes.
    pub(crate) fn made(&mut self, ticket: Ticket, call: &Call, len: usize, now: Duration) {
        self.records[place(ticket)] = Record {
            number: ticket.0,
            name: call.name,
            function: call.function,
            cmd: call.cmd,
            len,
            made: now,
            answer: None,
        };
        self.next = ticket.0.saturating_add(1);
    }

    /// Remembers what came back.
    pub(crate) fn answered(&mut self, ticket: Ticket, answer: Answer) {
        let record = &mut self.records[place(ticket)];
        // It may have been forgotten.
        if record.number == ticket.0 {
            record.answer = Some(answer);
        }
    }

    /// The calls that are remembered, the oldest first.
    pub(crate) fn records(&self) -> impl Iterator<Item = &Record> {
        let first = self.next.saturating_sub(DEPTH as u64);
        (first..self.next).filter_map(|number| {
            let record = &self.records[place(Ticket(number))];
            (record.number == number && !record.name.is_empty()).then_some(record)
        })
    }
}

fn place(ticket: Ticket) -> usize {
    (ticket.0 % DEPTH as u64) as usize
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            number: _,
            name,
            function,
            cmd,
            len,
            made,
            answer,
        } = self;
        write!(f, "{made:?}: {name} ({function:#x})")?;
        if *cmd != 0 {
            write!(f, " {cmd:#010x}")?;
        }
        write!(f, ", {len:#x} bytes: ")?;
        match answer {
            Some(Answer { at, status, len }) => write!(
                f,
                "status {status:#x}, {len:#x} bytes after {:?}",
                at.saturating_sub(*made)
            ),
            None => f.write_str("no answer"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;
    use std::vec::Vec;

    #[test]
    fn the_last_calls_are_remembered_in_their_order() {
        let mut history = History::default();
        let call = Call::request("test", 76);
        for number in 0..100 {
            let now = Duration::from_secs(number);
            history.made(Ticket(number), &call, 5, now);
        }
        let answer = Answer {
            at: Duration::from_secs(71),
            status: 0x56,
            len: 3,
        };
        history.answered(Ticket(70), answer);
        // Long forgotten.
        history.answered(Ticket(67), answer);
        let numbers: Vec<_> = history.records().map(|record| record.number).collect();
        assert_eq!(numbers, Vec::from_iter(68..100));
        let lines: Vec<_> = history.records().map(ToString::to_string).collect();
        let expected = "70s: test (0x4c), 0x5 bytes: status 0x56, 0x3 bytes after 1s";
        assert_eq!(lines[2], expected);
        let expected = "99s: test (0x4c), 0x5 bytes: no answer";
        assert_eq!(lines[31], expected);
        assert_eq!(lines.iter().filter(|l| l.contains("status")).count(), 1);
    }
}
