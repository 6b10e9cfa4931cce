// SPDX-License-Identifier: MIT

//! Queues of the graphics engine: of the class GRAPHICS, and of the class COMPUTE.

use igt::mock::Mock;
use igt::nova::client::{Buffer, Client, PAGE};
use igt::nova::object::{self, Object};
use igt::nova::queue::Queue;
use igt::nova::wrong::OF_STOPPED;
use igt::nova::{self, Gpu};
use igt::push::Push;
use igt::syncobj::assert_done;
use igt::{kmsg, wait_for, Dynamic, Tests, Timeout, HANG};
use nix::errno::Errno;
use nova_uapi as uapi;
use nova_uapi::{Engine, QueueCreate};

/// The subchannels on which a queue has its objects, as NVK uses them.
const THREE_D: u32 = 0;
const COMPUTE: u32 = 1;
const COPY: u32 = 4;

/// Methods of the classes for 3D and for programs, from Turing on (open-gpu-doc, classes/3d/clc597.h).
const SET_REPORT_SEMAPHORE_A: u32 = 0x1b00;
const ONE_WORD: u32 = 1 << 28;
/// A method that no class has.
const ILLEGAL: u32 = 0x3ffc;

/// Methods of the copy classes.
const OFFSET_IN_UPPER: u32 = 0x400;
const LINE_LENGTH_IN: u32 = 0x418;
const LAUNCH_DMA: u32 = 0x300;
/// Not pipelined, with a flush, from lines to lines.
const LINES: u32 = 0x186;

/// The error of GSP-RM for a method that a class of graphics does not have, `ROBUST_CHANNEL_GR_CLASS_ERROR` (nverror.h).
const XID: u32 = 69;

pub(crate) fn subtests(tests: &mut Tests, gpu: &igt::Fixture<Gpu>) {
    tests.subtest_with_dynamic(
        "graphics",
        "A queue of each class on the graphics engine does what its objects are for.",
        |parts| basic(gpu, parts),
    );
    tests.subtest(
        "graphics-exception",
        "A queue that sends graphics what it does not know is lost, and no other.",
        || exception(gpu),
    );
    tests.subtest(
        "graphics-context",
        "A program's commands do not reach the contexts of its queues.",
        || context(gpu),
    );
    tests.subtest(
        "graphics-used",
        "Contexts take VRAM as long as their queues, but for what all of them share.",
        || used(gpu),
    );
    tests.subtest(
        "graphics-refused",
        "A queue of which GSP-RM refuses a part leaves nothing, and the next one is created.",
        || refused(gpu, &Mock::require(gpu)),
    );
    tests.subtest(
        "graphics-golden-refused",
        "If GSP-RM refuses a part of the golden context, it is made for a later queue.",
        || golden_refused(gpu, &Mock::require(gpu)),
    );
    tests.subtest(
        "graphics-reset",
        "A queue goes on after a reset of the GPU, with another context.",
        || reset(gpu),
    );
}

fn create(engine_class: u32) -> QueueCreate {
    QueueCreate {
        engine_class,
        ..Queue::COPY
    }
}

/// The engine of a class.
fn engine(client: &Client, engine_class: u32) -> Engine {
    let engines = nova::query_engines(client.file()).unwrap();
    let found = engines
        .into_iter()
        .find(|it| it.engine_class == engine_class);
    found.unwrap_or_else(|| panic!("no engine of class {engine_class}"))
}

/// Words that connect subchannels with the objects for 3D and for programs, as many as the class has.
fn objects(client: &Client, engine_class: u32) -> Push {
    let classes = engine(client, engine_class).object_classes;
    match engine_class {
        uapi::ENGINE_CLASS_GRAPHICS => Push::new()
            .incrementing(THREE_D, 0, &classes[..1])
            .incrementing(COMPUTE, 0, &classes[1..2]),
        _ => Push::new().incrementing(COMPUTE, 0, &classes[..1]),
    }
}

/// Words that have an object write a word, which the copy engine then copies eight bytes on.
fn work(push: Push, subchannel: u32, at: u64, payload: u32) -> Push {
    let [upper, lower] = [(at >> 32) as u32, at as u32];
    push.incrementing(
        subchannel,
        SET_REPORT_SEMAPHORE_A,
        &[upper, lower, payload, ONE_WORD],
    )
    .incrementing(0, 0x78, &[0])
    .incrementing(COPY, OFFSET_IN_UPPER, &[upper, lower, upper, lower + 8])
    .incrementing(COPY, LINE_LENGTH_IN, &[4, 1])
    .incrementing(COPY, LAUNCH_DMA, &[LINES])
}

fn assert_works(client: &Client, queue: &Queue<'_>, memory: &Buffer<'_>, payload: u32) {
    let class = queue.created.engine_class;
    let subchannel = match class {
        uapi::ENGINE_CLASS_GRAPHICS => THREE_D,
        _ => COMPUTE,
    };
    memory.set_word(0);
    let push = work(objects(client, class), subchannel, memory.address, payload);
    queue.run(&push);
    let words = [0, 8].map(|at| memory.memory.get::<u32>(at));
    assert_eq!(words, [payload; 2]);
}

fn basic(gpu: &Gpu, parts: &mut Dynamic<'_>) {
    let classes = [
        ("graphics", uapi::ENGINE_CLASS_GRAPHICS),
        ("compute", uapi::ENGINE_CLASS_COMPUTE),
    ];
    for (name, class) in classes {
        parts.dynamic(name, || {
            let client = Client::new(gpu);
            let memory = client.bound(PAGE);
            let queues = [(); 2].map(|()| client.queue_with(create(class)));
            for (queue, payload) in queues.iter().zip(5..) {
                assert_works(&client, queue, &memory, payload);
            }
            // Another address space, and one without the first queue.
            let other = client.beside();
            let there = other.bound(PAGE);
            assert_works(&other, &other.queue_with(create(class)), &there, 8);
            assert_eq!(queues[0].destroy(), Ok(()));
            assert_works(&client, &queues[1], &memory, 9);
        });
    }
}

fn exception(gpu: &Gpu) {
    kmsg::expect(&OF_STOPPED);
    let client = Client::new(gpu);
    let memory = client.bound(PAGE);
    let class = uapi::ENGINE_CLASS_GRAPHICS;
    let [bad, good] = [(); 2].map(|()| client.queue_with(create(class)));
    let copies = client.queue();
    assert_works(&client, &bad, &memory, 1);
    let wrong = bad.start(&objects(&client, class).incrementing(THREE_D, ILLEGAL, &[0]));
    assert_eq!(wrong.wait(HANG), Ok(()));
    assert_eq!(wrong.outcome(), Ok(Some(Err(Errno::ECANCELED))));
    let state = bad.state().unwrap();
    assert_eq!(state.state, uapi::QUEUE_STATE_LOST, "{state:?}");
    assert_eq!(state.reason, uapi::QUEUE_REASON_ENGINE_ERROR, "{state:?}");
    assert_eq!(state.blame, uapi::QUEUE_BLAME_GUILTY, "{state:?}");
    assert_eq!(state.xid, XID, "{state:?}");
    assert_works(&client, &good, &memory, 2);
    assert_done(&copies.start(&copies.push().fill(memory.address, 3, 1)));
    assert_works(&client, &client.queue_with(create(class)), &memory, 4);
}

/// Where contexts are mapped is the kernel's business, but they are behind the rings, which take 2 GiB of its range.
fn context(gpu: &Gpu) {
    const RINGS: u64 = 2 << 30;
    kmsg::expect(&OF_STOPPED);
    let client = Client::new(gpu);
    let memory = client.bound(PAGE);
    let class = uapi::ENGINE_CLASS_GRAPHICS;
    let queues = [(); 2].map(|()| client.queue_with(create(class)));
    let at = client.kernel().start + RINGS;
    let copies = client.queue();
    let job = copies.start(&copies.push().copy(at, memory.address, 4));
    assert_eq!(job.wait(HANG), Ok(()));
    assert_eq!(job.outcome(), Ok(Some(Err(Errno::ECANCELED))));
    let told = client.faults(0, 1);
    let fault = told.faults[0];
    // Release 535 does not tell the place.
    if fault.precision_shift == 12 {
        let expected = (at, uapi::FAULT_TYPE_PRIVILEGE);
        assert_eq!((fault.address, fault.fault_type), expected, "{fault:x?}");
    }
    for queue in &queues {
        assert_works(&client, queue, &memory, 5);
    }
}

/// Bytes of VRAM in use.
fn used_vram(client: &Client) -> u64 {
    let regions = nova::query_regions(client.file()).unwrap();
    let mut regions = regions.iter();
    let vram = regions.find(|it| it.region_class == uapi::MEMORY_REGION_VRAM);
    vram.unwrap().used
}

fn used(gpu: &Gpu) {
    let client = Client::new(gpu);
    let memory = client.bound(PAGE);
    let class = uapi::ENGINE_CLASS_GRAPHICS;
    // The first one may bring the golden context, and chunks for page tables, with it.
    let first = client.queue_with(create(class));
    assert_works(&client, &first, &memory, 1);
    let before = used_vram(&client);
    let queues: Vec<_> = (0..4).map(|_| client.queue_with(create(class))).collect();
    let with = used_vram(&client);
    assert!(with >= before + 4 * PAGE, "{with:#x} {before:#x}");
    for queue in &queues {
        assert_eq!(queue.destroy(), Ok(()));
    }
    wait_for(HANG, "the contexts to be freed", || {
        used_vram(&client) <= before
    });
    assert_works(&client, &first, &memory, 2);
}

fn refused(gpu: &Gpu, mock: &Mock) {
    kmsg::expect(&["GSP_RM_ALLOC: "]);
    let client = Client::new(gpu);
    let memory = client.bound(PAGE);
    let class = uapi::ENGINE_CLASS_GRAPHICS;
    let queue = client.queue_with(create(class));
    assert_works(&client, &queue, &memory, 1);
    // The group, the channel, objects for 3D, programs, 2D, inline data and copies.
    for after in [0, 1, 2, 4, 6] {
        assert_refused(&client, mock, after);
        assert_works(&client, &queue, &memory, 2);
    }
    assert_works(&client, &client.queue_with(create(class)), &memory, 3);
}

/// Has GSP-RM refuse the allocation after so many, of those that a queue takes. Nothing is left of the queue.
fn assert_refused(client: &Client, mock: &Mock, after: u32) {
    let before = mock.objects().unwrap().len();
    let broken = mock.broken(&format!("stage=alloc,kind=refused,after={after}"));
    // The driver tries again once.
    let again = after + 1;
    mock.tell(&format!("fault stage=alloc,kind=refused,after={again}"));
    let error = Queue::try_new(client, create(uapi::ENGINE_CLASS_GRAPHICS)).err();
    assert_eq!(error, Some(Errno::ENOSPC), "after {after} allocations");
    drop(broken);
    wait_for(HANG, "the objects to go", || {
        mock.objects().unwrap().len() == before
    });
}

fn golden_refused(gpu: &Gpu, mock: &Mock) {
    gpu.require_reset();
    kmsg::expect(&["GSP_RM_ALLOC: "]);
    let client = Client::new(gpu);
    // Nothing is left of a golden context.
    reset_gpu(gpu, &client);
    let memory = client.bound(PAGE);
    // The driver has its own channel after that, which zeroes VRAM.
    let zeroed = Object::new(client.file(), object::within(object::VRAM, PAGE));
    client.bind_object(zeroed.handle(), PAGE);
    // A client, its device and subdevice, the address space, the group, the channel, and the object for 3D.
    for after in 0..7 {
        assert_refused(&client, mock, after);
    }
    let queue = client.queue_with(create(uapi::ENGINE_CLASS_GRAPHICS));
    assert_works(&client, &queue, &memory, 1);
}

fn reset(gpu: &Gpu) {
    gpu.require_reset();
    let client = Client::new(gpu);
    let class = uapi::ENGINE_CLASS_GRAPHICS;
    let queue = client.queue_with(create(class));
    let memory = client.bound(PAGE);
    assert_works(&client, &queue, &memory, 1);
    reset_gpu(gpu, &client);
    assert_works(&client, &queue, &memory, 2);
}

/// Resets the GPU, and waits until it works again.
fn reset_gpu(gpu: &Gpu, client: &Client) {
    let bound = Timeout::new(HANG, "a reset");
    gpu.pci().reset().unwrap();
    drop(bound);
    wait_for(HANG, "the GPU to work", || {
        nova::needs_gpu(client.file()) == Ok(())
    });
}
