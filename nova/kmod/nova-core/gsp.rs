// SPDX-License-Identifier: GPL-2.0

//! The GSP between boot and unload, and its interrupt.

use kernel::irq::{IrqReturn, ThreadedHandler, ThreadedIrqReturn};
use kernel::prelude::*;
use kernel::sync::{new_mutex, Arc, Mutex};
use nova_core::{Event, Failure, Irq, Running};

use crate::errno::errno;
use crate::machine::Machine;
use crate::wait_queue::WaitQueue;

/// A machine and what runs on its GPU.
#[pin_data]
pub(crate) struct Gsp<'a> {
    #[pin]
    machine: Machine<'a>,
    #[pin]
    pub(crate) running: Mutex<Option<Running<Machine<'a>>>>,
    /// Those who wait for something to become of what runs.
    #[pin]
    pub(crate) changed: WaitQueue,
}

impl<'a> Gsp<'a> {
    /// A GPU that has not been booted.
    pub(crate) fn new(machine: impl PinInit<Machine<'a>, Error>) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            machine <- machine,
            running <- new_mutex!(None),
            changed <- WaitQueue::new(),
        })
    }

    /// The machine.
    pub(crate) fn machine(&self) -> &Machine<'a> {
        &self.machine
    }

    /// Whoever asks from now on gets what runs on the GPU.
    pub(crate) fn set_running(&self, running: Running<Machine<'a>>) {
        *self.running.lock() = Some(running);
    }

    /// Handles the messages that have arrived.
    pub(crate) fn service(&self) {
        if let Some(running) = &mut *self.running.lock() {
            self.service_running(running);
        }
    }

    /// Handles the messages that have arrived, and says so when the GSP is lost.
    pub(crate) fn service_running(&self, running: &mut Running<Machine<'a>>) {
        let was_lost = running.lost().is_some();
        let serviced = running.service(&self.machine, &mut |event| self.log(event));
        match (serviced, running.lost()) {
            (Err(_), Some(lost)) if !was_lost => {
                dev_err!(self.machine.device(), "{}\n", format_args!("{lost}"));
            }
            _ => {}
        }
        self.changed.wake_all();
    }

    /// Says what the GSP tells on its own. What nobody understands is only counted.
    pub(crate) fn log(&self, event: Event<'_>) {
        match event {
            Event::Unknown { .. } => {}
            event => dev_warn!(self.machine.device(), "{}\n", format_args!("{event}")),
        }
    }

    /// Says why something failed, in one line; returns the error number for it.
    #[inline(never)]
    pub(crate) fn failed(&self, failure: &Failure) -> Error {
        dev_err!(self.machine.device(), "{}\n", format_args!("{failure}"));
        errno(failure.kind())
    }

    fn unload(&self) {
        let running = self.running.lock().take();
        self.changed.wake_all();
        if let Some(running) = running {
            let unloaded = running.unload(&self.machine, &mut |event| self.log(event));
            if let Err(failure) = unloaded {
                // The GPU is left as it is; the next attempt to bind it takes that into account.
                let _ = self.failed(&failure);
            }
        }
    }
}

/// Unloads the GSP when dropped; the interrupt handler has to outlive it.
pub(crate) struct Unload<'a>(pub(crate) Arc<Gsp<'a>>);

impl Drop for Unload<'_> {
    fn drop(&mut self) {
        self.0.unload();
    }
}

/// The handler of the GSP's interrupt.
pub(crate) struct Interrupt<'a> {
    pub(crate) gsp: Arc<Gsp<'a>>,
    pub(crate) irq: Irq,
}

impl ThreadedHandler for Interrupt<'_> {
    fn handle(&self) -> ThreadedIrqReturn {
        let machine = self.gsp.machine();
        let handled = self.irq.handle(machine);
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
        self.gsp.service();
        IrqReturn::Handled
    }
}
