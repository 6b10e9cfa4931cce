// SPDX-License-Identifier: GPL-2.0

//! The calls that are under way: a table of them, from where they are sent and to where replies
//! are brought.

use core::cmp::Ordering;
use core::time::Duration;

use super::call::{Ticket, CALLS_MAX};
use super::error::RpcError;
use super::outgoing::Outgoing;
use super::pieces::Pieces;
use super::reply::Reply;
use super::slot::Slot;
use crate::bug::OrBug;
use crate::gsp::queue::Received;
use crate::platform::Scratch;

/// Where there is room for a call.
type Place<P> = Option<<P as Scratch>::Boxed<Slot<<P as Scratch>::Bytes>>>;

/// All calls under way.
pub(crate) struct Calls<P: Scratch> {
    /// The last place has the ping, which must not wait for others to be answered, nor for memory. It stays
    /// there.
    slots: [Place<P>; CALLS_MAX + 1],
    /// Number of the next call.
    next: u64,
    /// Sequence number of the next message that is answered; those that are not have zero.
    sequence: u32,
}

impl<P: Scratch> Calls<P> {
    /// None. Calls are numbered from the time on, so that none of an earlier boot is taken for one
    /// of this.
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

    /// Adds a call; it is sent by and by.
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

    /// Keeps the memory of a ping.
    pub(crate) fn keep_ping(&mut self, Outgoing(slot): Outgoing<P>) {
        if let Some(place) = self.slots.last_mut() {
            *place = Some(slot);
        }
    }

    /// Makes the ping with what is written to its payload; does nothing where there is none, or where it is under way.
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

    /// Takes the sequence numbers of the messages of a payload of so many bytes; returns the first.
    fn take_sequence(&mut self, len: usize) -> u32 {
        let messages = Pieces::count_of(len);
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

    /// The call whose messages are to be sent next: no other's may come between them.
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

    /// Whether a call waits for room in the command queue.
    pub(crate) fn any_to_send(&self) -> bool {
        let mut slots = self.slots.iter().flatten();
        slots.any(|slot| slot.is_sending())
    }

    /// Brings a message to its call.
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
            return Delivered::Nowhere;
        };
        let mut receiver = None;
        for slot in self.slots.iter_mut().flatten() {
            match slot.ticket().cmp(&ticket) {
                Ordering::Less => {}
                Ordering::Equal => receiver = Some(slot),
                Ordering::Greater => slot.could_not_get_on(now),
            }
        }
        let Some(slot) = receiver else {
            return Delivered::Nowhere;
        };
        slot.receive(message, payload, now);
        match slot.is_done() {
            true => Delivered::Last(slot),
            false => Delivered::Piece,
        }
    }

    /// Forgets what nobody waits for.
    pub(crate) fn tidy(&mut self) {
        for place in &mut self.slots {
            place.take_if(|slot| slot.is_of_no_use());
        }
    }

    /// The call that has been under way longest, and for how long GSP-RM could have got on with it.
    pub(crate) fn oldest(&self, now: Duration) -> Option<(&Slot<P::Bytes>, Duration)> {
        let mut oldest: Option<&Slot<P::Bytes>> = None;
        for slot in self.slots.iter().flatten() {
            if !slot.is_done() && oldest.is_none_or(|oldest| slot.ticket() < oldest.ticket()) {
                oldest = Some(slot);
            }
        }
        oldest.map(|slot| (slot, slot.age(now)))
    }

    /// GSP-RM could not get on with any call until now.
    pub(crate) fn grant(&mut self, now: Duration) {
        for slot in self.slots.iter_mut().flatten() {
            slot.could_not_get_on(now);
        }
    }

    /// Has calls fail that are over their limits; whether there were any. A ping stays.
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

    /// How long it is until the next call is over its limit.
    pub(crate) fn time_left(&self, now: Duration) -> Option<Duration> {
        let slots = self.slots.iter().flatten();
        slots.filter_map(|slot| slot.time_left(now)).min()
    }

    /// The ping, while it is not answered.
    pub(crate) fn ping(&self) -> Option<&Slot<P::Bytes>> {
        let mut slots = self.slots.iter().flatten().map(|slot| &**slot);
        slots.find(|slot| slot.is_ping() && !slot.is_done())
    }

    /// The call, if it was over its limit and nobody has been told.
    pub(crate) fn late(&self, ticket: Ticket) -> Option<&Slot<P::Bytes>> {
        let mut slots = self.slots.iter().flatten().map(|slot| &**slot);
        slots.find(|slot| slot.ticket() == ticket && slot.is_late() && !slot.is_cancelled())
    }

    /// Whether something is still awaited of a call.
    pub(crate) fn is_under_way(&self, ticket: Ticket) -> bool {
        let mut slots = self.slots.iter().flatten();
        slots.any(|slot| slot.ticket() == ticket && !slot.is_done())
    }

    /// Takes the reply to a call out of the table; `None` while it is under way.
    pub(crate) fn take(&mut self, ticket: Ticket) -> Option<Result<Reply<P>, RpcError>> {
        let Some(place) = self.place(ticket) else {
            return Some(Err(RpcError::NoCall));
        };
        let slot = place.take_if(|slot| slot.is_done())?;
        Some(Reply::new(slot).map_err(RpcError::Payload))
    }

    /// Nobody waits for this call any more.
    pub(crate) fn cancel(&mut self, ticket: Ticket) {
        if let Some(Some(slot)) = self.place(ticket) {
            slot.cancel();
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
                .is_some_and(|slot| slot.ticket() == ticket && !slot.is_cancelled())
        })
    }
}

/// A place for a call. One whose answer is late makes room, the oldest first: the sequence number keeps
/// that answer from being taken for another's.
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

/// By what places are ordered: one that is empty comes first.
fn age_of<P: Scratch>(place: &Place<P>) -> Option<Ticket> {
    place.as_ref().map(|slot| slot.ticket())
}

fn is_free<P: Scratch>(place: &Place<P>) -> bool {
    place.as_ref().is_none_or(|slot| slot.is_given_up())
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
