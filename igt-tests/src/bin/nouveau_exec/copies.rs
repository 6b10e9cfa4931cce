// SPDX-License-Identifier: MIT

//! The copy engine.

use igt::nouveau::{assert_same, pattern, Client, Engine, Gpu, Place, LARGE_PAGE, PAGE};
use igt::push::{Lines, Push, Until};
use igt::syncobj::assert_done;
use igt::{Fixture, Tests};

use crate::memory::UNTOUCHED;

pub(crate) fn subtests(tests: &mut Tests, gpu: &Fixture<Gpu>) {
    tests.subtest_with_dynamic(
        "copy",
        "A megabyte comes back from VRAM as it was sent there.",
        |parts| {
            for (name, engine) in Engine::ALL {
                parts.dynamic(name, || copy(gpu, engine));
            }
        },
    );
    tests.subtest(
        "copy-sizes",
        "Copies of any size, from and to any byte of a page, write what they should and no more.",
        || copy_sizes(gpu),
    );
    tests.subtest(
        "copy-lines",
        "Lines are copied with the distances that the source and the destination have.",
        || copy_lines(gpu),
    );
    tests.subtest(
        "copy-semaphore",
        "The semaphore of a copy is written when the copy is done.",
        || copy_semaphore(gpu),
    );
    tests.subtest(
        "fill",
        "A word is written as often as was asked for.",
        || {
            fill(gpu);
        },
    );
}

fn copy(gpu: &Gpu, engine: Engine) {
    const SIZE: u64 = 1 << 20;
    let client = Client::new(gpu);
    let channel = client.channel(engine);
    let (source, from) = client.bound(Place::System, SIZE);
    let (_vram, vram) = client.bound(Place::Vram, SIZE);
    let (target, to) = client.bound(Place::System, SIZE);
    let written = pattern(1, SIZE as usize);
    source.memory().write(0, &written);
    let there = Push::new().copy(from, vram, SIZE as u32);
    channel.run(&there.copy(vram, to, SIZE as u32));
    assert_same(
        &target.memory().read(0, SIZE as usize),
        &written,
        "the copy",
    );
}

/// Copies from each of some bytes to each of others, to VRAM and back.
fn copy_sizes(gpu: &Gpu) {
    const SIZES: [usize; 15] = [
        1, 2, 3, 4, 7, 16, 255, 4095, 4096, 4097, 8191, 12289, 65535, 65536, 65537,
    ];
    const OFFSETS: [(usize, usize); 6] = [
        (0, 0),
        (1, 0),
        (0, 1),
        (4095, 4094),
        (4093, 3),
        (65535, 65534),
    ];
    /// Bytes around a copy that are looked at.
    const AROUND: usize = 64;
    const SIZE: usize = 3 * LARGE_PAGE as usize;

    let client = Client::new(gpu);
    let channel = client.channel(Engine::Copy);
    let (source, from) = client.bound(Place::System, SIZE as u64);
    let (_vram, vram) = client.bound(Place::Vram, SIZE as u64);
    let (target, to) = client.bound(Place::System, SIZE as u64);
    let written = pattern(2, SIZE);
    source.memory().write(0, &written);
    for size in SIZES {
        for (first, second) in OFFSETS {
            // `AROUND` before `second`, which is the first byte of the copy.
            let window = size + 2 * AROUND;
            target.memory().write(second, &vec![UNTOUCHED; window]);
            let length = size as u32;
            let push = Push::new()
                .copy(from + first as u64, vram + second as u64, length)
                .copy(vram + second as u64, to + (second + AROUND) as u64, length);
            channel.run(&push);
            let mut expected = vec![UNTOUCHED; window];
            expected[AROUND..][..size].copy_from_slice(&written[first..][..size]);
            let what = format!("{size} bytes from {first:#x} to {second:#x}");
            assert_same(&target.memory().read(second, window), &expected, &what);
        }
    }
}

fn copy_lines(gpu: &Gpu) {
    const SIZE: usize = 2 * LARGE_PAGE as usize;
    let client = Client::new(gpu);
    let channel = client.channel(Engine::Copy);
    let (source, from) = client.bound(Place::System, SIZE as u64);
    let (target, to) = client.bound(Place::System, SIZE as u64);
    let written = pattern(3, SIZE);
    source.memory().write(0, &written);
    for lines in [
        // A line that is longer than a page, and one that is shorter.
        lines(5000, 10, 8192, 6001),
        lines(100, 300, 256, 101),
        lines(1, 64, 1, 3),
        lines(777, 20, 777, 1000),
    ] {
        target.memory().write(0, &vec![UNTOUCHED; SIZE]);
        channel.run(&Push::new().copy_lines(from + 5, to + 9, lines));
        let mut expected = vec![UNTOUCHED; SIZE];
        for line in 0..lines.count {
            let length = lines.length as usize;
            let source = &written[5 + (line * lines.from_pitch) as usize..][..length];
            expected[9 + (line * lines.to_pitch) as usize..][..length].copy_from_slice(source);
        }
        let found = target.memory().read(0, SIZE);
        assert_same(&found, &expected, &format!("{lines:?}"));
    }
}

fn lines(length: u32, count: u32, from_pitch: u32, to_pitch: u32) -> Lines {
    Lines {
        length,
        count,
        from_pitch,
        to_pitch,
    }
}

fn copy_semaphore(gpu: &Gpu) {
    const SIZE: u64 = 1 << 20;
    let client = Client::new(gpu);
    let [first, second] = [(); 2].map(|()| client.channel(Engine::Copy));
    let (semaphore, semaphore_address) = client.bound(Place::System, PAGE);
    let (source, from) = client.bound(Place::System, SIZE);
    let (_vram, vram) = client.bound(Place::Vram, SIZE);
    let (target, to) = client.bound(Place::System, SIZE);
    let written = pattern(4, SIZE as usize);
    source.memory().write(0, &written);
    // The second channel copies further what it must not see before the first one is done.
    let push = Push::new().acquire(semaphore_address, Until::Equals(9));
    let work = second.start(&push.copy(vram, to, SIZE as u32));
    let push = Push::new();
    first.run(&push.copy_and_release([from, vram], SIZE as u32, semaphore_address, 9));
    assert_done(&work);
    assert_eq!(semaphore.memory().get::<u32>(0), 9);
    assert_same(
        &target.memory().read(0, SIZE as usize),
        &written,
        "the copy",
    );
}

fn fill(gpu: &Gpu) {
    const SIZE: usize = LARGE_PAGE as usize;
    let client = Client::new(gpu);
    let channel = client.channel(Engine::Copy);
    let (target, to) = client.bound(Place::System, SIZE as u64);
    for (at, count) in [(0, 1), (4092, 2), (4, 3), (PAGE, PAGE / 4), (12, 5000)] {
        target.memory().write(0, &[UNTOUCHED; SIZE]);
        channel.run(&Push::new().fill(to + at, 0x4433_2211, count as u32));
        let mut expected = vec![UNTOUCHED; SIZE];
        let words = [0x11, 0x22, 0x33, 0x44].repeat(count as usize);
        expected[at as usize..][..words.len()].copy_from_slice(&words);
        let what = format!("{count} words at {at:#x}");
        assert_same(&target.memory().read(0, SIZE), &expected, &what);
    }
}
