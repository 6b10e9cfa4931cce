// SPDX-License-Identifier: MIT

//! Memory that files, processes and drivers give each other as dma-bufs, and that the GPU copies.

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::process::ExitCode;

use igt::data::{assert_same, pattern};
use igt::memory::Mapped;
use igt::nova::client::{Client, PAGE};
use igt::nova::object::{info, mappable, within, Object, SYSTEM};
use igt::nova::{self, Gpu};
use igt::vgem::{self, Buffer};
use igt::{dma_buf, drm, wait_for, Children, Timeout, HANG};
use nix::errno::Errno;
use nova_uapi as uapi;
use nova_uapi::{GemCreate, GemInfo, VmBindOp};

/// Bytes of a buffer: an odd number of pages, so that they are not all in one block.
const SIZE: u64 = 77 * PAGE;

fn main() -> ExitCode {
    igt::run("Shares memory as dma-bufs.", |tests| {
        let gpu = tests.fixture(Gpu::require);
        let _running = tests.fixture(|| gpu.keep_running());

        tests.group("Own objects.", |tests| {
            tests.subtest(
                "self-import",
                "Another file gets an object, and gives it back as the same one.",
                || self_import(&gpu),
            );
            tests.subtest(
                "processes",
                "Processes copy from an object that another one has made.",
                || processes(&gpu),
            );
            tests.subtest("refused", "What is no dma-buf is refused.", || {
                refused(&gpu)
            });
        });
        tests.group("Buffers of other drivers.", |tests| {
            let vgem = tests.fixture(vgem::require);
            tests.subtest("described", "An imported buffer is described.", || {
                described(&gpu, &vgem)
            });
            tests.subtest("vgem-copy", "The GPU copies buffers of vgem.", || {
                let buffer = Buffer::new(&vgem, SIZE as u32);
                copied(&gpu, buffer.export(), &buffer.map());
            });
            tests.subtest(
                "udmabuf-copy",
                "The GPU copies memory of a program.",
                || {
                    let (buffer, memory) = dma_buf::of_memory(c"nova_prime", SIZE);
                    let memory = Mapped::new(&memory, 0, SIZE as usize).expect("its memory");
                    copied(&gpu, buffer, &memory);
                },
            );
            tests.subtest(
                "vgem-export",
                "vgem gets an object, and gives it back as the same one.",
                || vgem_export(&gpu, &vgem),
            );
            tests.subtest(
                "bind-refused",
                "What a buffer does not have is not mapped.",
                || bind_refused(&gpu, &vgem),
            );
            tests.subtest(
                "closed",
                "A mapping keeps a buffer of which all handles are closed.",
                || closed(&gpu, &vgem),
            );
            tests.subtest(
                "again",
                "A buffer is one object in a file, and another one later.",
                || again(&gpu, &vgem),
            );
            tests.subtest(
                "foreign-processes",
                "Processes copy from a buffer that each has imported.",
                || foreign_processes(&gpu, &vgem),
            );
            tests.subtest("reset", "A buffer is mapped again after a reset.", || {
                reset(&gpu, &vgem)
            });
            tests.subtest(
                "unbound",
                "A GPU is unbound that has buffers of another driver.",
                || unbound(&gpu, &vgem),
            );
        });
    })
}

/// Has the GPU copy between a dma-buf and an object of its own, in both directions. `memory` is what the CPU sees of the
/// dma-buf.
#[track_caller]
fn copied(gpu: &Gpu, buffer: OwnedFd, memory: &Mapped) {
    let client = Client::new(gpu);
    let handle = drm::import(client.file(), &buffer).expect("it is imported");
    assert_copied(&client, handle, memory);
    // The dma-buf's own mapping is the same memory.
    let mapped = Mapped::new(&buffer, 0, SIZE as usize).expect("it is mapped");
    assert_same(
        &mapped.read(0, SIZE as usize),
        &memory.read(0, SIZE as usize),
        "by the dma-buf",
    );
}

/// Has the GPU copy between an object and one of its own, in both directions. `memory` is what the CPU sees of the first.
#[track_caller]
fn assert_copied(client: &Client, handle: u32, memory: &Mapped) {
    let (queue, own) = (client.queue(), client.bound(SIZE));
    let address = client.bind_object(handle, SIZE);
    let written = pattern(3, SIZE as usize);
    memory.write(0, &written);
    queue.run(&queue.push().copy(address, own.address, SIZE as u32));
    let read = own.memory.read(0, SIZE as usize);
    assert_same(&read, &written, "from the buffer");
    let written = pattern(4, SIZE as usize);
    own.memory.write(0, &written);
    queue.run(&queue.push().copy(own.address, address, SIZE as u32));
    let read = memory.read(0, SIZE as usize);
    assert_same(&read, &written, "to the buffer");
    client.unmap(address, SIZE);
}

fn self_import(gpu: &Gpu) {
    let (client, node) = (Client::new(gpu), gpu.open_render());
    let object = Object::new(&node, mappable(SIZE));
    let handle = drm::import(client.file(), object.export()).expect("it is imported");
    assert_copied(&client, handle, &object.map());
    let back = drm::export(client.file(), handle).expect("it is exported");
    assert_eq!(drm::import(&node, &back), Ok(object.handle()));
    assert_eq!(object.info().state, uapi::GEM_STATE_EXPORTED);
    assert_eq!(drm::gem_close(client.file(), handle), Ok(()));
}

/// Each process opens the GPU for itself.
fn processes(gpu: &Gpu) {
    let node = gpu.open_render();
    let object = Object::new(&node, mappable(SIZE));
    let written = pattern(5, SIZE as usize);
    object.map().write(0, &written);
    let buffer = object.export();
    let children = Children::fork(3, |_| read_by_copy(gpu, &buffer, &written));
    children.wait(HANG);
}

/// Has the GPU copy from a dma-buf, of which another process has the memory.
fn read_by_copy(gpu: &Gpu, buffer: impl AsFd, expected: &[u8]) {
    let client = Client::new(gpu);
    let (queue, own) = (client.queue(), client.bound(SIZE));
    let handle = drm::import(client.file(), buffer).expect("it is imported");
    let address = client.bind_object(handle, SIZE);
    queue.run(&queue.push().copy(address, own.address, SIZE as u32));
    assert_same(&own.memory.read(0, SIZE as usize), expected, "the copy");
}

fn refused(gpu: &Gpu) {
    let client = Client::new(gpu);
    let node = client.file();
    let null = File::open("/dev/null").expect("/dev/null");
    for file in [node.as_fd(), null.as_fd()] {
        assert_eq!(drm::import(node, file), Err(Errno::EINVAL));
    }
    assert_eq!(drm::export(node, 77).err(), Some(Errno::ENOENT));
    let private = GemCreate {
        vm_id: client.vm_id(),
        ..mappable(SIZE)
    };
    let private = Object::new(node, private);
    let exported = drm::export(node, private.handle());
    assert_eq!(exported.err(), Some(Errno::EPERM));
    assert_eq!(private.info().state, 0);
}

fn described(gpu: &Gpu, vgem: &File) {
    let node = gpu.open_render();
    let used = |node| {
        let regions = nova::query_regions(node).expect("the driver has regions");
        let region = regions[SYSTEM as usize];
        (region.used, region.client_used)
    };
    let before = used(&node);
    let buffer = Buffer::new(vgem, SIZE as u32);
    let handle = drm::import(&node, buffer.export()).expect("it is imported");
    let expected = GemInfo {
        handle,
        size: SIZE,
        placement: 1 << SYSTEM,
        page_shift: 12,
        region: SYSTEM,
        state: uapi::GEM_STATE_IMPORTED,
        ..GemInfo::default()
    };
    assert_eq!(info(&node, handle), Ok(expected));
    // The memory is another driver's.
    assert_eq!(used(&node), (before.0, before.1 + SIZE));
    assert_eq!(drm::gem_close(&node, handle), Ok(()));
    assert_eq!(used(&node), before);
}

fn vgem_export(gpu: &Gpu, vgem: &File) {
    let node = gpu.open_render();
    for create in [mappable(SIZE), within(SYSTEM, SIZE)] {
        let object = Object::new(&node, create);
        let handle = drm::import(vgem, object.export()).expect("vgem imports it");
        let back = drm::export(vgem, handle).expect("vgem exports it");
        assert_eq!(drm::import(&node, &back), Ok(object.handle()));
        assert_eq!(object.info().state, uapi::GEM_STATE_EXPORTED);
        drop(object);
        // vgem keeps it.
        let again = drm::import(&node, &back).expect("it is imported");
        assert_eq!(drm::gem_close(&node, again), Ok(()));
        assert_eq!(drm::gem_close(vgem, handle), Ok(()));
    }
}

fn bind_refused(gpu: &Gpu, vgem: &File) {
    let client = Client::new(gpu);
    let buffer = Buffer::new(vgem, SIZE as u32);
    let handle = drm::import(client.file(), buffer.export()).expect("it is imported");
    let whole = VmBindOp {
        op: uapi::VM_BIND_OP_MAP,
        handle,
        address: client.reserve(2 * SIZE),
        size: SIZE,
        ..VmBindOp::default()
    };
    let of_kinds = (1..16).map(|kind| VmBindOp { kind, ..whole });
    let outside = [
        VmBindOp {
            offset: PAGE,
            ..whole
        },
        VmBindOp {
            size: SIZE + PAGE,
            ..whole
        },
    ];
    for op in of_kinds.chain(outside) {
        assert_eq!(client.bind(op), Err(Errno::EINVAL), "{op:?}");
    }
    assert_eq!(client.bind(whole), Ok(()));
    // The CPU maps it by its dma-buf alone.
    let mapped = Mapped::new(client.file(), 0, SIZE as usize);
    assert_eq!(mapped.err(), Some(Errno::EINVAL));
}

fn closed(gpu: &Gpu, vgem: &File) {
    let client = Client::new(gpu);
    let (queue, own) = (client.queue(), client.bound(SIZE));
    let written = pattern(6, SIZE as usize);
    let address = {
        let buffer = Buffer::new(vgem, SIZE as u32);
        buffer.map().write(0, &written);
        let handle = drm::import(client.file(), buffer.export()).expect("it is imported");
        let address = client.bind_object(handle, SIZE);
        assert_eq!(drm::gem_close(client.file(), handle), Ok(()));
        address
    };
    queue.run(&queue.push().copy(address, own.address, SIZE as u32));
    assert_same(&own.memory.read(0, SIZE as usize), &written, "the copy");
}

fn again(gpu: &Gpu, vgem: &File) {
    let (node, other) = (gpu.open_render(), gpu.open_render());
    let buffer = Buffer::new(vgem, SIZE as u32);
    let exported = buffer.export();
    for _ in 0..3 {
        let handle = drm::import(&node, &exported).expect("it is imported");
        assert_eq!(drm::import(&node, buffer.export()), Ok(handle));
        // What is exported is vgem's dma-buf.
        let back = drm::export(&node, handle).expect("it is exported");
        let elsewhere = drm::import(&other, &back).expect("it is imported");
        let described = info(&other, elsewhere).map(|info| info.state);
        assert_eq!(described, Ok(uapi::GEM_STATE_IMPORTED));
        assert_eq!(drm::gem_close(&node, handle), Ok(()));
        assert_eq!(drm::gem_close(&other, elsewhere), Ok(()));
    }
}

fn foreign_processes(gpu: &Gpu, vgem: &File) {
    let buffer = Buffer::new(vgem, SIZE as u32);
    let written = pattern(7, SIZE as usize);
    buffer.map().write(0, &written);
    let exported = buffer.export();
    let children = Children::fork(3, |_| read_by_copy(gpu, &exported, &written));
    children.wait(HANG);
}

fn reset(gpu: &Gpu, vgem: &File) {
    let client = Client::new(gpu);
    let buffer = Buffer::new(vgem, SIZE as u32);
    let handle = drm::import(client.file(), buffer.export()).expect("it is imported");
    let address = client.bind_object(handle, SIZE);
    let resets = || nova::query_status(client.file()).map(|status| status.resets);
    let before = resets().expect("a status");
    gpu.require_reset();
    gpu.pci().reset().expect("the GPU is reset");
    wait_for(HANG, "the reset to be counted", || {
        resets() == Ok(before + 1)
    });
    gpu.assert_running();
    let (queue, own) = (client.queue(), client.bound(SIZE));
    let written = pattern(8, SIZE as usize);
    buffer.map().write(0, &written);
    queue.run(&queue.push().copy(address, own.address, SIZE as u32));
    assert_same(&own.memory.read(0, SIZE as usize), &written, "the copy");
}

/// The drops at the end come after the GPU has been bound again, in all orders.
fn unbound(gpu: &Gpu, vgem: &File) {
    let _bound = Timeout::new(HANG, "unbinding and binding");
    let (client, node) = (Client::new(gpu), gpu.open_render());
    let buffers = [(); 3].map(|()| Buffer::new(vgem, SIZE as u32));
    let [bound, open, gone] = buffers.each_ref().map(Buffer::export);
    let handle = drm::import(client.file(), &bound).expect("it is imported");
    client.bind_object(handle, SIZE);
    drm::import(&node, &open).expect("it is imported");
    drm::import(&node, &gone).expect("it is imported");
    let [_, _, closed] = &buffers;
    closed.map().set(0, 0x1234_5678_u32);
    gpu.unbind();
    assert_eq!(drm::import(&node, &gone), Err(Errno::ENODEV));
    assert_eq!(closed.map().get::<u32>(0), 0x1234_5678);
    drop((gone, node));
    gpu.bind();
    gpu.assert_running();
    drop((bound, client));
    copied(gpu, buffers[0].export(), &buffers[0].map());
    drop(buffers);
    drop(open);
}
