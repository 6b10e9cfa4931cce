// SPDX-License-Identifier: GPL-2.0

//! The answer to `DRM_NOVA_QUERY_ENGINES`: the engines for which there can be queues.

use kernel::prelude::*;
use nova_uapi::{Engine, Text, ENGINE_CLASS_COPY, ENGINE_SHARES_GRAPHICS};

use crate::gpu::Gpu;

/// The engines of a GPU.
///
/// # Errors
///
/// Those of [`nova_core_module::Gpu::engines`], `ENOMEM`.
pub(crate) fn of(gpu: &Gpu<'_>) -> Result<KVec<Engine>> {
    let classes = gpu.core.classes();
    let mut object_classes = [0; 16];
    let [copy, ..] = &mut object_classes;
    *copy = classes.copy.number();
    let mut engines = KVec::new();
    for engine in gpu.core.engines()?.copies() {
        let engine = Engine {
            engine_class: ENGINE_CLASS_COPY,
            engine_instance: engine.instance.into(),
            flags: match engine.shares_graphics {
                true => ENGINE_SHARES_GRAPHICS,
                false => 0,
            },
            channel_class: classes.channel as u32,
            object_count: 1,
            object_classes,
            name: Text::new(engine.name().as_str().as_bytes()),
            reserved: 0,
        };
        engines.push(engine, GFP_KERNEL)?;
    }
    Ok(engines)
}
