// SPDX-License-Identifier: GPL-2.0

//! How long engines have worked for a file, for fdinfo.

use kernel::prelude::*;
use kernel::sync::atomic::{Atomic, Relaxed};
use kernel::sync::{new_mutex, Arc, Mutex};
use nova_kernel::drm::fdinfo::EngineStats;

use super::queues::Made;
use crate::driver::File;
use crate::gpu::Gpu;

/// How long engines have worked for a file, in nanoseconds.
#[pin_data]
pub(crate) struct EngineTime {
    /// On channels that have ended.
    ended: Atomic<u64>,
    /// The most that was told.
    #[pin]
    told: Mutex<u64>,
}

impl EngineTime {
    /// Of a new file.
    pub(crate) fn new() -> Result<Arc<Self>> {
        let new = pin_init!(Self {
            ended: Atomic::new(0),
            told <- new_mutex!(0),
        });
        Arc::pin_init(new, GFP_KERNEL_ACCOUNT)
    }

    /// Adds the time of a channel that has ended.
    pub(super) fn add(&self, made: &Made<'_>) {
        self.ended.fetch_add(made.channel.engine_time(), Relaxed);
    }

    /// The time that a file's queues have taken of the engines. It never gets less: a channel that ends meanwhile is missing
    /// here, and there the next time.
    fn of(&self, file: &File<'_>, gpu: &Gpu<'_>) -> u64 {
        let ended = self.ended.load(Relaxed);
        let time = ended.saturating_add(gpu.queues.engine_time(file.data().number));
        let mut told = self.told.lock();
        *told = time.max(*told);
        *told
    }
}

/// Calls `show` for the copy engines.
pub(crate) fn show(file: &File<'_>, show: &mut dyn FnMut(&CStr, &EngineStats)) {
    let data = file.data();
    let Some(entered) = data.device.enter() else {
        return;
    };
    entered.with(|gpu| {
        let Ok(engines) = gpu.core.engines() else {
            return;
        };
        let stats = EngineStats {
            busy: data.engine_time.of(file, gpu),
            capacity: engines.copies().count() as u32,
        };
        show(c"copy", &stats);
    });
}
