// SPDX-License-Identifier: GPL-2.0

//! How the GSP comes and goes: boot, stop and start around a loss of power, recovery of a GSP that is
//! lost, unload.
//!
//! One mutex is held through each of these, so that they happen one after the other, whoever asks:
//! the driver core for power and resets, the work that recovers, or unbind.

use core::time::Duration;

use kernel::prelude::*;
use kernel::sync::Arc;
use nova_core::platform::Clock;
use nova_core::{ErrorKind, Failure, Found, Running};

use crate::coredump;
use crate::debugfs;
use crate::gpu::Gpu;
use crate::gsp::Gsp;
use crate::health::Health;
use crate::machine::Machine;
use crate::own_stack;
use crate::pci_reset::Locked;

/// A GSP that is lost is booted again this often within [`PERIOD`].
const RECOVERIES: usize = 3;

/// See [`RECOVERIES`].
const PERIOD: Duration = Duration::from_secs(600);

/// What lasts from one boot to the next.
#[derive(Default)]
pub(crate) struct Lifecycle {
    /// The GPU is about to lose its power, has none, or is being reset.
    stopped: bool,
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
    pub(crate) fn boot(&self, found: Found) -> Result<Gpu> {
        let lifecycle = &mut *self.lifecycle.lock();
        let running = self.boot_found(found)?;
        let gpu = Gpu::new(running.report(), self.listeners.clone());
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
        lifecycle.files = debugfs::Files::new(&self.folder, &running).ok();
        let irq = running.irq();
        *self.running.lock() = Some(running);
        self.changed.wake_all();
        irq.enable(self.machine());
        self.service();
    }

    /// Stops the GSP: the GPU is about to lose its power, or to be reset. Nothing but
    /// [`Self::start`] gets it going again.
    ///
    /// No memory of the GPU outlives this: nothing that belongs to user space lies in there yet.
    pub(crate) fn stop(&self) {
        let mut lifecycle = self.lifecycle.lock();
        lifecycle.stopped = true;
        self.unload();
    }

    /// Boots the GPU if it was stopped. Where that fails, it stays down.
    pub(crate) fn start(&self) {
        let lifecycle = &mut *self.lifecycle.lock();
        if !core::mem::take(&mut lifecycle.stopped) {
            return;
        }
        let health = match self.boot_again(lifecycle) {
            Ok(()) => Health::Works,
            Err(_) => Health::Dead,
        };
        self.listeners.tell(health);
    }

    /// Boots the GSP again if it is lost; says whether that could be tried now.
    pub(crate) fn recover(&self) -> bool {
        // Whoever resets the device stops and starts it meanwhile; whoever unbinds it wants no recovery.
        let Some(_locked) = Locked::try_new(self.machine().device()) else {
            return false;
        };
        self.recover_locked();
        true
    }

    fn recover_locked(&self) {
        let lifecycle = &mut *self.lifecycle.lock();
        let running = self
            .running
            .lock()
            .take_if(|running| running.lost().is_some());
        let Some(running) = running else {
            return;
        };
        self.changed.wake_all();
        self.listeners.tell(Health::Lost);
        coredump::submit(self.machine(), &running);
        let since = self.machine().now();
        self.reset(running);
        let health = match self.boot_until_it_runs(lifecycle) {
            true => {
                let millis = self.machine().now().saturating_sub(since).as_millis();
                dev_info!(
                    self.machine().device(),
                    "the GSP runs again after {millis} ms\n"
                );
                Health::Works
            }
            false => {
                dev_err!(
                    self.machine().device(),
                    "the GPU stays down: its GSP was lost too often, or does not boot\n"
                );
                Health::Dead
            }
        };
        self.listeners.tell(health);
    }

    /// Gets the GPU out of the state in which its GSP was lost.
    fn reset(&self, running: Running<Machine<'a>>) {
        match self.machine().resettable().reset() {
            // The GPU knows nothing of the memory any more.
            Ok(()) => drop(running),
            // Some cards of before Ampere cannot be reset alone.
            Err(_) => {
                if let Err(failure) = running.abandon(self.machine()) {
                    let _ = self.failed(&failure);
                }
            }
        }
    }

    fn boot_until_it_runs(&self, lifecycle: &mut Lifecycle) -> bool {
        while lifecycle.may_recover(self.machine().now()) {
            if self.boot_again(lifecycle).is_ok() {
                return true;
            }
        }
        false
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

    fn unload(&self) {
        let running = self.running.lock().take();
        self.changed.wake_all();
        if let Some(running) = running {
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
    /// Unloads the GSP for good.
    pub(crate) fn unload(&self) {
        let Self(gsp) = self;
        gsp.disable_recovery();
        let lifecycle = &mut *gsp.lifecycle.lock();
        lifecycle.files = None;
        gsp.unload();
    }
}

impl Drop for Unload<'_> {
    fn drop(&mut self) {
        self.unload();
    }
}
