// SPDX-License-Identifier: GPL-2.0

//! Making a queue, and its channels.

use core::time::Duration;

use kernel::prelude::*;
use kernel::sync::atomic::Atomic;
use kernel::sync::{new_condvar, new_mutex, static_lock_class, Arc};
use kernel::time::{Instant, Monotonic};
use nova_core_module::{
    Engine, EngineKind, Epoch, InterleaveLevel, NewChannel, NewGraphics, Scheduling,
};
use nova_kernel::process::Process;
use nova_kernel::sync::arc_work::{self, ArcWork};
use nova_kernel::sync::work::LockClasses;
use nova_uapi::{
    ENGINE_CLASS_COPY, ENGINE_CLASS_GRAPHICS, ENGINE_INSTANCE_ANY, PRIORITY_HIGH, PRIORITY_LOW,
};

use super::binds::Binds;
use super::events::Events;
use super::queues::Made;
use super::state::State;
use super::Queue;
use crate::driver::{Device, FileData};
use crate::gpu::Gpu;
use crate::limits::LIMITS;
use crate::number::Number;
use crate::vm::Vm;
use crate::WORKQUEUE;

/// Makes a queue of jobs as a file wants it, which has been checked.
pub(super) fn create(
    device: &Device,
    gpu: &Gpu<'_>,
    file: &FileData,
    vm: Arc<Vm>,
    wanted: &nova_uapi::QueueCreate,
) -> Result<Arc<Queue>> {
    let engine = choose_engine(gpu, wanted)?;
    let queue = Queue::new(device, gpu, file, vm, Some(engine), wanted)?;
    gpu.queues.add(&queue, None)?;
    let made = queue.renew(gpu);
    if made.is_err() {
        gpu.queues.discard(&queue);
    }
    made.map(|_| queue)
}

/// Makes a queue of the class BIND, which has been checked.
pub(super) fn create_for_binds(
    device: &Device,
    gpu: &Gpu<'_>,
    file: &FileData,
    vm: Arc<Vm>,
    wanted: &nova_uapi::QueueCreate,
) -> Result<Arc<Queue>> {
    let queue = Queue::new(device, gpu, file, vm, None, wanted)?;
    gpu.queues.add(&queue, Some(Binds::new()?))?;
    Ok(queue)
}

/// The graphics engine; or the copy engine with this number, or the one that has the fewest queues, and of these, one that
/// does not share its time with graphics.
fn choose_engine(gpu: &Gpu<'_>, wanted: &nova_uapi::QueueCreate) -> Result<Engine> {
    let engines = gpu.core.engines()?;
    if wanted.engine_class != ENGINE_CLASS_COPY {
        return engines.graphics().ok_or(EINVAL);
    }
    let instance = wanted.engine_instance;
    let mut copies = engines.copies();
    let chosen = match instance {
        ENGINE_INSTANCE_ANY => copies.min_by_key(|engine| {
            let queues = gpu.queues.count(|queue| queue.engine == Some(*engine));
            (queues, engine.shares_graphics)
        }),
        _ => copies.find(|engine| u32::from(engine.instance) == instance),
    };
    chosen.ok_or(EINVAL)
}

/// A value, or the default if it is zero.
fn or_default(wanted: u32, default: u32) -> u32 {
    match wanted {
        0 => default,
        _ => wanted,
    }
}

/// When a queue runs, of which a file has the right.
fn scheduling(wanted: &nova_uapi::QueueCreate) -> Scheduling {
    Scheduling {
        level: match wanted.priority {
            PRIORITY_LOW => InterleaveLevel::Low,
            PRIORITY_HIGH => InterleaveLevel::High,
            _ => InterleaveLevel::Medium,
        },
        timeslice_us: wanted.timeslice_us,
    }
}

impl Queue {
    /// A queue without a channel.
    fn new(
        device: &Device,
        gpu: &Gpu<'_>,
        file: &FileData,
        vm: Arc<Vm>,
        engine: Option<Engine>,
        wanted: &nova_uapi::QueueCreate,
    ) -> Result<Arc<Self>> {
        let ring_entries = or_default(wanted.ring_entries, LIMITS.ring_entries_default);
        let pushes_max = match engine {
            Some(_) => gpu.core.pushes_max(ring_entries),
            None => 0,
        };
        let timeout_ms = or_default(wanted.timeout_ms, LIMITS.job_timeout_ms);
        let state = State::new(ring_entries)?;
        let (file_number, engine_time) = (file.number, file.engine_time.clone());
        let queue = pin_init!(Self {
            number: Number::next(),
            file: file_number,
            id: Atomic::new(0),
            process: Process::current(),
            device: device.reference(),
            engine_time,
            vm,
            class: wanted.engine_class,
            engine,
            scheduling: scheduling(wanted),
            ring_entries,
            pushes_max,
            timeout: Duration::from_millis(timeout_ms.into()),
            born: Instant::<Monotonic>::now(),
            // SAFETY: This initializes the field `work` of a `Queue`. All that were queued are stopped when the GPU is
            // unbound, or before, and the workqueue is there until the driver is unregistered.
            work <- unsafe {
                ArcWork::new::<Self>(&WORKQUEUE, LockClasses {
                    name: c"Queue::work",
                    work: static_lock_class!(),
                    timer: static_lock_class!(),
                })
            },
            renewal <- new_mutex!(()),
            ending <- new_mutex!(()),
            state <- new_mutex!(state),
            room <- new_condvar!(),
        });
        Arc::pin_init(queue, GFP_KERNEL_ACCOUNT)
    }

    /// The channel of the running epoch, made if there is none. Waits for a boot if the GPU is stopped.
    ///
    /// # Errors
    ///
    /// `ECANCELED` if the queue is lost, `ENODEV` if the GPU is unbound, `EIO` if GSP-RM does not run, `EINTR` if the task
    /// was killed, `ENOMEM`, and those of [`nova_core_module::Gpu::channel`].
    pub(super) fn renew<'a>(self: &Arc<Self>, gpu: &Gpu<'a>) -> Result<Made<'a>> {
        let epoch = gpu.core.await_epoch()?;
        if let Some(made) = self.made_in(gpu, epoch) {
            return Ok(made);
        }
        let _renewal = self.renewal.lock();
        // The end of the old one may not have been looked at yet.
        self.look(&gpu.queues);
        self.check()?;
        match self.made_in(gpu, epoch) {
            Some(made) => Ok(made),
            None => self.make(gpu),
        }
    }

    /// The channel, if it is of this epoch.
    fn made_in<'a>(&self, gpu: &Gpu<'a>, epoch: Epoch) -> Option<Made<'a>> {
        let made = gpu.queues.channel(self)?;
        (made.channel.epoch() == epoch && self.is_on(&made)).then_some(made)
    }

    /// Makes a channel.
    fn make<'a>(self: &Arc<Self>, gpu: &Gpu<'a>) -> Result<Made<'a>> {
        let space = self.vm.renewed_space(gpu)?;
        let engine = self.engine.ok_or(EINVAL)?;
        let graphics = match engine.kind {
            EngineKind::Copy => None,
            EngineKind::Graphics => Some(NewGraphics {
                context: gpu.contexts.make(gpu)?,
                draws: self.class == ENGINE_CLASS_GRAPHICS,
            }),
        };
        let events = Events::new(gpu, self, engine)?;
        let new = NewChannel {
            engine,
            entries: self.ring_entries,
            scheduling: self.scheduling,
            hole: self.vm.kernel_range(),
            graphics,
        };
        let made = Made {
            number: Number::next(),
            channel: gpu.channel(&space, new, events.clone())?,
            events,
        };
        gpu.queues.set_channel(self, made.clone())?;
        // What was told before the queue had the channel was not looked at.
        arc_work::queue(self);
        Ok(made)
    }

    /// Whether the queue takes jobs.
    ///
    /// # Errors
    ///
    /// Those of [`State::check`].
    pub(super) fn check(&self) -> Result {
        self.state.lock().check()
    }
}
