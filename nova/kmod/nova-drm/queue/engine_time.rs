// SPDX-License-Identifier: GPL-2.0

//! How long engines have worked for a file, for fdinfo.

use kernel::prelude::*;
use kernel::sync::atomic::{Atomic, Relaxed};
use kernel::sync::{new_mutex, Arc, Mutex};
use nova_kernel::drm::fdinfo::EngineStats;
use nova_uapi::{ENGINE_CLASS_COMPUTE, ENGINE_CLASS_COPY, ENGINE_CLASS_GRAPHICS};

use super::queues::Made;
use crate::driver::File;
use crate::gpu::Gpu;

/// The classes of queues for engines, with the names of their engines in fdinfo.
const CLASSES: [(u32, &CStr); 3] = [
    (ENGINE_CLASS_COPY, c"copy"),
    (ENGINE_CLASS_COMPUTE, c"compute"),
    (ENGINE_CLASS_GRAPHICS, c"graphics"),
];

/// How long engines have worked for a file, in nanoseconds, by the places of their classes in [`CLASSES`].
#[pin_data]
pub(crate) struct EngineTime {
    /// On channels that have ended.
    ended: [Atomic<u64>; CLASSES.len()],
    /// The most that was told.
    #[pin]
    told: Mutex<[u64; CLASSES.len()]>,
}

impl EngineTime {
    /// Of a new file.
    pub(crate) fn new() -> Result<Arc<Self>> {
        let new = pin_init!(Self {
            ended: [const { Atomic::new(0) }; CLASSES.len()],
            told <- new_mutex!([0; CLASSES.len()]),
        });
        Arc::pin_init(new, GFP_KERNEL_ACCOUNT)
    }

    /// Adds the time of a channel that has ended, of a queue of this class.
    pub(super) fn add(&self, class: u32, made: &Made<'_>) {
        let mut ended = CLASSES.iter().zip(&self.ended);
        let ended = ended.find(|((of, _), _)| *of == class);
        debug_assert!(ended.is_some(), "a channel of class {class}");
        if let Some((_, ended)) = ended {
            ended.fetch_add(made.channel.engine_time(), Relaxed);
        }
    }

    /// The time that a file's queues have taken of the engines of each class. It never gets less: a channel that ends
    /// meanwhile is missing here, and there the next time.
    fn of(&self, file: &File<'_>, gpu: &Gpu<'_>) -> [u64; CLASSES.len()] {
        let mut times = [0; CLASSES.len()];
        let classes = CLASSES.iter().zip(&self.ended);
        for (time, ((class, _), ended)) in times.iter_mut().zip(classes) {
            let running = gpu.queues.engine_time(file.data().number, *class);
            *time = ended.load(Relaxed).saturating_add(running);
        }
        let mut told = self.told.lock();
        for (told, time) in told.iter_mut().zip(times) {
            *told = time.max(*told);
        }
        *told
    }
}

/// Calls `show` for the engines of each class that the GPU has.
pub(crate) fn show(file: &File<'_>, show: &mut dyn FnMut(&CStr, &EngineStats)) {
    let data = file.data();
    let Some(entered) = data.device.enter() else {
        return;
    };
    entered.with(|gpu| {
        let Ok(engines) = gpu.core.engines() else {
            return;
        };
        let times = data.engine_time.of(file, gpu);
        for ((class, name), busy) in CLASSES.into_iter().zip(times) {
            let capacity = match class {
                ENGINE_CLASS_COPY => engines.copies().count() as u32,
                _ => engines.graphics().is_some().into(),
            };
            if capacity != 0 || class == ENGINE_CLASS_COPY {
                show(name, &EngineStats { busy, capacity });
            }
        }
    });
}
