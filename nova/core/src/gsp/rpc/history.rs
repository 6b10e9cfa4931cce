// SPDX-License-Identifier: GPL-2.0

//! A history of the last calls, for debugging.

use core::fmt;
use core::time::Duration;

use super::call::{CallInfo, Ticket};
use crate::platform::memory::{self, MemoryError};
use crate::platform::Scratch;

/// Number of blocks of records, and of records in each. A block passes through the kernel stack when
/// it is allocated, where all records would not fit.
const BLOCKS: usize = 4;
const BLOCK: usize = 8;

/// Number of calls in the history.
const DEPTH: usize = BLOCKS * BLOCK;

/// One of the last calls.
pub struct Record {
    /// Number of the ticket; the next call has the next number.
    number: u64,
    /// Name; empty if the record is unused.
    name: &'static str,
    /// When the call was made, in nanoseconds of the platform's time.
    made: u64,
    /// Time until the reply, in microseconds; zero while there is none.
    took: u32,
    function: u32,
    cmd: u32,
    /// Bytes of the payload.
    len: u32,
    /// NV_STATUS of the reply.
    status: u32,
    /// Bytes of the reply.
    reply_len: u32,
}

/// The reply to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ReplyInfo {
    /// When the reply arrived, in the platform's time.
    pub(crate) at: Duration,
    /// NV_STATUS of the RPC.
    pub(crate) status: u32,
    /// Bytes of the reply.
    pub(crate) len: usize,
}

/// The last calls.
pub(crate) struct History<P: Scratch> {
    blocks: [P::Boxed<[Record; BLOCK]>; BLOCKS],
    /// Number of the next call.
    next: u64,
}

impl<P: Scratch> History<P> {
    /// Allocates an empty history.
    pub(crate) fn new(scratch: &P) -> Result<Self, MemoryError> {
        let block = || memory::boxed(scratch, "the last calls", [const { Record::NONE }; BLOCK]);
        Ok(Self {
            blocks: [block()?, block()?, block()?, block()?],
            next: 0,
        })
    }

    /// Records a call with a payload of `len` bytes.
    pub(crate) fn made(&mut self, ticket: Ticket, call: &CallInfo, len: usize, now: Duration) {
        *self.record_mut(ticket) = Record {
            number: ticket.0,
            name: call.name,
            made: u64::try_from(now.as_nanos()).unwrap_or(u64::MAX),
            function: call.function,
            cmd: call.cmd,
            len: clamped(len),
            ..Record::NONE
        };
        self.next = ticket.0.saturating_add(1);
    }

    /// Records the reply to a call.
    pub(crate) fn replied(&mut self, ticket: Ticket, reply: ReplyInfo) {
        let record = self.record_mut(ticket);
        // The record may have been reused.
        if record.number == ticket.0 {
            let took = reply.at.saturating_sub(record.made()).as_micros();
            record.took = u32::try_from(took).unwrap_or(u32::MAX).max(1);
            record.status = reply.status;
            record.reply_len = clamped(reply.len);
        }
    }

    fn record_mut(&mut self, ticket: Ticket) -> &mut Record {
        let (block, place) = place(ticket);
        &mut self.blocks[block][place]
    }

    /// The recorded calls, the oldest first.
    pub(crate) fn records(&self) -> impl Iterator<Item = &Record> {
        let first = self.next.saturating_sub(DEPTH as u64);
        (first..self.next).filter_map(|number| {
            let (block, place) = place(Ticket(number));
            let record = &self.blocks[block][place];
            (record.number == number && !record.name.is_empty()).then_some(record)
        })
    }
}

/// The block of a call's record, and the place in it.
fn place(ticket: Ticket) -> (usize, usize) {
    let place = (ticket.0 % DEPTH as u64) as usize;
    (place / BLOCK, place % BLOCK)
}

fn clamped(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

impl Record {
    const NONE: Self = Self {
        number: 0,
        name: "",
        made: 0,
        took: 0,
        function: 0,
        cmd: 0,
        len: 0,
        status: 0,
        reply_len: 0,
    };

    fn made(&self) -> Duration {
        Duration::from_nanos(self.made)
    }
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {} ({:#x})", self.made(), self.name, self.function)?;
        if self.cmd != 0 {
            write!(f, " {:#010x}", self.cmd)?;
        }
        write!(f, ", {:#x} bytes: ", self.len)?;
        if self.took == 0 {
            return f.write_str("no answer");
        }
        let (status, len) = (self.status, self.reply_len);
        let took = Duration::from_micros(self.took.into());
        write!(f, "status {status:#x}, {len:#x} bytes after {took:?}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Allocator;
    use std::string::ToString;
    use std::vec::Vec;

    #[test]
    fn the_last_calls_are_recorded_in_order() {
        let mut history = History::new(&Allocator::default()).unwrap();
        assert_eq!(history.records().count(), 0);
        let call = CallInfo::request("test", 76);
        for number in 0..100 {
            let now = Duration::from_secs(number);
            history.made(Ticket(number), &call, 5, now);
        }
        let reply = ReplyInfo {
            at: Duration::from_secs(71),
            status: 0x56,
            len: 3,
        };
        history.replied(Ticket(70), reply);
        // Its record has been reused.
        history.replied(Ticket(67), reply);
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
