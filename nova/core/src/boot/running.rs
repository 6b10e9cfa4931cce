// SPDX-License-Identifier: GPL-2.0

//! From a prepared GPU to one that runs, and its unload.

use core::time::Duration;

use nova_hw::release::Release;

use super::error::{Error, Failure};
use super::event::{Event, Events};
use super::gpu::Gpu;
use super::prepare::Prepared;
use super::progress::Progress;
use super::report::BootReport;
use super::sequencer_list::{FinishedList, SequencerList};
use super::stage::Stage;
use crate::falcon::error::Stopped;
use crate::gsp::events::EventCounts;
use crate::gsp::handles::{Handles, Internal};
use crate::gsp::rpc::call::Ticket;
use crate::gsp::rpc::error::RpcError;
use crate::gsp::rpc::history::Record;
use crate::gsp::rpc::lost::Lost;
use crate::gsp::rpc::outgoing::Outgoing;
use crate::gsp::rpc::reply::Reply;
use crate::intr::Irq;
use crate::mmio::{Counts, Io};
use crate::platform::Platform;

/// A GPU on which GSP-RM runs.
pub struct Running<P: Platform> {
    gpu: P::Boxed<Gpu<P>>,
    irq: Irq,
}

impl<P: Platform> Prepared<P> {
    /// Boots the GSP until GSP-RM has initialized itself and described the GPU.
    ///
    /// # Errors
    ///
    /// Whatever keeps the GSP from running. What was done to the GPU has been undone then; where
    /// that failed too, [`Event::TeardownFailed`] says so.
    #[inline(never)]
    pub fn boot(self, platform: &P, events: Events<'_>) -> Result<Running<P>, Failure> {
        let counts = Counts::default();
        let io = &Io::counted(platform, &counts);
        let Self { mut gpu, load } = self;
        let processors = gpu.processors(io);
        gpu.flush.register(io);
        match gpu.boot(platform, processors, &load, &mut |event| {
            events(Event::Gsp(event));
        }) {
            Ok(irq) => Ok(Running { gpu, irq }),
            Err(failure) => {
                // A teardown is of no use where the card does not listen, nor against what an earlier
                // driver has left, as that was just tried.
                if failure.error == Error::CardGone || failure.stage == Stage::Leftovers {
                    platform.disable_dma();
                    gpu.flush.unregister(io);
                } else {
                    let torn_down = gpu.tear_down(platform, processors, &mut Progress::default());
                    if let Err(failure) = torn_down {
                        events(Event::TeardownFailed(&failure));
                    }
                }
                Err(failure)
            }
        }
    }
}

impl<P: Platform> Running<P> {
    /// What the boot did and found.
    pub fn report(&self) -> &BootReport {
        &self.gpu.report
    }

    /// The logs of the GSP, to be shown as they are: it takes a tool of NVIDIA's to read them.
    pub fn logs(&self) -> [(&'static str, &P::Memory); 3] {
        self.gpu.libos.logs()
    }

    /// The message queues, behind the table of their pages, to be shown as they are.
    pub fn queues(&self) -> &P::Memory {
        self.gpu.rpc.queue().memory()
    }

    /// The GSP's interrupt, still held back.
    pub fn irq(&self) -> Irq {
        self.irq
    }

    /// Handles the messages that have arrived, sends what there was no room for, and looks whether
    /// the GSP still does its work.
    ///
    /// To be called after each interrupt that announces messages, and while a call is under way
    /// also after each [`Self::pause`] without one. Replies that have come are there to be taken
    /// then; what arrives meanwhile is announced by another interrupt.
    ///
    /// # Errors
    ///
    /// The GSP is lost.
    pub fn service(&mut self, platform: &P, events: Events<'_>) -> Result<(), RpcError> {
        let io = &Io::new(platform);
        let processors = self.gpu.processors(io);
        self.gpu
            .rpc
            .service(processors, &mut |event| events(Event::Gsp(event)))?;
        match self.gpu.rpc.needs_ping() {
            true => self.gpu.ping(io),
            false => Ok(()),
        }
    }

    /// Whether GSP-RM waits for register accesses that it has asked for, and that nobody makes yet.
    /// [`Self::service`] handles nothing and calls are not answered until they have been made.
    pub fn has_list(&self) -> bool {
        self.gpu.rpc.has_list()
    }

    /// Takes the list of register accesses that GSP-RM waits for. It is to be run, which may sleep for
    /// seconds, and given back to [`Self::finish_list`].
    pub fn take_list(&mut self) -> Option<SequencerList<P>> {
        SequencerList::take(&mut self.gpu)
    }

    /// Takes back a list that was run; what GSP-RM said afterwards is there for [`Self::service`].
    ///
    /// # Errors
    ///
    /// It failed, and so the GSP is lost.
    pub fn finish_list(&mut self, platform: &P, list: FinishedList<P>) -> Result<(), RpcError> {
        list.give_back(&mut self.gpu, platform.now())
    }

    /// The release of GSP-RM, by which calls are written.
    pub fn release(&self) -> &'static Release {
        self.gpu.rpc.release()
    }

    /// Handles of an object that GSP-RM has made for the driver.
    pub fn internal(&self, object: Internal) -> Handles {
        self.gpu.report.info.internal(object)
    }

    /// Whether another call can be made now; if not, once some call is taken or cancelled.
    pub fn has_room(&self) -> bool {
        self.gpu.rpc.has_room()
    }

    /// Makes a call, whose reply is there to be taken after some [`Self::service`]. Allocates nothing.
    ///
    /// # Errors
    ///
    /// [`RpcError::TooManyCalls`] where [`Self::has_room`] says so, or the GSP is lost.
    pub fn submit(&mut self, platform: &P, call: Outgoing<P>) -> Result<Ticket, RpcError> {
        let io = &Io::new(platform);
        let ticket = self.gpu.rpc.submit(call, io.now())?;
        self.gpu.rpc.ring(io);
        Ok(ticket)
    }

    /// Takes the reply to a call; `None` while it is under way.
    ///
    /// # Errors
    ///
    /// The call was not answered within its limit, though the GSP answers others; the GSP is lost; or
    /// there is no such call. A call that GSP-RM refused is a reply whose
    /// status says so.
    pub fn take(&mut self, ticket: Ticket) -> Option<Result<Reply<P>, RpcError>> {
        self.gpu.rpc.take(ticket)
    }

    /// Gives a call up: nobody is going to take its reply.
    pub fn cancel(&mut self, ticket: Ticket) {
        self.gpu.rpc.cancel(ticket);
    }

    /// How long whoever waits for a reply may sleep at a time.
    pub fn pause(&self, platform: &P) -> Duration {
        self.gpu.rpc.pause(platform.now())
    }

    /// Why the GSP was given up, if it was: it did not answer a ping after a call was late, its processor has stopped,
    /// its queues cannot be understood, or the card is gone. From then on all calls fail, and
    /// [`Self::abandon`] is what is left to do.
    pub fn lost(&self) -> Option<&Lost> {
        self.gpu.rpc.lost()
    }

    /// The last calls, the oldest first.
    pub fn last_calls(&self) -> impl Iterator<Item = &Record> {
        self.gpu.rpc.history().records()
    }

    /// How many events GSP-RM has reported.
    pub fn event_counts(&self) -> EventCounts {
        self.gpu.rpc.counts()
    }

    /// Puts the GPU back as far as that is possible without GSP-RM, and gives up all memory that
    /// it used.
    ///
    /// For a GSP that is lost. The function has to be reset before it is booted again.
    ///
    /// # Errors
    ///
    /// What failed first; the steps behind it have been tried nevertheless.
    pub fn abandon(self, platform: &P) -> Result<(), Failure> {
        if self
            .lost()
            .is_some_and(|lost| lost.cause == RpcError::Stopped(Stopped::CardGone))
        {
            platform.disable_dma();
            return Ok(());
        }
        let io = &Io::new(platform);
        let Self { gpu, irq } = self;
        irq.disable(platform);
        gpu.tear_down(platform, gpu.processors(io), &mut Progress::default())
    }

    /// Stops GSP-RM and puts the GPU back as it was before the boot.
    ///
    /// The adapter keeps handling the interrupt meanwhile; on return it is held back.
    ///
    /// # Errors
    ///
    /// What failed first; the steps behind it have been tried nevertheless.
    pub fn unload(self, platform: &P, events: Events<'_>) -> Result<(), Failure> {
        let io = &Io::new(platform);
        let Self { mut gpu, irq } = self;
        let processors = gpu.processors(io);
        let mut progress = Progress::default();
        let shutdown = progress.run(io, Stage::Shutdown, || {
            gpu.shut_down(platform, processors, &mut |event| events(Event::Gsp(event)))
        });
        irq.disable(platform);
        let torn_down = gpu.tear_down(platform, processors, &mut progress);
        shutdown.and(torn_down)
    }
}
