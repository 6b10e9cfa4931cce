// SPDX-License-Identifier: GPL-2.0

//! Boot of a prepared GPU, use of a running one, and unload.

use core::time::Duration;

use nova_hw::chipset::Architecture;
use nova_hw::gmmu::Format;
use nova_hw::regs::ce::CeGrceMask;
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
use crate::fifo::engines::EngineReader;
use crate::gsp::events::EventCounts;
use crate::gsp::handles::{Handles, Internal};
use crate::gsp::rpc::call::Ticket;
use crate::gsp::rpc::error::RpcError;
use crate::gsp::rpc::history::Record;
use crate::gsp::rpc::lost::Lost;
use crate::gsp::rpc::outgoing::Outgoing;
use crate::gsp::rpc::reply::Reply;
use crate::intr::Irq;
use crate::mm::instance::{InstanceMemory, MemoryInfo, MemoryPlatform};
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
    /// Any error of the boot. The boot has been undone; if that failed, too,
    /// [`Event::TeardownFailed`] was reported.
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
                // A teardown cannot work if the card is gone, and was just tried for leftover
                // state.
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
    /// The report of the boot.
    pub fn report(&self) -> &BootReport {
        &self.gpu.report
    }

    /// The GSP's logs in their raw format, which takes a tool of NVIDIA's to read.
    pub fn logs(&self) -> [(&'static str, &P::Memory); 3] {
        self.gpu.libos.logs()
    }

    /// The memory of the message queues: the table of its pages, then the queues.
    pub fn queues(&self) -> &P::Memory {
        self.gpu.rpc.queue().memory()
    }

    /// The GSP's interrupt, which is still disabled.
    pub fn irq(&self) -> Irq {
        self.irq
    }

    /// Handles the messages that have arrived, sends pending ones, and checks that the GSP is
    /// alive.
    ///
    /// The adapter calls this after each interrupt that announces messages, and while a call is in
    /// progress also after each [`Self::pause`] without an interrupt. After this, the replies that
    /// have arrived can be taken; later messages raise another interrupt.
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

    /// Whether GSP-RM waits for a list of register accesses that has not been taken. Until the list
    /// is finished, [`Self::service`] handles nothing and calls are not answered.
    pub fn has_list(&self) -> bool {
        self.gpu.rpc.has_list()
    }

    /// Takes the list of register accesses that GSP-RM waits for. The caller runs it, which may
    /// sleep for seconds, and returns it to [`Self::finish_list`].
    pub fn take_list(&mut self) -> Option<SequencerList<P>> {
        SequencerList::take(&mut self.gpu)
    }

    /// Takes back a list that was run; [`Self::service`] then handles the messages after it.
    ///
    /// # Errors
    ///
    /// The list failed, and so the GSP is lost.
    pub fn finish_list(&mut self, platform: &P, list: FinishedList<P>) -> Result<(), RpcError> {
        list.return_to(&mut self.gpu, platform.now())
    }

    /// The release of GSP-RM, which calls have to be written for.
    pub fn release(&self) -> &'static Release {
        self.gpu.rpc.release()
    }

    /// Handles of an object that GSP-RM has allocated for the driver.
    pub fn internal(&self, object: Internal) -> Handles {
        self.gpu.report.info.internal(object)
    }

    /// What is needed to read which engines the GPU has, by calls that the caller makes.
    pub fn engine_reader(&self, platform: &P) -> EngineReader {
        let grces = match self.gpu.report.chipset.arch() {
            Architecture::BlackwellGb20x => Io::new(platform).read::<CeGrceMask>().value().into(),
            _ => 0,
        };
        EngineReader {
            subdevice: self.internal(Internal::Subdevice),
            release: self.release(),
            irq: self.irq,
            interrupts: self.gpu.interrupts,
            grces,
        }
    }

    /// What the driver has to know to make windows onto VRAM.
    pub fn memory_info(&self) -> MemoryInfo {
        let Gpu { chip, report, .. } = &*self.gpu;
        MemoryInfo {
            format: Format::of(report.chipset.arch()),
            pramin: chip.pramin,
            bar1_root: report.info.bar1_root,
        }
    }

    /// Whether another call can be made now, or only after some call was taken or cancelled.
    pub fn has_room(&self) -> bool {
        self.gpu.rpc.has_room()
    }

    /// Makes a call, whose reply can be taken after a later [`Self::service`]. Allocates nothing.
    ///
    /// # Errors
    ///
    /// [`RpcError::TooManyCalls`] if [`Self::has_room`] returns `false`, or the GSP is lost.
    pub fn submit(&mut self, platform: &P, call: Outgoing<P>) -> Result<Ticket, RpcError> {
        let io = &Io::new(platform);
        let ticket = self.gpu.rpc.submit(call, io.now())?;
        self.gpu.rpc.ring(io);
        Ok(ticket)
    }

    /// Takes the reply to a call; `None` while the call is in progress.
    ///
    /// # Errors
    ///
    /// The call exceeded its limit while the GSP answered a ping, the GSP is lost, or the call does
    /// not exist. A call that GSP-RM refused is a reply with the error as its status.
    pub fn take(&mut self, ticket: Ticket) -> Option<Result<Reply<P>, RpcError>> {
        self.gpu.rpc.take(ticket)
    }

    /// Cancels a call, whose reply nobody takes any more.
    pub fn cancel(&mut self, ticket: Ticket) {
        self.gpu.rpc.cancel(ticket);
    }

    /// Longest time for which a caller may sleep while it waits for a reply.
    pub fn pause(&self, platform: &P) -> Duration {
        self.gpu.rpc.pause(platform.now())
    }

    /// The loss of the GSP, if it is lost: it did not answer a ping after a late call, its
    /// processor has stopped, its queues are corrupt, the card is gone, or [`Self::lose`] was
    /// called. From then on all calls fail, and the caller has to call [`Self::abandon`].
    pub fn lost(&self) -> Option<&Lost> {
        self.gpu.rpc.lost()
    }

    /// Counts the GSP as lost, since a call failed by which the GPU was to let go of memory, or the
    /// GPU does something else that only a reset ends.
    pub fn lose(&mut self, platform: &P, cause: RpcError) {
        self.gpu.rpc.lose(platform.now(), cause);
    }

    /// The last calls, the oldest first.
    pub fn last_calls(&self) -> impl Iterator<Item = &Record> {
        self.gpu.rpc.history().records()
    }

    /// Number of events of each kind that GSP-RM has sent.
    pub fn event_counts(&self) -> EventCounts {
        self.gpu.rpc.counts()
    }

    /// Takes the page tables of BAR2 from GSP-RM. The adapter calls this before [`Self::unload`] if
    /// there is instance memory, and then drops that. Callers of GSP-RM do not wait any more.
    ///
    /// # Errors
    ///
    /// GSP-RM refused, or the GSP is lost. The memory can be dropped all the same: nobody uses the
    /// windows any more.
    pub fn close_windows<M: MemoryPlatform>(
        &mut self,
        platform: &P,
        memory: &InstanceMemory<M>,
        events: Events<'_>,
    ) -> Result<(), RpcError> {
        let io = &Io::new(platform);
        self.gpu
            .unbind_bar2(platform, io, &memory.unbind(), &mut |event| {
                events(Event::Gsp(event));
            })
    }

    /// Makes a call that is ready, and waits for its reply. The adapter calls this before [`Self::unload`], to free what
    /// the GPU would go on using. Callers of GSP-RM do not wait any more.
    ///
    /// # Errors
    ///
    /// GSP-RM refused, or the GSP is lost.
    pub fn call(
        &mut self,
        platform: &P,
        call: Outgoing<P>,
        events: Events<'_>,
    ) -> Result<(), RpcError> {
        let io = &Io::new(platform);
        self.gpu.call(platform, io, call, &mut |event| {
            events(Event::Gsp(event));
        })
    }

    /// Undoes the boot as far as possible without GSP-RM. After that, `self` can be dropped: the GSP does not use its
    /// memory any more.
    ///
    /// This is for a GSP that is lost. The function has to be reset before the next boot.
    ///
    /// # Errors
    ///
    /// The first failure; all steps were tried.
    pub fn abandon(&self, platform: &P) -> Result<(), Failure> {
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

    /// Stops GSP-RM and undoes the boot.
    ///
    /// The adapter keeps handling the interrupt meanwhile; on return it is disabled.
    ///
    /// # Errors
    ///
    /// The first failure; all steps were tried.
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
