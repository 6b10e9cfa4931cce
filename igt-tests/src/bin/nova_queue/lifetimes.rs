// SPDX-License-Identifier: MIT

//! How many queues there are, and how they end.

use std::fs::File;

use igt::mock::Mock;
use igt::nova::calls::call;
use igt::nova::client::{Client, PAGE};
use igt::nova::queue::{destroy, Plug, Queue};
use igt::nova::{self, Gpu};
use igt::push::{Push, Until};
use igt::syncobj::{assert_done, Signal};
use igt::vgem::Fence;
use igt::{kmsg, wait_for, Children, Timeout, HANG};
use nix::errno::Errno;
use nova_uapi::{QueueCreate, QueueGetState};

use crate::create::works;

/// Number of queues of a file in `many`, and of processes in `races`.
const MANY: usize = 40;

/// Channels of GSP-RM, of all drivers.
fn channels(mock: &Mock) -> usize {
    let objects = mock.objects().expect("the mock lists objects");
    let is_channel = |line: &&String| line.contains("_CHANNEL_GPFIFO_");
    objects.iter().filter(is_channel).count()
}

/// What creates a queue that takes little memory.
fn small(file: &File) -> QueueCreate {
    let limits = nova::query_limits(file).unwrap();
    QueueCreate {
        ring_entries: limits.ring_entries_min,
        ..Queue::COPY
    }
}

pub(crate) fn many(gpu: &Gpu) {
    let client = Client::new(gpu);
    let queues: Vec<_> = (0..MANY).map(|_| client.queue()).collect();
    let target = client.bound(PAGE);
    let places = || (0..).step_by(4);
    let work: Vec<_> = queues
        .iter()
        .zip(places())
        .map(|(queue, at)| queue.start(&queue.push().fill(target.address + at, 1 + at as u32, 1)))
        .collect();
    work.iter().for_each(assert_done);
    for at in places().take(MANY) {
        assert_eq!(target.memory.get::<u32>(at as usize), 1 + at as u32);
    }
}

pub(crate) fn exhaustion(gpu: &Gpu) {
    let client = Client::new(gpu);
    let create = QueueCreate {
        vm_id: client.vm_id(),
        ..small(client.file())
    };
    let try_create = || {
        let mut created = create;
        call(client.file(), &mut created).map(|()| created.queue_id)
    };
    let limits = nova::query_limits(client.file()).unwrap();
    assert_ne!(limits.queues_max, 0, "there is no limit");
    let queue = client.queue();
    let ids: Vec<_> = (1..limits.queues_max).map(|_| try_create()).collect();
    let ids: Vec<_> = ids.into_iter().map(|id| id.expect("a queue")).collect();
    assert_eq!(try_create(), Err(Errno::ENOSPC));
    assert_eq!(try_create(), Err(Errno::ENOSPC), "again");
    works(&client, &queue);
    let other = Client::new(gpu);
    works(&other, &other.queue());
    assert_eq!(destroy(client.file(), ids[0]), Ok(()));
    assert_eq!(try_create(), Ok(ids[0]));
    assert_eq!(try_create(), Err(Errno::ENOSPC), "once more");
    works(&client, &queue);
}

/// A queue that is destroyed counts until its jobs have ended.
pub(crate) fn exhaustion_busy(gpu: &Gpu) {
    let client = Client::new(gpu);
    let limits = nova::query_limits(client.file()).unwrap();
    let semaphore = client.bound(PAGE);
    let busy = client.queue_with(Queue::patient(client.file()));
    let work = busy.start(&Push::new().acquire(semaphore.address, Until::Equals(1)));
    assert_eq!(busy.destroy(), Ok(()));
    let mut create = QueueCreate {
        vm_id: client.vm_id(),
        ..small(client.file())
    };
    for _ in 1..limits.queues_max {
        assert_eq!(call(client.file(), &mut create), Ok(()));
    }
    assert_eq!(call(client.file(), &mut { create }), Err(Errno::ENOSPC));
    semaphore.set_word(1);
    assert_done(&work);
    wait_for(HANG, "the queue to go", || {
        call(client.file(), &mut create).is_ok()
    });
}

/// GSP-RM refuses each of the allocations of a queue in turn.
pub(crate) fn refused_by_firmware(gpu: &Gpu, mock: &Mock) {
    kmsg::expect(&["GSP_RM_ALLOC: "]);
    let client = Client::new(gpu);
    // The address space is one of GSP-RM's from the first queue on at the latest.
    let queue = client.queue();
    let before = channels(mock);
    let mut refused = 0;
    for after in 0.. {
        let broken = mock.broken(&format!("stage=alloc,kind=refused,after={after}"));
        // The driver tries again once.
        let again = after + 1;
        mock.tell(&format!("fault stage=alloc,kind=refused,after={again}"));
        match Queue::try_new(&client, Queue::COPY) {
            Ok(queue) => {
                works(&client, &queue);
                break;
            }
            Err(error) => assert_eq!(error, Errno::ENOSPC, "after {after} allocations"),
        }
        drop(broken);
        refused += 1;
        wait_for(HANG, "the channel to go", || channels(mock) == before);
        works(&client, &queue);
    }
    assert!(refused > 1, "{refused} allocations");
}

pub(crate) fn objects(gpu: &Gpu, mock: &Mock) {
    let before = channels(mock);
    let has = |count, what| wait_for(HANG, what, || channels(mock) == before + count);
    let client = Client::new(gpu);
    let other = client.beside();
    let queues = [client.queue(), client.queue(), other.queue()];
    assert_eq!(channels(mock), before + 3);
    assert_eq!(queues[0].destroy(), Ok(()));
    has(2, "the channel of a queue that was destroyed to go");
    assert_eq!(queues[2].destroy(), Ok(()));
    has(1, "the channel of another one to go");
    drop(queues);
    drop((client, other));
    has(0, "the channel of a file that was closed to go");
}

pub(crate) fn destroy_busy(gpu: &Gpu) {
    let client = Client::new(gpu);
    let queue = client.queue_with(Queue::patient(client.file()));
    let (semaphore, target) = (client.bound(PAGE), client.bound(PAGE));
    let first = queue.start(&Push::new().acquire(semaphore.address, Until::Equals(1)));
    let second = queue.start(&queue.push().fill(target.address, 7, 1));
    {
        let _bound = Timeout::new(HANG, "destroying a queue");
        assert_eq!(queue.destroy(), Ok(()));
    }
    // Its id is another queue's at once.
    let new = client.queue();
    assert_eq!(new.id(), queue.id());
    works(&client, &new);
    assert_eq!(first.is_signaled(), Ok(false));
    assert_eq!(second.is_signaled(), Ok(false));
    semaphore.set_word(1);
    assert_done(&first);
    assert_done(&second);
    assert_eq!(target.word(), 7);
}

pub(crate) fn destroy_waiting(gpu: &Gpu, vgem: &File) {
    let client = Client::new(gpu);
    let queue = client.queue();
    let target = client.bound(PAGE);
    let fence = Fence::new(vgem);
    let foreign = client.syncobj();
    foreign.import(&fence.file).unwrap();
    let after = [Signal::Binary(&foreign)];
    let work = queue.start_after(&after, &queue.push().fill(target.address, 7, 1));
    assert_eq!(queue.destroy(), Ok(()));
    assert_eq!(work.is_signaled(), Ok(false));
    fence.signal();
    assert_done(&work);
    assert_eq!(target.word(), 7);
}

/// Work that does not end by itself, a job behind it, and their fences.
fn busy(client: &Client, queue: &Queue<'_>) -> [igt::syncobj::SyncFile; 2] {
    let semaphore = client.bound(PAGE);
    let work = queue.start(&Push::new().acquire(semaphore.address, Until::Equals(1)));
    let behind = queue.start(&queue.push().fill(semaphore.address + 8, 1, 1));
    assert_eq!(work.is_signaled(), Ok(false));
    [work, behind].map(|work| work.export().unwrap())
}

pub(crate) fn close_busy(gpu: &Gpu) {
    let other = Client::new(gpu);
    let plug = Plug::new(&other);
    let client = Client::new(gpu);
    let fences = busy(&client, &client.queue_with(Queue::patient(client.file())));
    {
        let _bound = Timeout::new(HANG, "closing a file");
        drop(client);
    }
    for fence in fences {
        assert_eq!(fence.wait(), Err(Errno::ECANCELED));
    }
    // Others go on, also those that were busy.
    works(&other, &other.queue());
    assert_eq!(plug.done.is_signaled(), Ok(false));
    plug.pull();
    assert_done(&plug.done);
}

pub(crate) fn close_waiting(gpu: &Gpu, vgem: &File) {
    let fence = Fence::new(vgem);
    let client = Client::new(gpu);
    let work = {
        let queue = client.queue();
        let foreign = client.syncobj();
        foreign.import(&fence.file).unwrap();
        let after = [Signal::Binary(&foreign)];
        queue
            .start_after(&after, &queue.push().nops(1))
            .export()
            .unwrap()
    };
    drop(client);
    assert_eq!(work.wait(), Err(Errno::ECANCELED));
    fence.signal();
    let other = Client::new(gpu);
    works(&other, &other.queue());
}

pub(crate) fn killed(gpu: &Gpu) {
    let other = Client::new(gpu);
    let queue = other.queue();
    let ready = igt::memory::Words::new(1);
    let child = Children::fork(1, |_| {
        let client = Client::new(gpu);
        let _fences = busy(&client, &client.queue_with(Queue::patient(client.file())));
        ready[0].store(1, std::sync::atomic::Ordering::Relaxed);
        loop {
            std::thread::park();
        }
    });
    wait_for(HANG, "the process to be busy", || {
        ready[0].load(std::sync::atomic::Ordering::Relaxed) == 1
    });
    {
        let _bound = Timeout::new(HANG, "the end of a process that was killed");
        drop(child);
    }
    works(&other, &queue);
    works(&other, &other.queue());
}

pub(crate) fn forked(gpu: &Gpu) {
    let client = Client::new(gpu);
    let queue = client.queue();
    let counter = client.bound(PAGE);
    let push = || queue.push().add(counter.address, 1);
    queue.run(&push());
    let child = Children::fork(1, |_| {
        for _ in 0..10 {
            queue.run(&push());
        }
    });
    child.wait(HANG);
    assert_eq!(counter.word(), 11);
    queue.run(&push());
    assert_eq!(counter.word(), 12);
    let state = queue.state().unwrap();
    assert_eq!((state.jobs_submitted, state.jobs_completed), (12, 12));
}

pub(crate) fn without_vm(gpu: &Gpu) {
    let client = Client::new(gpu);
    let queue = client.queue();
    let target = client.bound(PAGE);
    let push = queue.push().add(target.address, 1);
    queue.run(&push);
    let create = QueueCreate {
        vm_id: client.vm_id(),
        ..Queue::COPY
    };
    assert_eq!(client.destroy_vm(), Ok(()));
    queue.run(&push);
    assert_eq!(target.word(), 2);
    assert_eq!(call(client.file(), &mut { create }), Err(Errno::ENOENT));
    assert_eq!(queue.destroy(), Ok(()));
    let mut state = QueueGetState {
        queue_id: queue.id(),
        ..QueueGetState::default()
    };
    assert_eq!(call(client.file(), &mut state), Err(Errno::ENOENT));
}

pub(crate) fn races(gpu: &Gpu) {
    const PROCESSES: usize = 4;
    const ROUNDS: usize = 10;
    let children = Children::fork(PROCESSES, |_| {
        let client = Client::new(gpu);
        for _ in 0..ROUNDS {
            let queues = [client.queue(), client.queue()];
            queues.iter().for_each(|queue| works(&client, queue));
            // One is destroyed while it has work, and the other one goes with the file.
            let target = client.bound(PAGE);
            let work = queues[0].start(&queues[0].push().fill(target.address, 5, 1));
            assert_eq!(queues[0].destroy(), Ok(()));
            assert_done(&work);
            assert_eq!(target.word(), 5);
        }
    });
    children.wait(HANG);
}
