// SPDX-License-Identifier: MIT

//! VM_BIND.

use crate::driver::{Client, Region, PAGE};
use crate::meter::Meter;

/// Bytes of the large mappings.
const LARGE: u64 = 64 << 20;

pub(crate) fn measure(client: &impl Client, meter: &mut Meter) {
    let neighbour = client.object(Region::System, PAGE);
    let beside = client.reserve(2 * PAGE);
    client.bind(&neighbour, beside + PAGE, PAGE);
    let page = client.object(Region::System, PAGE);
    // The page tables are there already, or are not.
    rounds(client, meter, "4k", &page, (beside, PAGE), 8);
    let alone = (client.reserve(PAGE), PAGE);
    rounds(client, meter, "4k-alone", &page, alone, 8);

    let at = (client.reserve(LARGE), LARGE);
    let object = client.object(Region::Vram, LARGE);
    rounds(client, meter, "64m-2m", &object, at, 3);
    let object = client.object(Region::System, LARGE);
    rounds(client, meter, "64m-4k", &object, at, 1);
}

/// Maps, maps again, and unmaps.
fn rounds<C: Client>(
    client: &C,
    meter: &mut Meter,
    name: &str,
    object: &C::Object<'_>,
    (address, size): (u64, u64),
    rounds: u32,
) {
    // The object gets its memory.
    client.bind(object, address, size);
    client.unbind(address, size);
    for _ in 0..rounds {
        let mut measure = |what: &str, act: &dyn Fn()| {
            meter.measure(&format!("{what}-{name}"), 1, |_| act());
        };
        measure("map", &|| client.bind(object, address, size));
        measure("remap", &|| client.bind(object, address, size));
        measure("unmap", &|| client.unbind(address, size));
    }
}
