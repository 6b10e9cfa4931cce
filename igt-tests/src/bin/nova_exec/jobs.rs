// SPDX-License-Identifier: MIT

//! Jobs and their pushes, the order of jobs, and how many there can be.

use igt::mock::Mock;
use igt::nova::client::{Buffer, Client, PAGE};
use igt::nova::queue::{push, Plug, Queue};
use igt::nova::{self, Gpu};
use igt::push::{Push, Segment, Until};
use igt::syncobj::{assert_done, Signal};
use igt::{kmsg, Children, Fixture, Tests, HANG};
use nix::errno::Errno;
use nix::libc;
use nix::sys::signal::{self, SaFlags, SigAction, SigHandler, SigSet};
use nova_uapi as uapi;
use nova_uapi::QueueCreate;

pub(crate) fn subtests(tests: &mut Tests, gpu: &Fixture<Gpu>) {
    tests.subtest("empty", "A job of nothing is done.", || empty(gpu));
    tests.subtest(
        "sync-point",
        "A job without pushes is done after the jobs before it.",
        || sync_point(gpu),
    );
    tests.subtest(
        "pushes",
        "All pushes of a job are done, be it one or as many as there may be.",
        || pushes(gpu),
    );
    tests.subtest("long-push", "A push is done to its last word.", || {
        long_push(gpu)
    });
    tests.subtest(
        "no-prefetch",
        "A push that is not prefetched may be written by the one before it.",
        || no_prefetch(gpu),
    );
    tests.subtest(
        "split-method",
        "A method's words may be in another push than its header.",
        || split_method(gpu),
    );
    tests.subtest(
        "ring-wrap",
        "Hundreds of jobs go through a ring with few entries.",
        || ring_wrap(gpu),
    );
    tests.subtest("order", "Jobs of a queue are done in their order.", || {
        order(gpu)
    });
    tests.subtest(
        "interrupt-lost",
        "A job is done although its interrupt is lost.",
        || interrupt_lost(gpu, &Mock::require(gpu)),
    );
    tests.subtest(
        "jobs-max",
        "When a queue has as many jobs as it may, the next one waits until one is done.",
        || jobs_max(gpu),
    );
    tests.subtest(
        "jobs-max-signal",
        "A signal ends the wait for room, and nothing is done.",
        || jobs_max_signal(gpu),
    );
    tests.subtest(
        "jobs-max-killed",
        "A process that waits for room can be killed.",
        || jobs_max_killed(gpu),
    );
}

fn empty(gpu: &Gpu) {
    let client = Client::new(gpu);
    let queue = client.queue();
    assert_eq!(queue.exec(&[], &[], &[]), Ok(()));
    let done = client.syncobj();
    assert_eq!(queue.exec(&[], &[], &[Signal::Binary(&done)]), Ok(()));
    assert_done(&done);
    let state = queue.state().unwrap();
    assert_eq!((state.jobs_submitted, state.jobs_completed), (2, 2));
}

fn sync_point(gpu: &Gpu) {
    let client = Client::new(gpu);
    let queue = client.queue_with(Queue::patient(client.file()));
    let semaphore = client.bound(PAGE);
    let work = queue.start(&Push::new().acquire(semaphore.address, Until::Equals(1)));
    let done = client.syncobj();
    assert_eq!(queue.exec(&[], &[], &[Signal::Binary(&done)]), Ok(()));
    assert_eq!(done.is_signaled(), Ok(false));
    semaphore.set_word(1);
    assert_done(&done);
    // The jobs of a queue end in their order.
    assert_eq!(work.outcome(), Ok(Some(Ok(()))));
}

fn pushes(gpu: &Gpu) {
    let client = Client::new(gpu);
    let queue = client.queue();
    let most = queue.created.pushes_max;
    let counter = client.bound(PAGE);
    let segment = queue.place(Push::new().add(counter.address, 1).words());
    for count in [1, 2, most - 1, most, 1, most, most] {
        counter.set_word(0);
        let done = client.syncobj();
        let segments = vec![segment; count as usize];
        let result = queue.exec(&segments, &[], &[Signal::Binary(&done)]);
        assert_eq!(result, Ok(()), "{count} pushes");
        assert_done(&done);
        assert_eq!(counter.word(), count);
    }
    for count in [most + 1, most * 2] {
        let done = client.syncobj();
        let segments = vec![segment; count as usize];
        let result = queue.exec(&segments, &[], &[Signal::Binary(&done)]);
        assert_eq!(result, Err(Errno::EINVAL), "{count} pushes");
        assert_eq!(done.is_signaled(), Err(Errno::EINVAL), "a fence");
    }
}

fn long_push(gpu: &Gpu) {
    const SIZE: u64 = 2 << 20;
    let client = Client::new(gpu);
    let queue = client.queue();
    let (words, counter) = (client.bound(SIZE), client.bound(PAGE));
    // Zeros are words that mean nothing.
    let last = Push::new().add(counter.address, 1);
    let length = size_of_val(last.words());
    for (number, word) in last.words().iter().enumerate() {
        words.memory.set(SIZE as usize - length + 4 * number, *word);
    }
    let segment = Segment {
        address: words.address,
        length: SIZE as u32,
    };
    let done = client.syncobj();
    assert_eq!(
        queue.exec(&[segment], &[], &[Signal::Binary(&done)]),
        Ok(())
    );
    assert_done(&done);
    assert_eq!(counter.word(), 1);
}

/// The first push writes the payload of the second one.
fn no_prefetch(gpu: &Gpu) {
    let client = Client::new(gpu);
    let queue = client.queue();
    let target = client.bound(PAGE);
    let second = queue.place(Push::new().release(target.address, 1).words());
    // Behind the header there are the address, in two words, and the payload.
    let payload = second.address + 12;
    let first = queue.place(
        queue
            .push()
            .fill(payload, 2, 1)
            .release(target.address + 8, 1)
            .words(),
    );
    let mut pushes = [push(&first), push(&second)];
    pushes[1].flags = uapi::PUSH_NO_PREFETCH;
    assert_eq!(queue.exec_raw(&pushes, &[]), Ok(()));
    queue.run(&Push::new().nops(1));
    assert_eq!(target.word(), 2);
}

fn split_method(gpu: &Gpu) {
    let client = Client::new(gpu);
    let queue = client.queue();
    let target = client.bound(PAGE);
    let push = Push::new().release(target.address, 0x77);
    for at in 1..push.words().len() {
        target.set_word(0);
        let (first, second) = push.words().split_at(at);
        let segments = [queue.place(first), queue.place(second)];
        let done = client.syncobj();
        let result = queue.exec(&segments, &[], &[Signal::Binary(&done)]);
        assert_eq!(result, Ok(()));
        assert_done(&done);
        assert_eq!(target.word(), 0x77, "split after {at} words");
    }
}

fn ring_wrap(gpu: &Gpu) {
    const JOBS: u32 = 500;
    let client = Client::new(gpu);
    let limits = nova::query_limits(client.file()).unwrap();
    let queue = client.queue_with(QueueCreate {
        ring_entries: limits.ring_entries_min,
        ..Queue::patient(client.file())
    });
    let counter = client.bound(PAGE);
    let segment = queue.place(Push::new().add(counter.address, 1).words());
    let most = queue.created.pushes_max;
    let timeline = client.syncobj();
    let mut total = 0;
    for job in 1..=JOBS {
        // Some fit beside others, and some need the whole ring.
        let count = match job % 50 {
            0 => most,
            _ => 1 + job % 5,
        };
        total += count;
        let segments = vec![segment; count as usize];
        let signal = Signal::Point(&timeline, job.into());
        assert_eq!(queue.exec(&segments, &[], &[signal]), Ok(()), "job {job}");
    }
    assert_eq!(timeline.wait_for_point(JOBS.into(), HANG), Ok(()));
    assert_eq!(counter.word(), total);
    let state = queue.state().unwrap();
    assert_eq!(state.jobs_submitted, JOBS.into());
    assert_eq!(state.jobs_completed, JOBS.into());
}

/// Each job copies what the one before it has copied.
fn order(gpu: &Gpu) {
    const JOBS: u64 = 100;
    let client = Client::new(gpu);
    let queue = client.queue();
    let words = client.bound(PAGE);
    words.set_word(0x1234);
    let copy = |number: u64| {
        let from = words.address + 4 * number;
        queue.start(&queue.push().copy(from, from + 4, 4))
    };
    let work: Vec<_> = (0..JOBS).map(copy).collect();
    assert_done(work.last().expect("there are jobs"));
    for done in &work {
        assert_eq!(done.outcome(), Ok(Some(Ok(()))));
    }
    assert_eq!(words.memory.get::<u32>(4 * JOBS as usize), 0x1234);
}

fn interrupt_lost(gpu: &Gpu, mock: &Mock) {
    kmsg::expect(&[]);
    let client = Client::new(gpu);
    let queue = client.queue();
    let counter = client.bound(PAGE);
    let push = queue.push().add(counter.address, 1);
    for count in 1..=3 {
        let _broken = mock.broken("stage=nonstall,kind=lost");
        queue.run(&push);
        assert_eq!(counter.word(), count);
    }
    queue.run(&push);
    assert_eq!(counter.word(), 4);
}

/// A queue with as many jobs as it may have, of which none ends before the semaphore is set.
pub(crate) struct Full<'a> {
    client: &'a Client,
    pub(crate) plug: Plug<'a>,
    pub(crate) queue: Queue<'a>,
    counter: Buffer<'a>,
    segment: Segment,
    jobs_max: u64,
}

impl<'a> Full<'a> {
    pub(crate) fn new(client: &'a Client) -> Self {
        let plug = Plug::new(client);
        let queue = client.queue();
        let counter = client.bound(PAGE);
        let segment = queue.place(Push::new().add(counter.address, 1).words());
        let jobs_max = nova::query_limits(client.file()).unwrap().jobs_max.into();
        let after = [Signal::Binary(&plug.done)];
        for job in 1..=jobs_max {
            assert_eq!(queue.exec(&[segment], &after, &[]), Ok(()), "job {job}");
        }
        Self {
            client,
            plug,
            queue,
            counter,
            segment,
            jobs_max,
        }
    }

    /// The queue has taken that many jobs more, and none is done.
    fn has_taken(&self, more: u64) {
        let state = self.queue.state().unwrap();
        assert_eq!(state.jobs_submitted, self.jobs_max + more);
        assert_eq!(state.jobs_completed, 0);
    }

    /// A process that gives the queue a job, and waits for room.
    pub(crate) fn waiting(&self, error: Option<Errno>) -> Children {
        let expected = error.map_or(Ok(()), Err);
        let child = Children::fork(1, |_| {
            // The signal interrupts a call, which is not made again.
            let nothing = SigAction::new(
                SigHandler::Handler(ignore),
                SaFlags::empty(),
                SigSet::empty(),
            );
            // SAFETY: The handler does nothing.
            unsafe { signal::sigaction(signal::SIGUSR1, &nothing) }.expect("a handler");
            assert_eq!(self.queue.exec(&[self.segment], &[], &[]), expected);
        });
        igt::wait_for(HANG, "a process to wait for room", || {
            child.all_in(libc::SYS_ioctl)
        });
        child
    }

    /// All jobs are done once the first one may go on.
    fn ends(self, jobs: u64) {
        self.plug.pull();
        let done = self.client.syncobj();
        assert_eq!(self.queue.exec(&[], &[], &[Signal::Binary(&done)]), Ok(()));
        assert_done(&done);
        assert_eq!(u64::from(self.counter.word()), jobs);
    }
}

extern "C" fn ignore(_signal: libc::c_int) {}

fn jobs_max(gpu: &Gpu) {
    let client = Client::new(gpu);
    let full = Full::new(&client);
    full.has_taken(0);
    let child = full.waiting(None);
    full.has_taken(0);
    full.plug.pull();
    child.wait(HANG);
    let jobs = full.jobs_max + 1;
    full.ends(jobs);
}

fn jobs_max_signal(gpu: &Gpu) {
    let client = Client::new(gpu);
    let full = Full::new(&client);
    let child = full.waiting(Some(Errno::EINTR));
    child.signal(signal::SIGUSR1);
    child.wait(HANG);
    full.has_taken(0);
    let jobs = full.jobs_max;
    full.ends(jobs);
}

fn jobs_max_killed(gpu: &Gpu) {
    let client = Client::new(gpu);
    let full = Full::new(&client);
    let child = full.waiting(None);
    {
        let _bound = igt::Timeout::new(HANG, "the end of a process that was killed");
        drop(child);
    }
    full.has_taken(0);
    let jobs = full.jobs_max;
    full.ends(jobs);
}
