// SPDX-License-Identifier: GPL-2.0

//! The table of calls in progress, which are sent from it and into which replies are received.

use core::cmp::Ordering;
use core::time::Duration;

use super::call::{Ticket, CALLS_MAX};
use super::error::RpcError;
use super::fragments::Fragments;
use super::outgoing::Outgoing;
use super::reply::Reply;
use super::slot::Slot;
use crate::bug::OrBug;
use crate::gsp::queue::Received;
use crate::platform::Scratch;

/// An entry of the table.
type Place<P> = Option<<P as Scratch>::Boxed<Slot<<P as Scratch>::Bytes>>>;

/// The calls in progress.
pub(crate) struct Calls<P: Scratch> {
    /// The last entry is always the ping, which must wait neither for other calls to be answered
    /// nor for memory.
    slots: [Place<P>; CALLS_MAX + 1],
    /// Number of the next call.
    next: u64,
    /// Sequence number of the next message that is answered; messages without an answer have zero.
    sequence: u32,
}

impl<P: Scratch> Calls<P> {
    /// An empty table. The first call gets the time as its number, so that no ticket of an earlier
    /// boot is valid.
    pub(crate) fn new(now: Duration) -> Self {
        Self {
            slots: core::array::from_fn(|_| None),
            next: u64::try_from(now.as_nanos()).unwrap_or_default(),
            sequence: 1,
        }
    }

    /// Whether another call can be added.
    pub(crate) fn has_room(&self) -> bool {
        let (calls, _) = self.slots.split_at_checked(CALLS_MAX).or_bug();
        calls.iter().any(is_free::<P>)
    }

    /// Adds a call, which is then sent as there is space.
    pub(crate) fn add(
        &mut self,
        Outgoing(slot): Outgoing<P>,
        now: Duration,
    ) -> Result<&Slot<P::Bytes>, RpcError> {
        if !self.has_room() {
            return Err(RpcError::TooManyCalls);
        }
        let sequence = self.take_sequence(slot.len());
        let ticket = self.take_ticket();
        let place = free_place::<P>(&mut self.slots).ok_or(RpcError::TooManyCalls)?;
        let slot = place.insert(slot);
        slot.begin(ticket, sequence, now);
        Ok(slot)
    }

    /// Keeps the call that [`Self::add_ping`] uses.
    pub(crate) fn keep_ping(&mut self, Outgoing(slot): Outgoing<P>) {
        if let Some(place) = self.slots.last_mut() {
            *place = Some(slot);
        }
    }

    /// Adds the ping, after `write` has written its payload; does nothing if no ping is kept or it
    /// is in progress.
    pub(crate) fn add_ping(
        &mut self,
        now: Duration,
        write: impl FnOnce(&mut [u8]),
    ) -> Option<&Slot<P::Bytes>> {
        let idle = |place: &Place<P>| place.as_ref().is_some_and(|slot| slot.is_done());
        let len = self.slots.last().filter(|it| idle(it))?.as_ref()?.len();
        let sequence = self.take_sequence(len);
        let ticket = self.take_ticket();
        let slot = self.slots.last_mut()?.as_mut()?;
        slot.payload().fill(0);
        write(slot.payload());
        slot.begin(ticket, sequence, now);
        Some(slot)
    }

    /// Reserves sequence numbers for the messages of a payload of `len` bytes; returns the first.
    fn take_sequence(&mut self, len: usize) -> u32 {
        let messages = Fragments::count_of(len);
        let sequence = match self.sequence.checked_add(messages) {
            Some(_) => self.sequence,
            None => 1,
        };
        self.sequence = sequence.wrapping_add(messages).max(1);
        sequence
    }

    fn take_ticket(&mut self) -> Ticket {
        let ticket = Ticket(self.next);
        self.next = self.next.wrapping_add(1);
        ticket
    }

    /// The call whose messages are sent next; messages of different calls are not interleaved.
    pub(crate) fn next_to_send(&mut self) -> Option<&mut Slot<P::Bytes>> {
        let mut next: Option<&mut Slot<P::Bytes>> = None;
        for slot in self.slots.iter_mut().flatten() {
            if slot.is_sending()
                && next
                    .as_ref()
                    .is_none_or(|next| slot.ticket() < next.ticket())
            {
                next = Some(slot);
            }
        }
        next
    }

    /// Whether a call waits for space in the command queue.
    pub(crate) fn any_to_send(&self) -> bool {
        let mut slots = self.slots.iter().flatten();
        slots.any(|slot| slot.is_sending())
    }

    /// Delivers a message to its call.
    pub(crate) fn deliver(
        &mut self,
        message: &Received,
        payload: &[u8],
        now: Duration,
    ) -> Delivered<'_, P::Bytes> {
        let mut slots = self.slots.iter().flatten();
        let Some(ticket) = slots
            .find(|slot| slot.awaits(message))
            .map(|slot| slot.ticket())
        else {
            return Delivered::Unclaimed;
        };
        let mut receiver = None;
        for slot in self.slots.iter_mut().flatten() {
            match slot.ticket().cmp(&ticket) {
                Ordering::Less => {}
                Ordering::Equal => receiver = Some(slot),
                Ordering::Greater => slot.restart_limit(now),
            }
        }
        let Some(slot) = receiver else {
            return Delivered::Unclaimed;
        };
        slot.receive(message, payload, now);
        match slot.is_done() {
            true => Delivered::Complete(slot),
            false => Delivered::Fragment,
        }
    }

    /// Removes calls whose replies nobody takes.
    pub(crate) fn tidy(&mut self) {
        for place in &mut self.slots {
            place.take_if(|slot| slot.is_disposable());
        }
    }

    /// The oldest call in progress, and the time for which GSP-RM could have worked on it.
    pub(crate) fn oldest(&self, now: Duration) -> Option<(&Slot<P::Bytes>, Duration)> {
        let mut oldest: Option<&Slot<P::Bytes>> = None;
        for slot in self.slots.iter().flatten() {
            if !slot.is_done() && oldest.is_none_or(|oldest| slot.ticket() < oldest.ticket()) {
                oldest = Some(slot);
            }
        }
        oldest.map(|slot| (slot, slot.age(now)))
    }

    /// Restarts the limits of all calls, since GSP-RM could not work on them until now.
    pub(crate) fn restart_limits(&mut self, now: Duration) {
        for slot in self.slots.iter_mut().flatten() {
            slot.restart_limit(now);
        }
    }

    /// Fails calls that exceed their limits, except the ping; returns whether there were any.
    pub(crate) fn expire(&mut self, now: Duration) -> bool {
        let mut any = false;
        for slot in self.slots.iter_mut().flatten() {
            if !slot.is_ping() && slot.time_left(now) == Some(Duration::ZERO) {
                slot.set_late();
                any = true;
            }
        }
        any
    }

    /// Time until the next call exceeds its limit.
    pub(crate) fn time_left(&self, now: Duration) -> Option<Duration> {
        let slots = self.slots.iter().flatten();
        slots.filter_map(|slot| slot.time_left(now)).min()
    }

    /// The ping, while it is in progress.
    pub(crate) fn ping(&self) -> Option<&Slot<P::Bytes>> {
        let mut slots = self.slots.iter().flatten().map(|slot| &**slot);
        slots.find(|slot| slot.is_ping() && !slot.is_done())
    }

    /// The call, if it exceeded its limit and the error has not been returned yet.
    pub(crate) fn late(&self, ticket: Ticket) -> Option<&Slot<P::Bytes>> {
        let mut slots = self.slots.iter().flatten().map(|slot| &**slot);
        slots.find(|slot| slot.ticket() == ticket && slot.is_late() && !slot.is_cancelled())
    }

    /// Whether the call is in progress.
    pub(crate) fn is_under_way(&self, ticket: Ticket) -> bool {
        let mut slots = self.slots.iter().flatten();
        slots.any(|slot| slot.ticket() == ticket && !slot.is_done())
    }

    /// Removes a completed call from the table and returns its reply; `None` while it is in
    /// progress.
    pub(crate) fn take(&mut self, ticket: Ticket) -> Option<Result<Reply<P>, RpcError>> {
        let Some(place) = self.place(ticket) else {
            return Some(Err(RpcError::NoCall));
        };
        let slot = place.take_if(|slot| slot.is_done())?;
        Some(Reply::new(slot).map_err(RpcError::Payload))
    }

    /// Cancels a call, whose reply nobody takes any more.
    pub(crate) fn cancel(&mut self, ticket: Ticket) {
        if let Some(Some(slot)) = self.place(ticket) {
            slot.cancel();
        }
        self.tidy();
    }

    /// Cancels all calls but the ping. Their slots are free as soon as none of their messages is left to be sent.
    pub(crate) fn cancel_all(&mut self) {
        for slot in self
            .slots
            .iter_mut()
            .flatten()
            .filter(|slot| !slot.is_ping())
        {
            slot.set_late();
            slot.cancel();
        }
        self.tidy();
    }

    /// Removes a call in any state.
    pub(crate) fn forget(&mut self, ticket: Ticket) {
        if let Some(place) = self.place(ticket) {
            *place = None;
        }
    }

    fn place(&mut self, ticket: Ticket) -> Option<&mut Place<P>> {
        self.slots.iter_mut().find(|place| {
            place
                .as_ref()
                .is_some_and(|slot| slot.ticket() == ticket && !slot.is_cancelled())
        })
    }
}

/// A free entry for a call: an empty one, or else that of the oldest abandoned call. Sequence
/// numbers keep a late reply to that call from being taken for a reply to another.
fn free_place<P: Scratch>(slots: &mut [Place<P>]) -> Option<&mut Place<P>> {
    let (calls, _) = slots.split_at_mut_checked(CALLS_MAX).or_bug();
    let mut free: Option<&mut Place<P>> = None;
    for place in calls {
        if is_free::<P>(place)
            && free
                .as_ref()
                .is_none_or(|free| age_of::<P>(place) < age_of::<P>(free))
        {
            free = Some(place);
        }
    }
    free
}

/// Sort key of entries: empty ones come first.
fn age_of<P: Scratch>(place: &Place<P>) -> Option<Ticket> {
    place.as_ref().map(|slot| slot.ticket())
}

fn is_free<P: Scratch>(place: &Place<P>) -> bool {
    place.as_ref().is_none_or(|slot| slot.is_abandoned())
}

/// Destination of a message.
pub(crate) enum Delivered<'a, B> {
    /// No call awaits the message.
    Unclaimed,
    /// A call that awaits further messages.
    Fragment,
    /// A call that is complete now.
    Complete(&'a Slot<B>),
}
