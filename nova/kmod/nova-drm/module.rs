// SPDX-License-Identifier: GPL-2.0

//! `nova-drm.ko`: registers a primary and a render node for each GPU that nova-core.ko has booted.
//!
//! The user space interface is described in `uapi/nova_drm.h`.

mod debug;
mod driver;
mod gem;
mod gpu;
mod graphics;
mod ids;
mod ioctls;
mod limits;
mod number;
mod queue;
mod sleep;
mod time;
mod user;
mod vm;

use kernel::driver::Registration;
use kernel::prelude::*;
use kernel::InPlaceModule;
use nova_kernel::auxiliary;
use nova_kernel::sync::workqueue::{Created, Workqueue};

/// Runs what ends jobs, for which reclaiming memory may wait.
static WORKQUEUE: Workqueue = Workqueue::new(c"nova-drm");

#[pin_data]
struct NovaDrmModule {
    // Dropped first, since GPUs that are bound use the workqueue.
    #[pin]
    driver: Registration<auxiliary::Adapter<driver::NovaDrmDriver>>,
    workqueue: Created,
}

impl InPlaceModule for NovaDrmModule {
    fn init(module: &'static kernel::ThisModule) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            workqueue: WORKQUEUE.create()?,
            driver <- Registration::new(<LocalModule as kernel::ModuleMetadata>::NAME, module),
        })
    }
}

module! {
    type: NovaDrmModule,
    name: "nova-drm",
    authors: ["Nova authors"],
    description: "DRM driver for NVIDIA GPUs from Turing on",
    license: "GPL v2",
    imports_ns: ["DMA_BUF"],
}
