// SPDX-License-Identifier: MIT

//! Queues that are lost by what their jobs do, and all others, which go on.

use igt::mock::Mock;
use igt::nova::client::{Client, PAGE};
use igt::nova::queue::{Plug, Queue};
use igt::nova::wrong::{Wrong, OF_STOPPED};
use igt::nova::Gpu;
use igt::push::{Push, Until};
use igt::syncobj::{assert_done, assert_ended, Signal, Syncobj};
use igt::{kmsg, Fixture, Tests, Timeout, HANG};
use nix::errno::Errno;
use nova_uapi as uapi;
use nova_uapi::{QueueCreate, QueueGetState};

/// Time in ms that the jobs of a queue may take whose jobs take longer.
const SHORT: u32 = 500;

pub(crate) fn subtests(tests: &mut Tests, gpu: &Fixture<Gpu>) {
    tests.subtest_with_dynamic(
        "fault",
        "A queue that does what it must not is lost, and no other.",
        |parts| {
            for (name, wrong) in Wrong::ALL {
                parts.dynamic(name, || fault(gpu, wrong));
            }
        },
    );
    tests.subtest(
        "unmap-busy",
        "A job whose memory is unmapped before it begins is lost with its queue alone.",
        || unmap_busy(gpu),
    );
    tests.subtest(
        "timeout",
        "A job that takes too long is lost with its queue, and no other.",
        || timeout(gpu),
    );
    tests.subtest(
        "timeout-waiting",
        "A job's time begins when what it waits for is over.",
        || timeout_waiting(gpu),
    );
    tests.subtest(
        "timeout-destroyed",
        "A job that takes too long is lost even if its queue was destroyed.",
        || timeout_destroyed(gpu),
    );
    tests.subtest(
        "error-behind",
        "A job runs although what it waited for has failed.",
        || error_behind(gpu),
    );
    tests.subtest(
        "engine-hangs",
        "A queue whose engine hangs is lost, and the engine works again.",
        || engine_hangs(gpu, &Mock::require(gpu)),
    );
    tests.subtest(
        "stopped-by-firmware",
        "A queue that GSP-RM stops is lost, with the number that GSP-RM gives.",
        || stopped_by_firmware(gpu, &Mock::require(gpu)),
    );
}

/// Asserts that a queue is lost, and takes no job.
#[track_caller]
fn assert_lost(queue: &Queue<'_>, reason: u32, blame: u32) -> QueueGetState {
    let state = queue.state().unwrap();
    assert_eq!(state.state, uapi::QUEUE_STATE_LOST, "{state:?}");
    assert_eq!((state.reason, state.blame), (reason, blame), "{state:?}");
    assert_eq!(queue.exec(&[], &[], &[]), Err(Errno::ECANCELED));
    let segment = queue.place(Push::new().nops(1).words());
    assert_eq!(queue.exec(&[segment], &[], &[]), Err(Errno::ECANCELED));
    // What was refused was not taken.
    assert_eq!(queue.state(), Ok(state));
    state
}

/// Queues that must not notice that another one is lost: one of the same address space with work under way, one of another
/// address space, and one of another file.
struct Neighbors<'a> {
    busy: Plug<'a>,
    queues: Vec<(&'a Client, Queue<'a>)>,
}

impl<'a> Neighbors<'a> {
    fn new(clients: [&'a Client; 3]) -> Self {
        Self {
            busy: Plug::new(clients[0]),
            queues: clients
                .into_iter()
                .map(|client| (client, client.queue()))
                .collect(),
        }
    }

    /// All of them work, and compute what is right.
    fn go_on(&self) {
        for (client, queue) in &self.queues {
            let (from, to) = (client.bound(PAGE), client.bound(PAGE));
            from.set_word(0x1234);
            queue.run(&queue.push().copy(from.address, to.address, 4));
            assert_eq!(to.word(), 0x1234);
            let state = queue.state().unwrap();
            assert_eq!(state.state, uapi::QUEUE_STATE_ALIVE, "{state:?}");
        }
    }

    /// Also the work that was under way all the time is done.
    fn end(self) {
        self.go_on();
        assert_eq!(self.busy.done.is_signaled(), Ok(false));
        self.busy.pull();
        assert_done(&self.busy.done);
    }
}

fn fault(gpu: &Gpu, wrong: Wrong) {
    kmsg::expect(&OF_STOPPED);
    let client = Client::new(gpu);
    let (beside, other) = (client.beside(), Client::new(gpu));
    let neighbors = Neighbors::new([&client, &beside, &other]);
    neighbors.go_on();
    let queue = client.queue();
    let target = client.bound(PAGE);
    let before = queue.start(&queue.push().fill(target.address, 1, 1));
    let after = queue.place(Push::new().release(target.address + 8, 2).words());
    let [failed, behind] = [client.syncobj(), client.syncobj()];
    let job = wrong.job(&client, &queue).push;
    let result = queue.exec(&[job, after], &[], &[Signal::Binary(&failed)]);
    assert_eq!(result, Ok(()));
    // If the queue is lost before, this one is not taken.
    let is_behind = match queue.exec(&[after], &[], &[Signal::Binary(&behind)]) {
        Err(Errno::ECANCELED) => false,
        result => {
            assert_eq!(result, Ok(()));
            true
        }
    };
    assert_done(&before);
    assert_ended(&failed, Err(Errno::ECANCELED));
    if is_behind {
        assert_ended(&behind, Err(Errno::ECANCELED));
    }
    let reason = match wrong.is_fault() {
        true => uapi::QUEUE_REASON_MMU_FAULT,
        false => uapi::QUEUE_REASON_ENGINE_ERROR,
    };
    let state = assert_lost(&queue, reason, uapi::QUEUE_BLAME_GUILTY);
    assert_ne!(state.xid, 0, "{state:?}");
    assert_eq!(state.jobs_submitted, 2 + u64::from(is_behind), "{state:?}");
    assert_eq!(state.jobs_completed, 1, "{state:?}");
    assert_eq!(target.memory.get::<u64>(8), 0, "what is behind the fault");
    neighbors.go_on();
    // Another queue takes its place.
    assert_eq!(queue.destroy(), Ok(()));
    let new = client.queue();
    new.run(&new.push().fill(target.address, 3, 1));
    assert_eq!(target.word(), 3);
    neighbors.end();
}

fn unmap_busy(gpu: &Gpu) {
    kmsg::expect(&OF_STOPPED);
    let client = Client::new(gpu);
    let (beside, other) = (client.beside(), Client::new(gpu));
    let neighbors = Neighbors::new([&client, &beside, &other]);
    let queue = client.queue();
    let (target, plug) = (client.bound(PAGE), Plug::new(&client));
    let after = [Signal::Binary(&plug.done)];
    let work = queue.start_after(&after, &queue.push().fill(target.address, 1, 1));
    client.unmap(target.address, PAGE);
    plug.pull();
    assert_ended(&work, Err(Errno::ECANCELED));
    assert_lost(
        &queue,
        uapi::QUEUE_REASON_MMU_FAULT,
        uapi::QUEUE_BLAME_GUILTY,
    );
    assert_eq!(target.word(), 0);
    neighbors.end();
}

/// A queue whose jobs may not take long.
pub(crate) fn hasty(client: &Client) -> Queue<'_> {
    client.queue_with(QueueCreate {
        timeout_ms: SHORT,
        ..Queue::COPY
    })
}

/// Work that never ends by itself. The mapping keeps its semaphore.
pub(crate) fn endless<'a>(client: &Client, queue: &Queue<'a>) -> Syncobj<'a> {
    let semaphore = client.bound(PAGE);
    queue.start(&Push::new().acquire(semaphore.address, Until::Equals(1)))
}

fn timeout(gpu: &Gpu) {
    kmsg::expect(&OF_STOPPED);
    let client = Client::new(gpu);
    let (beside, other) = (client.beside(), Client::new(gpu));
    let neighbors = Neighbors::new([&client, &beside, &other]);
    let queue = hasty(&client);
    let target = client.bound(PAGE);
    queue.run(&Push::new().nops(1));
    let semaphore = client.bound(PAGE);
    let push = Push::new().acquire(semaphore.address, Until::Equals(1));
    let late = queue.start(&push.fill(target.address, 1, 1));
    let behind = queue.start(&queue.push().fill(target.address + 8, 1, 1));
    let point = client.syncobj();
    assert_eq!(queue.exec(&[], &[], &[Signal::Binary(&point)]), Ok(()));
    let _bound = Timeout::new(HANG, "the end of work that waits for ever");
    let mut rounds = 0;
    while !late.is_signaled().expect("there is a fence") {
        neighbors.go_on();
        rounds += 1;
    }
    // The fence says that the GPU has stopped: it does nothing with the semaphore any more.
    semaphore.set_word(1);
    log::info!("the others did {rounds} rounds meanwhile");
    assert_ended(&late, Err(Errno::ETIME));
    assert_ended(&behind, Err(Errno::ECANCELED));
    assert_ended(&point, Err(Errno::ECANCELED));
    let state = assert_lost(&queue, uapi::QUEUE_REASON_TIMEOUT, uapi::QUEUE_BLAME_GUILTY);
    assert_eq!(
        (state.jobs_submitted, state.jobs_completed),
        (4, 1),
        "{state:?}"
    );
    neighbors.go_on();
    assert_eq!(target.memory.get::<u64>(0), 0);
    assert_eq!(target.memory.get::<u64>(8), 0);
    let new = client.queue();
    new.run(&new.push().fill(target.address, 3, 1));
    assert_eq!(target.word(), 3);
    neighbors.end();
}

/// The work of another queue ends by its time-out, which is longer; then the job has its own time.
fn timeout_waiting(gpu: &Gpu) {
    kmsg::expect(&OF_STOPPED);
    let client = Client::new(gpu);
    let other = client.queue_with(QueueCreate {
        timeout_ms: 4 * SHORT,
        ..Queue::COPY
    });
    let queue = hasty(&client);
    let target = client.bound(PAGE);
    let late = endless(&client, &other);
    let after = [Signal::Binary(&late)];
    let work = queue.start_after(&after, &queue.push().fill(target.address, 1, 1));
    assert_ended(&late, Err(Errno::ETIME));
    assert_done(&work);
    assert_eq!(target.word(), 1);
}

fn timeout_destroyed(gpu: &Gpu) {
    kmsg::expect(&OF_STOPPED);
    let client = Client::new(gpu);
    let queue = hasty(&client);
    let late = endless(&client, &queue);
    assert_eq!(queue.destroy(), Ok(()));
    assert_ended(&late, Err(Errno::ETIME));
    client.queue().run(&Push::new().nops(1));
}

fn error_behind(gpu: &Gpu) {
    kmsg::expect(&OF_STOPPED);
    let client = Client::new(gpu);
    let (bad, good) = (client.queue(), client.queue());
    let target = client.bound(PAGE);
    let failed = bad.start(&bad.push().fill(client.reserve(PAGE), 1, 1));
    let work = good.start_after(
        &[Signal::Binary(&failed)],
        &good.push().fill(target.address, 1, 1),
    );
    assert_done(&work);
    assert_eq!(failed.outcome(), Ok(Some(Err(Errno::ECANCELED))));
    assert_eq!(target.word(), 1);
}

/// The driver's time-out ends it, or GSP-RM does when another queue wants the engine.
fn engine_hangs(gpu: &Gpu, mock: &Mock) {
    kmsg::expect(&OF_STOPPED);
    let client = Client::new(gpu);
    let queue = hasty(&client);
    let target = client.bound(PAGE);
    let broken = mock.broken("stage=engine,kind=hang,method=0x300");
    let work = queue.start(&queue.push().fill(target.address, 1, 1));
    let ended = work.export().unwrap().wait();
    drop(broken);
    assert!(
        [Err(Errno::ETIME), Err(Errno::ECANCELED)].contains(&ended),
        "{ended:?}"
    );
    assert_lost(&queue, uapi::QUEUE_REASON_TIMEOUT, uapi::QUEUE_BLAME_GUILTY);
    let new = client.queue_with(QueueCreate {
        engine_instance: queue.created.engine_instance,
        ..Queue::COPY
    });
    new.run(&new.push().fill(target.address, 3, 1));
    assert_eq!(target.word(), 3);
}

fn stopped_by_firmware(gpu: &Gpu, mock: &Mock) {
    const RESETCHANNEL_VERIF_ERROR: u32 = 43;
    kmsg::expect(&OF_STOPPED);
    let client = Client::new(gpu);
    let (queue, other) = (client.queue(), client.queue());
    let broken = mock.broken(&format!(
        "stage=channel,kind=error,code={RESETCHANNEL_VERIF_ERROR}"
    ));
    let work = queue.start(&Push::new().nops(1));
    assert_ended(&work, Err(Errno::ECANCELED));
    drop(broken);
    let reason = uapi::QUEUE_REASON_ENGINE_ERROR;
    let state = assert_lost(&queue, reason, uapi::QUEUE_BLAME_UNKNOWN);
    assert_eq!(state.xid, RESETCHANNEL_VERIF_ERROR);
    other.run(&Push::new().nops(1));
}
