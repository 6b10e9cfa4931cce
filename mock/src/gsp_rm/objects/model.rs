// SPDX-License-Identifier: GPL-2.0

//! Tests the object table against a model, a plain set of allocated objects.

use std::collections::BTreeSet;

use nova_hw::abi::class::{NV01_DEVICE_0, NV01_ROOT, NV20_SUBDEVICE_0};
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::gsp_rm::classes;

/// Client, parent and handle of an object.
type Entry = (u32, u32, u32);

/// A step of a driver.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Allocates an object of this class.
    Alloc(u32, Entry),
    /// Frees the object with this handle of this client.
    Free(u32, u32),
}

/// Uses few clients and few handles, so that steps refer to the same objects.
fn step() -> impl Strategy<Value = Step> {
    let client = || 1..=2_u32;
    let handle = || 1..=5_u32;
    let class = select(vec![NV01_ROOT, NV01_DEVICE_0, NV20_SUBDEVICE_0]);
    prop_oneof![
        3 => (class, (client(), handle(), handle())).prop_map(|(class, entry)| Step::Alloc(class, entry)),
        1 => (client(), handle()).prop_map(|(client, handle)| Step::Free(client, handle)),
    ]
}

/// Removes an object from the model, and then repeatedly all objects without a parent.
fn free(model: &mut BTreeSet<Entry>, freed: (u32, u32)) {
    model.retain(|&(client, _, handle)| (client, handle) != freed);
    loop {
        let handles: BTreeSet<_> = model
            .iter()
            .map(|&(client, _, handle)| (client, handle))
            .collect();
        let before = model.len();
        model.retain(|&(client, parent, _)| parent == 0 || handles.contains(&(client, parent)));
        if model.len() == before {
            return;
        }
    }
}

/// All entries of the table except GSP-RM's own.
fn entries(objects: &Objects) -> BTreeSet<Entry> {
    let clients = objects
        .clients
        .iter()
        .filter(|(&client, _)| client != INTERNAL_CLIENT);
    let entries = clients.flat_map(|(&client, objects)| {
        let objects = objects.objects.iter();
        objects.map(move |(&handle, object)| (client, object.parent, handle))
    });
    entries.collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 4 } else { 256 }))]

    #[test]
    fn no_object_outlives_its_parent(steps in prop::collection::vec(step(), ..100)) {
        let (mut objects, mut model) = (classes::objects(), BTreeSet::new());
        for step in steps {
            match step {
                Step::Alloc(class, (client, parent, handle)) => {
                    let parent = if class == NV01_ROOT { 0 } else { parent };
                    let result = tests::alloc(&mut objects, class, [client, parent, handle]);
                    model.extend(result.ok().map(|handle| (client, parent, handle)));
                }
                Step::Free(client, handle) => {
                    let _ = objects.free(client, handle);
                    free(&mut model, (client, handle));
                }
            }
            prop_assert_eq!(&entries(&objects), &model);
        }
        for client in 1..=2 {
            let _ = objects.free(client, client);
        }
        prop_assert!(entries(&objects).is_empty());
    }
}
