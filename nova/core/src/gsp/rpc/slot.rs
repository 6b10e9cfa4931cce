// SPDX-License-Identifier: GPL-2.0

//! A call in progress, with its state of sending and receiving.

use core::time::Duration;

use super::call::{CallInfo, CallKind, Ticket};
use super::fragments::Fragments;
use crate::bug::OrBug;
use crate::gsp::payload::{Payload, ShortPayload};
use crate::gsp::queue::Received;

/// State of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The call waits for space in the command queue.
    Sending(Fragments),
    /// The call waits for GSP-RM's reply.
    Receiving(Fragments),
    /// The reply is complete.
    Done(Fragments),
}

/// A call in progress.
pub(crate) struct Slot<B> {
    call: CallInfo,
    ticket: Ticket,
    /// Sequence number of the first message.
    sequence: u32,
    /// Time since which GSP-RM could have worked on the call.
    since: Duration,
    state: State,
    /// First NV_STATUS of the messages that is not zero.
    result: u32,
    /// Nobody takes the reply any more.
    cancelled: bool,
    /// The call has exceeded its limit and failed.
    late: bool,
    /// The payload, which is sent and then overwritten by the reply.
    buffer: B,
}

impl<B: AsRef<[u8]> + AsMut<[u8]>> Slot<B> {
    /// A call that has not been submitted, with its payload in `buffer`.
    pub(super) fn new(call: CallInfo, buffer: B) -> Self {
        Self {
            call,
            ticket: Ticket(0),
            sequence: 0,
            since: Duration::ZERO,
            state: State::Done(Fragments::of(0)),
            result: 0,
            cancelled: false,
            late: false,
            buffer,
        }
    }

    /// Starts the call; `sequence` is the sequence number of its first message.
    pub(super) fn begin(&mut self, ticket: Ticket, sequence: u32, now: Duration) {
        self.ticket = ticket;
        self.sequence = sequence;
        self.since = now;
        self.result = 0;
        self.state = match self.call.kind {
            CallKind::Request | CallKind::Notice | CallKind::Ping => {
                State::Sending(Fragments::of(self.len()))
            }
            CallKind::Event => State::Receiving(Fragments::of(0)),
        };
    }

    pub(crate) fn call(&self) -> &CallInfo {
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

    /// Bytes of the payload.
    pub(super) fn len(&self) -> usize {
        self.buffer.as_ref().len()
    }

    pub(crate) fn result(&self) -> u32 {
        self.result
    }

    /// The payload, to be written before the call starts.
    pub(super) fn payload(&mut self) -> &mut [u8] {
        debug_assert!(self.is_done(), "{} is under way", self.call.name);
        self.buffer.as_mut()
    }

    /// The bytes of the reply that have been received.
    pub(crate) fn received(&self) -> &[u8] {
        let len = match self.state {
            State::Sending(_) => 0,
            State::Receiving(fragments) | State::Done(fragments) => fragments.done(),
        };
        self.buffer.as_ref().get(..len).or_bug()
    }

    /// The received bytes with the call's name, for errors.
    pub(crate) fn message(&self) -> Payload<'_> {
        Payload {
            message: self.call.name,
            bytes: self.received(),
        }
    }

    /// The first NV_STATUS that is not zero; an error if the reply is shorter than its header.
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

    /// The received bytes after the header.
    pub(crate) fn params(&self) -> &[u8] {
        let start = self.call.header.size;
        self.received().get(start..).unwrap_or_default()
    }

    /// The next message to send: function, sequence number and payload.
    pub(crate) fn to_send(&self) -> Option<(u32, u32, &[u8])> {
        let State::Sending(fragments) = self.state else {
            return None;
        };
        let function = fragments.function(self.call.function);
        let sequence = match self.call.kind {
            CallKind::Request | CallKind::Ping => fragments.sequence(self.sequence),
            // Messages that are not answered have no sequence number.
            CallKind::Notice | CallKind::Event => 0,
        };
        let fragment = self.buffer.as_ref().get(fragments.next()).or_bug();
        Some((function, sequence, fragment))
    }

    /// Records that the message of [`Self::to_send`] has been sent.
    pub(crate) fn sent(&mut self, now: Duration) {
        if let State::Sending(fragments) = &mut self.state {
            fragments.sent();
            if fragments.is_complete() {
                let len = self.len();
                self.state = match self.call.kind {
                    CallKind::Notice => State::Done(Fragments::of(0)),
                    CallKind::Request | CallKind::Event | CallKind::Ping => {
                        State::Receiving(Fragments::of(len))
                    }
                };
            }
            self.since = now;
        }
    }

    /// Whether this message belongs to the call.
    pub(super) fn awaits(&self, message: &Received) -> bool {
        let State::Receiving(fragments) = self.state else {
            return false;
        };
        message.function == fragments.function(self.call.function)
            && match self.call.kind {
                CallKind::Request | CallKind::Ping => {
                    message.sequence == fragments.sequence(self.sequence)
                }
                CallKind::Notice | CallKind::Event => true,
            }
    }

    /// Receives a message of the reply.
    pub(super) fn receive(&mut self, message: &Received, payload: &[u8], now: Duration) {
        let State::Receiving(mut fragments) = self.state else {
            return;
        };
        let place = fragments.received(payload.len());
        let place = self.buffer.as_mut().get_mut(place).or_bug();
        // Bytes beyond the expected reply are dropped.
        for (to, from) in place.iter_mut().zip(payload) {
            *to = *from;
        }
        if self.result == 0 {
            self.result = message.result;
        }
        self.since = now;
        self.state = match fragments.is_complete() {
            true => State::Done(fragments),
            false => State::Receiving(fragments),
        };
    }

    pub(super) fn is_done(&self) -> bool {
        matches!(self.state, State::Done(_))
    }

    /// Whether messages of the call are still to be sent.
    pub(super) fn is_sending(&self) -> bool {
        matches!(self.state, State::Sending(_))
    }

    /// Restarts the limit, since GSP-RM could not work on the call until now: it handles calls in
    /// order, and waits while a list of register accesses is run. This does not apply to events,
    /// which GSP-RM sends without a call.
    pub(super) fn restart_limit(&mut self, now: Duration) {
        if self.call.kind != CallKind::Event {
            self.since = now;
        }
    }

    /// Time for which GSP-RM could have worked on the call.
    pub(super) fn age(&self, now: Duration) -> Duration {
        now.saturating_sub(self.since)
    }

    /// Time until the call exceeds its limit; `None` if it has ended.
    pub(super) fn time_left(&self, now: Duration) -> Option<Duration> {
        let counts = !self.late && !self.is_done();
        counts.then(|| self.call.limit.saturating_sub(self.age(now)))
    }

    /// Fails the call, which has exceeded its limit.
    pub(super) fn set_late(&mut self) {
        self.late = true;
    }

    pub(super) fn is_late(&self) -> bool {
        self.late
    }

    pub(super) fn is_ping(&self) -> bool {
        self.call.kind == CallKind::Ping
    }

    /// Marks the call as one whose reply nobody takes.
    pub(super) fn cancel(&mut self) {
        self.cancelled = true;
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.cancelled
    }

    /// Whether the call can be removed: nobody takes its reply, and no message of GSP-RM belongs to
    /// it any more.
    pub(super) fn is_disposable(&self) -> bool {
        (self.cancelled && (self.is_done() || self.is_unsent()))
            || (self.call.kind == CallKind::Notice && self.is_done())
    }

    /// Whether the call has failed and was cancelled, so that only a late reply may still arrive.
    pub(super) fn is_abandoned(&self) -> bool {
        self.late && self.cancelled && !self.is_sending()
    }

    /// Whether no message of the call has been sent.
    fn is_unsent(&self) -> bool {
        matches!(self.state, State::Sending(fragments) if fragments.count() == 0)
    }
}
