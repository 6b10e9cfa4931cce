// SPDX-License-Identifier: MIT

//! Priorities and time slices.

use std::collections::BTreeSet;

use igt::mock::Mock;
use igt::nova::client::{Buffer, Client, PAGE};
use igt::nova::queue::Queue;
use igt::nova::{self, Gpu};
use igt::push::Until;
use igt::syncobj::{assert_done, Syncobj};
use nova_uapi as uapi;
use nova_uapi::QueueCreate;

/// Bytes of a copy that takes the mock's host several turns.
const LONG: u64 = 32 << 20;

/// The groups of channels of GSP-RM, a line for each.
fn groups(mock: &Mock) -> BTreeSet<String> {
    let objects = mock.objects().expect("the mock lists objects");
    let is_group = |line: &String| line.contains("KEPLER_CHANNEL_GROUP_A");
    objects.into_iter().filter(is_group).collect()
}

pub(crate) fn told(gpu: &Gpu, mock: &Mock) {
    let client = Client::new(gpu);
    let limits = nova::query_limits(client.file()).unwrap();
    // The address space is made with the first queue at the latest, and so is what clears VRAM.
    let _first = client.queue();
    let levels = [
        (uapi::PRIORITY_LOW, "Low"),
        (uapi::PRIORITY_NORMAL, "Medium"),
        (uapi::PRIORITY_HIGH, "High"),
    ];
    let default = limits.timeslice_us_default;
    for (priority, level) in levels {
        for timeslice_us in [0, limits.timeslice_us_min, default, limits.timeslice_us_max] {
            let before = groups(mock);
            let queue = client.queue_with(QueueCreate {
                priority,
                timeslice_us,
                ..Queue::COPY
            });
            let expected = match timeslice_us {
                0 => default,
                _ => timeslice_us,
            };
            let expected = format!(" level={level} timeslice_us={expected} ");
            let new: Vec<_> = groups(mock).difference(&before).cloned().collect();
            assert!(
                new.len() == 1 && new[0].contains(&expected),
                "{expected}: {new:?}"
            );
            super::create::works(&client, &queue);
            assert_eq!(queue.destroy(), Ok(()));
        }
    }
}

/// A queue whose job begins when all may, and tells when it ended.
struct Runner<'a> {
    _queue: Queue<'a>,
    time: Buffer<'a>,
    done: Syncobj<'a>,
}

/// Has queues of the same engine do the same, and returns when each has ended.
fn race(gpu: &Gpu, creates: &[QueueCreate]) -> Vec<u64> {
    let client = Client::new(gpu);
    let (start, data) = (client.bound(PAGE), client.bound(LONG));
    let engine_instance = client.copy_engines()[0].engine_instance;
    let runners: Vec<_> = creates
        .iter()
        .map(|create| {
            let queue = client.queue_with(QueueCreate {
                engine_instance,
                ..*create
            });
            let time = client.bound(PAGE);
            let push = queue
                .push()
                .acquire(start.address, Until::Equals(1))
                .copy(data.address, data.address, LONG as u32)
                .release_with_time(time.address, 1);
            let done = queue.start(&push);
            Runner {
                _queue: queue,
                time,
                done,
            }
        })
        .collect();
    start.set_word(1);
    runners
        .iter()
        .map(|runner| {
            assert_done(&runner.done);
            runner.time.memory.get::<u64>(8)
        })
        .collect()
}

pub(crate) fn priorities(gpu: &Gpu) {
    let of = |priority| QueueCreate {
        priority,
        ..Queue::COPY
    };
    let priorities = [
        uapi::PRIORITY_LOW,
        uapi::PRIORITY_LOW,
        uapi::PRIORITY_LOW,
        uapi::PRIORITY_NORMAL,
        uapi::PRIORITY_NORMAL,
        uapi::PRIORITY_HIGH,
    ];
    // In which order they end is not said: an H200 takes no notice of priorities (docs/real-cards.md).
    race(gpu, &priorities.map(of));
}

pub(crate) fn long_first(gpu: &Gpu) {
    let limits = nova::query_limits(&gpu.open_render()).unwrap();
    let of = |timeslice_us| QueueCreate {
        timeslice_us,
        ..Queue::COPY
    };
    let times = race(gpu, &[0, 0, limits.timeslice_us_max].map(of));
    assert!(times[2] < times[0] && times[2] < times[1], "{times:?}");
}
