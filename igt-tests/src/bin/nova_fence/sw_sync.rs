// SPDX-License-Identifier: MIT

//! Jobs and binds that wait for fences of sw_sync: those end when the test says so, end with an error, or never end.

use std::sync::atomic::Ordering;

use igt::memory::Words;
use igt::mock::Mock;
use igt::nova::bind_queue::BindQueue;
use igt::nova::client::{map, Client, PAGE};
use igt::nova::object::VRAM;
use igt::nova::queue::Queue;
use igt::nova::{self, Gpu};
use igt::push::Push;
use igt::sw_sync::Timeline;
use igt::syncobj::{assert_done, Signal, SyncFile, Syncobj};
use igt::{wait_for, Children, Fixture, Tests, Timeout, HANG};
use nix::errno::Errno;

/// How the fences of a timeline end.
type End = fn(Timeline);

/// The ends of what has waited.
const ENDS: [(&str, End); 2] = [("advanced", advanced), ("gone", gone)];

pub(crate) fn subtests(tests: &mut Tests, gpu: &Fixture<Gpu>) {
    tests.subtest_with_dynamic(
        "sw-sync-job",
        "A job runs when the fence that it waits for has ended, with or without an error, and not before.",
        |parts| {
            for (name, end) in ENDS {
                parts.dynamic(name, || job(gpu, end));
            }
        },
    );
    tests.subtest_with_dynamic(
        "sw-sync-bind",
        "A bind takes effect when the fence that it waits for has ended, with or without an error, and not before.",
        |parts| {
            for (name, end) in ENDS {
                parts.dynamic(name, || bind(gpu, end));
            }
        },
    );
    tests.subtest(
        "sw-sync-order",
        "Jobs of several queues run in the order of what they wait for.",
        || order(gpu),
    );
    tests.subtest(
        "sw-sync-several",
        "A job that waits for several timelines runs when all of them are far enough.",
        || several(gpu),
    );
    tests.subtest_with_dynamic(
        "sw-sync-never",
        "Nothing is left of jobs and binds that would wait for ever, and the end of their fence finds nobody.",
        |parts| {
            let mock = Mock::require(gpu);
            for (name, never) in [
                ("destroyed", destroyed as fn(&Gpu, &Timeline)),
                ("closed", closed),
                ("killed", killed),
            ] {
                parts.dynamic(name, || nothing_left(gpu, &mock, never));
            }
            parts.dynamic("unbound", || unbound(gpu));
        },
    );
}

fn advanced(timeline: Timeline) {
    let fence = timeline.fence(1);
    timeline.advance(1);
    assert_eq!(fence.outcome(), Ok(Some(Ok(()))));
}

fn gone(timeline: Timeline) {
    let fence = timeline.fence(1);
    drop(timeline);
    assert_eq!(fence.outcome(), Ok(Some(Err(Errno::ENOENT))));
}

/// A sync object with the timeline's fence for this value.
fn at<'a>(client: &'a Client, timeline: &Timeline, value: u32) -> Syncobj<'a> {
    let object = client.syncobj();
    object.import(&timeline.fence(value)).expect("a fence");
    object
}

fn job(gpu: &Gpu, end: End) {
    let timeline = Timeline::require();
    let client = Client::new(gpu);
    let (queue, free) = (client.queue(), client.queue());
    let target = client.bound(PAGE);
    let after = at(&client, &timeline, 1);
    let fill = queue.push().fill(target.address, 1, 1);
    let work = queue.start_after(&[Signal::Binary(&after)], &fill);
    let behind = queue.start(&queue.push().copy(target.address, target.address + 4, 4));
    free.run(&free.push().nops(1));
    for waiting in [&work, &behind] {
        assert_eq!(waiting.is_signaled(), Ok(false));
    }
    assert_eq!(target.memory.get::<u64>(0), 0);
    end(timeline);
    assert_done(&work);
    assert_done(&behind);
    assert_eq!(target.memory.get::<u64>(0), 1 << 32 | 1);
}

fn bind(gpu: &Gpu, end: End) {
    let timeline = Timeline::require();
    let client = Client::new(gpu);
    let queue = client.queue();
    let binds = BindQueue::new(client.file(), client.vm_id());
    let [old, new] = [(); 2].map(|()| client.bound(PAGE));
    let after = at(&client, &timeline, 1);
    let ops = [map(new.handle(), old.address, PAGE)];
    let bound = binds.bind(&ops, &[Signal::Binary(&after)]);
    queue.run(&queue.push().fill(old.address, 1, 1));
    assert_eq!(bound.is_signaled(), Ok(false));
    assert_eq!((old.word(), new.word()), (1, 0));
    end(timeline);
    assert_done(&bound);
    queue.run(&queue.push().fill(old.address, 2, 1));
    assert_eq!((old.word(), new.word()), (1, 2));
}

fn order(gpu: &Gpu) {
    let timeline = Timeline::require();
    let client = Client::new(gpu);
    let target = client.bound(PAGE);
    let queues = [(); 3].map(|()| client.queue());
    // What is given first waits for the last value.
    let mut work = Vec::new();
    for (value, queue) in (1..=3).rev().zip(&queues) {
        let after = at(&client, &timeline, value);
        let count = Push::new().add(target.address, 1);
        work.push(queue.start_after(&[Signal::Binary(&after)], &count));
    }
    for value in 1..=3 {
        assert_eq!(target.word(), value - 1);
        timeline.advance(1);
        assert_done(&work.pop().expect("there is a job"));
        assert_eq!(target.word(), value);
        for waiting in &work {
            assert_eq!(waiting.is_signaled(), Ok(false), "at {value}");
        }
    }
}

fn several(gpu: &Gpu) {
    let timelines = [(); 4].map(|()| Timeline::require());
    let client = Client::new(gpu);
    let (queue, free) = (client.queue(), client.queue());
    let target = client.bound(PAGE);
    let waits = timelines.each_ref().map(|line| at(&client, line, 1));
    let after: Vec<_> = waits.iter().map(Signal::Binary).collect();
    let work = queue.start_after(&after, &queue.push().fill(target.address, 1, 1));
    // The order is not that of the job's waits.
    for number in [2, 0, 3, 1] {
        free.run(&free.push().nops(1));
        assert_eq!(work.is_signaled(), Ok(false), "before {number}");
        assert_eq!(target.word(), 0);
        timelines[number].advance(1);
    }
    assert_done(&work);
    assert_eq!(target.word(), 1);
}

/// A job and a bind, each with another one behind it, that wait for the timeline.
struct Waiting<'a> {
    queue: Queue<'a>,
    binds: BindQueue<'a>,
    ends: [Syncobj<'a>; 4],
}

impl<'a> Waiting<'a> {
    fn new(client: &'a Client, timeline: &Timeline) -> Self {
        let queue = client.queue();
        let binds = BindQueue::new(client.file(), client.vm_id());
        let [old, new] = [(); 2].map(|()| client.bound(PAGE));
        let fill = queue.push().fill(old.address, 1, 1);
        let ops = [map(new.handle(), old.address, PAGE)];
        let fence = at(client, timeline, 1);
        let after = [Signal::Binary(&fence)];
        let ends = [
            queue.start_after(&after, &fill),
            queue.start(&fill),
            binds.bind(&ops, &after),
            binds.bind(&ops, &[]),
        ];
        Self { queue, binds, ends }
    }

    fn fences(&self) -> [SyncFile; 4] {
        let fences = self.ends.each_ref();
        fences.map(|end| end.export().expect("a fence"))
    }
}

/// Closes the file of what waits, which ends with an error then.
fn close(client: Client, fences: [SyncFile; 4]) {
    for fence in &fences {
        assert_eq!(fence.outcome(), Ok(None));
    }
    let _bound = Timeout::new(HANG, "closing a file");
    drop(client);
    for fence in fences {
        assert_eq!(fence.wait(), Err(Errno::ECANCELED));
    }
}

fn destroyed(gpu: &Gpu, timeline: &Timeline) {
    let client = Client::new(gpu);
    let fences = {
        let waiting = Waiting::new(&client, timeline);
        assert_eq!(waiting.queue.destroy(), Ok(()));
        assert_eq!(waiting.binds.destroy(), Ok(()));
        waiting.fences()
    };
    close(client, fences);
}

fn closed(gpu: &Gpu, timeline: &Timeline) {
    let client = Client::new(gpu);
    let fences = Waiting::new(&client, timeline).fences();
    close(client, fences);
}

/// The timeline stays, as the parent has it, too.
fn killed(gpu: &Gpu, timeline: &Timeline) {
    let ready = Words::new(1);
    let child = Children::fork(1, |_| {
        let client = Client::new(gpu);
        let _waiting = Waiting::new(&client, timeline);
        ready[0].store(1, Ordering::Relaxed);
        loop {
            std::thread::park();
        }
    });
    wait_for(HANG, "the process to wait", || {
        ready[0].load(Ordering::Relaxed) == 1
    });
    let _bound = Timeout::new(HANG, "the end of a process that was killed");
    drop(child);
}

/// Asserts that the objects of GSP-RM and the VRAM in use are the same before and after `never`.
fn nothing_left(gpu: &Gpu, mock: &Mock, never: fn(&Gpu, &Timeline)) {
    let timeline = Timeline::require();
    let other = Client::new(gpu);
    let queue = other.queue();
    queue.run(&queue.push().nops(1));
    let vram = || nova::query_regions(other.file()).expect("regions")[VRAM as usize].used;
    let objects = || mock.objects().expect("the mock lists objects");
    let before = (objects(), vram());
    never(gpu, &timeline);
    wait_for(HANG, "everything to go that a file had", || {
        (objects(), vram()) == before
    });
    timeline.advance(1);
    queue.run(&queue.push().nops(1));
}

fn unbound(gpu: &Gpu) {
    let timeline = Timeline::require();
    let client = Client::new(gpu);
    let fences = Waiting::new(&client, &timeline).fences();
    {
        let _bound = Timeout::new(HANG, "unbinding a GPU whose jobs wait");
        gpu.unbind();
    }
    for fence in fences {
        assert_eq!(fence.wait(), Err(Errno::ENODEV));
    }
    gpu.assert_released();
    timeline.advance(1);
    drop(client);
    gpu.bind();
    gpu.assert_running();
}
