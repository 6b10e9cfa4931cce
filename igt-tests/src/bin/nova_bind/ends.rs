// SPDX-License-Identifier: MIT

//! What becomes of binds that wait, and of their queues, when the file is closed, and when the GPU is reset, lost or unbound.

use std::fs::File;

use igt::nova;
use igt::nova::bind_queue::BindQueue;
use igt::space::{map, spaces, unmap, Filled, Space};
use igt::syncobj::{assert_done, assert_ended, Signal, SyncFile, Syncobj};
use igt::vgem::{self, Fence};
use igt::{kmsg, wait_for, Fixture, Tests, Timeout, HANG};
use nix::errno::Errno;
use nova_uapi as uapi;

use crate::{Bench, AT};

pub(crate) fn subtests(tests: &mut Tests, bench: &Fixture<Bench>) {
    tests.subtest(
        "queue-close-file",
        "Binds that wait end when their file is closed, and what they have goes.",
        || close_file(bench),
    );
    tests.subtest(
        "queue-reset-idle",
        "A queue without binds goes on after a reset.",
        || reset_idle(bench),
    );
    tests.subtest(
        "queue-reset-busy",
        "A reset ends binds that wait, and their queue is innocent.",
        || reset_busy(bench),
    );
    tests.subtest(
        "queue-gsp-lost",
        "Binds that wait end when the GSP is lost; what was mapped before stays, and a new queue works.",
        || gsp_lost(bench),
    );
    tests.subtest(
        "queue-unbind",
        "Binds that wait end when the GPU is unbound.",
        || unbind(bench),
    );
}

/// A bind that waits for a fence of another driver, and one behind it.
fn waiting<'a>(
    file: &'a File,
    queue: &BindQueue<'a>,
    object: &Filled<'_>,
    fence: &SyncFile,
) -> [Syncobj<'a>; 2] {
    let foreign = Syncobj::new(file).expect("a sync object");
    foreign.import(fence).unwrap();
    let first = queue.bind(&[unmap(AT, 2)], &[Signal::Binary(&foreign)]);
    let second = queue.bind(&[map(object, 0, AT, 1)], &[]);
    [first, second]
}

fn close_file(bench: &Bench) {
    let vgem = vgem::require();
    let fence = Fence::new(&vgem);
    let before = spaces(&bench.mock);
    let file = bench.gpu.open_render();
    let space = Space::new(&file, &bench.mock);
    let object = Filled::within(&file, bench.region, 2, 1);
    let queue = BindQueue::new(&file, space.id);
    let ends = waiting(&file, &queue, &object, &fence.file).map(|end| end.export().unwrap());
    drop(object);
    drop(file);
    for end in ends {
        assert_eq!(end.wait(), Err(Errno::ECANCELED));
    }
    wait_for(HANG, "the address space of a closed file to go", || {
        spaces(&bench.mock) == before
    });
    // The end of what they have waited for finds nobody.
    fence.signal();
}

/// An address space with two pages of an object.
fn scene(bench: &Bench) -> (Space<'_>, Filled<'_>) {
    let (space, object) = (bench.space(), bench.object(2, 1));
    space.bind(&[map(&object, 0, AT, 2)]);
    (space, object)
}

/// Waits until the GPU has been reset, and works again. Then the address space has another name.
fn renewed(bench: &Bench, resets: u64, space: &mut Space<'_>) {
    wait_for(HANG, "the GPU to work again", || {
        let status = nova::query_status(&bench.file).unwrap();
        status.resets > resets && status.health == uapi::HEALTH_OK
    });
    let before = spaces(&bench.mock);
    space.bind(&[]);
    space.find(&before);
}

fn reset(bench: &Bench) -> u64 {
    let resets = nova::query_status(&bench.file).unwrap().resets;
    let _bound = Timeout::new(HANG, "a reset");
    bench.gpu.pci().reset().expect("the GPU is reset");
    resets
}

fn reset_idle(bench: &Bench) {
    bench.gpu.require_reset();
    let (mut space, object) = scene(bench);
    let queue = BindQueue::new(&bench.file, space.id);
    assert_done(&queue.bind(&[unmap(AT, 1)], &[]));
    let resets = reset(bench);
    renewed(bench, resets, &mut space);
    assert_done(&queue.bind(&[map(&object, 0, AT, 1)], &[]));
    space.has(AT, &object, 0, 2);
    assert_eq!(queue.state().unwrap().state, uapi::QUEUE_STATE_ALIVE);
}

/// The binds that waited have failed, and what was mapped before stays.
fn assert_lost(bench: &Bench, space: &Space<'_>, object: &Filled<'_>, queue: &BindQueue<'_>) {
    let state = queue.state().unwrap();
    assert_eq!(state.state, uapi::QUEUE_STATE_LOST, "{state:?}");
    assert_eq!(state.reason, uapi::QUEUE_REASON_DEVICE_RESET, "{state:?}");
    assert_eq!(state.blame, uapi::QUEUE_BLAME_INNOCENT, "{state:?}");
    assert_eq!((state.jobs_submitted, state.jobs_completed), (2, 0));
    assert_eq!(queue.try_bind(&[], &[], &[]), Err(Errno::ECANCELED));
    space.has(AT, object, 0, 2);
    let new = BindQueue::new(&bench.file, space.id);
    assert_done(&new.bind(&[unmap(AT, 1)], &[]));
    space.has_nothing(AT, 1);
    assert_eq!(queue.destroy(), Ok(()));
}

fn reset_busy(bench: &Bench) {
    bench.gpu.require_reset();
    let vgem = vgem::require();
    let fence = Fence::new(&vgem);
    let (mut space, object) = scene(bench);
    let queue = BindQueue::new(&bench.file, space.id);
    let ends = waiting(&bench.file, &queue, &object, &fence.file);
    let resets = reset(bench);
    for end in &ends {
        assert_ended(end, Err(Errno::ECANCELED));
    }
    renewed(bench, resets, &mut space);
    fence.signal();
    assert_lost(bench, &space, &object, &queue);
}

fn gsp_lost(bench: &Bench) {
    let vgem = vgem::require();
    let fence = Fence::new(&vgem);
    bench.gpu.dismiss_coredump();
    kmsg::expect(&[nova::IS_LOST]);
    let (mut space, object) = scene(bench);
    let queue = BindQueue::new(&bench.file, space.id);
    let ends = waiting(&bench.file, &queue, &object, &fence.file);
    let resets = nova::query_status(&bench.file).unwrap().resets;
    bench.mock.tell("fault stage=gsp,kind=stop");
    for end in &ends {
        assert_ended(end, Err(Errno::ECANCELED));
    }
    renewed(bench, resets, &mut space);
    fence.signal();
    assert_lost(bench, &space, &object, &queue);
}

fn unbind(bench: &Bench) {
    let vgem = vgem::require();
    let fence = Fence::new(&vgem);
    let file = bench.gpu.open_render();
    let space = Space::new(&file, &bench.mock);
    let object = Filled::within(&file, bench.region, 2, 1);
    let queue = BindQueue::new(&file, space.id);
    let ends = waiting(&file, &queue, &object, &fence.file).map(|end| end.export().unwrap());
    {
        let _bound = Timeout::new(HANG, "unbinding a GPU with binds that wait");
        bench.gpu.unbind();
    }
    for end in ends {
        assert_eq!(end.wait(), Err(Errno::ENODEV));
    }
    assert_eq!(queue.try_bind(&[], &[], &[]), Err(Errno::ENODEV));
    assert_eq!(queue.state().err(), Some(Errno::ENODEV));
    fence.signal();
    bench.gpu.assert_released();
    bench.gpu.bind();
    bench.gpu.assert_running();
}
