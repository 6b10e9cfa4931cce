// SPDX-License-Identifier: MIT

//! Ids of queues, and what is told of a queue by its id.

use igt::nova::calls::call;
use igt::nova::client::{Client, PAGE};
use igt::nova::queue::{destroy, Queue};
use igt::nova::Gpu;
use igt::push::{Push, Until};
use igt::syncobj::assert_done;
use nix::errno::Errno;
use nova_uapi as uapi;
use nova_uapi::{Exec, QueueGetState};

pub(crate) fn ids(gpu: &Gpu) {
    for client in [Client::new(gpu), Client::new(gpu)] {
        // Ids belong to the file, not to an address space.
        let other = client.beside();
        let create = |count| -> Vec<u32> {
            let clients = [&client, &other].into_iter().cycle();
            let queues = clients.take(count).map(|client| client.queue().id());
            queues.collect()
        };
        assert_eq!(create(4), [1, 2, 3, 4]);
        for id in [3, 2] {
            assert_eq!(destroy(client.file(), id), Ok(()));
        }
        assert_eq!(create(3), [2, 3, 5]);
    }
}

pub(crate) fn unknown(gpu: &Gpu) {
    let (client, other) = (Client::new(gpu), Client::new(gpu));
    let queue = client.queue();
    let fails = |file, queue_id| {
        let mut state = QueueGetState {
            queue_id,
            ..QueueGetState::default()
        };
        let mut exec = Exec {
            queue_id,
            ..Exec::default()
        };
        let found = [
            call(file, &mut state),
            call(file, &mut exec),
            destroy(file, queue_id),
        ];
        assert_eq!(found, [Err(Errno::ENOENT); 3], "queue {queue_id}");
    };
    fails(other.file(), queue.id());
    for id in [0, queue.id() + 1, u32::MAX] {
        fails(client.file(), id);
    }
    assert_eq!(queue.destroy(), Ok(()));
    fails(client.file(), queue.id());
}

/// What is told of a queue that has taken and done so many jobs.
fn alive(queue: &Queue<'_>, jobs_submitted: u64, jobs_completed: u64) -> QueueGetState {
    QueueGetState {
        queue_id: queue.id(),
        state: uapi::QUEUE_STATE_ALIVE,
        reason: uapi::QUEUE_REASON_NONE,
        blame: uapi::QUEUE_BLAME_NONE,
        jobs_submitted,
        jobs_completed,
        fault_sequence: u64::MAX,
        ..QueueGetState::default()
    }
}

pub(crate) fn state(gpu: &Gpu) {
    let client = Client::new(gpu);
    let queue = client.queue_with(Queue::patient(client.file()));
    assert_eq!(queue.state(), Ok(alive(&queue, 0, 0)));
    queue.run(&queue.push().nops(1));
    assert_eq!(queue.state(), Ok(alive(&queue, 1, 1)));
    let semaphore = client.bound(PAGE);
    let work = [1, 2, 3]
        .map(|word| queue.start(&Push::new().acquire(semaphore.address, Until::AtLeast(word))));
    assert_eq!(queue.state(), Ok(alive(&queue, 4, 1)));
    for (word, done) in (1..).zip(&work) {
        semaphore.set_word(word);
        assert_done(done);
        assert_eq!(queue.state(), Ok(alive(&queue, 4, 1 + u64::from(word))));
    }
}
