// SPDX-License-Identifier: MIT

//! What jobs wait for, and what they signal.

use std::fs::File;

use igt::nova::client::{Client, PAGE};
use igt::nova::queue::{sync, Plug, Queue};
use igt::nova::{self, Gpu};
use igt::push::{Push, Until};
use igt::syncobj::{assert_done, Signal, Syncobj};
use igt::vgem::{self, Fence};
use igt::{Fixture, Tests, HANG};
use nix::errno::Errno;
use nova_uapi as uapi;

pub(crate) fn subtests(tests: &mut Tests, gpu: &Fixture<Gpu>) {
    tests.subtest_with_dynamic(
        "mixes",
        "A job waits for another one of its queue or of another, by binary objects and by points.",
        |parts| {
            for (wait, waits_for_point) in [("binary", false), ("point", true)] {
                for (signal, signals_point) in [("binary", false), ("point", true)] {
                    for (queue, is_other) in [("own", false), ("other", true)] {
                        parts.dynamic(format!("{wait}-{signal}-{queue}"), || {
                            mix(gpu, waits_for_point, signals_point, is_other);
                        });
                    }
                }
            }
        },
    );
    tests.subtest(
        "points",
        "The points of a timeline are signaled as the jobs behind them are done.",
        || points(gpu),
    );
    tests.subtest(
        "several",
        "A job signals several objects and points, the first ones and the last one that there may be.",
        || several(gpu),
    );
    tests.subtest(
        "same-object",
        "A job may wait for an object and signal it.",
        || same_object(gpu),
    );
    tests.subtest(
        "twice",
        "An object that is signaled twice by a job is signaled.",
        || twice(gpu),
    );
    tests.subtest("over", "What is signaled already holds no job.", || {
        over(gpu)
    });
    tests.subtest(
        "hold",
        "A job that waits holds those behind it, and no other queue.",
        || hold(gpu),
    );
    tests.subtest(
        "foreign",
        "A job waits for the work of another driver.",
        || foreign(gpu, &vgem::require()),
    );
    tests.subtest("chain", "Jobs of many queues wait for each other.", || {
        chain(gpu)
    });
    tests.subtest(
        "missing",
        "Without a fence to wait for, nothing is done.",
        || missing(gpu),
    );
}

/// A fence that is not signaled, as a sync object or as a point of one.
fn mix(gpu: &Gpu, waits_for_point: bool, signals_point: bool, is_other: bool) {
    let client = Client::new(gpu);
    let patient = || client.queue_with(Queue::patient(client.file()));
    let (first, other) = (patient(), patient());
    let second = match is_other {
        true => &other,
        false => &first,
    };
    let (semaphore, target) = (client.bound(PAGE), client.bound(PAGE));
    let [between, end] = [client.syncobj(), client.syncobj()];
    let of = |syncobj, is_point| match is_point {
        true => Signal::Point(syncobj, 3),
        false => Signal::Binary(syncobj),
    };
    let (wait, signal) = (of(&between, waits_for_point), of(&end, signals_point));

    let push = Push::new().acquire(semaphore.address, Until::Equals(1));
    let segment = first.place(push.release(target.address, 1).words());
    assert_eq!(first.exec(&[segment], &[], &[wait]), Ok(()));
    let copy = second.push().copy(target.address, target.address + 8, 4);
    let segment = second.place(copy.words());
    assert_eq!(second.exec(&[segment], &[wait], &[signal]), Ok(()));

    for signal in [wait, signal] {
        assert_eq!(signal.is_signaled(), Ok(false));
    }
    assert_eq!(target.memory.get::<u64>(8), 0);
    semaphore.set_word(1);
    assert_eq!(signal.wait(HANG), Ok(()));
    assert_eq!(wait.is_signaled(), Ok(true));
    assert_eq!(signal.export().unwrap().outcome(), Ok(Some(Ok(()))));
    assert_eq!(target.memory.get::<u64>(8), 1);
}

fn points(gpu: &Gpu) {
    let client = Client::new(gpu);
    let queue = client.queue_with(Queue::patient(client.file()));
    let semaphore = client.bound(PAGE);
    let timeline = client.syncobj();
    let points = [1_u32, 2, 5, 1000];
    for point in points {
        let push = Push::new().acquire(semaphore.address, Until::AtLeast(point));
        let segment = queue.place(push.words());
        let signal = Signal::Point(&timeline, point.into());
        assert_eq!(queue.exec(&[segment], &[], &[signal]), Ok(()));
    }
    assert_eq!(timeline.point(), Ok(0));
    for point in points {
        semaphore.set_word(point);
        assert_eq!(timeline.wait_for_point(point.into(), HANG), Ok(()));
        assert_eq!(timeline.point(), Ok(point.into()));
    }
}

fn several(gpu: &Gpu) {
    let client = Client::new(gpu);
    let queue = client.queue();
    let most = nova::query_limits(client.file()).unwrap().syncs_max as usize;
    let plug = Plug::new(&client);
    let timeline = client.syncobj();
    // Half of them wait, and half of them signal.
    let binary: Vec<_> = (0..most / 4).map(|_| client.syncobj()).collect();
    let waits = vec![Signal::Binary(&plug.done); most / 2];
    let points = (1..).map(|point| Signal::Point(&timeline, point));
    let mut signals: Vec<_> = binary.iter().map(Signal::Binary).collect();
    signals.extend(points.take(most / 4));
    assert_eq!(waits.len() + signals.len(), most);
    assert_eq!(queue.exec(&[], &waits, &signals), Ok(()));
    for signal in &signals {
        assert_eq!(signal.is_signaled(), Ok(false), "{signal:?}");
    }
    plug.pull();
    for signal in &signals {
        assert_eq!(signal.wait(HANG), Ok(()), "{signal:?}");
    }
    // One more, of each kind.
    let mut waits = waits;
    waits.push(Signal::Binary(&plug.done));
    assert_eq!(queue.exec(&[], &waits, &signals), Err(Errno::EINVAL));
}

fn same_object(gpu: &Gpu) {
    let client = Client::new(gpu);
    let queue = client.queue();
    let counter = client.bound(PAGE);
    let segment = queue.place(Push::new().add(counter.address, 1).words());
    let plug = Plug::new(&client);
    let object = [Signal::Binary(&plug.done)];
    for _ in 0..3 {
        assert_eq!(queue.exec(&[segment], &object, &object), Ok(()));
    }
    assert_eq!(plug.done.is_signaled(), Ok(false));
    assert_eq!(counter.word(), 0);
    plug.pull();
    assert_done(&plug.done);
    assert_eq!(counter.word(), 3);
}

fn twice(gpu: &Gpu) {
    let client = Client::new(gpu);
    let queue = client.queue();
    let plug = Plug::new(&client);
    let (after, object) = ([Signal::Binary(&plug.done)], client.syncobj());
    let signals = [Signal::Binary(&object), Signal::Binary(&object)];
    assert_eq!(queue.exec(&[], &after, &signals), Ok(()));
    assert_eq!(object.is_signaled(), Ok(false));
    plug.pull();
    assert_done(&object);
}

fn over(gpu: &Gpu) {
    let client = Client::new(gpu);
    let queue = client.queue();
    let signaled = Syncobj::signaled(client.file()).unwrap();
    let done = queue.start(&Push::new().nops(1));
    assert_done(&done);
    let timeline = client.syncobj();
    assert_eq!(queue.exec(&[], &[], &[Signal::Point(&timeline, 7)]), Ok(()));
    assert_eq!(timeline.wait_for_point(7, HANG), Ok(()));
    let after = [
        Signal::Binary(&signaled),
        Signal::Binary(&done),
        // Points before the last one are signaled with it.
        Signal::Point(&timeline, 3),
        Signal::Point(&timeline, 7),
    ];
    let counter = client.bound(PAGE);
    assert_done(&queue.start_after(&after, &Push::new().add(counter.address, 1)));
    assert_eq!(counter.word(), 1);
}

fn hold(gpu: &Gpu) {
    let client = Client::new(gpu);
    let (held, free) = (client.queue(), client.queue());
    let (beside, target) = (client.beside(), client.bound(PAGE));
    let other = beside.queue();
    let plug = Plug::new(&client);
    let at = |number: u64| target.address + 4 * number;
    let waiting = held.start_after(
        &[Signal::Binary(&plug.done)],
        &held.push().fill(at(0), 1, 1),
    );
    // This one waits for nothing but the one before it.
    let behind = held.start(&held.push().copy(at(0), at(1), 4));
    for round in 1..20 {
        free.run(&free.push().fill(at(2), round, 1));
        other.run(&Push::new().nops(1));
        assert_eq!(target.memory.get::<u32>(8), round);
    }
    for work in [&waiting, &behind] {
        assert_eq!(work.is_signaled(), Ok(false));
    }
    assert_eq!(target.memory.get::<u64>(0), 0);
    plug.pull();
    assert_done(&waiting);
    assert_done(&behind);
    assert_eq!(target.memory.get::<u64>(0), 1 << 32 | 1);
}

fn foreign(gpu: &Gpu, vgem: &File) {
    let client = Client::new(gpu);
    let queue = client.queue();
    let target = client.bound(PAGE);
    let object = client.syncobj();
    for word in 1..4 {
        let fence = Fence::new(vgem);
        object.import(&fence.file).unwrap();
        let after = [Signal::Binary(&object)];
        let work = queue.start_after(&after, &queue.push().fill(target.address, word, 1));
        assert_eq!(work.is_signaled(), Ok(false));
        assert_eq!(target.word(), word - 1);
        fence.signal();
        assert_done(&work);
        assert_eq!(target.word(), word);
    }
}

fn chain(gpu: &Gpu) {
    const QUEUES: u64 = 8;
    const ROUNDS: u64 = 5;
    let client = Client::new(gpu);
    let queues: Vec<_> = (0..QUEUES).map(|_| client.queue()).collect();
    let words = client.bound(PAGE);
    words.set_word(0x55);
    let plug = Plug::new(&client);
    let mut last = None;
    for number in 0..QUEUES * ROUNDS {
        let queue = &queues[(number % QUEUES) as usize];
        let from = words.address + 4 * number;
        let before = last.as_ref().unwrap_or(&plug.done);
        let copy = queue.push().copy(from, from + 4, 4);
        last = Some(queue.start_after(&[Signal::Binary(before)], &copy));
    }
    let last = last.expect("there are jobs");
    assert_eq!(last.is_signaled(), Ok(false));
    plug.pull();
    assert_done(&last);
    let end = 4 * (QUEUES * ROUNDS) as usize;
    assert_eq!(words.memory.get::<u32>(end), 0x55);
}

fn missing(gpu: &Gpu) {
    let client = Client::new(gpu);
    let queue = client.queue();
    let (without, timeline, done) = (client.syncobj(), client.syncobj(), client.syncobj());
    assert_eq!(queue.exec(&[], &[], &[Signal::Point(&timeline, 5)]), Ok(()));
    assert_eq!(timeline.wait_for_point(5, HANG), Ok(()));
    let counter = client.bound(PAGE);
    let segment = queue.place(Push::new().add(counter.address, 1).words());
    let before = queue.state();
    for wait in [
        Signal::Binary(&without),
        Signal::Point(&without, 1),
        Signal::Point(&timeline, 6),
        Signal::Point(&timeline, u64::MAX),
    ] {
        for signal in [Signal::Binary(&done), Signal::Point(&done, 1)] {
            let result = queue.exec(&[segment], &[wait], &[signal]);
            assert_eq!(result, Err(Errno::EINVAL), "{wait:?}");
            // The order in the array does not matter.
            let syncs = [sync(&signal, uapi::SYNC_SIGNAL), sync(&wait, 0)];
            assert_eq!(queue.exec_raw(&[], &syncs), Err(Errno::EINVAL), "{wait:?}");
            assert_eq!(signal.is_signaled(), Err(Errno::EINVAL), "a fence");
        }
    }
    assert_eq!(queue.state(), before);
    queue.run(&Push::new().nops(1));
    assert_eq!(counter.word(), 0);
}
