// SPDX-License-Identifier: GPL-2.0

//! The sleep of the system, as far as it concerns programs: jobs end, or are put off, and VRAM is saved before nova-core
//! stops the GPU. docs/memory.md and docs/queues.md tell what survives.

use core::time::Duration;

use kernel::prelude::*;
use kernel::sync::{new_spinlock, SpinLock};

use crate::driver::Device;
use crate::gpu::Gpu;

/// How long jobs that run may hold up a sleep; this driver's own value. Those that do not end in time are lost.
const JOBS_LIMIT: Duration = Duration::from_secs(2);

impl Gpu<'_> {
    /// The system is about to sleep, and tasks are frozen: gets what that takes.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, or what else keeps the contents of VRAM from being saved. It is logged.
    pub(crate) fn prepare_sleep(&self, device: &Device) -> Result {
        let prepared = self.clearer.prepare_sleep(self, device);
        prepared.inspect_err(|&error| {
            self.report(
                "no sleep, since there is no memory for what is in VRAM",
                error,
            );
        })
    }

    /// nova-core is about to stop the GPU for a sleep: ends what runs, and saves VRAM.
    ///
    /// # Errors
    ///
    /// VRAM cannot be saved, although the GPU works. It is logged, and nothing is lost.
    pub(crate) fn fall_asleep(&self, device: &Device) -> Result {
        self.queues.pause(JOBS_LIMIT);
        device.data().windows().hide(device);
        let saved = self.clearer.save(self, device);
        saved.inspect_err(|&error| {
            self.report("no sleep, since VRAM cannot be saved", error);
        })
    }

    /// The sleep is over, or has not come about. The GPU may not have been booted yet.
    pub(crate) fn end_sleep(&self) {
        if let Err(error) = self.clearer.end_sleep(self) {
            self.report("memory is kept for what was in VRAM", error);
        }
        self.queues.resume();
    }

    /// The GPU has been booted.
    pub(crate) fn wake_up(&self) {
        // If this fails, whoever uses VRAM tries again.
        let _ = self.clearer.restore(self);
        self.queues.revive(self);
    }

    /// The GPU stays down.
    pub(crate) fn stay_asleep(&self) {
        self.clearer.give_up_saved(self);
        self.queues.give_up();
    }
}

/// Counts boots over which VRAM has kept its contents, by those that nova-core counts.
#[pin_data]
pub(crate) struct Survived {
    #[pin]
    state: SpinLock<State>,
}

#[derive(Default)]
struct State {
    count: u64,
    /// The number of boots before the contents were saved that have not been restored yet.
    saved_at: Option<u64>,
}

impl State {
    /// At a time when there have been so many boots.
    fn count(&self, boots: u64) -> u64 {
        let since = self.saved_at.map_or(0, |at| boots.saturating_sub(at));
        self.count.saturating_add(since)
    }
}

impl Survived {
    /// None yet.
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self { state <- new_spinlock!(State::default()) })
    }

    /// How many there were when there have been so many boots.
    pub(crate) fn count(&self, boots: u64) -> u64 {
        self.state.lock().count(boots)
    }

    /// VRAM has been saved.
    pub(crate) fn begin(&self, boots: u64) {
        self.state.lock().saved_at = Some(boots);
    }

    /// Whether VRAM has been saved, and not been restored yet.
    pub(crate) fn is_pending(&self) -> bool {
        self.state.lock().saved_at.is_some()
    }

    /// VRAM has been restored.
    pub(crate) fn end(&self, boots: u64) {
        let mut state = self.state.lock();
        state.count = state.count(boots);
        state.saved_at = None;
    }

    /// What was saved is given up.
    pub(crate) fn give_up(&self) {
        self.state.lock().saved_at = None;
    }
}
