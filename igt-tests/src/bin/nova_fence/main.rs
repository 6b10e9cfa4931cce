// SPDX-License-Identifier: MIT

//! Fences of jobs and of other drivers: in the reservations of objects, in dma-bufs, and in sync files.

use std::fs::File;
use std::process::ExitCode;

use igt::dma_buf::{export_sync_file, import_sync_file, is_ready, Access};
use igt::fdinfo::FdInfo;
use igt::nova::client::{Client, PAGE};
use igt::nova::object::{mappable, Object};
use igt::nova::queue::Plug;
use igt::nova::Gpu;
use igt::push::Push;
use igt::syncobj::{assert_done, Signal, Syncobj};
use igt::vgem::{self, Buffer, Fence};
use igt::{drm, Children, HANG};
use nova_uapi::GemCreate;

mod sw_sync;

fn main() -> ExitCode {
    igt::run("Fences of jobs and of others.", |tests| {
        let gpu = tests.fixture(Gpu::require);
        let _running = tests.fixture(|| gpu.keep_running());

        tests.group("Reservations of objects.", |tests| {
            tests.subtest(
                "active",
                "While a job runs, all that is mapped in its address space is active.",
                || active(&gpu),
            );
            tests.subtest(
                "not-implicit",
                "Nobody waits for a job who only reads or writes a dma-buf.",
                || not_implicit(&gpu),
            );
            tests.subtest(
                "two-spaces",
                "Jobs of two address spaces use the same objects, in two orders.",
                || two_spaces(&gpu),
            );
        });
        tests.group("Other drivers.", |tests| {
            let vgem = tests.fixture(vgem::require);
            tests.subtest(
                "active-import",
                "While a job runs, another driver's buffer is active.",
                || active_import(&gpu, &vgem),
            );
            tests.subtest(
                "no-wait",
                "A job does not wait for the fences of a buffer by itself.",
                || no_wait(&gpu, &vgem),
            );
            tests.subtest(
                "to-buffer",
                "The end of a job is given to those who wait for a dma-buf.",
                || to_buffer(&gpu, &vgem),
            );
            tests.subtest(
                "from-buffer",
                "A job waits for those who use a dma-buf, if it is told to.",
                || from_buffer(&gpu, &vgem),
            );
        });
        tests.group("Sync files.", |tests| {
            tests.subtest(
                "round-trip",
                "A fence goes through a sync file to another file's object.",
                || round_trip(&gpu),
            );
            tests.subtest(
                "processes",
                "A process waits for the job of another one.",
                || processes(&gpu),
            );
        });
        tests.group("Fences without a bound.", |tests| {
            sw_sync::subtests(tests, &gpu);
        });
    })
}

/// Bytes of system memory that the file has, and that jobs use.
fn used(file: &File) -> u64 {
    FdInfo::of(file).memory("active", "system")
}

fn active(gpu: &Gpu) {
    let client = Client::new(gpu);
    let other = client.beside();
    let private = GemCreate {
        vm_id: client.vm_id(),
        ..mappable(16 * PAGE)
    };
    let private = Object::new(client.file(), private);
    client.bind_object(private.handle(), 16 * PAGE);
    let shared = Object::new(client.file(), mappable(32 * PAGE));
    client.bind_object(shared.handle(), 32 * PAGE);
    // Nothing of this one is mapped where the job is.
    let elsewhere = Object::new(client.file(), mappable(64 * PAGE));
    other.bind_object(elsewhere.handle(), 64 * PAGE);
    assert_eq!(used(client.file()), 0);
    let plug = Plug::new(&client);
    // The plug's own objects come in addition.
    let plugged = used(client.file());
    assert!(plugged >= 48 * PAGE, "{plugged:#x} bytes");
    drop(elsewhere);
    assert_eq!(used(client.file()), plugged, "it is not active");
    drop(private);
    assert_eq!(used(client.file()), plugged - 16 * PAGE, "it is active");
    drop(shared);
    assert_eq!(used(client.file()), plugged - 48 * PAGE, "it is active");
    plug.pull();
    assert_done(&plug.done);
    assert_eq!(used(client.file()), 0, "the job is done");
}

fn not_implicit(gpu: &Gpu) {
    let client = Client::new(gpu);
    let object = Object::new(client.file(), mappable(PAGE));
    client.bind_object(object.handle(), PAGE);
    let buffer = object.export();
    let plug = Plug::new(&client);
    for access in [Access::Read, Access::Write] {
        assert!(is_ready(&buffer, access), "{access:?}");
        let fence = export_sync_file(&buffer, access).expect("a fence");
        assert_eq!(fence.outcome(), Ok(Some(Ok(()))), "{access:?}");
    }
    assert_eq!(plug.done.is_signaled(), Ok(false));
}

/// The address spaces lock the same reservations, in another order each.
fn two_spaces(gpu: &Gpu) {
    const OBJECTS: usize = 8;
    const JOBS: u32 = 200;
    let node = gpu.open_render();
    let objects = [(); OBJECTS].map(|()| Object::new(&node, mappable(PAGE)));
    let buffers = objects.each_ref().map(Object::export);
    let children = Children::fork(2, |number| {
        let client = Client::new(gpu);
        let queue = client.queue();
        let mut order: Vec<_> = buffers.iter().collect();
        if number != 0 {
            order.reverse();
        }
        for buffer in order {
            let handle = drm::import(client.file(), buffer).expect("it is imported");
            client.bind_object(handle, PAGE);
        }
        let counter = client.bound(PAGE);
        for _ in 0..JOBS {
            drop(queue.start(&Push::new().add(counter.address, 1)));
        }
        queue.wait();
        assert_eq!(counter.word(), JOBS);
    });
    children.wait(HANG);
}

fn active_import(gpu: &Gpu, vgem: &File) {
    let (client, node) = (Client::new(gpu), gpu.open_render());
    let buffer = Buffer::new(vgem, 4 * PAGE as u32);
    for file in [client.file(), &node] {
        drm::import(file, buffer.export()).expect("it is imported");
    }
    let handle = drm::import(client.file(), buffer.export()).expect("it is imported");
    client.bind_object(handle, 4 * PAGE);
    let plug = Plug::new(&client);
    // Both files have objects with the reservation of vgem's buffer.
    assert_eq!(used(&node), 4 * PAGE);
    // vgem's buffer is free for those who only read or write it.
    assert!(is_ready(buffer.export(), Access::Write));
    plug.pull();
    assert_done(&plug.done);
    assert_eq!(used(&node), 0);
}

fn no_wait(gpu: &Gpu, vgem: &File) {
    let client = Client::new(gpu);
    let queue = client.queue();
    let buffer = Buffer::new(vgem, PAGE as u32);
    let handle = drm::import(client.file(), buffer.export()).expect("it is imported");
    let address = client.bind_object(handle, PAGE);
    let fence = buffer.fence(Access::Write);
    queue.run(&queue.push().fill(address, 7, 1));
    assert_eq!(buffer.map().get::<u32>(0), 7);
    assert_eq!(fence.file.outcome(), Ok(None));
    fence.signal();
}

/// The job's fence is put into the dma-buf, and vgem's buffer has to be waited for then.
fn to_buffer(gpu: &Gpu, vgem: &File) {
    let client = Client::new(gpu);
    let buffer = Buffer::new(vgem, PAGE as u32);
    for (access, read_waits) in [(Access::Read, false), (Access::Write, true)] {
        let plug = Plug::new(&client);
        let done = plug.done.export().expect("a fence");
        let exported = buffer.export();
        assert_eq!(import_sync_file(&exported, access, &done), Ok(()));
        assert!(!is_ready(&exported, Access::Write), "{access:?}");
        assert_eq!(is_ready(&exported, Access::Read), !read_waits, "{access:?}");
        let fence = export_sync_file(&exported, Access::Write).expect("a fence");
        assert_eq!(fence.outcome(), Ok(None), "{access:?}");
        plug.pull();
        assert_eq!(fence.wait(), Ok(()), "{access:?}");
        assert!(is_ready(&exported, Access::Write), "{access:?}");
    }
}

fn from_buffer(gpu: &Gpu, vgem: &File) {
    let client = Client::new(gpu);
    let queue = client.queue();
    let buffer = Buffer::new(vgem, PAGE as u32);
    let handle = drm::import(client.file(), buffer.export()).expect("it is imported");
    let address = client.bind_object(handle, PAGE);
    for (word, access) in [(1, Access::Read), (2, Access::Write)] {
        let vgems: Fence<'_> = buffer.fence(access);
        let object = client.syncobj();
        let fence = export_sync_file(buffer.export(), Access::Write).expect("a fence");
        object.import(&fence).expect("a fence");
        let after = [Signal::Binary(&object)];
        let work = queue.start_after(&after, &queue.push().fill(address, word, 1));
        assert_eq!(work.is_signaled(), Ok(false));
        assert_eq!(buffer.map().get::<u32>(0), word - 1);
        vgems.signal();
        assert_done(&work);
        assert_eq!(buffer.map().get::<u32>(0), word);
    }
}

fn round_trip(gpu: &Gpu) {
    let (client, other) = (Client::new(gpu), Client::new(gpu));
    let queue = other.queue();
    let plug = Plug::new(&client);
    let [binary, timeline] = [other.syncobj(), other.syncobj()];
    binary
        .import(&plug.done.export().expect("a fence"))
        .unwrap();
    let point = Signal::Point(&timeline, 5);
    let moved = queue.exec(&[], &[Signal::Binary(&binary)], &[point]);
    assert_eq!(moved, Ok(()));
    let last = Syncobj::new(client.file()).unwrap();
    last.import(&point.export().expect("a fence")).unwrap();
    for signal in [Signal::Binary(&binary), point, Signal::Binary(&last)] {
        assert_eq!(signal.is_signaled(), Ok(false), "{signal:?}");
    }
    plug.pull();
    assert_done(&last);
    assert_done(&binary);
    // The object has the fence until it gets another one.
    assert_eq!(last.export().unwrap().outcome(), Ok(Some(Ok(()))));
}

fn processes(gpu: &Gpu) {
    let client = Client::new(gpu);
    let plug = Plug::new(&client);
    let fence = plug.done.export().expect("a fence");
    let [ready, ended] = [igt::memory::Words::new(1), igt::memory::Words::new(1)];
    let flag = std::sync::atomic::Ordering::SeqCst;
    let children = Children::fork(1, |_| {
        let own = Client::new(gpu);
        let (queue, object) = (own.queue(), own.syncobj());
        object.import(&fence).expect("a fence");
        let work = queue.start_after(&[Signal::Binary(&object)], &Push::new().nops(1));
        assert_eq!(work.is_signaled(), Ok(false));
        ready[0].store(1, flag);
        assert_done(&work);
        ended[0].store(1, flag);
    });
    igt::wait_for(HANG, "the other process", || ready[0].load(flag) == 1);
    assert_eq!(ended[0].load(flag), 0);
    plug.pull();
    children.wait(HANG);
    assert_eq!(ended[0].load(flag), 1);
}
