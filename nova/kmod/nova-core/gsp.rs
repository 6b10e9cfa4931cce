// SPDX-License-Identifier: GPL-2.0

//! The GSP-RM of a GPU, its messages and its interrupt. Boot, recovery and unload are in
//! `lifecycle.rs`, calls in `calls.rs`.

use core::time::Duration;

use kernel::debugfs::Dir;
use kernel::device::Bound;
use kernel::irq::{IrqReturn, ThreadedHandler, ThreadedIrqReturn};
use kernel::pci;
use kernel::prelude::*;
use kernel::sync::atomic::{Atomic, AtomicFlag, Full, Release};
use kernel::sync::{new_mutex, static_lock_class, Arc, Mutex, SetOnce};
use nova_core::platform::Registers;
use nova_core::{Event, Failure, GspEvent, Irq, RpcError, Running};

use crate::calls::Epoch;
use crate::debugfs;
use crate::errno::errno;
use crate::fifo::Fifo;
use crate::graphics::GraphicsState;
use crate::health::Listeners;
use crate::instance::Open;
use crate::kept::Kept;
use crate::lifecycle::{Lifecycle, Step};
use crate::machine::Machine;
use crate::WORKQUEUE;
use nova_kernel::ratelimit::RateLimit;
use nova_kernel::sync::wait_queue::WaitQueue;
use nova_kernel::sync::work::{HasWork, LockClasses, When, Work};

/// A GPU and the GSP-RM on it.
#[pin_data]
pub(crate) struct Gsp<'a> {
    /// Runs lists of register accesses for GSP-RM, for which calls wait, also while tasks are frozen. It comes before other
    /// fields, since it uses all of them and must be dropped before them.
    #[pin]
    lists: Work,
    /// Looks whether the GSP still runs, and boots it after it was stopped or lost. It comes before other fields, too.
    #[pin]
    work: Work,
    #[pin]
    machine: Machine<'a>,
    /// Held during a boot, an unload, and a list of register accesses. Taken before `current`.
    #[pin]
    pub(crate) lifecycle: Mutex<Lifecycle>,
    #[pin]
    pub(crate) current: Mutex<Current<'a>>,
    /// The driver's memory in VRAM, made when it is first needed. Taken before `current`.
    #[pin]
    pub(crate) instance: Mutex<Option<Open<'a>>>,
    /// What the GPU may still use. Nothing is taken while it is held.
    #[pin]
    pub(crate) kept: Mutex<Kept>,
    /// The channels.
    #[pin]
    pub(crate) fifo: Fifo<'a>,
    /// The graphics engine.
    #[pin]
    pub(crate) graphics: GraphicsState,
    /// Threads that wait for a change of `current`.
    #[pin]
    pub(crate) changed: WaitQueue,
    /// The GSP's interrupt; set by the first boot.
    pub(crate) irq: SetOnce<Irq>,
    /// The GPU's folder in debugfs.
    pub(crate) folder: Dir,
    /// Rate limit for the log of GSP-RM's events.
    #[pin]
    events: RateLimit,
    /// The second-level driver that is notified of the GPU's health.
    pub(crate) listeners: Arc<Listeners>,
    /// Number of the next client of GSP-RM.
    pub(crate) next_client: Atomic<u32>,
    /// Number of the next address space of GSP-RM.
    pub(crate) next_space: Atomic<u32>,
}

/// The current state of a GPU's GSP-RM.
pub(crate) struct Current<'a> {
    pub(crate) gsp_rm: GspRm<'a>,
    /// Raised with each change of `gsp_rm`.
    pub(crate) epoch: Epoch,
    /// How often GSP-RM has been booted.
    pub(crate) boots: u64,
}

/// State of GSP-RM.
pub(crate) enum GspRm<'a> {
    /// GSP-RM has been booted: it runs, or the GSP is lost.
    Running(Running<Machine<'a>>),
    /// GSP-RM is stopped for a suspend or a reset, and will be booted after that.
    Stopped,
    /// The GSP was lost, and the GPU has been reset to be booted again.
    Reset,
    /// GSP-RM does not run, and threads must not wait for a boot.
    Down,
}

impl<'a> Current<'a> {
    /// The booted GSP-RM, if there is one.
    pub(crate) fn running(&mut self) -> Option<&mut Running<Machine<'a>>> {
        match &mut self.gsp_rm {
            GspRm::Running(running) => Some(running),
            GspRm::Stopped | GspRm::Reset | GspRm::Down => None,
        }
    }

    /// Whether GSP-RM is stopped and will be booted.
    pub(crate) fn is_stopped(&self) -> bool {
        matches!(self.gsp_rm, GspRm::Stopped)
    }

    /// Whether GSP-RM does not run, and will be booted.
    pub(crate) fn is_awaited(&self) -> bool {
        matches!(self.gsp_rm, GspRm::Stopped | GspRm::Reset)
    }

    /// Whether the GSP is lost.
    pub(crate) fn is_lost(&self) -> bool {
        matches!(&self.gsp_rm, GspRm::Running(running) if running.lost().is_some())
    }
}

/// The numbers of a GPU's work items.
const LISTS: usize = 0;
const STEPS: usize = 1;

// SAFETY: `lists` is at `OFFSET`. It is the first field, so it is dropped first.
unsafe impl HasWork<LISTS> for Gsp<'_> {
    const OFFSET: usize = core::mem::offset_of!(Self, lists);

    fn work(&self) {
        self.run_list();
    }
}

// SAFETY: `work` is at `OFFSET`. It is the second field, after `lists`, so it is dropped before all that are no `Work`.
unsafe impl HasWork<STEPS> for Gsp<'_> {
    const OFFSET: usize = core::mem::offset_of!(Self, work);

    fn work(&self) {
        let Step { health, again } = self.step();
        // The step has dropped its locks, so the listener may take its own.
        if let Some(health) = health {
            self.listeners.notify(health);
        }
        if let Some(interval) = again {
            self.queue_work_after(interval);
        }
    }
}

impl<'a> Gsp<'a> {
    /// A GPU that has not been booted.
    pub(crate) fn new(device: &'a pci::Device<Bound>) -> impl PinInit<Self, Error> + 'a {
        try_pin_init!(Self {
            // SAFETY: This initializes the field `lists` of a `Gsp`. The module has the workqueue for longer than GPUs.
            lists <- unsafe {
                // The end of a fence may wait for a call, and that for a list.
                Work::new::<Self, LISTS>(When::Reclaiming(&WORKQUEUE), LockClasses {
                    name: c"Gsp::lists",
                    work: static_lock_class!(),
                    timer: static_lock_class!(),
                })
            },
            // SAFETY: This initializes the field `work` of a `Gsp`.
            work <- unsafe {
                // A boot reads files.
                Work::new::<Self, STEPS>(When::Unfrozen, LockClasses {
                    name: c"Gsp::work",
                    work: static_lock_class!(),
                    timer: static_lock_class!(),
                })
            },
            machine <- Machine::new(device),
            lifecycle <- new_mutex!(Lifecycle::default()),
            current <- new_mutex!(Current {
                gsp_rm: GspRm::Down,
                epoch: Epoch::FIRST,
                boots: 0,
            }),
            instance <- new_mutex!(None),
            kept <- new_mutex!(Kept::default()),
            fifo <- Fifo::new(),
            graphics <- GraphicsState::new(),
            changed <- WaitQueue::new(c"Gsp::changed", static_lock_class!()),
            irq: SetOnce::new(),
            folder: debugfs::folder(device.as_ref().name())?,
            events <- RateLimit::new(c"Gsp::events", static_lock_class!()),
            listeners: Listeners::new()?,
            next_client: Atomic::new(0),
            next_space: Atomic::new(0),
        })
    }

    /// The GPU and the kernel services for it.
    pub(crate) fn machine(&self) -> &Machine<'a> {
        &self.machine
    }

    /// Handles the messages that have arrived from GSP-RM.
    pub(crate) fn service(&self) {
        self.service_current(&mut self.current.lock());
    }

    /// As [`Self::service`], with `current` locked by the caller. Queues the recovery if the GSP is lost, and the list of
    /// register accesses if GSP-RM has sent one.
    pub(crate) fn service_current(&self, current: &mut Current<'a>) {
        let epoch = current.epoch;
        let Some(running) = current.running() else {
            return;
        };
        let was_lost = running.lost().is_some();
        let served = running.service(&self.machine, &mut |event| {
            self.fifo.note(epoch, &event);
            self.log(event);
        });
        debug_assert_eq!(served.is_err(), running.lost().is_some());
        self.note_loss(running, was_lost);
        if running.has_list() {
            self.lists.queue();
        }
        self.changed.wake_all();
    }

    /// If the GSP has been lost since `was_lost` was read, logs that and queues its recovery.
    #[inline(never)]
    pub(crate) fn note_loss(&self, running: &Running<Machine<'a>>, was_lost: bool) {
        match running.lost() {
            Some(lost) if !was_lost => {
                dev_err!(self.machine.device(), "{}\n", format_args!("{lost}"));
                self.queue_work();
            }
            _ => {}
        }
    }

    /// Counts the GSP of an epoch as lost, for the reason `cause`, since only a reset keeps the GPU from what it does.
    pub(crate) fn lose(&self, epoch: Epoch, cause: RpcError) {
        let mut current = self.current.lock();
        if let Ok(running) = current.running_in(epoch) {
            let was_lost = running.lost().is_some();
            running.lose(&self.machine, cause);
            self.note_loss(running, was_lost);
        }
        drop(current);
        self.changed.wake_all();
    }

    /// Queues the work item, which boots the GSP if necessary.
    pub(crate) fn queue_work(&self) {
        self.work.queue();
    }

    /// Queues the work item for its next step, unless it is queued already.
    pub(crate) fn queue_work_after(&self, interval: Duration) {
        self.work.queue_after(interval);
    }

    /// Logs an event, up to the rate limit. Events of unknown type are not logged, only counted.
    pub(crate) fn log(&self, event: Event<'_>) {
        let device = self.machine.device();
        let is_logged = match event {
            Event::Gsp(GspEvent::Unknown { .. }) => false,
            // This event comes from the driver and not from GSP-RM, so it needs no rate limit.
            Event::TeardownFailed(_) => true,
            _ => self.events.allows(device.as_ref().name()),
        };
        if is_logged {
            dev_warn!(device, "{}\n", format_args!("{event}"));
        }
    }

    /// Logs a failure in one line, and returns its error number.
    #[inline(never)]
    pub(crate) fn log_failure(&self, failure: &Failure) -> Error {
        dev_err!(self.machine.device(), "{}\n", format_args!("{failure}"));
        errno(failure.kind())
    }

    /// After the last failure: if the registers do not answer while configuration space does, logs what may help.
    pub(crate) fn log_silence(&self) {
        let is_silent = self.machine.read32(0) == u32::MAX;
        if is_silent && self.machine.resettable().is_present() {
            dev_err!(
                self.machine.device(),
                "configuration space answers, but no register does; try to turn the machine off and on\n"
            );
        }
    }
}

/// The handler of the interrupts of the GSP and of channels.
pub(crate) struct Interrupt<'a> {
    gsp: Arc<Gsp<'a>>,
    /// There may be messages in the GSP's queue, at which the thread has not looked.
    messages: AtomicFlag,
}

impl<'a> Interrupt<'a> {
    pub(crate) fn new(gsp: &Arc<Gsp<'a>>) -> Self {
        Self {
            gsp: gsp.clone(),
            messages: AtomicFlag::new(false),
        }
    }
}

impl ThreadedHandler for Interrupt<'_> {
    fn handle(&self) -> ThreadedIrqReturn {
        let Self { gsp, messages } = self;
        // The first boot sets this before it enables the GSP's interrupt.
        let Some(irq) = gsp.irq.as_ref() else {
            return ThreadedIrqReturn::None;
        };
        let machine = gsp.machine();
        let handled = irq.handle_with(machine, &gsp.fifo.enabled());
        gsp.fifo.raise(&handled.channels);
        if handled.messages {
            messages.store(true, Release);
            machine.interrupt_fired();
        }
        if handled.messages || !handled.channels.is_empty() {
            ThreadedIrqReturn::WakeThread
        } else if handled.ours {
            ThreadedIrqReturn::Handled
        } else {
            ThreadedIrqReturn::None
        }
    }

    fn handle_threaded(&self) -> IrqReturn {
        let Self { gsp, messages } = self;
        gsp.fifo.notify();
        if messages.xchg(false, Full) {
            gsp.service();
        }
        IrqReturn::Handled
    }
}
