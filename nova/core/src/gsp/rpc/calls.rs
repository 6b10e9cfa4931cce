// SPDX-License-Identifier: GPL-2.0

//! The calls that are under way: a table of them, from where they are sent and to where replies
//! are brought.

use core::cmp::Ordering;
use core::time::Duration;

use super::call::{Call, CallKind, Ticket, CALLS_MAX, PAYLOAD_LIMIT};
use super::error::RpcError;
use super::pieces::Pieces;
use super::reply::Reply;
use super::slot::Slot;
use crate::bug::OrBug;
use crate::gsp::queue::Received;
use crate::platform::memory;
use crate::platform::Scratch;

/// Where there is room for a call.
type Place<P> = Option<<P as Scratch>::Boxed<Slot<<P as Scratch>::Bytes>>>;

/// All calls under way.
pub(crate) struct Calls<P: Scratch> {
    /// The last place is for a ping alone, which must not wait for others to be answered.
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

    /// Adds a call with a payload of `len` zeros, which are to be overwritten; it is sent by and by.
    pub(crate) fn add(
        &mut self,
        memory: &P,
        call: &Call,
        len: usize,
        now: Duration,
    ) -> Result<&mut Slot<P::Bytes>, RpcError> {
        if len > PAYLOAD_LIMIT {
            return Err(RpcError::CallTooLong { len });
        }
        let free = free_place::<P>(&mut self.slots, call.kind);
        let free = free.ok_or(RpcError::TooManyCalls)?;
        let messages = Pieces::count_of(len);
        let sequence = match self.sequence.checked_add(messages) {
            Some(_) => self.sequence,
            None => 1,
        };
        let buffer = memory::alloc_bytes(memory, "the payload of a call of GSP-RM", len)?;
        let slot = Slot::new(Ticket(self.next), sequence, call, now, buffer);
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
            .filter(|slot| slot.is_sending())
            .min_by_key(|slot| slot.ticket())
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
        let slots = self.slots.iter().flatten();
        let slot = slots
            .filter(|slot| !slot.is_done())
            .min_by_key(|slot| slot.ticket())?;
        Some((slot, slot.age(now)))
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
fn free_place<P: Scratch>(slots: &mut [Place<P>], kind: CallKind) -> Option<&mut Place<P>> {
    let (calls, ping) = slots.split_at_mut_checked(CALLS_MAX).or_bug();
    let places = match kind {
        CallKind::Ping => ping,
        CallKind::Request | CallKind::Notice | CallKind::Event => calls,
    };
    let is_free = |place: &&mut Place<P>| place.as_ref().is_none_or(|slot| slot.is_given_up());
    let free = places.iter_mut().filter(is_free);
    let place = free.min_by_key(|place| place.as_ref().map(|slot| slot.ticket()))?;
    *place = None;
    Some(place)
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
