// SPDX-License-Identifier: MIT

//! Objects: making and freeing them, touching them, and copying between them.

use igt::syncobj::Signal;
use igt::HANG;

use crate::driver::{Client, Queue, Region, PAGE};
use crate::meter::Meter;

/// Bytes of the objects that are made and touched.
const SIZE: u64 = 2 << 20;

/// Bytes that are copied.
const COPY: u64 = 64 << 20;

const REGIONS: [(Region, &str); 2] = [(Region::System, "system"), (Region::Vram, "vram")];

pub(crate) fn measure(client: &impl Client, meter: &mut Meter) {
    for (region, name) in REGIONS {
        meter.measure(&format!("create-{name}"), 8, |_| {
            drop(client.object(region, SIZE));
        });
        touch(client, meter, region, name);
    }
    copy(client, meter);
}

/// Reads a word of each page, in a new mapping each time. The object has its memory already.
fn touch(client: &impl Client, meter: &mut Meter, region: Region, name: &str) {
    let object = client.object(region, SIZE);
    let read = || {
        let mapped = client.map(&object);
        for page in (0..SIZE as usize).step_by(PAGE as usize) {
            mapped.get::<u32>(page);
        }
    };
    read();
    meter.measure(&format!("touch-{name}"), 3, |_| read());
}

/// A copy engine copies in system memory, from the call to the end of its fence.
fn copy(client: &impl Client, meter: &mut Meter) {
    let queue = client.queue();
    let objects = [0, 1].map(|_| client.object(Region::System, COPY));
    let [from, to] = objects.each_ref().map(|object| {
        let address = client.reserve(COPY);
        client.bind(object, address, COPY);
        address
    });
    let segment = queue.place(queue.push().copy(from, to, COPY as u32).words());
    meter.measure("copy", 3, |_| {
        let done = client.syncobj();
        queue.exec(segment, &[], &[Signal::Binary(&done)]);
        assert_eq!(done.wait(HANG), Ok(()), "the copy takes too long");
    });
}
