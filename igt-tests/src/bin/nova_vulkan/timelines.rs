// SPDX-License-Identifier: MIT

//! Timelines, whose values the GPU and the CPU wait for and give.

use std::thread;
use std::time::Duration;

use ash::vk;
use igt::data::{assert_same, pattern};
use igt::vulkan::{Device, Semaphore, Vulkan};
use igt::{Fixture, Tests, HANG};

use crate::devices::Devices;

pub(crate) fn subtests(tests: &mut Tests, vulkan: &Fixture<Vulkan>, devices: &Fixture<Devices>) {
    let mut for_each_queue = |name: &str, proves: &str, body: fn(&Device<'_>)| {
        tests.subtest_with_dynamic(name, proves, |parts| {
            devices.for_each_queue(vulkan, parts, vk::QueueFlags::TRANSFER, |pair| {
                body(&pair.tested);
            });
        });
    };
    for_each_queue(
        "timeline",
        "Work gives a timeline its values, in order.",
        timeline,
    );
    for_each_queue(
        "wait-before-signal",
        "Work waits for values that nobody has promised, and runs when the CPU gives them.",
        wait_before_signal,
    );
    for_each_queue(
        "cpu-waits",
        "A thread that waits for a value gets it from the GPU.",
        cpu_waits,
    );
}

fn timeline(device: &Device<'_>) {
    const ROUNDS: u64 = 8;
    let timeline = Semaphore::timeline(device, 10);
    assert_eq!(timeline.value(), 10);
    assert_eq!(timeline.wait(10, Duration::ZERO), Ok(()));
    assert_eq!(timeline.wait(11, Duration::ZERO), Err(vk::Result::TIMEOUT));
    let buffer = device.buffer(64);
    let commands: Vec<_> = (0..ROUNDS)
        .map(|round| {
            device.record(|commands| {
                commands.fill(&buffer, 8 * round, 8, round as u32 + 1);
                commands.barrier();
            })
        })
        .collect();
    for (round, commands) in (0..).zip(&commands) {
        // Values need not follow each other.
        let (after, signal) = (10 * round + 10, 10 * round + 20);
        let result = device.submit(
            commands,
            &[(&timeline, after)],
            &[(&timeline, signal)],
            vk::Fence::null(),
        );
        assert_eq!(result, Ok(()));
    }
    assert_eq!(timeline.wait(10 * ROUNDS + 10, HANG), Ok(()));
    assert_eq!(timeline.value(), 10 * ROUNDS + 10);
    let expected: Vec<u8> = (1..=ROUNDS as u32)
        .flat_map(|word| [word, word])
        .flat_map(u32::to_le_bytes)
        .collect();
    assert_same(&device.read(&buffer), &expected, "the work of the rounds");
}

fn wait_before_signal(device: &Device<'_>) {
    const SIZE: usize = 5000;
    let [asked, done] = [(); 2].map(|()| Semaphore::timeline(device, 0));
    let source = device.buffer_with(&[0; SIZE]);
    let targets = [(); 2].map(|()| device.buffer(SIZE as u64));
    let copies = targets
        .each_ref()
        .map(|target| device.record(|commands| commands.copy_whole(&source, target)));
    for (value, commands) in (1..).zip(&copies) {
        let result = device.submit(
            commands,
            &[(&asked, value)],
            &[(&done, value)],
            vk::Fence::null(),
        );
        assert_eq!(result, Ok(()));
    }
    for value in [1, 2] {
        assert_eq!(done.value(), value - 1);
        // What the work copies is there only now.
        source.memory().write(0, &pattern(value, SIZE));
        asked.signal(value);
        assert_eq!(done.wait(value, HANG), Ok(()));
    }
    let second = device.read(&targets[1]);
    assert_same(&second, &pattern(2, SIZE), "the second copy");
    assert_same(
        &device.read(&targets[0]),
        &pattern(1, SIZE),
        "the first copy",
    );
}

fn cpu_waits(device: &Device<'_>) {
    let [asked, done] = [(); 2].map(|()| Semaphore::timeline(device, 0));
    let commands = device.record(|commands| commands.barrier());
    thread::scope(|scope| {
        let waits = [1, 2].map(|value| {
            let done = &done;
            scope.spawn(move || done.wait(value, HANG))
        });
        let result = device.submit(&commands, &[(&asked, 5)], &[(&done, 2)], vk::Fence::null());
        assert_eq!(result, Ok(()));
        asked.signal(5);
        for wait in waits {
            assert_eq!(wait.join().expect("a thread ends"), Ok(()));
        }
    });
    assert_eq!(done.value(), 2);
}
