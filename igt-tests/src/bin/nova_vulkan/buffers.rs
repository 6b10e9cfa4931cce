// SPDX-License-Identifier: MIT

//! Copies, fills and updates of buffers.

use ash::vk;
use igt::data::pattern;
use igt::vulkan::{Device, Vulkan};
use igt::{Fixture, Tests};

use crate::devices::Devices;

/// Sizes of copies, and where they begin modulo 64. NVK splits copies into pieces of 128 KiB.
const COPIES: [(u64, u64, u64); 18] = [
    (1, 0, 0),
    (1, 3, 62),
    (2, 1, 0),
    (3, 5, 7),
    (4, 0, 4),
    (7, 63, 1),
    (15, 8, 9),
    (16, 16, 32),
    (17, 0, 15),
    (64, 0, 0),
    (255, 1, 1),
    (256, 32, 0),
    (4095, 0, 17),
    (4096, 0, 0),
    (4097, 60, 60),
    (131_071, 0, 1),
    (131_073, 2, 0),
    (300_001, 9, 11),
];

/// Numbers of words that are filled. NVK fills rows of 32,768 words.
const FILLS: [u64; 9] = [1, 2, 3, 31, 1024, 32_767, 32_768, 32_769, 100_003];

/// Sizes of updates; the last one is the largest that Vulkan allows.
const UPDATES: [usize; 6] = [4, 8, 252, 4100, 16_384, 65_536];

pub(crate) fn subtests(tests: &mut Tests, vulkan: &Fixture<Vulkan>, devices: &Fixture<Devices>) {
    let mut for_each_queue = |name: &str, proves: &str, work: fn(&Device<'_>) -> Vec<u8>| {
        tests.subtest_with_dynamic(name, proves, |parts| {
            devices.for_each_queue(vulkan, parts, vk::QueueFlags::TRANSFER, |pair| {
                pair.assert_same(name, work);
            });
        });
    };
    for_each_queue(
        "copy",
        "Copies of all sizes move these bytes and no others.",
        copy,
    );
    for_each_queue("fill", "Fills write these words and no others.", fill);
    for_each_queue("update", "Updates write these bytes and no others.", update);
    for_each_queue(
        "chain",
        "What follows a barrier sees what was written before it.",
        chain,
    );
}

/// Places for pieces, each with its size and its beginning modulo 64, one behind the other with gaps; and the end.
fn places(pieces: impl Iterator<Item = (u64, u64)>) -> (Vec<u64>, u64) {
    let mut end = 0_u64;
    let places = pieces.map(|(size, begin)| {
        let place = (end + 64).next_multiple_of(64) + begin;
        end = place + size;
        place
    });
    (places.collect(), end + 65)
}

fn copy(device: &Device<'_>) -> Vec<u8> {
    let (sources, source_size) = places(COPIES.iter().map(|&(size, from, _)| (size, from)));
    let (targets, target_size) = places(COPIES.iter().map(|&(size, _, to)| (size, to)));
    let regions: Vec<_> = sources
        .into_iter()
        .zip(targets)
        .zip(COPIES)
        .map(|((from, to), (size, ..))| vk::BufferCopy {
            src_offset: from,
            dst_offset: to,
            size,
        })
        .collect();
    let system = device.buffer_with(&pattern(1, source_size as usize));
    let before = device.buffer_with(&pattern(2, target_size as usize));
    let [source, target] = [source_size, target_size].map(|size| device.buffer(size));
    device.run(|commands| {
        commands.copy_whole(&system, &source);
        commands.copy_whole(&before, &target);
        commands.barrier();
        commands.copy(&source, &target, &regions);
    });
    device.read(&target)
}

fn fill(device: &Device<'_>) -> Vec<u8> {
    let (targets, size) = places(FILLS.iter().map(|&words| (4 * words, 4 * words % 64)));
    // The last fill ends with the buffer, whose size is no multiple of four: the bytes behind the last word stay.
    let rest = 4103;
    let before = device.buffer_with(&pattern(1, (size.next_multiple_of(4) + rest) as usize));
    let target = device.buffer(before.size());
    device.run(|commands| {
        commands.copy_whole(&before, &target);
        commands.barrier();
        for (number, (at, words)) in targets.iter().zip(FILLS).enumerate() {
            commands.fill(
                &target,
                *at,
                4 * words,
                0x8123_4567_u32.rotate_left(number as u32),
            );
        }
        commands.fill(
            &target,
            size.next_multiple_of(4),
            vk::WHOLE_SIZE,
            0xfedc_ba98,
        );
    });
    device.read(&target)
}

fn update(device: &Device<'_>) -> Vec<u8> {
    let pieces = UPDATES.iter().map(|&size| (size as u64, size as u64 % 64));
    let (targets, size) = places(pieces);
    let before = device.buffer_with(&pattern(1, size as usize));
    let target = device.buffer(size);
    device.run(|commands| {
        commands.copy_whole(&before, &target);
        commands.barrier();
        for (at, size) in targets.iter().zip(UPDATES) {
            commands.update(&target, *at, &pattern(*at, size));
        }
    });
    device.read(&target)
}

/// Bytes go through buffers in turn, a little farther each time, and a word is overwritten in between.
fn chain(device: &Device<'_>) -> Vec<u8> {
    const SIZE: u64 = 40_000;
    const ROUNDS: u64 = 12;
    let before = device.buffer_with(&pattern(1, SIZE as usize));
    let buffers = [(); 3].map(|()| device.buffer(SIZE));
    device.run(|commands| {
        for buffer in &buffers {
            commands.copy_whole(&before, buffer);
        }
        for round in 0..ROUNDS {
            let [from, to] = [round, round + 1].map(|number| &buffers[number as usize % 3]);
            commands.barrier();
            let region = vk::BufferCopy {
                src_offset: 0,
                dst_offset: round + 1,
                size: SIZE - round - 1,
            };
            commands.copy(from, to, &[region]);
            commands.barrier();
            commands.fill(to, 400 * round, 4, round as u32);
            commands.barrier();
            commands.update(to, 400 * round + 100, &[round as u8; 8]);
        }
    });
    device.read(&buffers[ROUNDS as usize % 3])
}
