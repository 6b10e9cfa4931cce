// SPDX-License-Identifier: GPL-2.0

//! The sleep of the system, as far as it concerns programs: jobs end, or are put off, and VRAM is saved before nova-core
//! stops the GPU. docs/memory.md and docs/queues.md tell what survives.

use core::time::Duration;

use kernel::prelude::*;

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
