// SPDX-License-Identifier: MIT

//! Buffers of nouveau: in VRAM and in system memory, seen by the CPU, and shared with another
//! driver.

use std::fs::File;
use std::process::ExitCode;

use igt::memory::Mapped;
use igt::nouveau::{assert_same, pattern, Client, Engine, Gpu, Param, Place};
use igt::nouveau::{HUGE_PAGE, LARGE_PAGE, PAGE};
use igt::push::{Push, Until};
use igt::syncobj::assert_done;
use igt::{drm, vgem, wait_for, HANG};
use nix::errno::Errno;

fn main() -> ExitCode {
    igt::run(
        "Buffers of nouveau, as the CPU, the GPU and vgem see them.",
        |tests| {
            let gpu = tests.fixture(Gpu::require_running);

            tests.subtest(
                "new-info",
                "Buffers have the place and at least the size that were asked for.",
                || new_info(&gpu),
            );
            tests.subtest(
                "vram-used",
                "VRAM is in use as long as a buffer is there.",
                || vram_used(&gpu),
            );
            tests.subtest(
                "map-system",
                "The CPU and the GPU see the same system memory.",
                || map(&gpu, Place::System),
            );
            tests.subtest(
                "map-vram",
                "The CPU sees VRAM through BAR1 as the GPU sees it.",
                || map(&gpu, Place::Vram),
            );
            tests.subtest(
                "map-vram-pieces",
                "The CPU sees VRAM that is not in one piece as the GPU sees it.",
                || map(&gpu, Place::VramPieces),
            );
            tests.subtest(
                "map-widths",
                "The CPU can access VRAM by 1, 2, 4 and 8 bytes.",
                || map_widths(&gpu),
            );
            tests.subtest(
                "map-many",
                "Each of many buffers in BAR1 has its own memory.",
                || map_many(&gpu),
            );
            tests.subtest(
                "large",
                "The GPU reaches both ends of a buffer of half the VRAM.",
                || large(&gpu),
            );
            tests.subtest(
                "cpu-prep",
                "The CPU can wait until the GPU does not use a buffer any more.",
                || cpu_prep(&gpu),
            );

            tests.subtest(
                "prime-clients",
                "Two clients share a buffer, each by an address of its own.",
                || prime_clients(&gpu),
            );

            tests.group("Buffers that are shared with vgem.", |tests| {
                let vgem = tests.fixture(vgem::require);

                tests.subtest(
                    "prime-import",
                    "The GPU reads and writes a buffer of vgem.",
                    || prime_import(&gpu, &vgem),
                );
                tests.subtest(
                    "prime-export",
                    "A buffer that vgem needs moves from VRAM to system memory with its contents.",
                    || prime_export(&gpu, &vgem),
                );
            });
        },
    )
}

fn new_info(gpu: &Gpu) {
    let client = Client::new(gpu);
    for place in [Place::Vram, Place::VramPieces, Place::System, Place::Either] {
        for size in [1, PAGE, PAGE + 1, LARGE_PAGE, HUGE_PAGE, HUGE_PAGE + 1] {
            let buffer = client.buffer(place, size);
            log::info!("{size:#x} bytes in {place:?}: {buffer:x?}");
            assert!(
                buffer.size() >= size && buffer.size() % PAGE == 0,
                "{buffer:?}"
            );
            assert_eq!(buffer.is_in_vram(), place != Place::System, "{buffer:?}");
            buffer.assert_known();
        }
    }
}

fn vram_used(gpu: &Gpu) {
    const SIZE: u64 = 16 << 20;
    let client = Client::new(gpu);
    let buffers = [(); 4].map(|()| client.buffer(Place::Vram, SIZE));
    let used = client.param(Param::VramUsed);
    assert!(used >= 4 * SIZE, "{used:#x} bytes are in use");
    drop(buffers);
    wait_for(HANG, "the VRAM to be free", || {
        client.param(Param::VramUsed) <= used - 4 * SIZE
    });
}

/// What the CPU writes, the GPU copies; what the GPU has copied, the CPU reads.
fn map(gpu: &Gpu, place: Place) {
    // More than a page of each size but the largest; the CPU's accesses to VRAM are slow.
    const SIZE: u64 = 2 * LARGE_PAGE;
    const AREA: usize = 3 * PAGE as usize;
    let client = Client::new(gpu);
    let channel = client.channel(Engine::Copy);
    let (buffer, address) = client.bound(place, SIZE);
    let (other, other_address) = client.bound(Place::System, SIZE);
    let memory = buffer.memory();

    // Across the border of two large pages, and not aligned.
    let at = LARGE_PAGE as usize - AREA / 2 - 3;
    let written = pattern(1, AREA);
    memory.write(at, &written);
    channel.run(&Push::new().copy(address + at as u64, other_address, AREA as u32));
    assert_same(&other.memory().read(0, AREA), &written, "by the CPU");

    let written = pattern(2, AREA);
    other.memory().write(0, &written);
    channel.run(&Push::new().copy(other_address, address + at as u64, AREA as u32));
    assert_same(&memory.read(at, AREA), &written, "by the GPU");
}

fn map_widths(gpu: &Gpu) {
    let client = Client::new(gpu);
    let buffer = client.buffer(Place::Vram, PAGE);
    let memory = buffer.memory();
    memory.set(0, 0x8877_6655_4433_2211_u64);
    memory.set(8, 0xccbb_aa99_u32);
    memory.set(12, 0xeedd_u16);
    memory.set(14, 0xff_u8);
    memory.set(15, 0_u8);
    let bytes: Vec<u8> = (0..16).map(|at| memory.get::<u8>(at)).collect();
    let expected = (1..16).map(|n| n * 0x11).chain([0]).collect::<Vec<u8>>();
    assert_eq!(bytes, expected);
    assert_eq!(memory.get::<u16>(6), 0x8877);
    assert_eq!(memory.get::<u32>(4), 0x8877_6655);
    assert_eq!(memory.get::<u64>(8), 0x00ff_eedd_ccbb_aa99);
}

fn map_many(gpu: &Gpu) {
    const BUFFERS: u32 = 32;
    let client = Client::new(gpu);
    let sizes = [PAGE, LARGE_PAGE, HUGE_PAGE];
    let size_of = |number: u32| sizes[number as usize % sizes.len()];
    let buffers: Vec<_> = (0..BUFFERS)
        .map(|number| client.buffer(Place::Vram, size_of(number)))
        .collect();
    let ends = |size: u64| [0, size as usize - 4];
    for (number, buffer) in (0..).zip(&buffers) {
        for at in ends(buffer.size()) {
            buffer.memory().set::<u32>(at, number + at as u32);
        }
    }
    for (number, buffer) in (0..).zip(&buffers) {
        let found = ends(buffer.size()).map(|at| buffer.memory().get::<u32>(at));
        let expected = ends(buffer.size()).map(|at| number + at as u32);
        assert_eq!(found, expected, "buffer {number}");
    }
}

fn large(gpu: &Gpu) {
    let client = Client::new(gpu);
    let channel = client.channel(Engine::Copy);
    let half = (client.param(Param::FbSize) / 2).next_multiple_of(HUGE_PAGE);
    let buffer = client.buffer(Place::VramPieces, half);
    // Off by a huge page: on Hopper and later, nouveau maps nothing by pages of 512 MiB, but takes
    // them for an address that is aligned to that (nvkm/subdev/mmu/vmmgh100.c).
    let address = client
        .reserve(buffer.size() + (1 << 30))
        .next_multiple_of(1 << 30)
        + HUGE_PAGE;
    client.bind(&buffer, address);
    let (source, from) = client.bound(Place::System, PAGE);
    let (target, to) = client.bound(Place::System, 2 * PAGE);
    let written = pattern(3, PAGE as usize);
    source.memory().write(0, &written);

    let (first, last) = (address + 1, address + buffer.size() - PAGE);
    channel.run(
        &Push::new()
            .copy(from, first, PAGE as u32)
            .fill(last, 0x1234_5678, PAGE as u32 / 4)
            .copy(first, to, PAGE as u32)
            .copy(last, to + PAGE, PAGE as u32),
    );
    let memory = target.memory();
    assert_same(&memory.read(0, PAGE as usize), &written, "at the beginning");
    let filled = 0x1234_5678_u32.to_le_bytes().repeat(PAGE as usize / 4);
    assert_same(
        &memory.read(PAGE as usize, PAGE as usize),
        &filled,
        "at the end",
    );
}

fn cpu_prep(gpu: &Gpu) {
    let client = Client::new(gpu);
    let channel = client.channel(Engine::Copy);
    let (semaphore, semaphore_address) = client.bound(Place::System, PAGE);
    let (buffer, address) = client.bound(Place::Vram, PAGE);
    // The work uses both; nouveau does not know which of a client's buffers work uses.
    let push = Push::new()
        .acquire(semaphore_address, Until::Equals(1))
        .fill(address, 7, 1);
    let work = channel.start(&push);
    assert_eq!(buffer.wait_for_gpu(true), Err(Errno::EBUSY));
    assert_eq!(work.is_signaled(), Ok(false));
    semaphore.memory().set(0, 1_u32);
    assert_eq!(buffer.wait_for_gpu(false), Ok(()));
    assert_eq!(buffer.wait_for_gpu(true), Ok(()));
    assert_done(&work);
    assert_eq!(buffer.memory().get::<u32>(0), 7);
}

fn prime_clients(gpu: &Gpu) {
    let clients = [(); 2].map(|()| Client::new(gpu));
    let channels = clients
        .each_ref()
        .map(|client| client.channel(Engine::Copy));
    let (buffer, address) = clients[0].bound(Place::Vram, LARGE_PAGE);
    let shared = clients[1].import(buffer.export());
    assert_eq!(shared.size(), buffer.size());
    // So that the addresses differ.
    clients[1].reserve(HUGE_PAGE);
    let other_address = clients[1].reserve(shared.size());
    clients[1].bind(&shared, other_address);
    assert_ne!(address, other_address);
    let (target, to) = clients[1].bound(Place::System, PAGE);
    let (own, own_to) = clients[0].bound(Place::System, PAGE);

    channels[0].run(&Push::new().fill(address + PAGE, 0x1111, 1));
    channels[1].run(&Push::new().copy(other_address + PAGE, to, 4));
    channels[1].run(&Push::new().fill(other_address, 0x2222, 1));
    channels[0].run(&Push::new().copy(address, own_to, 4));
    let words = [&target, &own].map(|buffer| buffer.memory().get::<u32>(0));
    assert_eq!(words, [0x1111, 0x2222]);

    // The buffer lives as long as one of them has it.
    clients[0].unbind(address, buffer.size());
    drop(buffer);
    channels[1].run(&Push::new().copy(other_address, to, 4));
    assert_eq!(target.memory().get::<u32>(0), 0x2222);
}

/// Bytes of buffers that are shared.
const SHARED: usize = 16 * PAGE as usize;

fn prime_import(gpu: &Gpu, vgem: &File) {
    let client = Client::new(gpu);
    let channel = client.channel(Engine::Copy);
    let (other, other_address) = client.bound(Place::System, SHARED as u64);
    let handle = drm::create_dumb(vgem, SHARED as u32).expect("vgem has dumb buffers");
    let offset = drm::map_dumb(vgem, handle).expect("vgem maps dumb buffers");
    let memory = Mapped::new(vgem, offset, SHARED).expect("vgem maps dumb buffers");

    let exported = drm::export(vgem, handle).expect("vgem exports buffers");
    let buffer = client.import(exported);
    assert_eq!(buffer.size(), SHARED as u64);
    assert!(!buffer.is_in_vram());
    let address = client.reserve(buffer.size());
    client.bind(&buffer, address);

    let written = pattern(4, SHARED);
    memory.write(0, &written);
    channel.run(&Push::new().copy(address, other_address, SHARED as u32));
    assert_same(&other.memory().read(0, SHARED), &written, "by vgem");

    let written = pattern(5, SHARED);
    other.memory().write(0, &written);
    channel.run(&Push::new().copy(other_address, address, SHARED as u32));
    assert_same(&memory.read(0, SHARED), &written, "by the GPU");
    assert_eq!(drm::gem_close(vgem, handle), Ok(()));
}

/// The kernel moves the buffer with a channel of its own, and the client's address goes with it.
fn prime_export(gpu: &Gpu, vgem: &File) {
    let client = Client::new(gpu);
    let channel = client.channel(Engine::Copy);
    let (other, other_address) = client.bound(Place::System, SHARED as u64);
    let (buffer, address) = client.bound(Place::Either, SHARED as u64);
    assert!(buffer.is_in_vram());
    let written = pattern(6, SHARED);
    other.memory().write(0, &written);
    channel.run(&Push::new().copy(other_address, address, SHARED as u32));

    let exported = buffer.export();
    let handle = drm::import(vgem, &exported).expect("vgem imports buffers");
    assert!(!buffer.is_in_vram(), "it has not moved");
    let memory = Mapped::new(&exported, 0, SHARED).expect("it can be mapped");
    assert_same(&memory.read(0, SHARED), &written, "after the move");

    let written = pattern(7, SHARED);
    memory.write(0, &written);
    channel.run(&Push::new().copy(address, other_address, SHARED as u32));
    assert_same(&other.memory().read(0, SHARED), &written, "by the CPU");
    assert_eq!(drm::gem_close(vgem, handle), Ok(()));
}
