// SPDX-License-Identifier: GPL-2.0

//! What channels need of a GPU: the engines, interrupts, the doorbell, and the calls of GSP-RM that make and stop a
//! channel.
//!
//! It is opened for the first channel of each epoch. When the epoch is raised, the gate is closed: from then on nobody
//! writes GP_PUT through a window or rings a doorbell, although windows and registers are there for a while.

use kernel::prelude::*;
use kernel::rbtree::RBTreeNode;
use kernel::sync::{new_mutex, new_spinlock, Arc, Mutex, SpinLock};
use nova_core::platform::DmaAllocator;
use nova_core::{
    gpu_time, Alloc, Caller, ChannelObjects, ChannelWork, Command, Engines, Event, Free, GspEvent,
    Handles, NewChannel, Outgoing, RpcError, Running, Userd, Vectors,
};

use crate::calls::{CallError, Epoch};
use crate::channel::{ChannelEvents, End};
use crate::channels::{Channels, Entry};
use crate::dma;
use crate::gsp::Gsp;
use crate::machine::Machine;
use crate::rm::InEpoch;
use crate::vectors::AtomicVectors;
use nova_kernel::sync::wait_queue::TaskState;

/// The state of a GPU's channels.
#[pin_data]
pub(crate) struct Fifo<'a> {
    /// The gate: the epoch whose channels may be told of new work.
    #[pin]
    gate: SpinLock<Epoch>,
    /// The engines as GSP-RM has described them last, and the epoch of that. In this epoch, their interrupts are enabled.
    #[pin]
    engines: Mutex<Option<(Epoch, Engines)>>,
    #[pin]
    channels: SpinLock<Channels<'a>>,
    /// The interrupts of channels that are enabled.
    enabled: AtomicVectors,
    /// Those that have come, until the thread of the interrupt has told the channels.
    raised: AtomicVectors,
}

impl Fifo<'_> {
    /// Without channels.
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            gate <- new_spinlock!(Epoch::FIRST),
            engines <- new_mutex!(None),
            channels <- new_spinlock!(Channels::new()),
            enabled: AtomicVectors::new(),
            raised: AtomicVectors::new(),
        })
    }

    /// Closes the gate for channels of earlier epochs. On return, none of them writes to the GPU any more.
    pub(crate) fn set_epoch(&self, epoch: Epoch) {
        *self.gate.lock() = epoch;
    }

    /// The interrupts of channels that are enabled. May be called in hard interrupt context.
    pub(crate) fn enabled(&self) -> Vectors {
        self.enabled.get()
    }

    /// Notes interrupts that have come; [`Self::notify`] follows. May be called in hard interrupt context.
    pub(crate) fn raise(&self, raised: &Vectors) {
        self.raised.add(raised);
    }

    /// Tells the channels of interrupts that have come.
    pub(crate) fn notify(&self) {
        let raised = self.raised.take();
        if !raised.is_empty() {
            self.channels.lock().completed(&raised);
        }
    }

    /// Tells a channel of this epoch what GSP-RM says of it.
    pub(crate) fn note(&self, epoch: Epoch, event: &Event<'_>) {
        if let Event::Gsp(GspEvent::RcTriggered(error)) = event {
            self.channels.lock().failed(epoch, *error);
        }
    }
}

impl<'a> Gsp<'a> {
    /// Asks GSP-RM for the engines.
    fn read_engines(&self, epoch: Epoch) -> Result<Engines, CallError> {
        let reader = {
            let mut current = self.current.lock();
            current.running_in(epoch)?.engine_reader(self.machine())
        };
        reader.read(&mut self.in_epoch(epoch, TaskState::Killable))
    }

    /// Enables interrupts of channels, if the epoch has not ended.
    fn enable_interrupts(&self, epoch: Epoch, vectors: &Vectors) -> Result {
        let irq = self.irq.copy().ok_or(EIO)?;
        // The gate is held, so that the end of the epoch, which raises it, disables what is enabled here.
        let gate = self.fifo.gate.lock();
        if *gate != epoch {
            return Err(EIO);
        }
        // Before the first one can come.
        self.fifo.enabled.add(vectors);
        irq.enable_channels(self.machine(), vectors);
        Ok(())
    }

    /// Disables the interrupts of channels, whose epoch has been raised.
    pub(crate) fn disable_channels(&self) {
        // The handler may still know them and enable their subtrees again, but the vectors themselves stay disabled.
        let vectors = self.fifo.enabled.take();
        match self.irq.copy() {
            Some(irq) if !vectors.is_empty() => irq.disable_channels(self.machine(), &vectors),
            _ => {}
        }
    }

    /// Frees the channels whose epoch has been raised, before GSP-RM is unloaded.
    pub(crate) fn free_channels(&self, running: &mut Running<Machine<'a>>) {
        let epoch = self.current.lock().epoch;
        loop {
            let frees = self.fifo.channels.lock().take_old_frees(epoch);
            let Some(frees) = frees else {
                return;
            };
            for call in frees {
                let freed = running.call(self.machine(), call, &mut |event| self.log(event));
                // The unload ends what GSP-RM does not free. A loss is logged by it.
                if let (Err(error), None) = (freed, running.lost()) {
                    dev_err!(self.machine().device(), "{}\n", format_args!("{error}"));
                }
            }
        }
    }

    /// Tells the channels that their epoch has ended, and that the GPU does nothing for them any more.
    pub(crate) fn end_channels(&self, end: End) {
        let epoch = self.current.lock().epoch;
        self.fifo.channels.lock().ended(epoch, end);
    }

    /// Frees an object by a call that was prepared. Logs an error.
    fn free_by(&self, epoch: Epoch, call: Outgoing<Machine<'a>>) -> Result<(), CallError> {
        let reply = self.send_and_wait(epoch, TaskState::Uninterruptible, call);
        let freed = reply.and_then(|reply| Ok(reply.check()?));
        freed.inspect_err(|error| self.log_unless_lost(epoch, error))
    }
}

/// Makes the objects of a channel, and notes whether GSP-RM may have one that it did not free.
struct Maker<'x, 'a> {
    calls: InEpoch<'x, 'a>,
    /// Why the last free failed, if it did. That is the group's, which takes all in it with it.
    left: Option<CallError>,
}

impl Caller for Maker<'_, '_> {
    type Error = CallError;

    fn alloc(&mut self, alloc: &Alloc<'_>) -> Result<(), CallError> {
        let allocated = self.calls.call(alloc);
        match allocated {
            Ok(()) | Err(CallError::Rpc(RpcError::Refused { .. } | RpcError::Memory(_))) => {}
            // GSP-RM may have allocated it, or does it late.
            Err(_) => {
                let _ = self.free(alloc.object);
            }
        }
        allocated
    }

    fn call<C: Command>(&mut self, command: &C) -> Result<C::Reply, CallError> {
        self.calls.call(command)
    }

    fn free(&mut self, object: Handles) -> Result<(), CallError> {
        let freed = self.calls.free(object);
        self.left = freed.err();
        freed
    }
}

/// A channel was not made.
pub(crate) struct NotMade {
    pub(crate) error: Error,
    /// GSP-RM may have made it nevertheless, and nothing but the end of the epoch ends it.
    pub(crate) may_exist: bool,
}

/// A channel to be added.
pub(crate) struct Added {
    pub(crate) client: nova_core::Client,
    /// The interrupts of its runlist.
    pub(crate) interrupts: Vectors,
    pub(crate) events: Arc<dyn ChannelEvents>,
}

/// What channels need of a GPU. This is a trait for the reason of [`Rm`](crate::rm::Rm).
pub(crate) trait Host: Send + Sync {
    /// The engines. Asks GSP-RM if that has not been done before.
    fn engines(&self) -> Result<Engines>;

    /// The GPU's time.
    fn time(&self) -> Option<u64>;

    /// The GPU's time, unless the epoch has ended.
    fn time_in(&self, epoch: Epoch) -> Option<u64>;

    /// The engines in this epoch, whose interrupts are enabled.
    fn open(&self, epoch: Epoch) -> Result<Engines>;

    /// Allocates memory that the GPU can access.
    fn alloc_dma(&self, size: usize) -> Result<dma::Memory>;

    /// Adds a channel of this epoch, which does not exist yet. Returns its number.
    fn add(&self, epoch: Epoch, channel: Added) -> Result<u16>;

    /// Removes a channel, which has been stopped, or whose epoch ends.
    fn remove(&self, number: u16);

    /// Makes the objects of a channel; the host runs it after that.
    fn make(
        &self,
        epoch: Epoch,
        objects: ChannelObjects,
        channel: &NewChannel,
        work: ChannelWork<'_>,
    ) -> Result<(), NotMade>;

    /// Tells the host of new entries, and returns `true`, unless the epoch has ended.
    fn put(&self, epoch: Epoch, userd: Userd, gp_put: u32) -> bool;

    /// Frees the objects of a channel, by calls whose memory was allocated when the channel was added. If GSP-RM does not
    /// free them, the GSP is lost.
    fn stop(&self, epoch: Epoch, number: u16) -> Result;
}

impl Host for Gsp<'_> {
    fn engines(&self) -> Result<Engines> {
        let known = *self.fifo.engines.lock();
        match known {
            Some((_, engines)) => Ok(engines),
            None => self.open(self.target()?.epoch),
        }
    }

    fn time(&self) -> Option<u64> {
        gpu_time(self.machine())
    }

    fn time_in(&self, epoch: Epoch) -> Option<u64> {
        // The gate is held, so that the registers are there.
        let gate = self.fifo.gate.lock();
        match *gate == epoch {
            true => gpu_time(self.machine()),
            false => None,
        }
    }

    fn open(&self, epoch: Epoch) -> Result<Engines> {
        let mut known = self.fifo.engines.lock();
        match *known {
            Some((of, engines)) if of == epoch => return Ok(engines),
            _ => {}
        }
        let engines = self.read_engines(epoch)?;
        self.enable_interrupts(epoch, &engines.all_interrupts())?;
        *known = Some((epoch, engines));
        Ok(engines)
    }

    fn alloc_dma(&self, size: usize) -> Result<dma::Memory> {
        self.machine().alloc_dma(size).map_err(|_| ENOMEM)
    }

    fn add(&self, epoch: Epoch, channel: Added) -> Result<u16> {
        let target = self.target()?;
        if target.epoch != epoch {
            return Err(EIO);
        }
        let Added {
            client,
            interrupts,
            events,
        } = channel;
        let number = self.fifo.channels.lock().take_number(target.release)?;
        let node = (|| -> Result<_> {
            let [first, group] = ChannelObjects::new(client, number).frees();
            let call = |free: Free| Outgoing::new(self.machine(), target.release, &free);
            let frees = [first, group].map(call);
            let [Ok(first), Ok(group)] = frees else {
                return Err(ENOMEM);
            };
            let entry = Entry {
                epoch,
                interrupts,
                events,
                frees: Some([first, group]),
            };
            Ok(RBTreeNode::new(number, entry, GFP_KERNEL_ACCOUNT)?)
        })();
        let mut channels = self.fifo.channels.lock();
        match node {
            Ok(node) => channels.add(node),
            Err(error) => {
                channels.give_number(number);
                return Err(error);
            }
        }
        Ok(number)
    }

    fn remove(&self, number: u16) {
        let removed = self.fifo.channels.lock().remove(number);
        drop(removed);
    }

    fn make(
        &self,
        epoch: Epoch,
        objects: ChannelObjects,
        channel: &NewChannel,
        work: ChannelWork<'_>,
    ) -> Result<(), NotMade> {
        let mut maker = Maker {
            calls: self.in_epoch(epoch, TaskState::Killable),
            left: None,
        };
        let made = objects.allocate(&mut maker, channel, work);
        made.map_err(|error| {
            // If it is the epoch that has ended, nothing is to be lost. A free cannot be killed.
            if let Some(CallError::Rpc(cause)) = maker.left {
                self.lose(epoch, cause);
            }
            NotMade {
                error: error.into(),
                may_exist: maker.left.is_some(),
            }
        })
    }

    fn put(&self, epoch: Epoch, userd: Userd, gp_put: u32) -> bool {
        let gate = self.fifo.gate.lock();
        let is_open = *gate == epoch;
        if is_open {
            userd.put(self.machine(), gp_put);
        }
        is_open
    }

    fn stop(&self, epoch: Epoch, number: u16) -> Result {
        let frees = self.fifo.channels.lock().take_frees(number);
        let [first, group] = frees.ok_or(EIO)?;
        // If this fails, the group takes the object with it, as it does the channel and its other objects.
        let _ = self.free_by(epoch, first);
        let freed = self.free_by(epoch, group);
        if let Err(CallError::Rpc(cause)) = &freed {
            self.lose(epoch, *cause);
        }
        Ok(freed?)
    }
}
