// SPDX-License-Identifier: GPL-2.0

//! What nova-core tells of a channel.

use kernel::prelude::*;
use kernel::sync::atomic::{Atomic, Relaxed};
use kernel::sync::{new_spinlock, Arc, SpinLock};
use nova_core_module::{Architecture, ChannelError, ChannelEvents, End, Engine, Reason};
use nova_kernel::sync::arc_work;

use super::Queue;
use crate::debug;
use crate::gpu::Gpu;
use crate::vm::Place;

/// Keeps what nova-core tells of a channel, and has the queue look at it.
#[pin_data]
pub(super) struct Events {
    queue: Arc<Queue>,
    engine: Engine,
    /// The GPU's, which says what numbers of faults mean.
    architecture: Architecture,
    /// The ring may have a job, so the queue wants to be told of interrupts. It changes under the queue's lock.
    is_busy: Atomic<bool>,
    #[pin]
    told: SpinLock<Told>,
}

/// What nova-core has told of a channel.
#[derive(Clone, Copy, Default)]
pub(super) struct Told {
    /// The first error, if there was one.
    pub(super) error: Option<ChannelError>,
    /// The number of its fault in the address space, if it was one.
    pub(super) fault: Option<u64>,
    /// How the channel's epoch has ended, if it has.
    pub(super) end: Option<End>,
}

impl Events {
    /// Of a channel of this queue, for this engine.
    pub(super) fn new(gpu: &Gpu<'_>, queue: &Arc<Queue>, engine: Engine) -> Result<Arc<Self>> {
        let (queue, architecture) = (queue.clone(), gpu.core.chipset.arch());
        let events = pin_init!(Self {
            queue,
            engine,
            architecture,
            is_busy: Atomic::new(false),
            told <- new_spinlock!(Told::default()),
        });
        Arc::pin_init(events, GFP_KERNEL_ACCOUNT)
    }

    /// What has been told.
    pub(super) fn told(&self) -> Told {
        *self.told.lock()
    }

    /// Notes whether the ring may have a job.
    pub(super) fn set_busy(&self, is_busy: bool) {
        // The lock that is taken to put the job into the ring orders it before the doorbell.
        self.is_busy.store(is_busy, Relaxed);
    }

    /// Records the fault that an error was, if it was one, in the address space.
    fn record(&self, error: &ChannelError) -> Option<u64> {
        if error.reason() != Reason::MmuFault {
            return None;
        }
        let place = error.mmu_fault.map(|fault| Place {
            address: fault.address,
            kind: fault.kind(self.architecture),
            hw_type: fault.kind,
        });
        let Queue {
            number, vm, class, ..
        } = &*self.queue;
        let engine = (*class, self.engine.instance.into());
        Some(vm.faults.record(*number, engine, place))
    }

    fn look(&self) {
        arc_work::queue(&self.queue);
    }
}

impl ChannelEvents for Events {
    fn completed(&self) {
        // The interrupt is that of all channels of the runlist, most of which may be idle.
        if self.is_busy.load(Relaxed) {
            self.look();
        }
    }

    fn failed(&self, error: ChannelError) {
        let mut told = self.told.lock();
        // A channel does not go on after its first one.
        if told.error.is_none() {
            told.error = Some(error);
            told.fault = self.record(&error);
            debug::fault(&self.queue.device, self.queue.number, &error, told.fault);
        }
        drop(told);
        self.look();
    }

    fn ended(&self, end: End) {
        self.told.lock().end = Some(end);
        self.look();
    }
}
