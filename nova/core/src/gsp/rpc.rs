// SPDX-License-Identifier: GPL-2.0

//! The conversation with GSP-RM.
//!
//! Any number of calls are under way at the same time, up to [`call::CALLS_MAX`]. A reply carries
//! the function and the sequence number of its call; what no message holds whole comes in
//! [`pieces`]. Whatever else arrives is an [event](crate::gsp::events). A call over its limit fails alone, and
//! its answer is dropped should it come. A GSP that does not answer a ping then, that has stopped, or
//! whose queues cannot be understood is [`lost`]: all calls fail from then on.
//!
//! Nothing here waits but [`Rpc::call`], which is for the time before and after the adapter handles
//! the GSP's interrupt. A list of register accesses that GSP-RM wants made is handed out by
//! [`Rpc::take_list`], since it may take seconds: GSP-RM waits for the end of it, so nothing that it
//! said afterwards is looked at, and nothing is sent, until [`Rpc::finish_list`].
//!
//! Source: open-gpu-kernel-modules 570, src/nvidia/src/kernel/gpu/gsp/kernel_gsp.c
//! (`_kgspRpcRecvPoll`, `_kgspRpcDrainOneEvent`), src/nvidia/src/kernel/vgpu/rpc.c
//! (`_issueRpcAndWait`, `_issueRpcLarge`).

pub(crate) mod call;
mod calls;
pub(crate) mod command;
pub(crate) mod error;
pub(crate) mod history;
mod inbox;
pub(crate) mod lost;
pub(crate) mod outgoing;
mod pieces;
pub(crate) mod reply;
mod slot;

use core::time::Duration;

use nova_hw::abi::event::GSP_RUN_CPU_SEQUENCER;
use nova_hw::release::Release;

use crate::falcon::processors::Processors;
use crate::gsp::events::{EventCounts, GspEvents};
use crate::gsp::queue::{Doorbell, Queue, QueueError, Received, PAYLOAD_MAX};
use crate::gsp::sequencer::{Sequencer, SequencerError};
use crate::mmio::{Io, Pacer, Timeout, LONGEST_PAUSE};
use crate::platform::memory::{self, MemoryError};
use crate::platform::{DmaAllocator, Interrupts, Scratch};
use call::Ticket;
use calls::{Calls, Delivered};
use command::Command;
use error::RpcError;
use history::{Answer, History};
use inbox::Inbox;
pub(crate) use inbox::List;
use lost::Lost;
use outgoing::Outgoing;
use reply::Reply;

/// Messages that are handled before the time is looked at again: as many as a queue holds, so that
/// a GSP which never stops talking cannot keep a caller for ever.
const BATCH: u32 = 64;

/// Lists of register accesses whose time GSP-RM is granted before it has answered a call; with more
/// of them than this, calls time out.
const LISTS_MAX: u32 = 4;

/// How often it is looked whether the GSP still runs while calls are under way.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How to wait for a message.
#[derive(Clone, Copy)]
pub(crate) enum Wait<'a> {
    /// By looking again: GSP-RM's interrupt is not known yet.
    Polling,
    /// By its interrupt.
    Interrupt(&'a dyn Interrupts),
}

impl Wait<'_> {
    fn wait(self, pacer: &mut Pacer<'_>, longest: Duration) {
        match self {
            Self::Polling => pacer.pause(),
            // Whether it fired does not matter: the queue is looked at either way.
            Self::Interrupt(interrupts) => {
                interrupts.wait(longest);
            }
        }
    }
}

/// The connection to GSP-RM.
pub(crate) struct Rpc<P: DmaAllocator + Scratch> {
    release: &'static Release,
    queue: Queue<P::Memory>,
    inbox: Inbox<P::Bytes>,
    /// Lists of register accesses since a call was answered last.
    lists: u32,
    calls: P::Boxed<Calls<P>>,
    history: P::Boxed<History>,
    counts: EventCounts,
    /// A call was late, and the GSP has not been pinged since.
    doubtful: bool,
    /// There if the GSP does not know of all that is in the command queue.
    doorbell: Option<Doorbell>,
    /// When it was looked whether the GSP still runs.
    looked: Duration,
    lost: Option<Lost>,
}

impl<P: DmaAllocator + Scratch> Rpc<P> {
    /// Allocates the queues and a buffer for the longest message.
    pub(crate) fn new(
        memory: &P,
        release: &'static Release,
        now: Duration,
    ) -> Result<Self, MemoryError> {
        Ok(Self {
            release,
            queue: Queue::new(memory)?,
            inbox: Inbox::new(memory::alloc_bytes(
                memory,
                "a message of the GSP",
                PAYLOAD_MAX,
            )?),
            lists: 0,
            calls: new_calls(memory, now)?,
            history: new_history(memory)?,
            counts: EventCounts::default(),
            doubtful: false,
            doorbell: None,
            looked: Duration::ZERO,
            lost: None,
        })
    }

    /// The queues.
    pub(crate) fn queue(&self) -> &Queue<P::Memory> {
        &self.queue
    }

    /// The last calls.
    pub(crate) fn history(&self) -> &History {
        &self.history
    }

    /// How many events there were.
    pub(crate) fn counts(&self) -> EventCounts {
        self.counts
    }

    /// Why the GSP was given up, if it was.
    pub(crate) fn lost(&self) -> Option<&Lost> {
        self.lost.as_ref()
    }

    /// The release of GSP-RM.
    pub(crate) fn release(&self) -> &'static Release {
        self.release
    }

    /// Whether another call can be made.
    pub(crate) fn has_room(&self) -> bool {
        self.calls.has_room()
    }

    /// Makes a call: puts it into the command queue, as far as there is room; the GSP is told by
    /// [`Self::ring`].
    pub(crate) fn submit(&mut self, call: Outgoing<P>, now: Duration) -> Result<Ticket, RpcError> {
        self.check_lost()?;
        let slot = self.calls.add(call, now)?;
        let ticket = slot.ticket();
        self.history
            .made(slot.ticket(), slot.call(), slot.len(), now);
        self.send(now)?;
        Ok(ticket)
    }

    /// Allocates what a command's call needs, and makes it.
    pub(crate) fn submit_new<C: Command>(
        &mut self,
        memory: &P,
        command: &C,
        now: Duration,
    ) -> Result<Ticket, RpcError> {
        let call = Outgoing::new(memory, self.release, command)?;
        self.submit(call, now)
    }

    /// Tells the GSP of what has been submitted.
    pub(crate) fn ring(&mut self, io: &Io<'_>) {
        if let Some(doorbell) = self.doorbell.take() {
            doorbell.ring(io);
        }
    }

    /// Handles what has arrived, up to a queue full of it, sends what there is room for now, and
    /// looks whether the GSP still does its work; nothing of that while a list is under way.
    pub(crate) fn service(
        &mut self,
        processors: Processors<'_>,
        events: GspEvents<'_>,
    ) -> Result<(), RpcError> {
        self.check_lost()?;
        if !self.inbox.is_open() {
            return Ok(());
        }
        let io = processors.io;
        // Asked first, so that what was said before is still heard.
        let now = io.now();
        let doubt = self.doubt(processors, now);
        for _ in 0..BATCH {
            let Some(buffer) = self.inbox.buffer() else {
                break;
            };
            match self.queue.receive(buffer.as_mut()) {
                Ok(Some(message)) => self.handle(message, io.now(), events),
                Ok(None) => break,
                Err(error) => return Err(self.lose(io.now(), error.into())),
            }
        }
        self.send(io.now())?;
        self.ring(io);
        // The GSP gets on with the list.
        if !self.inbox.is_open() && self.lists < LISTS_MAX {
            return Ok(());
        }
        match doubt {
            Some((Some(call), _)) if !self.calls.is_under_way(call) => {}
            Some((_, cause)) => return Err(self.lose(io.now(), cause)),
            None => {}
        }
        self.check_limits(now)
    }

    /// Has calls fail that are over their limits; the GSP is lost where that is a ping.
    fn check_limits(&mut self, now: Duration) -> Result<(), RpcError> {
        let any_late = self.calls.expire(now);
        let Some(ping) = self.calls.ping() else {
            self.doubtful |= any_late;
            return Ok(());
        };
        if ping.time_left(now) != Some(Duration::ZERO) {
            return Ok(());
        }
        let cause = RpcError::Timeout(Timeout {
            awaited: "GSP-RM to answer a ping",
            seen: self.counts.skipped,
            after: ping.limit(),
        });
        Err(self.lose(now, cause))
    }

    /// Whether the GSP is to be pinged, to see whether it still answers: a call was late.
    pub(crate) fn is_doubtful(&self) -> bool {
        self.doubtful
    }

    /// Allocates what [`Self::ping`] needs.
    pub(crate) fn keep_ping<C: Command>(&mut self, memory: &P, ping: &C) -> Result<(), RpcError> {
        self.calls
            .keep_ping(Outgoing::new(memory, self.release, ping)?);
        Ok(())
    }

    /// Pings the GSP, with the command that [`Self::keep_ping`] was told.
    pub(crate) fn ping<C: Command>(&mut self, ping: &C, now: Duration) -> Result<(), RpcError> {
        let release = self.release;
        let made = self
            .calls
            .add_ping(now, |payload| ping.write(release, payload));
        if let Some(slot) = made {
            self.history
                .made(slot.ticket(), slot.call(), slot.len(), now);
            self.doubtful = false;
        }
        self.send(now)
    }

    /// Whether there is a list of register accesses that nobody runs yet.
    pub(crate) fn has_list(&self) -> bool {
        self.lost.is_none() && self.inbox.has_list()
    }

    /// Takes the list of register accesses that GSP-RM waits for; it is to be run and given back.
    pub(crate) fn take_list(&mut self) -> Option<List<P::Bytes>> {
        match self.has_list() {
            true => self.inbox.take_list(),
            false => None,
        }
    }

    /// Takes a list back, and what came of it.
    pub(crate) fn finish_list(
        &mut self,
        list: List<P::Bytes>,
        result: Result<(), SequencerError>,
        now: Duration,
    ) -> Result<(), RpcError> {
        self.inbox.put_back(list);
        self.lists = self.lists.saturating_add(1);
        if self.lists <= LISTS_MAX {
            // GSP-RM could not get on with any call meanwhile.
            self.calls.grant(now);
        }
        result.map_err(|error| self.lose(now, error.into()))
    }

    /// Takes the reply to a call; `None` while it is under way.
    pub(crate) fn take(&mut self, ticket: Ticket) -> Option<Result<Reply<P>, RpcError>> {
        if let Some(late) = self.calls.late(ticket) {
            let error = RpcError::Timeout(Timeout {
                awaited: late.name(),
                seen: self.counts.skipped,
                after: late.limit(),
            });
            return self.take_late(ticket, error).map(Err);
        }
        let taken = self.calls.take(ticket);
        match &self.lost {
            Some(lost) if taken.is_none() => {
                self.calls.forget(ticket);
                Some(Err(lost.cause))
            }
            _ => taken,
        }
    }

    /// Why a call failed that was over its limit. Whoever made it waits while the GSP is pinged, so that
    /// there is somebody to see that not even a ping is answered.
    fn take_late(&mut self, ticket: Ticket, error: RpcError) -> Option<RpcError> {
        match &self.lost {
            Some(lost) => {
                self.calls.forget(ticket);
                Some(lost.cause)
            }
            None if self.calls.ping().is_some() => None,
            None => {
                self.calls.cancel(ticket);
                Some(error)
            }
        }
    }

    /// Forgets a call that nobody waits for any more.
    pub(crate) fn cancel(&mut self, ticket: Ticket) {
        self.calls.cancel(ticket);
    }

    /// How long nothing has to be done without an interrupt.
    pub(crate) fn pause(&self, now: Duration) -> Duration {
        if !self.inbox.is_open() {
            return LOOK_EVERY;
        }
        // Nothing announces room in the command queue.
        if self.calls.any_to_send() {
            return LONGEST_PAUSE;
        }
        let left = self.calls.time_left(now);
        left.map_or(LOOK_EVERY, |left| left.min(LOOK_EVERY))
    }

    /// Gives GSP-RM a command and waits for what comes of it.
    pub(crate) fn call<C: Command>(
        &mut self,
        memory: &P,
        command: &C,
        wait: Wait<'_>,
        sequencer: &Sequencer<'_>,
        events: GspEvents<'_>,
    ) -> Result<C::Reply, RpcError> {
        let io = sequencer.processors.io;
        let ticket = self.submit_new(memory, command, io.now())?;
        let reply = self.wait(ticket, C::LIMIT, wait, sequencer, events)?;
        reply.read(self.release, command)
    }

    /// Waits for the reply to a call.
    fn wait(
        &mut self,
        ticket: Ticket,
        limit: Duration,
        wait: Wait<'_>,
        sequencer: &Sequencer<'_>,
        events: GspEvents<'_>,
    ) -> Result<Reply<P>, RpcError> {
        let io = sequencer.processors.io;
        self.ring(io);
        let mut pacer = io.pacer(limit);
        loop {
            // What goes wrong is told by the call itself, unless it was answered before.
            let _ = self.serve(sequencer, events);
            if let Some(reply) = self.take(ticket) {
                return reply;
            }
            wait.wait(&mut pacer, self.pause(io.now()));
        }
    }

    /// [`Self::service`], and runs the list of register accesses that came, if one did.
    fn serve(&mut self, sequencer: &Sequencer<'_>, events: GspEvents<'_>) -> Result<(), RpcError> {
        self.service(sequencer.processors, events)?;
        match self.take_list() {
            Some(list) => {
                let result = sequencer.run(list.payload());
                self.finish_list(list, result, sequencer.processors.io.now())
            }
            None => Ok(()),
        }
    }

    /// Sends what there is room for, the oldest call first; nothing while a list is under way, since
    /// a GSP in reset does not hear the doorbell.
    fn send(&mut self, now: Duration) -> Result<(), RpcError> {
        if !self.inbox.is_open() {
            return Ok(());
        }
        while let Some(slot) = self.calls.next_to_send() {
            let Some((function, sequence, payload)) = slot.to_send() else {
                break;
            };
            match self.queue.send(function, sequence, payload) {
                Ok(doorbell) => {
                    slot.sent(now);
                    self.doorbell = Some(doorbell);
                }
                Err(QueueError::Full { .. }) => break,
                Err(error) => return Err(self.lose(now, error.into())),
            }
        }
        self.calls.tidy();
        Ok(())
    }

    /// Handles the message in the inbox.
    fn handle(&mut self, message: Received, now: Duration, events: GspEvents<'_>) {
        let Some(buffer) = self.inbox.buffer() else {
            return;
        };
        let payload = message.payload(buffer.as_ref());
        match self.calls.deliver(&message, payload, now) {
            Delivered::Last(slot) => {
                let answer = Answer {
                    at: now,
                    status: slot.result(),
                    len: slot.received().len(),
                };
                self.history.answered(slot.ticket(), answer);
                self.calls.tidy();
                self.lists = 0;
            }
            Delivered::Piece => {}
            Delivered::Nowhere if message.function == GSP_RUN_CPU_SEQUENCER => {
                self.inbox.keep_list(message);
            }
            Delivered::Nowhere => {
                self.counts
                    .tell(self.release, message.function, payload, events);
            }
        }
    }

    /// That the GSP's processor has stopped, and the oldest call, which it may have answered before.
    fn doubt(
        &mut self,
        processors: Processors<'_>,
        now: Duration,
    ) -> Option<(Option<Ticket>, RpcError)> {
        let oldest = self.calls.oldest(now).map(|(slot, _)| slot.ticket());
        if oldest.is_some() && now.saturating_sub(self.looked) < LOOK_EVERY {
            return None;
        }
        self.looked = now;
        let stopped = processors.gsp.check_liveness().err()?;
        Some((oldest, stopped.into()))
    }

    fn check_lost(&self) -> Result<(), RpcError> {
        self.lost.as_ref().map_or(Ok(()), |lost| Err(lost.cause))
    }

    /// Gives the GSP up; returns why.
    fn lose(&mut self, now: Duration, cause: RpcError) -> RpcError {
        let oldest = self.calls.oldest(now);
        let call = oldest.map(|(slot, age)| (slot.name(), age));
        self.lost.get_or_insert(Lost { call, cause }).cause
    }
}

/// Makes the table off the stack, which the call returns before anything else needs it.
#[inline(never)]
fn new_calls<P: Scratch>(scratch: &P, now: Duration) -> Result<P::Boxed<Calls<P>>, MemoryError> {
    memory::boxed(scratch, "the table of calls", Calls::new(now))
}

/// Likewise.
#[inline(never)]
fn new_history<P: Scratch>(scratch: &P) -> Result<P::Boxed<History>, MemoryError> {
    memory::boxed(scratch, "the last calls", History::default())
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
