// SPDX-License-Identifier: GPL-2.0

//! What runs on a GPU, and its interrupt. How it comes and goes is in `lifecycle.rs`.

use core::time::Duration;

use kernel::debugfs::Dir;
use kernel::device::Bound;
use kernel::irq::{IrqReturn, ThreadedHandler, ThreadedIrqReturn};
use kernel::pci;
use kernel::prelude::*;
use kernel::sync::atomic::Atomic;
use kernel::sync::{new_mutex, Arc, Mutex, SetOnce};
use nova_core::platform::Clock;
use nova_core::{Event, Failure, GspEvent, Irq, Running};

use crate::calls::Epoch;
use crate::debugfs;
use crate::errno::errno;
use crate::health::Listeners;
use crate::lifecycle::{Lifecycle, Step};
use crate::machine::Machine;
use nova_kernel::ratelimit::RateLimit;
use nova_kernel::sync::wait_queue::WaitQueue;
use nova_kernel::sync::work::{HasWork, Work};

/// How long the work waits before its next step, so that others get the device in between.
const PAUSE: Duration = Duration::from_millis(20);

/// A machine and what runs on its GPU.
#[pin_data]
pub(crate) struct Gsp<'a> {
    /// Runs what GSP-RM asks for, and boots the GSP after it was stopped or lost; it uses all the rest,
    /// so it goes first.
    #[pin]
    work: Work,
    #[pin]
    machine: Machine<'a>,
    /// Held while the GSP is booted or stopped or a list of it is run, and taken before `current`.
    #[pin]
    pub(crate) lifecycle: Mutex<Lifecycle>,
    #[pin]
    pub(crate) current: Mutex<Current<'a>>,
    /// Those who wait for something to become of it.
    #[pin]
    pub(crate) changed: WaitQueue,
    /// The GSP's interrupt, once a boot has told which one that is.
    pub(crate) irq: SetOnce<Irq>,
    /// The GPU's folder in debugfs.
    pub(crate) folder: Dir,
    /// What GSP-RM tells on its own is logged only so often.
    #[pin]
    events: RateLimit,
    /// Whom it concerns how the GPU is.
    pub(crate) listeners: Arc<Listeners>,
    /// Numbers the clients of GSP-RM.
    pub(crate) next_client: Atomic<u32>,
}

/// What runs on a GPU at the moment.
pub(crate) struct Current<'a> {
    pub(crate) gsp_rm: GspRm<'a>,
    /// Another one with each change.
    pub(crate) epoch: Epoch,
}

/// What has become of GSP-RM.
pub(crate) enum GspRm<'a> {
    /// It runs, or is lost.
    Running(Running<Machine<'a>>),
    /// It is going to be booted after the GPU has slept or been reset.
    Stopped,
    /// It does not run, and nobody should wait for it.
    Down,
}

impl<'a> Current<'a> {
    /// What runs, if anything does.
    pub(crate) fn running(&mut self) -> Option<&mut Running<Machine<'a>>> {
        match &mut self.gsp_rm {
            GspRm::Running(running) => Some(running),
            GspRm::Stopped | GspRm::Down => None,
        }
    }

    /// Whether it is going to be booted.
    pub(crate) fn is_stopped(&self) -> bool {
        matches!(self.gsp_rm, GspRm::Stopped)
    }

    /// What runs, if it is lost.
    pub(crate) fn is_lost(&self) -> bool {
        matches!(&self.gsp_rm, GspRm::Running(running) if running.lost().is_some())
    }
}

// SAFETY: `work` is the first field, and fields are dropped in their order.
unsafe impl HasWork for Gsp<'_> {
    const OFFSET: usize = core::mem::offset_of!(Self, work);

    fn work(&self) {
        self.run_list();
        let Step { tell, again } = self.step();
        // Only here, so whoever is told need not care for the locks of a step.
        if let Some(health) = tell {
            self.listeners.tell(health);
        }
        if again {
            self.machine.sleep(PAUSE);
            self.work.queue();
        }
    }
}

impl<'a> Gsp<'a> {
    /// A GPU that has not been booted.
    pub(crate) fn new(device: &'a pci::Device<Bound>) -> impl PinInit<Self, Error> + 'a {
        try_pin_init!(Self {
            // SAFETY: This is the work of a `Self`.
            work <- unsafe { Work::new::<Self>() },
            machine <- Machine::new(device),
            lifecycle <- new_mutex!(Lifecycle::default()),
            current <- new_mutex!(Current {
                gsp_rm: GspRm::Down,
                epoch: Epoch::FIRST,
            }),
            changed <- WaitQueue::new(),
            irq: SetOnce::new(),
            folder: debugfs::folder(device.as_ref().name())?,
            events <- RateLimit::new(),
            listeners: Listeners::new()?,
            next_client: Atomic::new(0),
        })
    }

    /// The machine.
    pub(crate) fn machine(&self) -> &Machine<'a> {
        &self.machine
    }

    /// Handles the messages that have arrived.
    pub(crate) fn service(&self) {
        self.service_current(&mut self.current.lock());
    }

    /// Handles the messages that have arrived. When the GSP is lost, says so and has it booted again; when
    /// GSP-RM asks for register accesses, has another thread make them.
    pub(crate) fn service_current(&self, current: &mut Current<'a>) {
        let Some(running) = current.running() else {
            return;
        };
        let was_lost = running.lost().is_some();
        let served = running.service(&self.machine, &mut |event| self.log(event));
        debug_assert_eq!(served.is_err(), running.lost().is_some());
        self.note_loss(running, was_lost);
        if running.has_list() {
            self.queue_work();
        }
        self.changed.wake_all();
    }

    /// When the GSP has been lost just now, says so and has it booted again.
    pub(crate) fn note_loss(&self, running: &Running<Machine<'a>>, was_lost: bool) {
        match running.lost() {
            Some(lost) if !was_lost => {
                dev_err!(self.machine.device(), "{}\n", format_args!("{lost}"));
                self.queue_work();
            }
            _ => {}
        }
    }

    /// Has another thread look what there is to do: a list to run, or the GSP to boot.
    pub(crate) fn queue_work(&self) {
        self.work.queue();
    }

    /// Says what the GSP tells on its own, unless that is too much. What nobody understands is only
    /// counted.
    pub(crate) fn log(&self, event: Event<'_>) {
        let device = self.machine.device();
        let is_said = match event {
            Event::Gsp(GspEvent::Unknown { .. }) => false,
            // The driver's own.
            Event::TeardownFailed(_) => true,
            _ => self.events.allows(device.as_ref().name()),
        };
        if is_said {
            dev_warn!(device, "{}\n", format_args!("{event}"));
        }
    }

    /// Says why something failed, in one line; returns the error number for it.
    #[inline(never)]
    pub(crate) fn failed(&self, failure: &Failure) -> Error {
        dev_err!(self.machine.device(), "{}\n", format_args!("{failure}"));
        errno(failure.kind())
    }
}

/// The handler of the GSP's interrupt.
pub(crate) struct Interrupt<'a>(pub(crate) Arc<Gsp<'a>>);

impl ThreadedHandler for Interrupt<'_> {
    fn handle(&self) -> ThreadedIrqReturn {
        let Self(gsp) = self;
        // Before that is known, nothing has been let through.
        let Some(irq) = gsp.irq.as_ref() else {
            return ThreadedIrqReturn::None;
        };
        let machine = gsp.machine();
        let handled = irq.handle(machine);
        if handled.messages {
            machine.interrupt_fired();
            ThreadedIrqReturn::WakeThread
        } else if handled.ours {
            ThreadedIrqReturn::Handled
        } else {
            ThreadedIrqReturn::None
        }
    }

    fn handle_threaded(&self) -> IrqReturn {
        let Self(gsp) = self;
        gsp.service();
        IrqReturn::Handled
    }
}
