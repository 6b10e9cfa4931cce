// SPDX-License-Identifier: GPL-2.0

//! A call on its way: what is sent of it, and what has been received.

use core::time::Duration;

use super::call::{Call, CallKind, Ticket};
use super::pieces::Pieces;
use crate::bug::OrBug;
use crate::gsp::payload::{Payload, ShortPayload};
use crate::gsp::queue::Received;

/// How far a call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// It waits for room in the command queue.
    Sending(Pieces),
    /// It waits for GSP-RM.
    Receiving(Pieces),
    /// All is there.
    Done(Pieces),
}

/// A call under way.
pub(crate) struct Slot<B> {
    call: Call,
    ticket: Ticket,
    /// Sequence number of its first message.
    sequence: u32,
    /// Since when GSP-RM could have got on with it.
    since: Duration,
    state: State,
    /// NV_STATUS of the call itself, the first one that is not zero.
    result: u32,
    /// Nobody waits for it any more.
    cancelled: bool,
    /// It was over its limit, and has failed.
    late: bool,
    /// What is sent, and then what is received.
    buffer: B,
}

impl<B: AsRef<[u8]> + AsMut<[u8]>> Slot<B> {
    /// A call that has not been made, with its payload in `buffer`.
    pub(super) fn new(call: Call, buffer: B) -> Self {
        Self {
            call,
            ticket: Ticket(0),
            sequence: 0,
            since: Duration::ZERO,
            state: State::Done(Pieces::of(0)),
            result: 0,
            cancelled: false,
            late: false,
            buffer,
        }
    }

    /// The call is made: its first message has this sequence number.
    pub(super) fn begin(&mut self, ticket: Ticket, sequence: u32, now: Duration) {
        self.ticket = ticket;
        self.sequence = sequence;
        self.since = now;
        self.result = 0;
        self.state = match self.call.kind {
            CallKind::Request | CallKind::Notice | CallKind::Ping => {
                State::Sending(Pieces::of(self.len()))
            }
            CallKind::Event => State::Receiving(Pieces::of(0)),
        };
    }

    pub(crate) fn call(&self) -> &Call {
        &self.call
    }

    pub(crate) fn name(&self) -> &'static str {
        self.call.name
    }

    pub(crate) fn ticket(&self) -> Ticket {
        self.ticket
    }

    pub(crate) fn limit(&self) -> Duration {
        self.call.limit
    }

    /// Bytes of its payload.
    pub(super) fn len(&self) -> usize {
        self.buffer.as_ref().len()
    }

    pub(crate) fn result(&self) -> u32 {
        self.result
    }

    /// Where its payload is to be written before it is made.
    pub(super) fn payload(&mut self) -> &mut [u8] {
        debug_assert!(self.is_done(), "{} is under way", self.call.name);
        self.buffer.as_mut()
    }

    /// What has been received so far.
    pub(crate) fn received(&self) -> &[u8] {
        let len = match self.state {
            State::Sending(_) => 0,
            State::Receiving(pieces) | State::Done(pieces) => pieces.done(),
        };
        self.buffer.as_ref().get(..len).or_bug()
    }

    /// The same, with the call's name for errors.
    pub(crate) fn message(&self) -> Payload<'_> {
        Payload {
            message: self.call.name,
            bytes: self.received(),
        }
    }

    /// NV_STATUS, the first one that is not zero; an error where the header of the reply is cut off.
    pub(crate) fn status(&self) -> Result<u32, ShortPayload> {
        let (message, header) = (self.message(), self.call.header);
        match header.status {
            Some(offset) if self.result == 0 => {
                message.expect(header.size)?;
                message.field(offset)
            }
            _ => Ok(self.result),
        }
    }

    /// What has been received behind the header.
    pub(crate) fn params(&self) -> &[u8] {
        let start = self.call.header.size;
        self.received().get(start..).unwrap_or_default()
    }

    /// The next message to send: its function, its sequence number and its payload.
    pub(crate) fn to_send(&self) -> Option<(u32, u32, &[u8])> {
        let State::Sending(pieces) = self.state else {
            return None;
        };
        let function = pieces.function(self.call.function);
        let sequence = match self.call.kind {
            CallKind::Request | CallKind::Ping => pieces.sequence(self.sequence),
            // What is not answered has none.
            CallKind::Notice | CallKind::Event => 0,
        };
        let piece = self.buffer.as_ref().get(pieces.next()).or_bug();
        Some((function, sequence, piece))
    }

    /// The message of [`Self::to_send`] has been sent.
    pub(crate) fn sent(&mut self, now: Duration) {
        if let State::Sending(pieces) = &mut self.state {
            pieces.sent();
            if pieces.is_whole() {
                let len = self.len();
                self.state = match self.call.kind {
                    CallKind::Notice => State::Done(Pieces::of(0)),
                    CallKind::Request | CallKind::Event | CallKind::Ping => {
                        State::Receiving(Pieces::of(len))
                    }
                };
            }
            self.since = now;
        }
    }

    /// Whether this message belongs to the call.
    pub(super) fn awaits(&self, message: &Received) -> bool {
        let State::Receiving(pieces) = self.state else {
            return false;
        };
        message.function == pieces.function(self.call.function)
            && match self.call.kind {
                CallKind::Request | CallKind::Ping => {
                    message.sequence == pieces.sequence(self.sequence)
                }
                CallKind::Notice | CallKind::Event => true,
            }
    }

    /// Takes in a message that it awaits.
    pub(super) fn receive(&mut self, message: &Received, payload: &[u8], now: Duration) {
        let State::Receiving(mut pieces) = self.state else {
            return;
        };
        let place = pieces.received(payload.len());
        let place = self.buffer.as_mut().get_mut(place).or_bug();
        // What is longer than expected is cut off.
        for (to, from) in place.iter_mut().zip(payload) {
            *to = *from;
        }
        if self.result == 0 {
            self.result = message.result;
        }
        self.since = now;
        self.state = match pieces.is_whole() {
            true => State::Done(pieces),
            false => State::Receiving(pieces),
        };
    }

    pub(super) fn is_done(&self) -> bool {
        matches!(self.state, State::Done(_))
    }

    /// Whether some of it is still to be sent.
    pub(super) fn is_sending(&self) -> bool {
        matches!(self.state, State::Sending(_))
    }

    /// GSP-RM could not get on with it until now: it works through calls in their order, or had a list
    /// of register accesses run. What it says on its own it was asked for before.
    pub(super) fn could_not_get_on(&mut self, now: Duration) {
        if self.call.kind != CallKind::Event {
            self.since = now;
        }
    }

    /// How long GSP-RM could have got on with it.
    pub(super) fn age(&self, now: Duration) -> Duration {
        now.saturating_sub(self.since)
    }

    /// How long it has until it is late; `None` where that does not matter any more.
    pub(super) fn time_left(&self, now: Duration) -> Option<Duration> {
        let counts = !self.late && !self.is_done();
        counts.then(|| self.call.limit.saturating_sub(self.age(now)))
    }

    /// It is over its limit, and fails.
    pub(super) fn set_late(&mut self) {
        self.late = true;
    }

    pub(super) fn is_late(&self) -> bool {
        self.late
    }

    pub(super) fn is_ping(&self) -> bool {
        self.call.kind == CallKind::Ping
    }

    /// Nobody waits for it any more.
    pub(super) fn cancel(&mut self) {
        self.cancelled = true;
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.cancelled
    }

    /// Whether nobody is going to take it, and GSP-RM has nothing to say to it.
    pub(super) fn is_of_no_use(&self) -> bool {
        (self.cancelled && (self.is_done() || self.is_unsent()))
            || (self.call.kind == CallKind::Notice && self.is_done())
    }

    /// Whether it has failed, nobody is going to take it, and only its answer may still come.
    pub(super) fn is_given_up(&self) -> bool {
        self.late && self.cancelled && !self.is_sending()
    }

    /// Whether GSP-RM has not seen any of it.
    fn is_unsent(&self) -> bool {
        matches!(self.state, State::Sending(pieces) if pieces.count() == 0)
    }
}
