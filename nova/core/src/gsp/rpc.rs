// SPDX-License-Identifier: GPL-2.0

//! Calls of GSP-RM.
//!
//! Up to [`call::CALLS_MAX`] calls are in progress at the same time. A reply has the function and
//! the sequence number of its call; payloads that do not fit into one message are split into
//! [`fragments`]. All other messages are [events](crate::gsp::events). A call that exceeds its
//! limit fails alone, its late reply is dropped, and the GSP is pinged. A GSP that does not answer
//! the ping, that has stopped, or whose queues are corrupt is [`lost`]: all calls fail from then
//! on.
//!
//! Only [`Rpc::call`] waits; it is for the time before and after the adapter handles the GSP's
//! interrupt. [`Rpc::take_list`] hands out a list of register accesses that GSP-RM requests, since
//! running it may take seconds. GSP-RM waits for the list to end, so messages after it are neither
//! received nor sent until [`Rpc::finish_list`].
//!
//! Source: open-gpu-kernel-modules 570, src/nvidia/src/kernel/gpu/gsp/kernel_gsp.c
//! (`_kgspRpcRecvPoll`, `_kgspRpcDrainOneEvent`), src/nvidia/src/kernel/vgpu/rpc.c
//! (`_issueRpcAndWait`, `_issueRpcLarge`).

pub(crate) mod call;
mod calls;
pub(crate) mod command;
pub(crate) mod error;
mod fragments;
pub(crate) mod history;
mod inbox;
pub(crate) mod lost;
pub(crate) mod outgoing;
pub(crate) mod reply;
mod slot;

use core::time::Duration;

use nova_hw::abi::event::GSP_RUN_CPU_SEQUENCER;
use nova_hw::release::Release;

use crate::falcon::processors::Processors;
use crate::gsp::events::{EventCounts, GspEvents};
use crate::gsp::queue::{Doorbell, QueueError, QueuePair, Received, PAYLOAD_MAX};
use crate::gsp::sequencer::{Sequencer, SequencerError};
use crate::mmio::{Io, Pacer, Timeout, LONGEST_PAUSE};
use crate::platform::memory::{self, MemoryError};
use crate::platform::{DmaAllocator, Interrupts, Scratch};
use call::Ticket;
use calls::{Calls, Delivered};
use command::Command;
use error::RpcError;
use history::{History, ReplyInfo};
use inbox::Inbox;
pub(crate) use inbox::ListMessage;
use lost::Lost;
use outgoing::Outgoing;
use reply::Reply;

/// Messages that are handled before time-outs are checked: as many as fit into a queue, so that a
/// GSP that never stops sending cannot block a caller.
const BATCH: u32 = 64;

/// Lists of register accesses that restart the limits of calls, until a call is answered; with more
/// lists, calls time out. The driver's own limit.
const LISTS_MAX: u32 = 4;

/// Interval at which the GSP's processor is checked while calls are in progress; the driver's own.
const CHECK_INTERVAL: Duration = Duration::from_millis(100);

/// The way to wait for a message.
#[derive(Clone, Copy)]
pub(crate) enum Wait<'a> {
    /// Polling, while GSP-RM's interrupt is not known yet.
    Polling,
    /// Waiting for GSP-RM's interrupt.
    Interrupt(&'a dyn Interrupts),
}

impl Wait<'_> {
    fn wait(self, pacer: &mut Pacer<'_>, longest: Duration) {
        match self {
            Self::Polling => pacer.pause(),
            // The caller reads the queue even if the interrupt has not fired.
            Self::Interrupt(interrupts) => {
                interrupts.wait(longest);
            }
        }
    }
}

/// The connection to GSP-RM.
pub(crate) struct Rpc<P: DmaAllocator + Scratch> {
    release: &'static Release,
    queue: QueuePair<P::Memory>,
    inbox: Inbox<P::Bytes>,
    /// Lists of register accesses since the last reply to a call.
    lists: u32,
    calls: P::Boxed<Calls<P>>,
    history: History<P>,
    counts: EventCounts,
    /// A call was late, and the GSP has not been pinged since.
    ping_due: bool,
    /// `Some` if the command queue has messages that the GSP has not been told of.
    doorbell: Option<Doorbell>,
    /// Time of the last check that the GSP's processor runs.
    last_check: Duration,
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
            queue: QueuePair::new(memory)?,
            inbox: Inbox::new(memory::alloc_bytes(
                memory,
                "a message of the GSP",
                PAYLOAD_MAX,
            )?),
            lists: 0,
            calls: new_calls(memory, now)?,
            history: History::new(memory)?,
            counts: EventCounts::default(),
            ping_due: false,
            doorbell: None,
            last_check: Duration::ZERO,
            lost: None,
        })
    }

    /// The queues.
    pub(crate) fn queue(&self) -> &QueuePair<P::Memory> {
        &self.queue
    }

    /// The last calls.
    pub(crate) fn history(&self) -> &History<P> {
        &self.history
    }

    /// Number of events of each kind.
    pub(crate) fn counts(&self) -> EventCounts {
        self.counts
    }

    /// The loss of the GSP, if it is lost.
    pub(crate) fn lost(&self) -> Option<&Lost> {
        self.lost.as_ref()
    }

    /// The release of GSP-RM.
    pub(crate) fn release(&self) -> &'static Release {
        self.release
    }

    /// Cancels all calls, which makes room for others.
    pub(crate) fn cancel_all(&mut self) {
        self.calls.cancel_all();
    }

    /// Whether another call can be submitted.
    pub(crate) fn has_room(&self) -> bool {
        self.calls.has_room()
    }

    /// Submits a call: writes it into the command queue as far as there is space. [`Self::ring`]
    /// tells the GSP of it.
    pub(crate) fn submit(&mut self, call: Outgoing<P>, now: Duration) -> Result<Ticket, RpcError> {
        self.check_lost()?;
        if self.calls.oldest(now).is_none() {
            self.lists = 0;
        }
        let slot = self.calls.add(call, now)?;
        let ticket = slot.ticket();
        self.history
            .made(slot.ticket(), slot.call(), slot.len(), now);
        self.send(now)?;
        Ok(ticket)
    }

    /// Allocates the call of a command and submits it.
    pub(crate) fn submit_new<C: Command>(
        &mut self,
        memory: &P,
        command: &C,
        now: Duration,
    ) -> Result<Ticket, RpcError> {
        let call = Outgoing::new(memory, self.release, command)?;
        self.submit(call, now)
    }

    /// Tells the GSP of the submitted calls.
    pub(crate) fn ring(&mut self, io: &Io<'_>) {
        if let Some(doorbell) = self.doorbell.take() {
            doorbell.ring(io);
        }
    }

    /// Handles up to [`BATCH`] messages, sends pending ones, and checks the limits of calls and
    /// that the GSP's processor runs. Does nothing while a list is in progress.
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
        // Checked before receiving, so that messages sent before the stop are handled.
        let now = io.now();
        let stopped = self.stopped(processors, now);
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
        // The list is progress of the GSP.
        if !self.inbox.is_open() && self.lists < LISTS_MAX {
            return Ok(());
        }
        match stopped {
            Some((Some(call), _)) if !self.calls.is_under_way(call) => {}
            Some((_, cause)) => return Err(self.lose(io.now(), cause)),
            None => {}
        }
        self.check_limits(now)
    }

    /// Fails calls that exceed their limits; the GSP is lost if the ping is one of them.
    fn check_limits(&mut self, now: Duration) -> Result<(), RpcError> {
        let any_late = self.calls.expire(now);
        let Some(ping) = self.calls.ping() else {
            self.ping_due |= any_late;
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

    /// Whether the GSP has to be pinged, because a call was late.
    pub(crate) fn needs_ping(&self) -> bool {
        self.ping_due
    }

    /// Allocates the call that [`Self::ping`] uses.
    pub(crate) fn keep_ping<C: Command>(&mut self, memory: &P, ping: &C) -> Result<(), RpcError> {
        self.calls
            .keep_ping(Outgoing::new(memory, self.release, ping)?);
        Ok(())
    }

    /// Pings the GSP, using the call that [`Self::keep_ping`] has allocated.
    pub(crate) fn ping<C: Command>(&mut self, ping: &C, now: Duration) -> Result<(), RpcError> {
        let release = self.release;
        let made = self
            .calls
            .add_ping(now, |payload| ping.write(release, payload));
        if let Some(slot) = made {
            self.history
                .made(slot.ticket(), slot.call(), slot.len(), now);
            self.ping_due = false;
        }
        self.send(now)
    }

    /// Whether a list of register accesses is pending that has not been taken.
    pub(crate) fn has_list(&self) -> bool {
        self.lost.is_none() && self.inbox.has_list()
    }

    /// Takes the pending list of register accesses; the caller runs it and returns it to
    /// [`Self::finish_list`].
    pub(crate) fn take_list(&mut self) -> Option<ListMessage<P::Bytes>> {
        match self.has_list() {
            true => self.inbox.take_list(),
            false => None,
        }
    }

    /// Takes back a list that was run, with its result.
    pub(crate) fn finish_list(
        &mut self,
        list: ListMessage<P::Bytes>,
        result: Result<(), SequencerError>,
        now: Duration,
    ) -> Result<(), RpcError> {
        self.inbox.put_back(list);
        self.lists = self.lists.saturating_add(1);
        if self.lists <= LISTS_MAX {
            // GSP-RM could not work on any call meanwhile.
            self.calls.restart_limits(now);
        }
        result.map_err(|error| self.lose(now, error.into()))
    }

    /// Takes the reply to a call; `None` while the call is in progress.
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

    /// The error of a call that exceeded its limit. The error is withheld while the GSP is pinged,
    /// so that a caller keeps waiting and notices if the ping times out.
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

    /// Cancels a call, whose reply nobody takes any more.
    pub(crate) fn cancel(&mut self, ticket: Ticket) {
        self.calls.cancel(ticket);
    }

    /// Longest time until [`Self::service`] has to be called without an interrupt.
    pub(crate) fn pause(&self, now: Duration) -> Duration {
        if !self.inbox.is_open() {
            return CHECK_INTERVAL;
        }
        // No interrupt announces free elements of the command queue.
        if self.calls.any_to_send() {
            return LONGEST_PAUSE;
        }
        let left = self.calls.time_left(now);
        left.map_or(CHECK_INTERVAL, |left| left.min(CHECK_INTERVAL))
    }

    /// Sends a command and waits for its result.
    pub(crate) fn call<C: Command>(
        &mut self,
        memory: &P,
        command: &C,
        wait: Wait<'_>,
        sequencer: &Sequencer<'_>,
        events: GspEvents<'_>,
    ) -> Result<C::Reply, RpcError> {
        let call = Outgoing::new(memory, self.release, command)?;
        let reply = self.make(call, wait, sequencer, events)?;
        reply.read(self.release, command)
    }

    /// Sends a call that is ready, and waits for its reply.
    pub(crate) fn make(
        &mut self,
        call: Outgoing<P>,
        wait: Wait<'_>,
        sequencer: &Sequencer<'_>,
        events: GspEvents<'_>,
    ) -> Result<Reply<P>, RpcError> {
        let limit = call.limit();
        let ticket = self.submit(call, sequencer.processors.io.now())?;
        self.wait(ticket, limit, wait, sequencer, events)
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
            // An error is returned by the call itself, unless it was answered before.
            let _ = self.serve(sequencer, events);
            if let Some(reply) = self.take(ticket) {
                return reply;
            }
            wait.wait(&mut pacer, self.pause(io.now()));
        }
    }

    /// Calls [`Self::service`], and runs a pending list of register accesses.
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

    /// Sends as many messages as there is space for, the oldest call first. Sends nothing while a
    /// list is in progress, since a GSP in reset misses the doorbell.
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
            Delivered::Complete(slot) => {
                let reply = ReplyInfo {
                    at: now,
                    status: slot.result(),
                    len: slot.received().len(),
                };
                self.history.replied(slot.ticket(), reply);
                self.calls.tidy();
                self.lists = 0;
            }
            Delivered::Fragment => {}
            Delivered::Unclaimed if message.function == GSP_RUN_CPU_SEQUENCER => {
                self.inbox.keep_list(message);
            }
            Delivered::Unclaimed => {
                self.counts
                    .report(self.release, message.function, payload, events);
            }
        }
    }

    /// Checks the GSP's processor; returns the error if it has stopped, and the oldest call, which
    /// the GSP may have answered before.
    fn stopped(
        &mut self,
        processors: Processors<'_>,
        now: Duration,
    ) -> Option<(Option<Ticket>, RpcError)> {
        let oldest = self.calls.oldest(now).map(|(slot, _)| slot.ticket());
        if oldest.is_some() && now.saturating_sub(self.last_check) < CHECK_INTERVAL {
            return None;
        }
        self.last_check = now;
        let error = processors.gsp.check_liveness().err()?;
        Some((oldest, error.into()))
    }

    fn check_lost(&self) -> Result<(), RpcError> {
        self.lost.as_ref().map_or(Ok(()), |lost| Err(lost.cause))
    }

    /// Marks the GSP as lost; returns the cause.
    pub(crate) fn lose(&mut self, now: Duration, cause: RpcError) -> RpcError {
        let oldest = self.calls.oldest(now);
        let call = oldest.map(|(slot, age)| (slot.name(), age));
        self.lost.get_or_insert(Lost { call, cause }).cause
    }
}

/// Not inlined, so that the table is off the stack when this returns.
#[inline(never)]
fn new_calls<P: Scratch>(scratch: &P, now: Duration) -> Result<P::Boxed<Calls<P>>, MemoryError> {
    memory::boxed(scratch, "the table of calls", Calls::new(now))
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
