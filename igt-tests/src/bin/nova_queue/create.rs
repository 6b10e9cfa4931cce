// SPDX-License-Identifier: MIT

//! What queues are created with.

use igt::nova::calls::{call, call_with};
use igt::nova::client::{Client, PAGE};
use igt::nova::queue::Queue;
use igt::nova::{self, Gpu};
use igt::syncobj::{assert_done, Signal};
use igt::Dynamic;
use nix::errno::Errno;
use nova_uapi as uapi;
use nova_uapi::{QueueCreate, QueueGetState, VmDestroy};

pub(crate) fn engines(gpu: &Gpu) {
    let files = [gpu.open_render(), gpu.open_primary()];
    let [engines, others] = files
        .each_ref()
        .map(|file| nova::query_engines(file).unwrap());
    assert_eq!(engines, others);
    assert!(!engines.is_empty());
    let mut names = Vec::new();
    let mut numbers = Vec::new();
    for engine in engines {
        let classes = &engine.object_classes[..engine.object_count as usize];
        assert!(!classes.is_empty() && !classes.contains(&0), "{engine:?}");
        let rest = &engine.object_classes[classes.len()..];
        assert!(rest.iter().all(|&class| class == 0), "{engine:?}");
        // The classes of channels, of all generations, end like that.
        assert_eq!(engine.channel_class & 0xff, 0x6f, "{engine:?}");
        assert_eq!(engine.reserved, 0, "{engine:?}");
        assert_eq!(
            engine.flags & !uapi::ENGINE_SHARES_GRAPHICS,
            0,
            "{engine:?}"
        );
        names.push(format!("{:?}", engine.name));
        numbers.push((engine.engine_class, engine.engine_instance));
    }
    let count = names.len();
    names.sort();
    names.dedup();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(
        (names.len(), numbers.len()),
        (count, count),
        "two of the same"
    );
}

pub(crate) fn limits(gpu: &Gpu) {
    let limits = nova::query_limits(&gpu.open_render()).unwrap();
    let rings = [
        limits.ring_entries_min,
        limits.ring_entries_default,
        limits.ring_entries_max,
    ];
    assert!(rings.is_sorted(), "{limits:?}");
    assert!(
        rings.iter().all(|ring| ring.is_power_of_two()),
        "{limits:?}"
    );
    let slices = [
        limits.timeslice_us_min,
        limits.timeslice_us_default,
        limits.timeslice_us_max,
    ];
    assert!(slices.is_sorted() && slices[0] > 0, "{limits:?}");
    assert!(limits.job_timeout_ms > 0, "{limits:?}");
    assert!(
        limits.job_timeout_ms <= limits.job_timeout_ms_max,
        "{limits:?}"
    );
    assert!(limits.syncs_max > 0 && limits.jobs_max > 0, "{limits:?}");
    assert!(limits.push_align.is_power_of_two(), "{limits:?}");
    assert_eq!(limits.push_bytes_max % limits.push_align, 0, "{limits:?}");
}

pub(crate) fn basic(gpu: &Gpu, parts: &mut Dynamic<'_>) {
    let client = Client::new(gpu);
    let instances = client
        .copy_engines()
        .into_iter()
        .map(|engine| engine.engine_instance);
    for engine_instance in instances.chain([uapi::ENGINE_INSTANCE_ANY]) {
        let name = match engine_instance {
            uapi::ENGINE_INSTANCE_ANY => "any".to_owned(),
            number => format!("copy{number}"),
        };
        parts.dynamic(name, || {
            let create = QueueCreate {
                engine_instance,
                ..Queue::COPY
            };
            works(&client, &client.queue_with(create));
        });
    }
}

/// Has a queue copy a word, and nothing else.
pub(crate) fn works(client: &Client, queue: &Queue<'_>) {
    let (from, to) = (client.bound(PAGE), client.bound(PAGE));
    from.memory.set(8, 0x1122_3344_5566_7788_u64);
    queue.run(&queue.push().copy(from.address + 8, to.address + 16, 8));
    assert_eq!(to.memory.get::<u64>(16), 0x1122_3344_5566_7788);
    assert_eq!((to.memory.get::<u64>(8), to.memory.get::<u64>(24)), (0, 0));
}

pub(crate) fn rings(gpu: &Gpu, parts: &mut Dynamic<'_>) {
    let client = Client::new(gpu);
    let limits = nova::query_limits(client.file()).unwrap();
    let sizes = (0..32).map(|bit| 1_u32 << bit);
    let within = limits.ring_entries_min..=limits.ring_entries_max;
    for ring_entries in sizes.filter(|size| within.contains(size)) {
        parts.dynamic(format!("{ring_entries}"), || ring(&client, ring_entries));
    }
    parts.dynamic("default", || {
        let [by_default, same] = [0, limits.ring_entries_default].map(|ring_entries| {
            let create = QueueCreate {
                ring_entries,
                ..Queue::COPY
            };
            client.queue_with(create).created
        });
        assert_eq!(by_default.pushes_max, same.pushes_max);
        assert_eq!(by_default.ring_entries, 0, "{by_default:?}");
    });
}

fn ring(client: &Client, ring_entries: u32) {
    let create = QueueCreate {
        ring_entries,
        ..Queue::COPY
    };
    let queue = client.queue_with(create);
    let most = queue.created.pushes_max;
    // On some chips a push may take two entries.
    assert!(
        most < ring_entries && most >= ring_entries / 2 - 3,
        "{most}"
    );
    let counter = client.bound(PAGE);
    let segment = queue.place(queue.push().add(counter.address, 1).words());
    let done = client.syncobj();
    let segments = vec![segment; most as usize];
    let result = queue.exec(&segments, &[], &[Signal::Binary(&done)]);
    assert_eq!(result, Ok(()), "{most} pushes");
    assert_done(&done);
    assert_eq!(counter.word(), most);
    let one_more = vec![segment; most as usize + 1];
    assert_eq!(queue.exec(&one_more, &[], &[]), Err(Errno::EINVAL));
    assert_eq!(queue.destroy(), Ok(()));
}

/// The call fails, changes nothing, and no queue is created.
#[track_caller]
fn fails(client: &Client, asked: QueueCreate, error: Errno) {
    assert_eq!(call_with(client.file(), asked), Err(error), "{asked:?}");
    let mut state = QueueGetState {
        queue_id: 1,
        ..QueueGetState::default()
    };
    let found = call(client.file(), &mut state);
    assert_eq!(found, Err(Errno::ENOENT), "{asked:?} created a queue");
}

pub(crate) fn refused(gpu: &Gpu) {
    let client = Client::new(gpu);
    let limits = nova::query_limits(client.file()).unwrap();
    let right = QueueCreate {
        vm_id: client.vm_id(),
        queue_id: u32::MAX,
        pushes_max: u32::MAX,
        ..Queue::COPY
    };
    let fails = |asked, error| fails(&client, asked, error);
    for flags in (0..32).map(|bit| 1 << bit) {
        fails(QueueCreate { flags, ..right }, Errno::EINVAL);
    }
    for priority in [uapi::PRIORITY_HIGH + 1, u32::MAX] {
        fails(QueueCreate { priority, ..right }, Errno::EINVAL);
    }
    let none = client.copy_engines().len() as u32;
    for engine_instance in [none, 1000, u32::MAX - 1] {
        fails(
            QueueCreate {
                engine_instance,
                ..right
            },
            Errno::EINVAL,
        );
    }
    for engine_class in [uapi::ENGINE_CLASS_OFA + 1, u32::MAX] {
        fails(
            QueueCreate {
                engine_class,
                ..right
            },
            Errno::EINVAL,
        );
    }
    let (least, most) = (limits.ring_entries_min, limits.ring_entries_max);
    for ring_entries in [
        1,
        least / 2,
        least - 1,
        least + 1,
        most - 1,
        most + 1,
        most * 2,
        u32::MAX,
    ] {
        fails(
            QueueCreate {
                ring_entries,
                ..right
            },
            Errno::EINVAL,
        );
    }
    for timeslice_us in [
        1,
        limits.timeslice_us_min - 1,
        limits.timeslice_us_max + 1,
        u32::MAX,
    ] {
        fails(
            QueueCreate {
                timeslice_us,
                ..right
            },
            Errno::EINVAL,
        );
    }
    for timeout_ms in [limits.job_timeout_ms_max + 1, u32::MAX] {
        fails(
            QueueCreate {
                timeout_ms,
                ..right
            },
            Errno::EINVAL,
        );
    }
    let other = client.beside();
    assert_eq!(other.destroy_vm(), Ok(()));
    for vm_id in [0, other.vm_id(), u32::MAX] {
        fails(QueueCreate { vm_id, ..right }, Errno::ENOENT);
    }
    let engines = nova::query_engines(client.file()).unwrap();
    for engine_class in uapi::ENGINE_CLASS_COPY..=uapi::ENGINE_CLASS_OFA {
        let is_there = engines
            .iter()
            .any(|engine| engine.engine_class == engine_class);
        if !is_there {
            fails(
                QueueCreate {
                    engine_class,
                    ..right
                },
                Errno::EOPNOTSUPP,
            );
        }
    }
    works(&client, &client.queue());
}

pub(crate) fn order_of_checks(gpu: &Gpu) {
    let client = Client::new(gpu);
    let limits = nova::query_limits(client.file()).unwrap();
    let right = QueueCreate {
        vm_id: client.vm_id(),
        ..Queue::COPY
    };
    let unknown = QueueCreate {
        vm_id: u32::MAX,
        ..right
    };
    // Flags and values of enums, then the address space, then limits, then the engine.
    let flagged = QueueCreate {
        flags: 1,
        ..unknown
    };
    fails(&client, flagged, Errno::EINVAL);
    let ring_entries = limits.ring_entries_max + 1;
    fails(
        &client,
        QueueCreate {
            ring_entries,
            ..unknown
        },
        Errno::ENOENT,
    );
    let absent = QueueCreate {
        engine_class: uapi::ENGINE_CLASS_OFA,
        engine_instance: 1000,
        ..right
    };
    fails(&client, absent, Errno::EOPNOTSUPP);
    fails(
        &client,
        QueueCreate {
            ring_entries,
            ..absent
        },
        Errno::EINVAL,
    );
    let mut destroy = VmDestroy {
        vm_id: client.vm_id(),
        pad: 0,
    };
    assert_eq!(call(client.file(), &mut destroy), Ok(()));
    fails(
        &client,
        QueueCreate {
            ring_entries,
            ..right
        },
        Errno::ENOENT,
    );
}
