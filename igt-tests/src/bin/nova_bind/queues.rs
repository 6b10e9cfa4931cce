// SPDX-License-Identifier: MIT

//! Queues of the class BIND: what they take, and in which order that takes effect.

use igt::nova;
use igt::nova::bind_queue::BindQueue;
use igt::nova::calls::{array, call};
use igt::nova::client::{Client, PAGE};
use igt::nova::object::{within, Object, VRAM};
use igt::nova::queue::Plug;
use igt::space::{map, sparse, unmap, unmap_object};
use igt::syncobj::{assert_done, Signal, Syncobj};
use igt::vgem::{self, Fence};
use igt::{Fixture, Tests, HANG};
use nix::errno::Errno;
use nova_uapi as uapi;
use nova_uapi::{Exec, QueueCreate, VmBind, VmBindOp};

use crate::{Bench, AT, GENERIC};

pub(crate) fn subtests(tests: &mut Tests, bench: &Fixture<Bench>) {
    tests.subtest(
        "queue",
        "A bind of a queue takes effect, and signals.",
        || one(bench),
    );
    tests.subtest(
        "queue-kinds",
        "Pages are of the kind that a queue has mapped them with, also beside a cut.",
        || kinds(bench),
    );
    tests.subtest(
        "queue-refused",
        "Queues, calls and sync objects that are wrong are refused, and change nothing.",
        || refused(bench),
    );
    tests.subtest(
        "queue-waits",
        "A bind waits for the job of another queue, and other binds do not.",
        || waits(bench),
    );
    tests.subtest(
        "queue-order",
        "Binds of a queue take effect in their order, and those of another one when they can.",
        || order(bench),
    );
    tests.subtest(
        "queue-overlap",
        "Binds that wait find what is mapped when they take effect.",
        || overlap(bench),
    );
    tests.subtest(
        "queue-keeps",
        "A bind that waits keeps its object, whose handle is closed.",
        || keeps(bench),
    );
    tests.subtest(
        "queue-leaves-room",
        "What a bind has kept can be allocated as soon as it has signaled.",
        || leaves_room(bench),
    );
    tests.subtest(
        "queue-jobs",
        "Jobs and binds wait for each other, so that an address is another one for each job.",
        || jobs(bench),
    );
    tests.subtest(
        "queue-many",
        "As many binds wait as there may be, and all take effect.",
        || many(bench),
    );
}

fn one(bench: &Bench) {
    let space = bench.space();
    let object = bench.object(4, 1);
    for engine_instance in [0, uapi::ENGINE_INSTANCE_ANY] {
        let create = QueueCreate {
            engine_instance,
            ..BindQueue::of(space.id)
        };
        let queue = BindQueue::try_new(&bench.file, create).expect("a queue");
        assert_eq!(queue.created.pushes_max, 0);
        let timeline = Syncobj::new(&bench.file).expect("a sync object");
        let signal = Signal::Point(&timeline, 3);
        assert_eq!(
            queue.try_bind(&[map(&object, 0, AT, 4)], &[], &[signal]),
            Ok(())
        );
        assert_eq!(signal.wait(HANG), Ok(()));
        space.has(AT, &object, 0, 4);
        assert_done(&queue.bind(&[unmap(AT + PAGE, 1), sparse(AT + 2 * PAGE, 1)], &[]));
        space.has(AT, &object, 0, 1);
        space.has_nothing(AT + PAGE, 1);
        assert_eq!(space.peek(AT + 2 * PAGE), Ok(0));
        space.has(AT + 3 * PAGE, &object, 3, 1);
        // Without operations, and without sync objects.
        assert_done(&queue.bind(&[], &[signal]));
        assert_eq!(queue.try_bind(&[unmap_object(&object)], &[], &[]), Ok(()));
        assert_done(&queue.bind(&[unmap(AT, 4)], &[]));
        space.has_nothing(AT, 4);
        let state = queue.state().unwrap();
        assert_eq!(state.state, uapi::QUEUE_STATE_ALIVE, "{state:?}");
        assert_eq!((state.jobs_submitted, state.jobs_completed), (5, 5));
        assert_eq!(queue.destroy(), Ok(()));
        assert_eq!(queue.state().err(), Some(Errno::ENOENT));
        assert_eq!(queue.try_bind(&[], &[], &[]), Err(Errno::ENOENT));
    }
}

fn kinds(bench: &Bench) {
    let space = bench.space();
    let object = bench.object(8, 1);
    let queue = BindQueue::new(&bench.file, space.id);
    let generic = |first, pages| VmBindOp {
        kind: GENERIC,
        ..map(&object, first, AT + first * PAGE, pages)
    };
    // What waits is cut by what waits behind it.
    let client = Client::new(&bench.gpu);
    let plug = Plug::new(&client);
    let plugged = imported(bench, &plug.done);
    queue.bind(&[generic(0, 8)], &[Signal::Binary(&plugged)]);
    queue.bind(
        &[map(&object, 2, AT + 2 * PAGE, 1), unmap(AT + 5 * PAGE, 1)],
        &[],
    );
    let last = queue.bind(&[generic(7, 1)], &[]);
    space.has_nothing(AT, 8);
    plug.pull();
    assert_done(&last);
    space.has_kind(AT, GENERIC, 2);
    space.has_kind(AT + 2 * PAGE, 0, 1);
    space.has_kind(AT + 3 * PAGE, GENERIC, 2);
    space.has_nothing(AT + 5 * PAGE, 1);
    space.has_kind(AT + 6 * PAGE, GENERIC, 2);
    space.has(AT, &object, 0, 5);
}

fn refused(bench: &Bench) {
    let (space, other) = (bench.space(), bench.space());
    let object = bench.object(2, 1);
    space.bind(&[map(&object, 0, AT, 2)]);
    let right = BindQueue::of(space.id);
    for (create, error) in [
        (
            QueueCreate {
                ring_entries: 64,
                ..right
            },
            Errno::EINVAL,
        ),
        (
            QueueCreate {
                timeslice_us: 1000,
                ..right
            },
            Errno::EINVAL,
        ),
        (
            QueueCreate {
                timeout_ms: 1000,
                ..right
            },
            Errno::EINVAL,
        ),
        (
            QueueCreate {
                engine_instance: 1,
                ..right
            },
            Errno::EINVAL,
        ),
        (QueueCreate { flags: 1, ..right }, Errno::EINVAL),
        (
            QueueCreate {
                vm_id: u32::MAX,
                ..right
            },
            Errno::ENOENT,
        ),
    ] {
        let made = BindQueue::try_new(&bench.file, create);
        assert_eq!(made.err(), Some(error), "{create:?}");
    }

    let queue = BindQueue::new(&bench.file, space.id);
    let mut exec = Exec {
        queue_id: queue.id(),
        ..Exec::default()
    };
    assert_eq!(call(&bench.file, &mut exec), Err(Errno::EINVAL));
    let (without, done) = (Syncobj::new(&bench.file), Syncobj::new(&bench.file));
    let (without, done) = (without.unwrap(), done.unwrap());
    let (wait, signal) = (Signal::Binary(&without), Signal::Binary(&done));
    let unmapping = [unmap(AT, 2)];
    let fails = |ops: &[VmBindOp], after: &[Signal<'_, '_>], error| {
        assert_eq!(queue.try_bind(ops, after, &[signal]), Err(error));
        assert_eq!(done.is_signaled(), Err(Errno::EINVAL), "a fence");
        space.has(AT, &object, 0, 2);
    };
    // There is no fence to wait for.
    fails(&unmapping, &[wait], Errno::EINVAL);
    let misaligned = VmBindOp {
        address: AT + 1,
        ..unmap(AT, 1)
    };
    fails(&[unmap(AT, 2), misaligned], &[], Errno::EINVAL);
    let unknown = VmBindOp {
        handle: u32::MAX,
        ..map(&object, 0, AT, 1)
    };
    fails(&[unmap(AT, 2), unknown], &[wait], Errno::ENOENT);

    // A queue of another address space, or of jobs.
    let client = Client::new(&bench.gpu);
    let copies = client.queue();
    let binds = BindQueue::new(client.file(), client.vm_id());
    let beside = client.beside();
    for (vm_id, queue_id, error) in [
        (client.vm_id(), copies.id(), Err(Errno::EINVAL)),
        (beside.vm_id(), binds.id(), Err(Errno::EINVAL)),
        (u32::MAX, binds.id(), Err(Errno::ENOENT)),
        (client.vm_id(), u32::MAX, Err(Errno::ENOENT)),
        (client.vm_id(), binds.id(), Ok(())),
    ] {
        let mut bind = VmBind {
            vm_id,
            queue_id,
            ..VmBind::default()
        };
        assert_eq!(call(client.file(), &mut bind), error, "{bind:?}");
    }
    // An unknown sync object comes before the class of the queue.
    let syncs = [uapi::Sync {
        handle: u32::MAX,
        flags: 0,
        point: 0,
    }];
    let mut bind = VmBind {
        vm_id: client.vm_id(),
        queue_id: copies.id(),
        syncs: array(&syncs),
        ..VmBind::default()
    };
    assert_eq!(call(client.file(), &mut bind), Err(Errno::ENOENT));
    assert_eq!(other.destroy(), Ok(()));
    let state = queue.state().unwrap();
    assert_eq!((state.jobs_submitted, state.jobs_completed), (0, 0));
}

/// A sync object of the bench with the fence of another file's work.
fn imported<'a>(bench: &'a Bench, work: &Syncobj<'_>) -> Syncobj<'a> {
    let own = Syncobj::new(&bench.file).expect("a sync object");
    own.import(&work.export().unwrap()).unwrap();
    own
}

fn waits(bench: &Bench) {
    let space = bench.space();
    let object = bench.object(4, 1);
    let client = Client::new(&bench.gpu);
    let plug = Plug::new(&client);
    let plugged = imported(bench, &plug.done);
    let [held, free] = [(); 2].map(|()| BindQueue::new(&bench.file, space.id));
    let done = held.bind(&[map(&object, 0, AT, 2)], &[Signal::Binary(&plugged)]);
    assert_done(&free.bind(&[map(&object, 2, AT + 2 * PAGE, 2)], &[]));
    space.bind(&[sparse(AT + 4 * PAGE, 1)]);
    assert_eq!(done.is_signaled(), Ok(false));
    space.has_nothing(AT, 2);
    space.has(AT + 2 * PAGE, &object, 2, 2);
    plug.pull();
    assert_done(&done);
    space.has(AT, &object, 0, 4);
    assert_eq!(space.peek(AT + 4 * PAGE), Ok(0));
}

fn order(bench: &Bench) {
    let vgem = vgem::require();
    let fence = Fence::new(&vgem);
    let space = bench.space();
    let objects = [1, 2, 3].map(|seed| bench.object(1, seed));
    let foreign = Syncobj::new(&bench.file).expect("a sync object");
    foreign.import(&fence.file).unwrap();
    let [queue, other] = [(); 2].map(|()| BindQueue::new(&bench.file, space.id));
    let first = queue.bind(&[map(&objects[0], 0, AT, 1)], &[Signal::Binary(&foreign)]);
    // These wait for nothing but the one before them.
    let second = queue.bind(&[map(&objects[1], 0, AT, 1)], &[]);
    let third = queue.bind(&[map(&objects[0], 0, AT + PAGE, 1)], &[]);
    assert_done(&other.bind(&[map(&objects[2], 0, AT, 1)], &[]));
    for waiting in [&first, &second, &third] {
        assert_eq!(waiting.is_signaled(), Ok(false));
    }
    space.has(AT, &objects[2], 0, 1);
    space.has_nothing(AT + PAGE, 1);
    fence.signal();
    for done in [&third, &second, &first] {
        assert_done(done);
    }
    space.has(AT, &objects[1], 0, 1);
    space.has(AT + PAGE, &objects[0], 0, 1);
}

/// What a bind cuts and replaces is known only when it takes effect.
fn overlap(bench: &Bench) {
    let vgem = vgem::require();
    let space = bench.space();
    let large = bench.object(1024, 1);
    let small = bench.object(8, 2);
    let fence = Fence::new(&vgem);
    let foreign = Syncobj::new(&bench.file).expect("a sync object");
    foreign.import(&fence.file).unwrap();
    let queue = BindQueue::new(&bench.file, space.id);
    let after = [Signal::Binary(&foreign)];
    let cut = queue.bind(
        &[map(&small, 0, AT + 600 * PAGE, 8), unmap(AT + 10 * PAGE, 1)],
        &after,
    );
    let gone = queue.bind(&[unmap_object(&small)], &[]);
    // All of this comes later, and takes effect before.
    space.bind(&[map(&large, 0, AT, 1024)]);
    space.bind(&[
        unmap(AT + 604 * PAGE, 2),
        map(&small, 0, AT + 2048 * PAGE, 8),
    ]);
    fence.signal();
    assert_done(&cut);
    assert_done(&gone);
    space.has(AT, &large, 0, 10);
    space.has_nothing(AT + 10 * PAGE, 1);
    space.has(AT + 11 * PAGE, &large, 11, 589);
    space.has_nothing(AT + 600 * PAGE, 8);
    space.has(AT + 608 * PAGE, &large, 608, 416);
    space.has_nothing(AT + 2048 * PAGE, 8);
}

fn keeps(bench: &Bench) {
    let vgem = vgem::require();
    let fence = Fence::new(&vgem);
    let space = bench.space();
    let mut object = bench.object(2, 1);
    let foreign = Syncobj::new(&bench.file).expect("a sync object");
    foreign.import(&fence.file).unwrap();
    let queue = BindQueue::new(&bench.file, space.id);
    let done = queue.bind(&[map(&object, 0, AT, 2)], &[Signal::Binary(&foreign)]);
    object.close();
    // The queue goes on without its id: the bind has its time.
    assert_eq!(queue.destroy(), Ok(()));
    assert_eq!(done.is_signaled(), Ok(false));
    fence.signal();
    assert_done(&done);
    space.has(AT, &object, 0, 2);
}

/// The bind is the last that knows an object with most of VRAM.
fn leaves_room(bench: &Bench) {
    const ROUNDS: u32 = 50;
    let space = bench.space();
    let queue = BindQueue::new(&bench.file, space.id);
    let regions = nova::query_regions(&bench.file).unwrap();
    let vram = regions.iter().find(|region| region.id == VRAM).unwrap();
    let most = within(VRAM, (vram.size - vram.used) / 4 * 3 / PAGE * PAGE);
    let vgem = vgem::require();
    for round in 0..ROUNDS {
        let object = Object::try_new(&bench.file, most);
        let object = object.unwrap_or_else(|error| panic!("round {round}: {error}"));
        let fence = Fence::new(&vgem);
        let foreign = Syncobj::new(&bench.file).expect("a sync object");
        foreign.import(&fence.file).unwrap();
        let done = queue.bind(
            &[VmBindOp {
                op: uapi::VM_BIND_OP_UNMAP_OBJECT,
                handle: object.handle(),
                ..VmBindOp::default()
            }],
            &[Signal::Binary(&foreign)],
        );
        drop(object);
        fence.signal();
        assert_done(&done);
    }
}

fn jobs(bench: &Bench) {
    const ROUNDS: u32 = 8;
    let client = Client::new(&bench.gpu);
    let copies = client.queue();
    let binds = BindQueue::new(client.file(), client.vm_id());
    let buffers: Vec<_> = (0..ROUNDS).map(|_| client.bound(PAGE)).collect();
    let at = client.reserve(PAGE);
    let plug = Plug::new(&client);
    let mut last = plug.done.export().unwrap();
    let mut ends = Vec::new();
    for (number, buffer) in (1..).zip(&buffers) {
        let before = client.syncobj();
        before.import(&last).unwrap();
        let mapping = VmBindOp {
            op: uapi::VM_BIND_OP_MAP,
            handle: buffer.handle(),
            address: at,
            size: PAGE,
            ..VmBindOp::default()
        };
        let bound = binds.bind(&[mapping], &[Signal::Binary(&before)]);
        let fill = copies.push().fill(at, number, 1);
        let filled = copies.start_after(&[Signal::Binary(&bound)], &fill);
        last = filled.export().unwrap();
        ends.push(filled);
    }
    for (end, buffer) in ends.iter().zip(&buffers) {
        assert_eq!(end.is_signaled(), Ok(false));
        assert_eq!(buffer.word(), 0);
    }
    plug.pull();
    for end in &ends {
        assert_done(end);
    }
    for (number, buffer) in (1..).zip(&buffers) {
        assert_eq!(buffer.word(), number);
    }
}

fn many(bench: &Bench) {
    let space = bench.space();
    let object = bench.object(1, 1);
    let client = Client::new(&bench.gpu);
    let most = u64::from(nova::query_limits(&bench.file).unwrap().jobs_max);
    let queue = BindQueue::new(&bench.file, space.id);
    for _ in 0..2 {
        let plug = Plug::new(&client);
        let plugged = imported(bench, &plug.done);
        let first = queue.bind(&[unmap(AT, most)], &[Signal::Binary(&plugged)]);
        for number in 1..most - 1 {
            let ops = [map(&object, 0, AT + number * PAGE, 1)];
            assert_eq!(queue.try_bind(&ops, &[], &[]), Ok(()), "bind {number}");
        }
        let last = queue.bind(&[], &[]);
        assert_eq!(first.is_signaled(), Ok(false));
        plug.pull();
        assert_done(&last);
        space.has_nothing(AT, 1);
        for number in [1, most / 2, most - 2] {
            space.has(AT + number * PAGE, &object, 0, 1);
        }
        space.has_nothing(AT + (most - 1) * PAGE, 1);
    }
}
