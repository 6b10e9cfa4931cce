// SPDX-License-Identifier: GPL-2.0

//! How the GSP comes and goes: boot, stop and start around a loss of power or a reset, recovery of a GSP
//! that is lost, unload.
//!
//! The device's lock is held through each of these, so that they happen one after the other, whoever
//! asks: probe and unbind, the kernel for power and resets, or the work that boots. That work goes step
//! by step and lets go of the lock in between. docs/locking.md has all locks.

use core::time::Duration;

use kernel::prelude::*;
use kernel::sync::Arc;
use nova_core::platform::{Clock, Platform};
use nova_core::{ErrorKind, Failure, Found, Running};

use crate::coredump;
use crate::debugfs;
use crate::gpu::Gpu;
use crate::gsp::{Gsp, GspRm};
use crate::health::Health;
use crate::machine::Machine;
use nova_kernel::pci::enabled::set_master;
use nova_kernel::pci::reset::DeviceLock;
use nova_kernel::sync::own_stack;

/// A GSP that is lost is booted again this often within [`PERIOD`].
const RECOVERIES: usize = 3;

/// See [`RECOVERIES`].
const PERIOD: Duration = Duration::from_secs(600);

/// No boot is begun so long after the loss that it is to mend.
const RECOVERY_LIMIT: Duration = Duration::from_secs(120);

/// What the work that boots has to do.
#[derive(Clone, Copy, Default)]
enum ToDo {
    /// Nothing, unless the GSP is lost.
    #[default]
    Watch,
    /// Nothing: the GPU is about to lose its power, has none, or is being reset.
    Stopped,
    /// To boot the GPU, which was stopped.
    Start,
    /// To boot the GPU, whose GSP was lost then.
    Recover { since: Duration },
    /// Nothing: the GPU is not booted any more until it is stopped and started, or bound again.
    Dead,
}

/// What has come of one step of that work.
#[derive(Default)]
pub(crate) struct Step {
    /// Whom it concerns is to be told.
    pub(crate) tell: Option<Health>,
    /// There is another step to do.
    pub(crate) again: bool,
}

/// What lasts from one boot to the next.
#[derive(Default)]
pub(crate) struct Lifecycle {
    to_do: ToDo,
    /// When the GSP was booted again, the oldest first.
    recoveries: [Option<Duration>; RECOVERIES],
    /// What is in debugfs about this boot.
    files: Option<debugfs::Files>,
}

impl Lifecycle {
    /// Whether the GSP may be booted again now; notes that it is.
    fn may_recover(&mut self, now: Duration) -> bool {
        let [oldest, ..] = self.recoveries;
        if oldest.is_some_and(|then| now.saturating_sub(then) < PERIOD) {
            return false;
        }
        self.recoveries.rotate_left(1);
        if let Some(last) = self.recoveries.last_mut() {
            *last = Some(now);
        }
        true
    }
}

impl<'a> Gsp<'a> {
    /// Boots the GPU for the first time; where that fails, one line says why.
    pub(crate) fn boot(self: &Arc<Self>, found: Found) -> Result<Gpu<'a>> {
        let lifecycle = &mut *self.lifecycle.lock();
        let running = self.boot_found(found)?;
        let (pci, listeners) = (self.machine().pci(), self.listeners.clone());
        let gpu = Gpu::new(running.report(), pci, listeners, self.clone());
        dev_info!(self.machine().device(), "{}\n", gpu);
        if let Some(file) = running.report().passed_over {
            dev_info!(
                self.machine().device(),
                "newer firmware lacks {}\n",
                format_args!("{file}")
            );
        }
        self.irq.populate(running.irq());
        self.set_running(lifecycle, running);
        Ok(gpu)
    }

    /// Boots the GPU; after a reset, where only that takes away what a driver has left that died.
    fn boot_found(&self, found: Found) -> Result<Running<Machine<'a>>> {
        let device = self.machine().device();
        let booted = match self.boot_once(found)? {
            Err(failure) if failure.kind() == ErrorKind::Busy => {
                dev_info!(device, "{}; trying again\n", format_args!("{failure}"));
                self.boot_once(self.identify()?)?
            }
            booted => booted,
        };
        booted.map_err(|failure| self.failed(&failure))
    }

    fn boot_once(&self, found: Found) -> Result<Result<Running<Machine<'a>>, Failure>> {
        own_stack::call(|| {
            let prepared = found.prepare(self.machine())?;
            prepared.boot(self.machine(), &mut |event| self.log(event))
        })
    }

    /// Whoever asks from now on gets what runs on the GPU, and its interrupt is let through.
    fn set_running(&self, lifecycle: &mut Lifecycle, running: Running<Machine<'a>>) {
        // The files of the last boot go first, as the new ones have the same names.
        lifecycle.files = None;
        // A GSP that runs is not given up for files that only people read.
        lifecycle.files = debugfs::Files::new(&self.folder, &running)
            .inspect_err(|_| {
                dev_warn!(
                    self.machine().device(),
                    "no memory for files about the boot in debugfs\n"
                )
            })
            .ok();
        let irq = running.irq();
        self.replace(GspRm::Running(running));
        irq.enable(self.machine());
        self.service();
    }

    /// Stops the GSP: the GPU is about to lose its power, or to be reset. Nothing but
    /// [`Self::start`] gets it going again.
    ///
    /// No memory of the GPU outlives this: nothing that belongs to user space lies in there yet.
    pub(crate) fn stop(&self) {
        let mut lifecycle = self.lifecycle.lock();
        lifecycle.to_do = ToDo::Stopped;
        // Where it has not been booted since it was last stopped, whoever waits for that boot goes on waiting.
        let is_stopped = self.current.lock().is_stopped();
        if !is_stopped {
            self.unload(GspRm::Stopped);
        }
    }

    /// Has the GPU booted if it was stopped; whoever calls GSP-RM waits for that. Where it fails, the GPU
    /// stays down.
    pub(crate) fn start(&self) {
        let mut lifecycle = self.lifecycle.lock();
        if let ToDo::Stopped = lifecycle.to_do {
            lifecycle.to_do = ToDo::Start;
            self.queue_work();
        }
    }

    /// The GPU is about to be unbound: it is not booted any more, so nobody should wait for that. What
    /// runs goes on.
    pub(crate) fn boot_no_more(&self) {
        let mut lifecycle = self.lifecycle.lock();
        lifecycle.to_do = ToDo::Dead;
        let is_stopped = self.current.lock().is_stopped();
        if is_stopped {
            self.replace(GspRm::Down);
        }
    }

    /// Runs the list of register accesses that GSP-RM asks for, if there is one, with `current` let go.
    /// Nobody boots, unloads or resets the GPU meanwhile. Calls wait, and so do messages behind it.
    ///
    /// The device's lock is not needed: unbind, which has it, waits for the calls that wait for this.
    pub(crate) fn run_list(&self) {
        let _lifecycle = self.lifecycle.lock();
        let list = {
            let mut current = self.current.lock();
            current.running().and_then(Running::take_list)
        };
        let Some(list) = list else {
            return;
        };
        let list = list.run(self.machine());
        let mut current = self.current.lock();
        if let Some(running) = current.running() {
            // What goes wrong is the loss of the GSP, which is noted here.
            let _ = running.finish_list(self.machine(), list);
            self.note_loss(running, false);
        }
        self.service_current(&mut current);
    }

    /// Does what there is to do for the GPU, at most one boot; the locks are free between two steps.
    pub(crate) fn step(&self) -> Step {
        // Whoever has the device may wait for this work to be over, so it does not wait for them.
        let Some(_locked) = DeviceLock::try_new(self.machine().device()) else {
            return Step {
                tell: None,
                again: true,
            };
        };
        let lifecycle = &mut *self.lifecycle.lock();
        let now = self.machine().now();
        match lifecycle.to_do {
            ToDo::Watch if self.current.lock().is_lost() => {
                lifecycle.to_do = ToDo::Recover { since: now };
                Step {
                    tell: Some(Health::Lost),
                    again: true,
                }
            }
            ToDo::Watch | ToDo::Stopped | ToDo::Dead => Step::default(),
            ToDo::Start => {
                let booted = self.boot_again(lifecycle);
                self.settle(lifecycle, booted.is_ok())
            }
            ToDo::Recover { since } => self.recover(lifecycle, since, now),
        }
    }

    /// Tries to boot a GPU whose GSP is lost.
    fn recover(&self, lifecycle: &mut Lifecycle, since: Duration, now: Duration) -> Step {
        self.reset_lost();
        let device = self.machine().device();
        if now.saturating_sub(since) >= RECOVERY_LIMIT || !lifecycle.may_recover(now) {
            dev_err!(
                device,
                "the GPU stays down: its GSP was lost too often, or does not boot\n"
            );
            return self.settle(lifecycle, false);
        }
        if self.boot_again(lifecycle).is_err() {
            return Step {
                tell: None,
                again: true,
            };
        }
        let millis = self.machine().now().saturating_sub(since).as_millis();
        dev_info!(device, "the GSP runs again after {millis} ms\n");
        self.settle(lifecycle, true)
    }

    /// There is nothing left to do: the GPU works, or stays down.
    fn settle(&self, lifecycle: &mut Lifecycle, works: bool) -> Step {
        let health = match works {
            true => {
                lifecycle.to_do = ToDo::Watch;
                Health::Works
            }
            false => {
                lifecycle.to_do = ToDo::Dead;
                self.replace(GspRm::Down);
                Health::Dead
            }
        };
        Step {
            tell: Some(health),
            again: false,
        }
    }

    /// Takes away what is lost, once.
    fn reset_lost(&self) {
        if !self.current.lock().is_lost() {
            return;
        }
        if let GspRm::Running(running) = self.replace(GspRm::Down) {
            coredump::submit(self.machine(), &running);
            self.reset(running);
        }
    }

    /// Gets the GPU out of the state in which its GSP was lost.
    fn reset(&self, running: Running<Machine<'a>>) {
        match self.machine().resettable().reset() {
            // The GPU knows nothing of the memory any more.
            Ok(()) => drop(running),
            // It is about to be reset, and does not get at the memory until then.
            Err(EBUSY) => {
                set_master(self.machine().device(), false);
                drop(running);
            }
            // Some cards of before Ampere cannot be reset alone.
            Err(_) => {
                if let Err(failure) = running.abandon(self.machine()) {
                    let _ = self.failed(&failure);
                }
            }
        }
    }

    /// Boots a GPU that has been booted before.
    fn boot_again(&self, lifecycle: &mut Lifecycle) -> Result {
        let found = self.identify()?;
        let running = self.boot_found(found)?;
        if self.irq.copy() != Some(running.irq()) {
            dev_err!(self.machine().device(), "the GSP's interrupt has moved\n");
            if let Err(failure) = running.abandon(self.machine()) {
                return Err(self.failed(&failure));
            }
            return Err(EIO);
        }
        self.set_running(lifecycle, running);
        Ok(())
    }

    /// Finds out which GPU it is.
    pub(crate) fn identify(&self) -> Result<Found> {
        let found = nova_core::probe(self.machine()).map_err(|failure| self.failed(&failure))?;
        Ok(found.pin(pinned_release()))
    }

    /// Puts `gsp_rm` in the place of what runs, and returns that; who waits for it looks again.
    fn replace(&self, gsp_rm: GspRm<'a>) -> GspRm<'a> {
        let mut current = self.current.lock();
        current.epoch = current.epoch.next();
        let before = core::mem::replace(&mut current.gsp_rm, gsp_rm);
        drop(current);
        self.changed.wake_all();
        before
    }

    /// Unloads the GSP if it runs; `then` is what whoever asks gets from now on.
    fn unload(&self, then: GspRm<'a>) {
        let GspRm::Running(running) = self.replace(then) else {
            return;
        };
        if running.lost().is_some() {
            return self.reset(running);
        }
        let unloaded = running.unload(self.machine(), &mut |event| self.log(event));
        if let Err(failure) = unloaded {
            // The GPU is left as it is; the next boot takes that into account.
            let _ = self.failed(&failure);
        }
    }
}

/// The branch of the one firmware release that may be booted, if there is one.
fn pinned_release() -> Option<u32> {
    let branch = crate::module_parameters::firmware_release.value();
    (branch != 0).then_some(branch)
}

/// Unloads the GSP for good when dropped, unless that has been done; the interrupt handler has to
/// outlive it.
pub(crate) struct Unload<'a>(pub(crate) Arc<Gsp<'a>>);

impl Unload<'_> {
    /// Unloads the GSP for good: whoever calls this has the device's lock until nothing is left that could
    /// boot it again.
    pub(crate) fn unload(&self) {
        let Self(gsp) = self;
        let lifecycle = &mut *gsp.lifecycle.lock();
        lifecycle.files = None;
        gsp.unload(GspRm::Down);
    }
}

impl Drop for Unload<'_> {
    fn drop(&mut self) {
        self.unload();
    }
}
