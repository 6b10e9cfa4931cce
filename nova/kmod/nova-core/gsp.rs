// SPDX-License-Identifier: GPL-2.0

//! What runs on a GPU, and its interrupt. How it comes and goes is in `lifecycle.rs`.

use core::time::Duration;

use kernel::debugfs::Dir;
use kernel::device::Bound;
use kernel::irq::{IrqReturn, ThreadedHandler, ThreadedIrqReturn};
use kernel::pci;
use kernel::prelude::*;
use kernel::sync::{new_mutex, Arc, Mutex, SetOnce};
use nova_core::platform::Clock;
use nova_core::{Event, Failure, Irq, Running};

use crate::debugfs;
use crate::errno::errno;
use crate::health::Listeners;
use crate::lifecycle::Lifecycle;
use crate::machine::Machine;
use crate::ratelimit::RateLimit;
use crate::wait_queue::WaitQueue;
use crate::work::{HasWork, Work};

/// How long recovery waits before it looks again whether somebody else still has the device.
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// A machine and what runs on its GPU.
#[pin_data]
pub(crate) struct Gsp<'a> {
    /// Boots the GSP again; it uses all the rest, so it goes first.
    #[pin]
    recovery: Work,
    #[pin]
    machine: Machine<'a>,
    /// Held while the GSP is booted or stopped, and taken before `running`.
    #[pin]
    pub(crate) lifecycle: Mutex<Lifecycle>,
    /// Nothing while the GPU is stopped or recovers.
    #[pin]
    pub(crate) running: Mutex<Option<Running<Machine<'a>>>>,
    /// Those who wait for something to become of what runs.
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
}

// SAFETY: `recovery` is the first field, and fields are dropped in their order.
unsafe impl HasWork for Gsp<'_> {
    const OFFSET: usize = core::mem::offset_of!(Self, recovery);

    fn work(&self) {
        if !self.recover() {
            self.machine.sleep(LOCK_PAUSE);
            self.recovery.queue();
        }
    }
}

impl<'a> Gsp<'a> {
    /// A GPU that has not been booted.
    pub(crate) fn new(device: &'a pci::Device<Bound>) -> impl PinInit<Self, Error> + 'a {
        try_pin_init!(Self {
            // SAFETY: This is the work of a `Self`.
            recovery <- unsafe { Work::new::<Self>() },
            machine <- Machine::new(device),
            lifecycle <- new_mutex!(Lifecycle::default()),
            running <- new_mutex!(None),
            changed <- WaitQueue::new(),
            irq: SetOnce::new(),
            folder: debugfs::folder(device.as_ref().name())?,
            events <- RateLimit::new(),
            listeners: Listeners::new()?,
        })
    }

    /// The machine.
    pub(crate) fn machine(&self) -> &Machine<'a> {
        &self.machine
    }

    /// Handles the messages that have arrived.
    pub(crate) fn service(&self) {
        if let Some(running) = &mut *self.running.lock() {
            self.service_running(running);
        }
    }

    /// Handles the messages that have arrived; when the GSP is lost, says so and has it booted again.
    pub(crate) fn service_running(&self, running: &mut Running<Machine<'a>>) {
        let was_lost = running.lost().is_some();
        // What fails here is that the GSP is lost.
        let _ = running.service(&self.machine, &mut |event| self.log(event));
        self.note_loss(running, was_lost);
        self.changed.wake_all();
    }

    /// When the GSP has been lost just now, says so and has it booted again.
    pub(crate) fn note_loss(&self, running: &Running<Machine<'a>>, was_lost: bool) {
        match running.lost() {
            Some(lost) if !was_lost => {
                dev_err!(self.machine.device(), "{}\n", format_args!("{lost}"));
                self.recovery.queue();
            }
            _ => {}
        }
    }

    /// Says what the GSP tells on its own, unless that is too much. What nobody understands is only
    /// counted.
    pub(crate) fn log(&self, event: Event<'_>) {
        let device = self.machine.device();
        let is_said = match event {
            Event::Unknown { .. } => false,
            // The driver's own.
            Event::NotPutBack(_) => true,
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

    /// Has the GSP never booted again.
    pub(crate) fn disable_recovery(&self) {
        self.recovery.disable();
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
