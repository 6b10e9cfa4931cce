// SPDX-License-Identifier: GPL-2.0

//! The answer to `DRM_NOVA_QUERY_ENGINES`: the engines for which there can be queues.

use kernel::prelude::*;
use nova_core_module::{Classes, Text};
use nova_uapi::{
    Engine, ENGINE_CLASS_COMPUTE, ENGINE_CLASS_COPY, ENGINE_CLASS_GRAPHICS, ENGINE_SHARES_GRAPHICS,
};

use crate::gpu::Gpu;

/// The engines of a GPU. That for graphics is there twice, since queues of two classes use it.
///
/// # Errors
///
/// Those of [`nova_core_module::Gpu::engines`], `ENOMEM`.
pub(crate) fn of(gpu: &Gpu<'_>) -> Result<KVec<Engine>> {
    let classes = gpu.core.classes();
    let all = gpu.core.engines()?;
    let mut engines = KVec::new();
    for engine in all.copies() {
        let shown = Engine {
            engine_instance: engine.instance.into(),
            flags: match engine.shares_graphics {
                true => ENGINE_SHARES_GRAPHICS,
                false => 0,
            },
            ..with_objects(classes, ENGINE_CLASS_COPY, [], engine.name())
        };
        engines.push(shown, GFP_KERNEL)?;
    }
    if let Some(engine) = all.graphics() {
        let numbers = classes.graphics().map(|class| class.number());
        let graphics = with_objects(classes, ENGINE_CLASS_GRAPHICS, numbers, engine.name());
        let numbers = classes.compute().map(|class| class.number());
        let name = name(engine, ENGINE_CLASS_COMPUTE);
        let compute = with_objects(classes, ENGINE_CLASS_COMPUTE, numbers, name);
        engines.push(graphics, GFP_KERNEL)?;
        engines.push(compute, GFP_KERNEL)?;
    }
    Ok(engines)
}

/// The name of an engine, for queues of a class.
pub(super) fn name(engine: nova_core_module::Engine, engine_class: u32) -> Text<16> {
    match engine_class {
        ENGINE_CLASS_COMPUTE => Text::format(fmt!("compute{}", engine.instance)),
        _ => engine.name(),
    }
}

/// The first engine of a class, whose queues have these objects and one for copies.
fn with_objects<const N: usize>(
    classes: Classes,
    engine_class: u32,
    objects: [u32; N],
    name: Text<16>,
) -> Engine {
    let mut engine = Engine {
        engine_class,
        engine_instance: 0,
        flags: ENGINE_SHARES_GRAPHICS,
        channel_class: classes.channel as u32,
        object_count: 0,
        object_classes: [0; 16],
        name: nova_uapi::Text::new(name.as_str().as_bytes()),
        reserved: 0,
    };
    let copy = [classes.copy.number()];
    let objects = [&objects[..], &copy].into_iter().flatten();
    for (slot, &object) in engine.object_classes.iter_mut().zip(objects) {
        *slot = object;
        engine.object_count = engine.object_count.saturating_add(1);
    }
    engine
}
