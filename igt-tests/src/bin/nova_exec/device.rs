// SPDX-License-Identifier: MIT

//! What becomes of jobs and queues when the GPU is reset, lost or unbound. `nova_pm` has those of a system that sleeps.

use igt::mock::Mock;
use igt::nova::client::{Buffer, Client, PAGE};
use igt::nova::faults::get_faults;
use igt::nova::queue::Queue;
use igt::nova::{self, Gpu};
use igt::push::{Push, Until};
use igt::syncobj::{assert_ended, Signal, Syncobj};
use igt::vgem::{self, Fence};
use igt::{kmsg, wait_for, Fixture, Tests, Timeout, HANG};
use nix::errno::Errno;
use nova_uapi as uapi;
use nova_uapi::QueueCreate;

use crate::jobs::Full;

pub(crate) fn subtests(tests: &mut Tests, gpu: &Fixture<Gpu>, mock: &Fixture<Mock>) {
    tests.subtest(
        "reset-idle",
        "Queues without jobs go on after a reset.",
        || reset_idle(gpu),
    );
    tests.subtest(
        "reset-busy",
        "Jobs that a reset ends fail, and so does their queue, which is innocent.",
        || reset_busy(gpu),
    );
    tests.subtest(
        "gsp-lost-idle",
        "Without a job, a queue is lost with the GSP, and a new one works.",
        || gsp_lost(gpu, mock, false),
    );
    tests.subtest(
        "gsp-lost-busy",
        "Jobs end when the GSP is lost, and a new queue works.",
        || gsp_lost(gpu, mock, true),
    );
    tests.subtest(
        "timeout-gsp-hangs",
        "A job that takes too long while the GSP hangs ends when the GPU does nothing of it any more.",
        || timeout_gsp_hangs(gpu, mock),
    );
    tests.subtest(
        "wedged",
        "While the GPU is wedged, jobs are refused, and queues can be asked and destroyed.",
        || wedged(gpu, mock),
    );
    tests.subtest(
        "unbind",
        "Jobs end when the GPU is unbound, and so do calls.",
        || unbind(gpu),
    );
    tests.subtest(
        "unbind-waiting",
        "Jobs that wait for others end when the GPU is unbound.",
        || unbind_waiting(gpu),
    );
    tests.subtest(
        "unbind-full",
        "The GPU can be unbound while a process waits for room in a queue.",
        || unbind_full(gpu),
    );
}

/// A queue with work that does not end by itself, and jobs behind it.
struct Busy<'a> {
    queue: Queue<'a>,
    semaphore: Buffer<'a>,
    work: [Syncobj<'a>; 3],
}

impl<'a> Busy<'a> {
    fn new(client: &'a Client) -> Self {
        let queue = client.queue_with(Queue::patient(client.file()));
        let semaphore = client.bound(PAGE);
        let push = Push::new().acquire(semaphore.address, Until::Equals(1));
        let endless = queue.start(&push);
        let behind = queue.start(&queue.push().fill(semaphore.address + 8, 1, 1));
        let point = client.syncobj();
        assert_eq!(queue.exec(&[], &[], &[Signal::Binary(&point)]), Ok(()));
        Self {
            queue,
            semaphore,
            work: [endless, behind, point],
        }
    }

    /// All jobs end with this error, and the GPU does nothing of them later.
    fn ends(&self, error: Errno) {
        for work in &self.work {
            assert_ended(work, Err(error));
        }
        self.semaphore.set_word(1);
        assert_eq!(self.semaphore.memory.get::<u64>(8), 0);
    }
}

fn reset(gpu: &Gpu) {
    let _bound = Timeout::new(HANG, "a reset");
    gpu.pci().reset().unwrap();
}

/// Waits until the GPU works.
fn works(client: &Client) {
    wait_for(HANG, "the GPU to work", || {
        nova::needs_gpu(client.file()) == Ok(())
    });
}

/// A queue does what it is told.
fn assert_works(client: &Client, queue: &Queue<'_>) {
    let target = client.bound(PAGE);
    queue.run(&queue.push().fill(target.address, 5, 1));
    assert_eq!(target.word(), 5);
}

/// Asserts that a queue is lost for this reason, with one of these to blame.
#[track_caller]
fn assert_lost(queue: &Queue<'_>, reason: u32, blame: &[u32]) {
    let state = queue.state().unwrap();
    assert_eq!(state.state, uapi::QUEUE_STATE_LOST, "{state:?}");
    assert_eq!(state.reason, reason, "{state:?}");
    assert!(blame.contains(&state.blame), "{state:?}");
    assert_eq!(queue.exec(&[], &[], &[]), Err(Errno::ECANCELED));
}

fn reset_idle(gpu: &Gpu) {
    gpu.require_reset();
    let client = Client::new(gpu);
    let (used, unused) = (client.queue(), client.queue());
    assert_works(&client, &used);
    for _ in 0..2 {
        reset(gpu);
        works(&client);
        assert_works(&client, &used);
    }
    assert_works(&client, &unused);
    let state = used.state().unwrap();
    assert_eq!(state.state, uapi::QUEUE_STATE_ALIVE, "{state:?}");
    assert_eq!((state.jobs_submitted, state.jobs_completed), (3, 3));
    assert_works(&client, &client.queue());
}

fn reset_busy(gpu: &Gpu) {
    gpu.require_reset();
    let client = Client::new(gpu);
    let (busy, idle) = (Busy::new(&client), client.queue());
    reset(gpu);
    busy.ends(Errno::ECANCELED);
    works(&client);
    let innocent = [uapi::QUEUE_BLAME_INNOCENT];
    assert_lost(&busy.queue, uapi::QUEUE_REASON_DEVICE_RESET, &innocent);
    assert_works(&client, &idle);
    assert_works(&client, &client.queue());
}

fn gsp_lost(gpu: &Gpu, mock: &Mock, is_busy: bool) {
    bind_anew(gpu);
    kmsg::expect(&[nova::IS_LOST]);
    let client = Client::new(gpu);
    let queue = client.queue();
    assert_works(&client, &queue);
    let busy = is_busy.then(|| Busy::new(&client));
    let before = nova::query_status(client.file()).unwrap().resets;
    mock.tell("fault stage=gsp,kind=stop");
    if let Some(busy) = &busy {
        busy.ends(Errno::ECANCELED);
    }
    wait_for(HANG, "the GSP to run again", || {
        let status = nova::query_status(client.file()).unwrap();
        status.resets > before && status.health == uapi::HEALTH_OK
    });
    works(&client);
    let crash = uapi::QUEUE_REASON_FIRMWARE_CRASH;
    let not_guilty = [uapi::QUEUE_BLAME_INNOCENT, uapi::QUEUE_BLAME_UNKNOWN];
    assert_lost(&queue, crash, &not_guilty);
    if let Some(busy) = &busy {
        assert_lost(&busy.queue, crash, &not_guilty);
    }
    assert_works(&client, &client.queue());
}

/// GSP-RM does not answer the call that stops the channel, which so goes on until the GPU is reset.
fn timeout_gsp_hangs(gpu: &Gpu, mock: &Mock) {
    bind_anew(gpu);
    kmsg::expect(&[nova::IS_LOST]);
    let client = Client::new(gpu);
    let queue = client.queue_with(QueueCreate {
        timeout_ms: 500,
        ..Queue::COPY
    });
    let memory = client.bound(PAGE);
    let push = queue.push().acquire(memory.address, Until::Equals(1));
    let broken = mock.broken("stage=reply,kind=timeout");
    let work = queue.start(&push.fill(memory.address + 8, 7, 1));
    assert_eq!(work.wait(HANG), Ok(()));
    memory.set_word(1);
    drop(broken);
    assert_eq!(work.outcome(), Ok(Some(Err(Errno::ETIME))));
    works(&client);
    assert_lost(
        &queue,
        uapi::QUEUE_REASON_TIMEOUT,
        &[uapi::QUEUE_BLAME_GUILTY],
    );
    assert_works(&client, &client.queue());
    assert_eq!(memory.memory.get::<u64>(8), 0, "the job has gone on");
}

/// Binds the GPU anew, which resets the number of recoveries, and gets rid of the coredump of an earlier loss.
fn bind_anew(gpu: &Gpu) {
    gpu.unbind();
    gpu.dismiss_coredump();
    gpu.bind();
}

/// The GSP crashes at the first call of each boot, so that the driver gives it up.
fn wedged(gpu: &Gpu, mock: &Mock) {
    bind_anew(gpu);
    kmsg::expect(&[
        "RISC-V core of the GSP",
        nova::STAYS_DOWN,
        ": the GPU could not be put back: ",
    ]);
    let client = Client::new(gpu);
    let (busy, idle) = (Busy::new(&client), client.queue());
    assert_works(&client, &idle);
    let broken = mock.broken("stage=gsp,kind=crash");
    // A call is what it crashes at.
    let refused = Queue::try_new(&client, Queue::COPY).err();
    assert_eq!(refused, Some(Errno::EIO));
    busy.ends(Errno::ECANCELED);
    wait_for(HANG, "the GPU to be given up", || {
        let status = nova::query_status(client.file()).unwrap();
        status.health == uapi::HEALTH_LOST
    });
    assert_eq!(idle.exec(&[], &[], &[]), Err(Errno::EIO));
    assert_eq!(Queue::try_new(&client, Queue::COPY).err(), Some(Errno::EIO));
    for queue in [&busy.queue, &idle] {
        let state = queue.state().unwrap();
        assert_eq!(state.reason, uapi::QUEUE_REASON_FIRMWARE_CRASH, "{state:?}");
        assert_eq!(queue.destroy(), Ok(()));
        assert_eq!(queue.state(), Err(Errno::ENOENT));
    }
    // What does not need the GPU is still told.
    assert!(nova::query_engines(client.file()).is_ok());
    assert!(nova::query_limits(client.file()).is_ok());
    assert!(get_faults(client.file(), client.vm_id(), 0, 1).is_ok());
    drop(broken);
    gpu.unbind();
    gpu.bind();
    gpu.assert_running();
}

/// All calls about queues fail, since the GPU is unbound.
fn assert_unbound(client: &Client, queue: &Queue<'_>) {
    let found = [
        queue.exec(&[], &[], &[]),
        queue.state().map(drop),
        queue.destroy(),
        Queue::try_new(client, Queue::COPY).map(drop),
        nova::query_engines(client.file()).map(drop),
        nova::query_limits(client.file()).map(drop),
        get_faults(client.file(), client.vm_id(), 0, 1).map(drop),
    ];
    assert_eq!(found, [Err(Errno::ENODEV); 7]);
}

fn unbind(gpu: &Gpu) {
    let client = Client::new(gpu);
    let (busy, idle) = (Busy::new(&client), client.queue());
    assert_works(&client, &idle);
    let fences = busy.work.each_ref().map(|work| work.export().unwrap());
    {
        let _bound = Timeout::new(HANG, "unbinding a GPU that is busy");
        gpu.unbind();
    }
    for fence in fences {
        assert_eq!(fence.wait(), Err(Errno::ENODEV));
    }
    assert_unbound(&client, &idle);
    assert_unbound(&client, &busy.queue);
    gpu.assert_released();
    gpu.bind();
    gpu.assert_running();
    assert_unbound(&client, &idle);
    let new = Client::new(gpu);
    assert_works(&new, &new.queue());
}

fn unbind_waiting(gpu: &Gpu) {
    let vgem = vgem::require();
    let fence = Fence::new(&vgem);
    let client = Client::new(gpu);
    let queue = client.queue();
    let foreign = client.syncobj();
    foreign.import(&fence.file).unwrap();
    let after = [Signal::Binary(&foreign)];
    let work = queue.start_after(&after, &Push::new().nops(1));
    let work = work.export().unwrap();
    {
        let _bound = Timeout::new(HANG, "unbinding a GPU that waits for another one");
        gpu.unbind();
    }
    assert_eq!(work.wait(), Err(Errno::ENODEV));
    // The end of what it has waited for finds nobody.
    fence.signal();
    gpu.bind();
    gpu.assert_running();
}

/// If the unbind waited for the jobs, they would end by their time-out.
fn unbind_full(gpu: &Gpu) {
    let client = Client::new(gpu);
    let full = Full::new(&client);
    let child = full.waiting(Some(Errno::ENODEV));
    let plugged = full.plug.done.export().unwrap();
    {
        let _bound = Timeout::new(HANG, "unbinding a GPU with a full queue");
        gpu.unbind();
    }
    child.wait(HANG);
    assert_eq!(plugged.wait(), Err(Errno::ENODEV));
    gpu.bind();
    gpu.assert_running();
}
