// SPDX-License-Identifier: MIT

//! What copy engines copy.

use igt::data::{assert_same, pattern};
use igt::nova::client::{Client, PAGE};
use igt::nova::queue::Queue;
use igt::nova::Gpu;
use igt::{Children, Dynamic, Fixture, Tests, HANG};
use nova_uapi::QueueCreate;

/// What memory is filled with that a copy must not change.
const UNTOUCHED: u8 = 0xee;

pub(crate) fn subtests(tests: &mut Tests, gpu: &Fixture<Gpu>) {
    tests.subtest_with_dynamic(
        "copy",
        "Each copy engine copies a megabyte from one object to another.",
        |parts| copy(gpu, parts),
    );
    tests.subtest(
        "copy-sizes",
        "Copies of any size, from and to any byte of a page, write what they should and no more.",
        || copy_sizes(gpu),
    );
    tests.subtest(
        "processes",
        "Processes copy at the same time, and none sees the bytes of another.",
        || processes(gpu),
    );
}

fn copy(gpu: &Gpu, parts: &mut Dynamic<'_>) {
    let client = Client::new(gpu);
    for engine in client.copy_engines() {
        let engine_instance = engine.engine_instance;
        parts.dynamic(format!("copy{engine_instance}"), || {
            let create = QueueCreate {
                engine_instance,
                ..Queue::COPY
            };
            megabyte(&client, &client.queue_with(create), engine_instance.into());
        });
    }
}

/// Copies a megabyte from one object to another.
fn megabyte(client: &Client, queue: &Queue<'_>, number: u64) {
    const SIZE: usize = 1 << 20;
    let [source, target] = [(); 2].map(|()| client.bound(SIZE as u64));
    let written = pattern(number, SIZE);
    source.memory.write(0, &written);
    queue.run(
        &queue
            .push()
            .copy(source.address, target.address, SIZE as u32),
    );
    assert_same(&target.memory.read(0, SIZE), &written, "the copy");
}

fn copy_sizes(gpu: &Gpu) {
    const SIZES: [usize; 10] = [1, 3, 4, 16, 255, 4095, 4096, 4097, 12289, 65537];
    const OFFSETS: [(usize, usize); 4] = [(0, 0), (1, 0), (4095, 4094), (4093, 3)];
    /// Bytes around a copy that are looked at.
    const AROUND: usize = 64;
    const SIZE: usize = 20 * PAGE as usize;

    let client = Client::new(gpu);
    let queue = client.queue();
    let [source, target] = [(); 2].map(|()| client.bound(SIZE as u64));
    let written = pattern(2, SIZE);
    source.memory.write(0, &written);
    for size in SIZES {
        for (first, second) in OFFSETS {
            let window = size + 2 * AROUND;
            target.memory.write(second, &vec![UNTOUCHED; window]);
            let (from, to) = (
                source.address + first as u64,
                target.address + (second + AROUND) as u64,
            );
            queue.run(&queue.push().copy(from, to, size as u32));
            let mut expected = vec![UNTOUCHED; window];
            expected[AROUND..][..size].copy_from_slice(&written[first..][..size]);
            let what = format!("{size} bytes from {first:#x} to {second:#x}");
            assert_same(&target.memory.read(second, window), &expected, &what);
        }
    }
}

fn processes(gpu: &Gpu) {
    const PROCESSES: usize = 4;
    const ROUNDS: u64 = 3;
    let children = Children::fork(PROCESSES, |number| {
        let client = Client::new(gpu);
        let queue = client.queue();
        for round in 0..ROUNDS {
            megabyte(&client, &queue, number as u64 * ROUNDS + round);
        }
    });
    children.wait(HANG);
}
