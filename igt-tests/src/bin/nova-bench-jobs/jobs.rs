// SPDX-License-Identifier: MIT

//! EXEC: the call alone, and jobs until somebody knows that they are done.

use std::cell::Cell;
use std::time::Duration;

use igt::push::{Push, Until};
use igt::syncobj::{Signal, Syncobj};
use igt::HANG;
use serde_json::json;

use crate::driver::{Client, Queue, Region, PAGE};
use crate::meter::{median_us, Meter};

/// Calls that are made while the engine waits. Both drivers give jobs that are under way ten seconds.
const CALLS: u32 = 64;

/// Jobs that are done one after the other.
const JOBS: u32 = 64;

/// Jobs of all queues for the rate of fences, and how often that is measured.
const FENCES: u32 = 128;
const ROUNDS: usize = 3;

/// Bytes that are copied before a job ends, so that somebody waits for it by then.
const COPY: u64 = 8 << 20;

pub(crate) fn measure(client: &impl Client, meter: &mut Meter) {
    calls(client, meter);
    done(client, meter);
    for queues in [1, 8] {
        fences(client, meter, queues);
    }
    wake(client, meter);
}

/// A timeline whose points are signaled one after the other.
struct Timeline<'a>(Syncobj<'a>, Cell<u64>);

impl<'a> Timeline<'a> {
    fn new(client: &'a impl Client) -> Self {
        Self(client.syncobj(), Cell::new(0))
    }

    /// The last point.
    fn last(&self) -> Signal<'_, 'a> {
        Signal::Point(&self.0, self.1.get())
    }

    /// The next point.
    fn next(&self) -> Signal<'_, 'a> {
        self.1.set(self.1.get() + 1);
        self.last()
    }

    fn wait(&self) {
        assert_eq!(self.last().wait(HANG), Ok(()), "jobs take too long");
    }
}

/// Calls while the queue's first job waits, so that no job ends meanwhile.
fn calls(client: &impl Client, meter: &mut Meter) {
    let queue = client.queue();
    let object = client.object(Region::System, PAGE);
    let address = client.reserve(PAGE);
    client.bind(&object, address, PAGE);
    let semaphore = client.map(&object);
    let acquire = queue.place(Push::new().acquire(address, Until::Equals(1)).words());
    let segment = queue.place(Push::new().nops(1).words());
    let [before, timeline] = [0, 1].map(|_| Timeline::new(client));
    // What only the first call does is done.
    queue.exec(segment, &[], &[before.next()]);
    before.wait();

    semaphore.set(0, 0_u32);
    queue.exec(acquire, &[], &[]);
    meter.measure("exec", CALLS, |_| queue.exec(segment, &[], &[]));
    semaphore.set(0, 1_u32);
    queue.exec(segment, &[], &[timeline.next()]);
    timeline.wait();

    semaphore.set(0, 0_u32);
    queue.exec(acquire, &[], &[]);
    let after = [before.last()];
    meter.measure("exec-syncs", CALLS, |_| {
        queue.exec(segment, &after, &[timeline.next()]);
    });
    semaphore.set(0, 1_u32);
    timeline.wait();
}

/// Jobs, each after the one before, until they are done.
fn done(client: &impl Client, meter: &mut Meter) {
    let queue = client.queue();
    let segment = queue.place(Push::new().nops(1).words());
    let timeline = Timeline::new(client);
    queue.exec(segment, &[], &[timeline.next()]);
    timeline.wait();
    meter.measure("job", JOBS, |_| {
        let after = [timeline.last()];
        queue.exec(segment, &after, &[timeline.next()]);
        timeline.wait();
    });
    meter.measure_whole("chain", JOBS, || {
        for _ in 0..JOBS {
            let after = [timeline.last()];
            queue.exec(segment, &after, &[timeline.next()]);
        }
        timeline.wait();
    });
}

/// Jobs of so many queues at once.
fn fences(client: &impl Client, meter: &mut Meter, count: usize) {
    let queue = |_| {
        let queue = client.queue();
        let segment = queue.place(Push::new().nops(1).words());
        (queue, segment, Timeline::new(client))
    };
    let queues: Vec<_> = (0..count).map(queue).collect();
    let run = |jobs: u32| {
        for (queue, segment, timeline) in queues.iter().cycle().take(jobs as usize) {
            queue.exec(*segment, &[], &[timeline.next()]);
        }
        queues.iter().for_each(|(_, _, timeline)| timeline.wait());
    };
    run(count as u32);
    for _ in 0..ROUNDS {
        meter.measure_whole(&format!("fences-{count}"), FENCES, || run(FENCES));
    }
}

/// The time from the end of a job, which it has written itself, until a process that waits for it has read the GPU's
/// clock; and the time that this reading takes.
///
/// The job waits for a copy of another queue, and so does the process by then. The mock's clock stands while a channel has
/// its turn, so the copy must not be in the turn that writes the time.
fn wake(client: &impl Client, meter: &mut Meter) {
    const TIMES: u32 = 15;
    let [copies, jobs] = [0, 1].map(|_| client.queue());
    let [from, to, page] = [COPY, COPY, PAGE].map(|size| {
        let object = client.object(Region::System, size);
        let address = client.reserve(size);
        client.bind(&object, address, size);
        (object, address)
    });
    let (copied, ended) = (page.1, page.1 + 16);
    let memory = client.map(&page.0);
    memory.set(0, 0_u32);
    let timeline = Timeline::new(client);
    let (mut woken, mut reading) = (Vec::new(), Vec::new());
    for number in 1..=TIMES {
        let copy = copies.push().copy(from.1, to.1, COPY as u32);
        let job = Push::new().acquire(copied, Until::AtLeast(number));
        let job = jobs.place(job.release_with_time(ended, number.into()).words());
        copies.exec(copies.place(copy.release(copied, number).words()), &[], &[]);
        jobs.exec(job, &[], &[timeline.next()]);
        timeline.wait();
        let read = client.clock();
        let again = client.clock();
        let end = memory.get::<u64>(24);
        woken.push(Duration::from_nanos(read.saturating_sub(end)));
        reading.push(Duration::from_nanos(again.saturating_sub(read)));
    }
    let result = json!({"wall_us": median_us(&mut woken), "clock_us": median_us(&mut reading)});
    meter.note("wake", result);
}
