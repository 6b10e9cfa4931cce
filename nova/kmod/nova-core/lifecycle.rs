// SPDX-License-Identifier: GPL-2.0

//! Lifecycle of the GSP: boot, stop and start around a suspend or a reset, recovery of a lost GSP,
//! unload.
//!
//! The device lock is held during each of these, so that they do not run at the same time. They are
//! called by probe and unbind, by the kernel for suspends and resets, and by the work item, which does
//! one step at a time and drops the lock in between. docs/locking.md has all locks.

use core::time::Duration;

use kernel::prelude::*;
use kernel::sync::{static_lock_class, Arc};
use nova_core::platform::{Clock, Platform};
use nova_core::{BootReport, ErrorKind, Failure, Found, MemoryInfo, Running};

use crate::channel::End;
use crate::coredump;
use crate::debugfs;
use crate::gpu::Gpu;
use crate::gsp::{Gsp, GspRm};
use crate::health::Health;
use crate::kept::Kept;
use crate::machine::Machine;
use crate::vram::Vram;
use nova_kernel::pci::enabled::set_master;
use nova_kernel::pci::reset::DeviceLock;
use nova_kernel::sync::own_stack;
use nova_kernel::sync::wait_queue::TaskState;

/// Maximum number of attempts to boot a lost GSP within [`PERIOD`], each of two boots at most; this driver's own limit.
const RECOVERIES: usize = 3;

/// See [`RECOVERIES`].
const PERIOD: Duration = Duration::from_secs(600);

/// Maximum time from the loss of the GSP until the last attempt begins; this driver's own limit.
const RECOVERY_LIMIT: Duration = Duration::from_secs(120);

/// Time between a boot of a lost GSP that failed and the next one, doubled each time: a card may take a while to come
/// back from a reset. This driver's own value.
const RECOVERY_INTERVAL: Duration = Duration::from_millis(250);

/// Time between two other steps of the work item, so that others get the locks in between; this driver's own value.
const STEP_INTERVAL: Duration = Duration::from_millis(20);

/// Time between two looks at a GSP that works: a GSP that dies while it is idle sends no message. This driver's own
/// value.
const LOOK_INTERVAL: Duration = Duration::from_secs(5);

/// What the work item has to do.
#[derive(Clone, Copy, Default)]
enum ToDo {
    /// Look whether the GSP is lost.
    #[default]
    Watch,
    /// Nothing: the GPU is suspended or being reset.
    Stopped,
    /// Boot the GPU, which was stopped.
    Start,
    /// Boot the GPU, whose GSP was lost at the time `since`; the next failure is followed by a pause of `interval`.
    Recover { since: Duration, interval: Duration },
    /// Nothing: the GPU stays down until it is stopped and started, or bound again.
    Dead,
}

/// Result of a step of the work item.
#[derive(Default)]
pub(crate) struct Step {
    /// The new health, for the listener.
    pub(crate) health: Option<Health>,
    /// When another step is necessary, if it is.
    pub(crate) again: Option<Duration>,
}

/// State of the lifecycle that outlasts a boot.
#[derive(Default)]
pub(crate) struct Lifecycle {
    to_do: ToDo,
    /// The times of the last recoveries, the oldest first.
    recoveries: [Option<Duration>; RECOVERIES],
    /// The files in debugfs about the current boot.
    files: Option<debugfs::Files>,
}

impl Lifecycle {
    /// Whether a lost GSP may be booted now. If so, counts that as a recovery.
    fn may_recover(&mut self, now: Duration) -> bool {
        let [oldest, ..] = self.recoveries;
        if oldest.is_some_and(|then| now.saturating_sub(then) < PERIOD) {
            return false;
        }
        self.recoveries.copy_within(1.., 0);
        if let Some(last) = self.recoveries.last_mut() {
            *last = Some(now);
        }
        true
    }
}

impl<'a> Gsp<'a> {
    /// Boots the GPU for the first time. Logs a failure.
    pub(crate) fn boot(self: &Arc<Self>, found: Found) -> Result<Gpu<'a>> {
        let lifecycle = &mut *self.lifecycle.lock();
        let running = self.boot_found(found)?;
        let gpu = self.describe(running.report(), &running.memory_info());
        if let Ok(gpu) = &gpu {
            dev_info!(self.machine().device(), "{}\n", gpu);
        }
        if let Some(file) = running.report().passed_over {
            dev_info!(
                self.machine().device(),
                "newer firmware lacks {}\n",
                format_args!("{file}")
            );
        }
        self.irq.populate(running.irq());
        self.set_running(lifecycle, running);
        self.queue_work_after(LOOK_INTERVAL);
        gpu
    }

    /// The GPU as second-level drivers see it, with its VRAM, after the first boot.
    fn describe(self: &Arc<Self>, report: &BootReport, memory: &MemoryInfo) -> Result<Gpu<'a>> {
        let vram = Vram::new(&report.info).inspect_err(|&error| {
            if error == EPROTO {
                dev_err!(self.machine().device(), "GSP-RM leaves no usable VRAM\n");
            }
        })?;
        let vram = Arc::new(vram, GFP_KERNEL)?;
        self.machine().vram.populate(vram.clone());
        Ok(Gpu::new(
            self,
            report,
            vram,
            self.machine().program_pages(memory)?,
        ))
    }

    /// Boots the GPU. If a reset may help, the GPU is reset and booted once more.
    fn boot_found(&self, found: Found) -> Result<Running<Machine<'a>>> {
        let booted = match self.boot_once(found)? {
            Err(failure) if self.reset_for_retry(&failure) => {
                let device = self.machine().device();
                dev_info!(device, "{}; trying again\n", format_args!("{failure}"));
                self.boot_once(self.identify()?)?
            }
            booted => booted,
        };
        booted.map_err(|failure| self.log_failure(&failure))
    }

    /// Resets the GPU if another boot may succeed after that; returns whether it was reset. A boot that cannot remove
    /// the WPR2 of an earlier driver has ended with a reset already.
    fn reset_for_retry(&self, failure: &Failure) -> bool {
        if failure.kind() == ErrorKind::Busy {
            return true;
        }
        if !failure.may_be_transient() {
            return false;
        }
        let reset = self.machine().resettable().reset();
        if let Err(error) = reset {
            // Some cards before Ampere have no function-level reset.
            if error != ENOTTY {
                dev_err!(self.machine().device(), "reset: {error:?}\n");
            }
        }
        reset.is_ok()
    }

    fn boot_once(&self, found: Found) -> Result<Result<Running<Machine<'a>>, Failure>> {
        own_stack::call(c"boot", static_lock_class!(), || {
            let prepared = found.prepare(self.machine())?;
            prepared.boot(self.machine(), &mut |event| self.log(event))
        })
    }

    /// Makes `running` the current GSP-RM, and enables its interrupt.
    fn set_running(&self, lifecycle: &mut Lifecycle, running: Running<Machine<'a>>) {
        // The files of the last boot are removed first, since the new ones have the same names.
        lifecycle.files = None;
        // The driver works without these files, so a failure is not fatal.
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

    /// Stops the GSP before a suspend or a reset. Only [`Self::start`] has it booted again.
    ///
    /// The contents of VRAM are lost. Before a suspend, nova-drm has saved those of programs.
    pub(crate) fn stop(&self) {
        let mut lifecycle = self.lifecycle.lock();
        lifecycle.to_do = ToDo::Stopped;
        // If the GSP is still stopped from the last time, threads that wait for its boot continue to wait.
        let is_stopped = self.current.lock().is_stopped();
        if !is_stopped {
            self.unload(GspRm::Stopped);
        }
    }

    /// Queues the boot of a stopped GPU; [`Self::await_target`] waits for it. If it fails, the GPU stays down.
    pub(crate) fn start(&self) {
        let mut lifecycle = self.lifecycle.lock();
        if let ToDo::Stopped = lifecycle.to_do {
            lifecycle.to_do = ToDo::Start;
            self.queue_work();
        }
    }

    /// Prevents further boots, before unbind, and wakes the threads that wait for a boot. A running GSP-RM continues to
    /// run.
    pub(crate) fn boot_no_more(&self) {
        let mut lifecycle = self.lifecycle.lock();
        lifecycle.to_do = ToDo::Dead;
        let is_awaited = self.current.lock().is_awaited();
        if is_awaited {
            self.replace(GspRm::Down);
        }
    }

    /// Runs the list of register accesses that GSP-RM has sent, if there is one, without holding `current`. `lifecycle`
    /// excludes boots, unloads and resets meanwhile. Calls, and messages after the list, wait until it has ended.
    ///
    /// Does not take the device lock: unbind holds that while it waits for calls, which may wait for the list.
    pub(crate) fn run_list(&self) {
        // A boot allocates memory with `lifecycle` locked, and where there is none for threads, this one runs the lists of all
        // GPUs: it must not wait if there is none.
        let has_list = |running: &mut Running<_>| running.has_list();
        if !self.current.lock().running().is_some_and(has_list) {
            return;
        }
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
            // An error means that the GSP is lost, which `note_loss` handles.
            let _ = running.finish_list(self.machine(), list);
            self.note_loss(running, false);
        }
        self.service_current(&mut current);
    }

    /// Does the next step of the work item, with at most one attempt to boot. Drops all locks on return.
    pub(crate) fn step(&self) -> Step {
        // Unbind holds the device lock while it waits for the end of the work item, so the work item
        // must not wait for the lock.
        let Some(_locked) = DeviceLock::try_new(self.machine().device()) else {
            return Step {
                health: None,
                again: Some(STEP_INTERVAL),
            };
        };
        let lifecycle = &mut *self.lifecycle.lock();
        let now = self.machine().now();
        match lifecycle.to_do {
            ToDo::Watch if self.current.lock().is_lost() => {
                lifecycle.to_do = ToDo::Recover {
                    since: now,
                    interval: RECOVERY_INTERVAL,
                };
                Step {
                    health: Some(Health::Lost),
                    again: Some(STEP_INTERVAL),
                }
            }
            ToDo::Watch => {
                self.service();
                Step {
                    health: None,
                    again: Some(LOOK_INTERVAL),
                }
            }
            ToDo::Stopped | ToDo::Dead => Step::default(),
            ToDo::Start => {
                let booted = self.boot_again(lifecycle);
                self.finish(lifecycle, booted.is_ok())
            }
            ToDo::Recover { since, interval } => self.recover(lifecycle, since, interval),
        }
    }

    /// Tries to boot a GPU whose GSP is lost.
    fn recover(&self, lifecycle: &mut Lifecycle, since: Duration, interval: Duration) -> Step {
        let (device, now) = (self.machine().device(), self.machine().now());
        let is_late = now.saturating_sub(since) >= RECOVERY_LIMIT;
        if !is_late && self.is_unreachable() {
            return Self::recover_after(lifecycle, since, interval);
        }
        self.reset_lost(GspRm::Reset);
        if is_late || !lifecycle.may_recover(now) {
            dev_err!(
                device,
                "the GPU stays down: its GSP was lost too often, or does not boot\n"
            );
            return self.finish(lifecycle, false);
        }
        if self.boot_again(lifecycle).is_err() {
            return Self::recover_after(lifecycle, since, interval);
        }
        let millis = self.machine().now().saturating_sub(since).as_millis();
        dev_info!(device, "the GSP runs again after {millis} ms\n");
        self.finish(lifecycle, true)
    }

    /// The next attempt comes after `interval`.
    fn recover_after(lifecycle: &mut Lifecycle, since: Duration, interval: Duration) -> Step {
        lifecycle.to_do = ToDo::Recover {
            since,
            interval: interval.saturating_mul(2),
        };
        Step {
            health: None,
            again: Some(interval),
        }
    }

    /// Whether the GSP is lost and the card does not answer, so that it cannot be reset. If its link comes back, the
    /// GSP may still write to the memory that it was given, which must not be freed before the reset.
    fn is_unreachable(&self) -> bool {
        self.current.lock().is_lost() && !self.machine().resettable().is_present()
    }

    /// Ends a start or a recovery: the GPU works, or stays down.
    fn finish(&self, lifecycle: &mut Lifecycle, works: bool) -> Step {
        if !works {
            lifecycle.to_do = ToDo::Dead;
            self.replace(GspRm::Down);
            self.log_silence();
            return Step {
                health: Some(Health::Dead),
                again: None,
            };
        }
        lifecycle.to_do = ToDo::Watch;
        Step {
            health: Some(Health::Works),
            again: Some(LOOK_INTERVAL),
        }
    }

    /// If the GSP is lost, resets the GPU and creates a coredump. GSP-RM does not run after that, so this happens once for
    /// each loss.
    fn reset_lost(&self, then: GspRm<'a>) {
        if !self.current.lock().is_lost() {
            return;
        }
        if let Some(running) = self.end_epoch(then) {
            self.reset(&running);
            // This allocates memory, for which the fences of channels may have to end first.
            coredump::submit(self.machine(), &running);
        }
    }

    /// Resets a GPU whose GSP is lost, so that it uses no memory any more, and tells its channels.
    fn reset(&self, running: &Running<Machine<'a>>) {
        self.disable_channels();
        self.drop_instance();
        match self.machine().resettable().reset() {
            // After the reset, the GPU does not access the memory any more.
            Ok(()) => {}
            // The PCI core is about to reset the GPU. Until then, it must not access the memory.
            Err(EBUSY) => set_master(self.machine().device(), false),
            // Some cards before Ampere have no function-level reset.
            Err(_) => {
                if let Err(failure) = running.abandon(self.machine()) {
                    let _ = self.log_failure(&failure);
                }
                // The GSP and SEC2 have stopped, for which SEC2 may have had to read memory. The other engines go on.
                set_master(self.machine().device(), false);
            }
        }
        // First the channels: what is kept may take locks that somebody holds who waits for the fence of a channel.
        self.end_channels(End::Lost);
        self.graphics.end();
        Kept::end(&self.kept);
    }

    /// Replaces the state of GSP-RM. If GSP-RM was running, returns it, to be unloaded or reset: nobody calls it any more,
    /// and programs do not see VRAM any more.
    fn end_epoch(&self, then: GspRm<'a>) -> Option<Running<Machine<'a>>> {
        let GspRm::Running(running) = self.replace(then) else {
            return None;
        };
        self.listeners.end_epoch();
        Some(running)
    }

    /// Boots the GPU after a stop or a loss.
    fn boot_again(&self, lifecycle: &mut Lifecycle) -> Result {
        let found = self.identify()?;
        let running = self.boot_found(found)?;
        if self.irq.copy() != Some(running.irq()) {
            dev_err!(self.machine().device(), "the GSP's interrupt has moved\n");
            return Err(self.give_up(running, EIO));
        }
        let vram = self.machine().vram.as_ref();
        if !vram.is_some_and(|vram| vram.is_of(&running.report().info)) {
            dev_err!(self.machine().device(), "the usable VRAM has changed\n");
            return Err(self.give_up(running, EIO));
        }
        self.set_running(lifecycle, running);
        Ok(())
    }

    /// Undoes a boot whose result is of no use, for the reason `error`.
    fn give_up(&self, running: Running<Machine<'a>>, error: Error) -> Error {
        match running.abandon(self.machine()) {
            Ok(()) => error,
            Err(failure) => self.log_failure(&failure),
        }
    }

    /// Identifies the GPU.
    pub(crate) fn identify(&self) -> Result<Found> {
        let found =
            nova_core::probe(self.machine()).map_err(|failure| self.log_failure(&failure))?;
        Ok(found.pin(pinned_release()))
    }

    /// Replaces the state of GSP-RM, raises the epoch, counts a boot, wakes the threads that wait, and returns the old state.
    fn replace(&self, gsp_rm: GspRm<'a>) -> GspRm<'a> {
        let mut current = self.current.lock();
        current.epoch = current.epoch.next();
        if let GspRm::Running(_) = gsp_rm {
            Kept::begin(&self.kept, current.epoch);
            current.boots = current.boots.saturating_add(1);
        }
        self.fifo.set_epoch(current.epoch);
        let before = core::mem::replace(&mut current.gsp_rm, gsp_rm);
        drop(current);
        self.changed.wake_all();
        before
    }

    /// Sets the state of GSP-RM to `then`, and unloads GSP-RM if it runs.
    fn unload(&self, then: GspRm<'a>) {
        let end = match then {
            GspRm::Down => End::Unbound,
            GspRm::Stopped | GspRm::Reset | GspRm::Running(_) => End::Stopped,
        };
        let Some(mut running) = self.end_epoch(then) else {
            return;
        };
        if running.lost().is_some() {
            return self.reset(&running);
        }
        self.disable_channels();
        self.free_channels(&mut running);
        self.close_instance(&mut running);
        if let Some(lost) = running.lost() {
            // Channels may go on that GSP-RM has not freed.
            dev_err!(self.machine().device(), "{}\n", format_args!("{lost}"));
            return self.reset(&running);
        }
        let unloaded = running.unload(self.machine(), &mut |event| self.log(event));
        if let Err(failure) = unloaded {
            let _ = self.log_failure(&failure);
            // GSP-RM may have left something running. The next boot handles leftover state.
            self.machine().disable_dma();
        }
        // In the same order as in `reset`.
        self.end_channels(end);
        self.graphics.end();
        Kept::end(&self.kept);
    }

    /// Waits until nothing is kept any more that the GPU may use: if the GSP is lost, for the reset. The work item does
    /// that at once if the card answers, and else after [`RECOVERY_LIMIT`].
    pub(crate) fn await_nothing_kept(&self) {
        loop {
            let lifecycle = self.lifecycle.lock();
            if let ToDo::Dead = lifecycle.to_do {
                // The caller is unbind, which has the device lock; the work item boots no more.
                self.reset_lost(GspRm::Down);
            }
            // During a reset, `lifecycle` is held.
            if self.kept.lock().is_empty() {
                return;
            }
            drop(lifecycle);
            let current = self.current.lock();
            let (changed, state) = (&self.changed, TaskState::Uninterruptible);
            let _ = changed.wait(&self.current, current, state, STEP_INTERVAL);
        }
    }
}

/// The branch of the only firmware release that may be booted, if the module parameter names one.
fn pinned_release() -> Option<u32> {
    let branch = crate::module_parameters::firmware_release.value();
    (branch != 0).then_some(branch)
}

/// Unloads the GSP for good when dropped, unless [`Self::unload`] has done that. Must be dropped before
/// the interrupt handler.
pub(crate) struct Unload<'a>(pub(crate) Arc<Gsp<'a>>);

impl Unload<'_> {
    /// Unloads the GSP for good. The caller must hold the device lock until the work item, which could
    /// boot the GSP again, has ended.
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
