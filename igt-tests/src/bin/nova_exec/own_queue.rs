// SPDX-License-Identifier: MIT

//! Jobs that wait for earlier ones of their own queue, by points of a timeline. The queue is in order, so they need not be
//! held back for that.

use igt::mock::Mock;
use igt::nova::calls::call;
use igt::nova::client::{Buffer, Client, PAGE};
use igt::nova::queue::Queue;
use igt::nova::wrong::{Wrong, OF_STOPPED};
use igt::nova::{self, Gpu};
use igt::push::{Push, Until};
use igt::syncobj::{assert_done, assert_ended, Signal, Syncobj};
use igt::{kmsg, Fixture, Tests, HANG};
use nix::errno::Errno;
use nix::libc;
use nova_uapi::{GetTime, QueueCreate};

use crate::faults::hasty;

/// Jobs that wait for each other.
const JOBS: u64 = 64;

/// What is copied.
const WORD: u32 = 0x55;

pub(crate) fn subtests(tests: &mut Tests, gpu: &Fixture<Gpu>) {
    tests.subtest(
        "own-order",
        "Jobs of one queue that wait for each other run in their order.",
        || order(gpu, None),
    );
    tests.subtest(
        "own-at-once",
        "A job that waits for earlier ones of its queue is in the ring at once.",
        || order(gpu, Some(&Mock::require(gpu))),
    );
    tests.subtest_with_dynamic(
        "own-and-other",
        "A job waits for another queue by a fence that stands for jobs of its own queue, too.",
        |parts| {
            parts.dynamic("own-last", || own_and_other(gpu, Both::OwnLast));
            parts.dynamic("other-last", || own_and_other(gpu, Both::OtherLast));
            parts.dynamic("many", || own_and_other(gpu, Both::ManyOwn));
            parts.dynamic("merged", || own_and_other(gpu, Both::Merged));
        },
    );
    tests.subtest_with_dynamic(
        "own-lost",
        "A job that waits for one of its queue which fails is lost with it.",
        |parts| {
            parts.dynamic("timeout", || lost(gpu, None));
            parts.dynamic("fault", || lost(gpu, Some(Wrong::Write)));
        },
    );
}

/// A queue, and its first job, which the test ends.
struct Held<'a> {
    queue: Queue<'a>,
    semaphore: Buffer<'a>,
    done: Syncobj<'a>,
}

impl<'a> Held<'a> {
    /// The job signals the point.
    fn new(client: &'a Client, create: QueueCreate, point: Signal<'_, '_>) -> Self {
        let queue = client.queue_with(create);
        let (semaphore, done) = (client.bound(PAGE), client.syncobj());
        let push = Push::new().acquire(semaphore.address, Until::Equals(1));
        let segment = queue.place(push.words());
        let ends = [point, Signal::Binary(&done)];
        assert_eq!(queue.exec(&[segment], &[], &ends), Ok(()));
        Self {
            queue,
            semaphore,
            done,
        }
    }

    fn end(&self) {
        self.semaphore.set_word(1);
    }

    /// Gives the queue a job that copies the word with this number to the next place.
    fn copy(&self, words: &Buffer<'_>, number: u64, [after, end]: [Signal<'_, '_>; 2]) {
        let from = words.address + 4 * number;
        let copy = self.queue.push().copy(from, from + 4, 4);
        let segment = self.queue.place(copy.words());
        assert_eq!(self.queue.exec(&[segment], &[after], &[end]), Ok(()));
    }
}

/// Jobs that wait for each other behind one that the test ends. If there is a mock, it is asked whether all are in the ring
/// before.
fn order(gpu: &Gpu, mock: Option<&Mock>) {
    let client = Client::new(gpu);
    let patient = Queue::patient(client.file());
    let (words, timeline) = (client.bound(PAGE), client.syncobj());
    let first = Held::new(&client, patient, Signal::Point(&timeline, 1));
    let doorbells = |mock: &Mock| {
        // When the GPU's clock has been read, what was written before has arrived.
        let mut time = GetTime {
            clock_id: libc::CLOCK_MONOTONIC as u32,
            ..GetTime::default()
        };
        assert_eq!(call(client.file(), &mut time), Ok(()));
        mock.accesses()["doorbells"]
    };
    let before = mock.map(doorbells);
    for point in 1..=JOBS {
        let points = [point, point + 1].map(|point| Signal::Point(&timeline, point));
        first.copy(&words, point, points);
    }
    if let (Some(mock), Some(before)) = (mock, before) {
        assert_eq!(doorbells(mock) - before, JOBS);
    }
    assert_eq!(timeline.point(), Ok(0));
    words.memory.set(4, WORD);
    first.end();
    assert_eq!(timeline.wait_for_point(JOBS + 1, HANG), Ok(()));
    let last = 4 * (JOBS as usize + 1);
    assert_eq!(words.memory.get::<u32>(last), WORD);
}

/// What stands for jobs of both queues.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Both {
    /// A point of the own queue, behind one of the other queue.
    OwnLast,
    /// As above, but with more points than the driver looks at one by one.
    ManyOwn,
    /// A point of the other queue, behind one of the own queue.
    OtherLast,
    /// A sync file with the fences of both.
    Merged,
}

fn own_and_other(gpu: &Gpu, both: Both) {
    const MANY: u64 = 1200;
    let client = Client::new(gpu);
    let patient = Queue::patient(client.file());
    let words = client.bound(2 * PAGE);
    let [timeline, merged] = [(); 2].map(|()| client.syncobj());
    let at = |point| Signal::Point(&timeline, point);
    let [first, second] = [1, 2].map(|point| Held::new(&client, patient, at(point)));
    let is_first = matches!(both, Both::OtherLast | Both::Merged);
    let (own, other) = match is_first {
        true => (&first, &second),
        false => (&second, &first),
    };
    let mut point = 2;
    if both == Both::ManyOwn {
        let limits = nova::query_limits(client.file()).unwrap();
        let points: Vec<_> = (3..3 + MANY).map(at).collect();
        for points in points.chunks(limits.syncs_max as usize) {
            assert_eq!(own.queue.exec(&[], &[], points), Ok(()));
        }
        point += MANY;
    }
    let mut after = at(point);
    if both == Both::Merged {
        let [own, other] = [own, other].map(|held| held.done.export().unwrap());
        merged.import(&own.merge(&other).unwrap()).unwrap();
        after = Signal::Binary(&merged);
    }
    own.copy(&words, point, [after, at(point + 1)]);
    own.end();
    assert_done(&own.done);
    let free = client.queue();
    free.run(&Push::new().nops(1));
    let [from, to] = [point, point + 1].map(|place| 4 * place as usize);
    words.memory.set(from, WORD);
    assert_eq!(timeline.point(), Ok(u64::from(is_first)));
    other.end();
    assert_eq!(timeline.wait_for_point(point + 1, HANG), Ok(()));
    // It was copied only after the test had written it.
    assert_eq!(words.memory.get::<u32>(to), WORD);
}

/// The first job of a queue takes too long, or does what it must not once the one behind it is there.
fn lost(gpu: &Gpu, wrong: Option<Wrong>) {
    kmsg::expect(&OF_STOPPED);
    let client = Client::new(gpu);
    let queue = match wrong {
        Some(_) => client.queue(),
        None => hasty(&client),
    };
    let other = client.queue();
    let [semaphore, target] = [(); 2].map(|()| client.bound(PAGE));
    let [timeline, failed, behind] = [(); 3].map(|()| client.syncobj());
    let [first, second] = [1, 2].map(|point| Signal::Point(&timeline, point));
    let acquire = Push::new().acquire(semaphore.address, Until::Equals(1));
    let mut pushes = vec![queue.place(acquire.words())];
    pushes.extend(wrong.map(|wrong| wrong.job(&client, &queue).push));
    let result = queue.exec(&pushes, &[], &[first, Signal::Binary(&failed)]);
    assert_eq!(result, Ok(()));
    let fill = queue.place(queue.push().fill(target.address, 1, 1).words());
    let result = queue.exec(&[fill], &[first], &[second, Signal::Binary(&behind)]);
    assert_eq!(result, Ok(()));
    if wrong.is_some() {
        semaphore.set_word(1);
    }
    let outcome = match wrong {
        Some(_) => Errno::ECANCELED,
        None => Errno::ETIME,
    };
    assert_ended(&failed, Err(outcome));
    assert_ended(&behind, Err(Errno::ECANCELED));
    assert_eq!(target.word(), 0);
    let state = queue.state().unwrap();
    assert_eq!((state.jobs_submitted, state.jobs_completed), (2, 0));
    // A job of another queue runs, although it has waited for them.
    let work = other.start_after(&[second], &other.push().fill(target.address, 2, 1));
    assert_done(&work);
    assert_eq!(target.word(), 2);
}
