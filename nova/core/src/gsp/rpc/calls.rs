// SPDX-License-Identifier: GPL-2.0

//! The calls that are under way: a table of them, from where they are sent and to where replies
//! are brought.

use core::time::Duration;

use nova_hw::abi::function::GSP_RM_CONTROL;

use crate::boot::error::Error;
use crate::bug::OrBug;
use crate::gsp::payload::Payload;
use crate::gsp::queue::Received;
use crate::gsp::rpc::call::{Call, Kind, Reply, Ticket};
use crate::gsp::rpc::pieces::Pieces;
use crate::platform::memory;
use crate::platform::Scratch;

/// Calls that can be under way at the same time.
pub(crate) const CALLS_MAX: usize = 64;

/// Longest payload in bytes. GSP-RM's own limit is not known; its longest parameters have a
/// fraction of this.
pub(crate) const PAYLOAD_LIMIT: usize = 1 << 20;

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
    number: u64,
    name: &'static str,
    kind: Kind,
    function: u32,
    /// Sequence number of its first message.
    sequence: u32,
    limit: Duration,
    /// When it got on last.
    since: Duration,
    state: State,
    /// NV_STATUS of the call itself, the first one that is not zero.
    result: u32,
    /// Nobody waits for it any more.
    cancelled: bool,
    /// What is sent, and then what is received.
    buffer: B,
}

impl<B: AsRef<[u8]> + AsMut<[u8]>> Slot<B> {
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// Whether it is a control, whose payload begins with an [`RmControl`].
    pub(crate) fn is_control(&self) -> bool {
        self.function == GSP_RM_CONTROL
    }

    pub(crate) fn ticket(&self) -> Ticket {
        Ticket(self.number)
    }

    pub(crate) fn limit(&self) -> Duration {
        self.limit
    }

    pub(crate) fn result(&self) -> u32 {
        self.result
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
            message: self.name,
            bytes: self.received(),
        }
    }

    /// The next message to send: its function, its sequence number and its payload.
    pub(crate) fn to_send(&self) -> Option<(u32, u32, &[u8])> {
        let State::Sending(pieces) = self.state else {
            return None;
        };
        let function = pieces.function(self.function);
        let sequence = match self.kind {
            Kind::Request => pieces.sequence(self.sequence),
            // What is not answered has none.
            Kind::Notice | Kind::Event => 0,
        };
        let piece = self.buffer.as_ref().get(pieces.next()).or_bug();
        Some((function, sequence, piece))
    }

    /// The message of [`Self::to_send`] has been sent.
    pub(crate) fn sent(&mut self, now: Duration) {
        if let State::Sending(pieces) = &mut self.state {
            pieces.sent();
            if pieces.is_whole() {
                let len = self.buffer.as_ref().len();
                self.state = match self.kind {
                    Kind::Notice => State::Done(Pieces::of(0)),
                    Kind::Request | Kind::Event => State::Receiving(Pieces::of(len)),
                };
            }
            self.since = now;
        }
    }

    /// Whether this message belongs to the call.
    fn awaits(&self, message: &Received) -> bool {
        let State::Receiving(pieces) = self.state else {
            return false;
        };
        message.function == pieces.function(self.function)
            && match self.kind {
                Kind::Request => message.sequence == pieces.sequence(self.sequence),
                Kind::Notice | Kind::Event => true,
            }
    }

    /// Takes in a message that it awaits.
    fn receive(&mut self, message: &Received, payload: &[u8], now: Duration) {
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

    fn is_done(&self) -> bool {
        matches!(self.state, State::Done(_))
    }

    /// Whether GSP-RM has not seen any of it.
    fn is_unsent(&self) -> bool {
        matches!(self.state, State::Sending(pieces) if pieces.count() == 0)
    }
}

/// Where there is room for a call.
type Place<P> = Option<<P as Scratch>::Boxed<Slot<<P as Scratch>::Bytes>>>;

/// All calls under way.
pub(crate) struct Calls<P: Scratch> {
    slots: [Place<P>; CALLS_MAX],
    /// Number of the next call.
    next: u64,
    /// Sequence number of the next message that is answered; those that are not have zero.
    sequence: u32,
    /// When a call was answered last.
    answered: Duration,
}

impl<P: Scratch> Calls<P> {
    /// None. Calls are numbered from the time on, so that none of an earlier boot is taken for one
    /// of this.
    pub(crate) fn new(now: Duration) -> Self {
        Self {
            slots: core::array::from_fn(|_| None),
            next: u64::try_from(now.as_nanos()).unwrap_or_default(),
            sequence: 1,
            answered: Duration::ZERO,
        }
    }

    /// Adds a call, which is sent by and by.
    pub(crate) fn add(
        &mut self,
        memory: &P,
        call: &Call<'_>,
        now: Duration,
    ) -> Result<&mut Slot<P::Bytes>, Error> {
        let len = call.len();
        if len > PAYLOAD_LIMIT {
            return Err(Error::CallTooLong { len });
        }
        let free = self.slots.iter_mut().find(|slot| slot.is_none());
        let free = free.ok_or(Error::TooManyCalls)?;
        let messages = Pieces::count_of(len);
        let sequence = match self.sequence.checked_add(messages) {
            Some(_) => self.sequence,
            None => 1,
        };
        let slot = Slot {
            number: self.next,
            name: call.name,
            kind: call.kind,
            function: call.function,
            sequence,
            limit: call.limit,
            since: now,
            state: match call.kind {
                Kind::Request | Kind::Notice => State::Sending(Pieces::of(len)),
                Kind::Event => State::Receiving(Pieces::of(0)),
            },
            result: 0,
            cancelled: false,
            buffer: filled(memory, call, len)?,
        };
        let slot = free.insert(memory::boxed(memory, "a call of GSP-RM", slot)?);
        self.sequence = sequence.wrapping_add(messages).max(1);
        self.next = self.next.wrapping_add(1);
        Ok(slot)
    }

    /// The call whose messages are to be sent next: no other's may come between them.
    pub(crate) fn next_to_send(&mut self) -> Option<&mut Slot<P::Bytes>> {
        self.slots
            .iter_mut()
            .flatten()
            .map(|slot| &mut **slot)
            .filter(|slot| matches!(slot.state, State::Sending(_)))
            .min_by_key(|slot| slot.number)
    }

    /// Whether a call waits for room in the command queue.
    pub(crate) fn any_to_send(&self) -> bool {
        let mut slots = self.slots.iter().flatten();
        slots.any(|slot| matches!(slot.state, State::Sending(_)))
    }

    /// Brings a message to its call.
    pub(crate) fn deliver(
        &mut self,
        message: &Received,
        payload: &[u8],
        now: Duration,
    ) -> Delivered<'_, P::Bytes> {
        let mut slots = self.slots.iter_mut().flatten();
        let Some(slot) = slots.find(|slot| slot.awaits(message)) else {
            return Delivered::Nowhere;
        };
        slot.receive(message, payload, now);
        self.answered = now;
        match slot.is_done() {
            true => Delivered::Last(slot),
            false => Delivered::Piece,
        }
    }

    /// Forgets what nobody waits for.
    pub(crate) fn tidy(&mut self) {
        for place in &mut self.slots {
            let over = |slot: &P::Boxed<Slot<P::Bytes>>| {
                (slot.cancelled && (slot.is_done() || slot.is_unsent()))
                    || (slot.kind == Kind::Notice && slot.is_done())
            };
            place.take_if(|slot| over(slot));
        }
    }

    /// The call that has been under way longest, and for how long GSP-RM could have got on with
    /// it: it works through calls in their order.
    pub(crate) fn oldest(&self, now: Duration) -> Option<(&Slot<P::Bytes>, Duration)> {
        let slots = self.slots.iter().flatten();
        let slot = slots
            .filter(|slot| !slot.is_done())
            .min_by_key(|slot| slot.number)?;
        let since = match slot.kind {
            Kind::Request | Kind::Notice => slot.since.max(self.answered),
            Kind::Event => slot.since,
        };
        Some((slot, now.saturating_sub(since)))
    }

    /// Whether something is still awaited of a call.
    pub(crate) fn is_under_way(&self, ticket: Ticket) -> bool {
        let mut slots = self.slots.iter().flatten();
        slots.any(|slot| slot.number == ticket.0 && !slot.is_done())
    }

    /// Takes the reply to a call out of the table; `None` while it is under way.
    pub(crate) fn take(&mut self, ticket: Ticket) -> Option<Result<Reply<P>, Error>> {
        let Some(place) = self.place(ticket) else {
            return Some(Err(Error::NoCall));
        };
        let slot = place.take_if(|slot| slot.is_done())?;
        Some(Reply::new(slot))
    }

    /// Nobody waits for this call any more.
    pub(crate) fn cancel(&mut self, ticket: Ticket) {
        if let Some(Some(slot)) = self.place(ticket) {
            slot.cancelled = true;
        }
        self.tidy();
    }

    /// Forgets a call, whatever has become of it.
    pub(crate) fn forget(&mut self, ticket: Ticket) {
        if let Some(place) = self.place(ticket) {
            *place = None;
        }
    }

    fn place(&mut self, ticket: Ticket) -> Option<&mut Place<P>> {
        self.slots.iter_mut().find(|place| {
            place
                .as_ref()
                .is_some_and(|slot| slot.number == ticket.0 && !slot.cancelled)
        })
    }
}

/// Where a message went.
pub(crate) enum Delivered<'a, B> {
    /// No call awaits it.
    Nowhere,
    /// To a call that awaits more.
    Piece,
    /// To this call, which is complete.
    Last(&'a Slot<B>),
}

/// The payload of a call in memory of its own.
fn filled<P: Scratch>(memory: &P, call: &Call<'_>, len: usize) -> Result<P::Bytes, Error> {
    let mut buffer = memory::alloc_bytes(memory, "the payload of a call of GSP-RM", len)?;
    let mut rest = buffer.as_mut();
    for part in call.all_parts() {
        let (place, behind) = rest.split_at_mut_checked(part.len()).or_bug();
        for (to, from) in place.iter_mut().zip(part) {
            *to = *from;
        }
        rest = behind;
    }
    Ok(buffer)
}
