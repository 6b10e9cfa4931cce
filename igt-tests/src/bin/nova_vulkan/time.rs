// SPDX-License-Identifier: MIT

//! The time that the GPU writes, and that the CPU asks for.

use ash::{ext, vk};
use igt::vulkan::queries::Queries;
use igt::vulkan::{Device, Vulkan};
use igt::{Fixture, Tests};
use nix::time::{clock_gettime, ClockId};
use std::time::Duration;

use crate::devices::{copies, require, Devices};

pub(crate) fn subtests(tests: &mut Tests, vulkan: &Fixture<Vulkan>, devices: &Fixture<Devices>) {
    tests.subtest_with_dynamic(
        "time-stamps",
        "Work gets the time of its end, of the clock that the CPU reads.",
        |parts| {
            devices.for_each_queue(vulkan, parts, vk::QueueFlags::TRANSFER, |pair| {
                time_stamps(&pair.tested);
            });
        },
    );
    tests.subtest_with_dynamic(
        "queries",
        "The GPU resets the time stamps of a pool.",
        |parts| {
            devices.for_each_queue(vulkan, parts, vk::QueueFlags::COMPUTE, |pair| {
                queries(&pair.tested);
            });
        },
    );
    tests.subtest_with_dynamic(
        "query-copy",
        "The GPU copies the time stamps of a pool to a buffer, as the CPU reads them.",
        |parts| {
            devices.for_each_queue(vulkan, parts, vk::QueueFlags::COMPUTE, |pair| {
                query_copy(&pair.tested);
            });
        },
    );
    tests.subtest(
        "calibrated",
        "The clocks of the GPU and of the CPU are read at once.",
        || {
            let physical = devices.first();
            calibrated(&Device::new(vulkan, physical, copies(physical)));
        },
    );
}

/// The time of the device in its own unit, and that of the CPU's monotonic clock in ns, with the largest error of both in
/// ns.
fn now(device: &Device<'_>) -> (u64, u64, u64) {
    require(
        device.physical,
        device.physical.has(ext::calibrated_timestamps::NAME),
        "VK_EXT_calibrated_timestamps",
    );
    let functions = ext::calibrated_timestamps::Device::new(device.vulkan.raw(), device.raw());
    let clocks = [
        vk::TimeDomainEXT::DEVICE,
        vk::TimeDomainEXT::CLOCK_MONOTONIC,
    ];
    let clocks = clocks.map(|clock| vk::CalibratedTimestampInfoEXT::default().time_domain(clock));
    // SAFETY: The device has the extension.
    let times = unsafe { functions.get_calibrated_timestamps(&clocks) };
    match times {
        Ok((times, error)) => (times[0], times[1], error),
        Err(error) => panic!("the clocks: {error}"),
    }
}

/// Skips where a queue writes no times, as NVK's for copies does not (26.1).
fn require_time(device: &Device<'_>) {
    let bits = device.physical.families[device.family as usize].timestamp_valid_bits;
    match device.physical.can(device.family, vk::QueueFlags::COMPUTE) {
        true => require(device.physical, bits == 64, "time stamps of 64 bits"),
        false => igt::require!(bits == 64, "time stamps of 64 bits; there are {bits}"),
    }
}

/// Asserts that these times are there, and in this order.
#[track_caller]
fn assert_in_order(times: &[Option<u64>], from: u64, to: u64) {
    let inner = times.iter().copied();
    let all: Option<Vec<u64>> = [Some(from)]
        .into_iter()
        .chain(inner)
        .chain([Some(to)])
        .collect();
    let all = all.unwrap_or_else(|| panic!("not written: {times:?}"));
    assert!(all.windows(2).all(|pair| pair[0] <= pair[1]), "{all:?}");
}

fn time_stamps(device: &Device<'_>) {
    const COUNT: u32 = 5;
    require_time(device);
    let queries = Queries::new(device, COUNT);
    queries.reset();
    assert_eq!(queries.results(), [None; COUNT as usize]);
    let buffer = device.buffer(100_000);
    let (before, ..) = now(device);
    device.run(|commands| {
        // The last one is written by itself.
        for query in 0..COUNT - 1 {
            queries.write(commands, query);
            commands.fill(&buffer, 0, vk::WHOLE_SIZE, query);
            commands.barrier();
        }
    });
    let (between, ..) = now(device);
    let times = queries.results();
    let (last, first) = times.split_last().expect("times");
    assert_eq!(*last, None);
    assert_in_order(first, before, between);
    device.run(|commands| queries.write(commands, COUNT - 1));
    let (after, ..) = now(device);
    assert_in_order(&queries.results()[COUNT as usize - 1..], between, after);
    // The CPU resets them.
    queries.reset();
    assert_eq!(queries.results(), [None; COUNT as usize]);
}

fn queries(device: &Device<'_>) {
    require_time(device);
    let queries = Queries::new(device, 3);
    for _ in 0..3 {
        let (before, ..) = now(device);
        device.run(|commands| {
            queries.reset_by(commands);
            queries.write(commands, 0);
            queries.write(commands, 2);
        });
        let (after, ..) = now(device);
        let times = queries.results();
        assert_eq!(times[1], None);
        assert_in_order(&[times[0], times[2]], before, after);
    }
    device.run(|commands| queries.reset_by(commands));
    assert_eq!(queries.results(), [None; 3]);
}

/// NVK copies them by a program of its own.
fn query_copy(device: &Device<'_>) {
    const COUNT: u32 = 5;
    require_time(device);
    let queries = Queries::new(device, COUNT);
    let buffer = device.buffer(16 * u64::from(COUNT));
    device.run(|commands| {
        queries.reset_by(commands);
        for query in [0, 1, 3] {
            queries.write(commands, query);
        }
        commands.fill(&buffer, 0, vk::WHOLE_SIZE, 7);
        commands.barrier();
        queries.copy(commands, &buffer);
    });
    let bytes = device.read(&buffer);
    let word = |bytes: &[u8]| u64::from_ne_bytes(bytes.try_into().expect("8 bytes"));
    let time = |result: &[u8]| (word(&result[8..]) != 0).then_some(word(&result[..8]));
    let copied: Vec<_> = bytes.chunks(16).map(time).collect();
    assert_eq!(copied, queries.results());
}

fn calibrated(device: &Device<'_>) {
    let monotonic = || {
        let now = clock_gettime(ClockId::CLOCK_MONOTONIC).expect("a clock");
        Duration::from(now).as_nanos() as u64
    };
    let mut last = (0, 0);
    for _ in 0..20 {
        let before = monotonic();
        let (gpu, cpu, error) = now(device);
        let after = monotonic();
        // The CPU's clock may have been read this much before or after.
        let (from, to) = (before.saturating_sub(error), after + error);
        assert!(
            (from..=to).contains(&cpu),
            "{before} {cpu} {after}, an error of {error}"
        );
        assert!(gpu >= last.0 && cpu >= last.1, "{gpu} {cpu} after {last:?}");
        last = (gpu, cpu);
    }
}
