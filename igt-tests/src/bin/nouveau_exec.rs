// SPDX-License-Identifier: MIT

//! Work of nouveau's channels: copies, pages, semaphores, sync objects, and channels that are
//! killed.

use std::process::ExitCode;
use std::time::Duration;

use igt::nouveau::push::{Lines, Until};
use igt::nouveau::{assert_done, assert_same, pattern, Buffer, Channel, Client, Engine, Gpu};
use igt::nouveau::{Param, Place, Push, Segment, Signal, OF_KILLED_CHANNEL};
use igt::nouveau::{HUGE_PAGE, LARGE_PAGE, PAGE};
use igt::{kmsg, Children, Tests, Timeout, HANG};
use nix::errno::Errno;

/// Number of channels of a client, and of clients, in tests of many.
const MANY: usize = 8;

fn main() -> ExitCode {
    igt::run("Work of nouveau's channels.", |tests| {
        let gpu = &tests.fixture(Gpu::require_running);

        tests.group("The copy engine.", |tests| copies(tests, gpu));
        tests.group("Addresses and pages.", |tests| addresses(tests, gpu));
        tests.group("Order of work.", |tests| order(tests, gpu));
        tests.group("What a channel reads.", |tests| pushes(tests, gpu));
        tests.group("Channels and clients.", |tests| others(tests, gpu));
    })
}

fn copies(tests: &mut Tests, gpu: &igt::Fixture<Gpu>) {
    tests.subtest_with_dynamic(
        "copy",
        "A megabyte comes back from VRAM as it was sent there.",
        |parts| {
            for (name, engine) in Engine::ALL {
                parts.dynamic(name, || copy(gpu, engine));
            }
        },
    );
    tests.subtest(
        "copy-sizes",
        "Copies of any size, from and to any byte of a page, write what they should and no more.",
        || copy_sizes(gpu),
    );
    tests.subtest(
        "copy-lines",
        "Lines are copied with the distances that the source and the destination have.",
        || copy_lines(gpu),
    );
    tests.subtest(
        "copy-semaphore",
        "The semaphore of a copy is written when the copy is done.",
        || copy_semaphore(gpu),
    );
    tests.subtest(
        "fill",
        "A word is written as often as was asked for.",
        || {
            fill(gpu);
        },
    );
}

fn addresses(tests: &mut Tests, gpu: &igt::Fixture<Gpu>) {
    tests.subtest_with_dynamic(
        "pages",
        "Memory is the same at an address with pages of one size and at one with small pages.",
        |parts| {
            // A page size, the size of a buffer for which nouveau takes these pages, and how far
            // the address is from being aligned to a huge page.
            for (name, page, size, off) in [
                ("vram-4k", PAGE, 5 * PAGE, 0),
                ("vram-64k", LARGE_PAGE, 5 * LARGE_PAGE, 0),
                ("vram-2m", HUGE_PAGE, 3 * HUGE_PAGE, 0),
                ("vram-64k-of-2m", LARGE_PAGE, 2 * HUGE_PAGE, LARGE_PAGE),
                ("vram-4k-of-2m", PAGE, 2 * HUGE_PAGE, PAGE),
            ] {
                parts.dynamic(name, || pages(gpu, Place::Vram, page, size, off));
            }
            parts.dynamic("system", || pages(gpu, Place::System, PAGE, HUGE_PAGE, 0));
        },
    );
    tests.subtest(
        "pages-mixed",
        "Pages of different sizes are neighbors, and take each other's place.",
        || pages_mixed(gpu),
    );
    tests.subtest(
        "rebind",
        "An address leads to the buffer that it was given last.",
        || rebind(gpu),
    );
    tests.subtest(
        "split",
        "Addresses around those that were taken away stay.",
        || split(gpu),
    );
    tests.subtest(
        "bind-later",
        "A buffer gets its address after the work for which that waits.",
        || bind_later(gpu),
    );
    tests.subtest_with_dynamic(
        "sparse",
        "Sparse addresses read as zero and lose what is written, except where a buffer is.",
        |parts| {
            for (name, size) in [
                ("4k", PAGE),
                ("64k", LARGE_PAGE),
                ("2m", HUGE_PAGE),
                ("odd", 2 * HUGE_PAGE + LARGE_PAGE + PAGE),
            ] {
                parts.dynamic(name, || sparse(gpu, size));
            }
        },
    );
}

fn order(tests: &mut Tests, gpu: &igt::Fixture<Gpu>) {
    tests.subtest_with_dynamic(
        "semaphore",
        "A channel waits for a semaphore, and another one releases it.",
        |parts| {
            for (name, before, until, released) in [
                ("equals", 6, Until::Equals(5), 5),
                ("at-least", 4, Until::AtLeast(5), 0xffff_fff0),
                ("passed", 0xffff_fff0, Until::Passed(2), 3),
                ("any-of", 0b0011, Until::HasAnyOf(0b1100), 0b0101),
            ] {
                parts.dynamic(name, || semaphore(gpu, before, until, released));
            }
        },
    );
    tests.subtest(
        "semaphore-cpu",
        "A channel waits for a semaphore that the CPU releases.",
        || semaphore_cpu(gpu),
    );
    tests.subtest(
        "semaphore-add",
        "No addition of two channels to one semaphore is lost.",
        || semaphore_add(gpu),
    );
    tests.subtest(
        "semaphore-time",
        "The time in a semaphore is that of the GPU's clock.",
        || semaphore_time(gpu),
    );
    tests.subtest(
        "syncobj",
        "Work waits for the work of another channel by a sync object.",
        || syncobj(gpu),
    );
    tests.subtest(
        "syncobj-timeline",
        "The points of a timeline are signaled as the work behind them is done.",
        || syncobj_timeline(gpu),
    );
}

fn pushes(tests: &mut Tests, gpu: &igt::Fixture<Gpu>) {
    tests.subtest(
        "no-push",
        "Work without words is done after the work before it.",
        || no_push(gpu),
    );
    tests.subtest(
        "many-pushes",
        "As many pushes as nouveau takes at once are all done, more often than the ring holds.",
        || many_pushes(gpu),
    );
    tests.subtest(
        "long-push",
        "A push of many pages is done to its last word.",
        || long_push(gpu),
    );
    tests.subtest(
        "split-method",
        "A method's words may be in another push than its header.",
        || split_method(gpu),
    );
}

fn others(tests: &mut Tests, gpu: &igt::Fixture<Gpu>) {
    tests.subtest(
        "many-channels",
        "Many channels of a client work at once.",
        || many_channels(gpu),
    );
    tests.subtest(
        "two-clients",
        "The same address of two clients leads to the memory of each.",
        || two_clients(gpu),
    );
    tests.subtest(
        "processes",
        "Processes copy at the same time, and none sees the bytes of another.",
        || processes(gpu),
    );
    tests.subtest_with_dynamic(
        "fault",
        "A channel that does what it must not is killed, and others of its client go on.",
        |parts| {
            for (name, fault) in FAULTS {
                parts.dynamic(name, || a_fault(gpu, fault));
            }
        },
    );
    tests.subtest(
        "fault-other-client",
        "A channel that is killed does not disturb another client.",
        || fault_other_client(gpu),
    );
    tests.subtest(
        "hang",
        "A channel that waits in vain is killed after a while, and others go on until then.",
        || hang(gpu),
    );
}

fn copy(gpu: &Gpu, engine: Engine) {
    const SIZE: u64 = 1 << 20;
    let client = Client::new(gpu);
    let channel = client.channel(engine);
    let (source, from) = client.bound(Place::System, SIZE);
    let (_vram, vram) = client.bound(Place::Vram, SIZE);
    let (target, to) = client.bound(Place::System, SIZE);
    let written = pattern(1, SIZE as usize);
    source.memory().write(0, &written);
    let there = Push::new().copy(from, vram, SIZE as u32);
    channel.run(&there.copy(vram, to, SIZE as u32));
    assert_same(
        &target.memory().read(0, SIZE as usize),
        &written,
        "the copy",
    );
}

/// What tests fill memory with that a copy must not change.
const UNTOUCHED: u8 = 0xee;

/// Copies from each of some bytes to each of others, to VRAM and back.
fn copy_sizes(gpu: &Gpu) {
    const SIZES: [usize; 15] = [
        1, 2, 3, 4, 7, 16, 255, 4095, 4096, 4097, 8191, 12289, 65535, 65536, 65537,
    ];
    const OFFSETS: [(usize, usize); 6] = [
        (0, 0),
        (1, 0),
        (0, 1),
        (4095, 4094),
        (4093, 3),
        (65535, 65534),
    ];
    /// Bytes around a copy that are looked at.
    const AROUND: usize = 64;
    const SIZE: usize = 3 * LARGE_PAGE as usize;

    let client = Client::new(gpu);
    let channel = client.channel(Engine::Copy);
    let (source, from) = client.bound(Place::System, SIZE as u64);
    let (_vram, vram) = client.bound(Place::Vram, SIZE as u64);
    let (target, to) = client.bound(Place::System, SIZE as u64);
    let written = pattern(2, SIZE);
    source.memory().write(0, &written);
    for size in SIZES {
        for (first, second) in OFFSETS {
            // `AROUND` before `second`, which is the first byte of the copy.
            let window = size + 2 * AROUND;
            target.memory().write(second, &vec![UNTOUCHED; window]);
            let length = size as u32;
            let push = Push::new()
                .copy(from + first as u64, vram + second as u64, length)
                .copy(vram + second as u64, to + (second + AROUND) as u64, length);
            channel.run(&push);
            let mut expected = vec![UNTOUCHED; window];
            expected[AROUND..][..size].copy_from_slice(&written[first..][..size]);
            let what = format!("{size} bytes from {first:#x} to {second:#x}");
            assert_same(&target.memory().read(second, window), &expected, &what);
        }
    }
}

fn copy_lines(gpu: &Gpu) {
    const SIZE: usize = 2 * LARGE_PAGE as usize;
    let client = Client::new(gpu);
    let channel = client.channel(Engine::Copy);
    let (source, from) = client.bound(Place::System, SIZE as u64);
    let (target, to) = client.bound(Place::System, SIZE as u64);
    let written = pattern(3, SIZE);
    source.memory().write(0, &written);
    for lines in [
        // A line that is longer than a page, and one that is shorter.
        lines(5000, 10, 8192, 6001),
        lines(100, 300, 256, 101),
        lines(1, 64, 1, 3),
        lines(777, 20, 777, 1000),
    ] {
        target.memory().write(0, &vec![UNTOUCHED; SIZE]);
        channel.run(&Push::new().copy_lines(from + 5, to + 9, lines));
        let mut expected = vec![UNTOUCHED; SIZE];
        for line in 0..lines.count {
            let length = lines.length as usize;
            let source = &written[5 + (line * lines.from_pitch) as usize..][..length];
            expected[9 + (line * lines.to_pitch) as usize..][..length].copy_from_slice(source);
        }
        let found = target.memory().read(0, SIZE);
        assert_same(&found, &expected, &format!("{lines:?}"));
    }
}

fn lines(length: u32, count: u32, from_pitch: u32, to_pitch: u32) -> Lines {
    Lines {
        length,
        count,
        from_pitch,
        to_pitch,
    }
}

fn copy_semaphore(gpu: &Gpu) {
    const SIZE: u64 = 1 << 20;
    let client = Client::new(gpu);
    let [first, second] = [(); 2].map(|()| client.channel(Engine::Copy));
    let (semaphore, semaphore_address) = client.bound(Place::System, PAGE);
    let (source, from) = client.bound(Place::System, SIZE);
    let (_vram, vram) = client.bound(Place::Vram, SIZE);
    let (target, to) = client.bound(Place::System, SIZE);
    let written = pattern(4, SIZE as usize);
    source.memory().write(0, &written);
    // The second channel copies further what it must not see before the first one is done.
    let push = Push::new().acquire(semaphore_address, Until::Equals(9));
    let work = second.start(&push.copy(vram, to, SIZE as u32));
    let push = Push::new();
    first.run(&push.copy_and_release([from, vram], SIZE as u32, semaphore_address, 9));
    assert_done(&work);
    assert_eq!(semaphore.memory().get::<u32>(0), 9);
    assert_same(
        &target.memory().read(0, SIZE as usize),
        &written,
        "the copy",
    );
}

fn fill(gpu: &Gpu) {
    const SIZE: usize = LARGE_PAGE as usize;
    let client = Client::new(gpu);
    let channel = client.channel(Engine::Copy);
    let (target, to) = client.bound(Place::System, SIZE as u64);
    for (at, count) in [(0, 1), (4092, 2), (4, 3), (PAGE, PAGE / 4), (12, 5000)] {
        target.memory().write(0, &[UNTOUCHED; SIZE]);
        channel.run(&Push::new().fill(to + at, 0x4433_2211, count as u32));
        let mut expected = vec![UNTOUCHED; SIZE];
        let words = [0x11, 0x22, 0x33, 0x44].repeat(count as usize);
        expected[at as usize..][..words.len()].copy_from_slice(&words);
        let what = format!("{count} words at {at:#x}");
        assert_same(&target.memory().read(0, SIZE), &expected, &what);
    }
}

/// Writes across the borders of pages by one address, and reads it by another.
fn pages(gpu: &Gpu, place: Place, page: u64, size: u64, off: u64) {
    const SPAN: u64 = 600;
    let client = Client::new(gpu);
    let channel = client.channel(Engine::Copy);
    let buffer = client.buffer(place, size);
    assert_eq!(buffer.size(), size, "nouveau takes other pages");
    let address = client.reserve(size + off) + off;
    client.bind(&buffer, address);
    // nouveau takes pages of 4 KiB for an address that is aligned to no more.
    let other = client.reserve(size + PAGE) + PAGE;
    client.bind(&buffer, other);

    // The ends of the buffer, and up to eight borders of pages.
    let step = page * (size / page).div_ceil(8);
    let borders = (step..size).step_by(step as usize).map(|at| at - SPAN / 2);
    let places: Vec<u64> = borders.chain([0, size - SPAN]).collect();
    let room = places.len() as u64 * SPAN;
    let (source, from) = client.bound(Place::System, room);
    let (target, to) = client.bound(Place::System, room);
    let written = pattern(page, room as usize);
    source.memory().write(0, &written);
    let (mut write, mut read) = (Push::new(), Push::new());
    for (at, place) in (0..).step_by(SPAN as usize).zip(&places) {
        write = write.copy(from + at, address + place, SPAN as u32);
        read = read.copy(other + place, to + at, SPAN as u32);
    }
    channel.run(&write);
    channel.run(&read);
    let found = target.memory().read(0, room as usize);
    assert_same(&found, &written, &format!("{places:#x?}"));
}

/// Within what a huge page would cover, for which the GPU has a table of large pages and one of
/// small pages.
fn pages_mixed(gpu: &Gpu) {
    let client = Client::new(gpu);
    let channel = client.channel(Engine::Copy);
    let (target, to) = client.bound(Place::System, PAGE);
    let base = client.reserve(HUGE_PAGE);
    let large: Vec<_> = (0..4)
        .map(|_| client.buffer(Place::Vram, LARGE_PAGE))
        .collect();
    let small: Vec<_> = (0..4)
        .map(|number| match number % 2 {
            0 => client.buffer(Place::Vram, PAGE),
            _ => client.buffer(Place::System, PAGE),
        })
        .collect();
    // Writes a number to both ends of each buffer, and then reads all.
    let assert_own = |bound: &[(&Buffer<'_>, u64)], numbers: u32| {
        let ends = bound
            .iter()
            .flat_map(|(buffer, address)| [*address, address + buffer.size() - 4]);
        let ends: Vec<_> = ends.zip(numbers..).collect();
        let fill = |push: Push, (address, number): &(u64, u32)| push.fill(*address, *number, 1);
        channel.run(&ends.iter().fold(Push::new(), fill));
        let read =
            |push: Push, (at, (address, _)): (u64, &(u64, u32))| push.copy(*address, to + at, 4);
        channel.run(&(0..).step_by(4).zip(&ends).fold(Push::new(), read));
        let found: Vec<u32> = (0..ends.len())
            .map(|n| target.memory().get(4 * n))
            .collect();
        let expected: Vec<u32> = ends.iter().map(|(_, number)| *number).collect();
        assert_eq!(found, expected);
    };
    let bind = |bound: &[(&Buffer<'_>, u64)]| {
        bound
            .iter()
            .for_each(|(buffer, address)| client.bind(buffer, *address));
    };
    let slot = |number: u64| base + number * LARGE_PAGE;

    let mut bound = [
        (&large[0], slot(0)),
        (&small[0], slot(1)),
        (&small[1], slot(2) - PAGE),
        (&large[1], slot(2)),
        (&large[2], slot(31)),
    ];
    bind(&bound);
    assert_own(&bound, 100);
    // Small pages in the place of a large one, and a large one in that of small ones.
    client.unbind(slot(0), LARGE_PAGE);
    client.unbind(slot(1), PAGE);
    client.unbind(slot(2) - PAGE, PAGE);
    bound[0] = (&small[2], slot(0));
    bound[1] = (&small[3], slot(1) - PAGE);
    bound[2] = (&large[3], slot(1));
    bind(&bound[..3]);
    assert_own(&bound, 200);
    // A huge page in the place of all.
    for (buffer, address) in bound {
        client.unbind(address, buffer.size());
    }
    let huge = client.buffer(Place::Vram, HUGE_PAGE);
    bind(&[(&huge, base)]);
    assert_own(&[(&huge, base)], 300);
    client.unbind(base, HUGE_PAGE);
    bind(&bound);
    assert_own(&bound, 400);
}

/// A word of a buffer in system memory.
fn word(buffer: &Buffer<'_>) -> u32 {
    buffer.memory().get(0)
}

fn rebind(gpu: &Gpu) {
    let client = Client::new(gpu);
    let channel = client.channel(Engine::Copy);
    let buffers = [(); 4].map(|()| client.buffer(Place::System, PAGE));
    let address = client.reserve(PAGE);
    // Twice, so that what the GPU remembers of an address is wrong for the next buffer.
    for round in [1, 2] {
        for (number, buffer) in (10 * round..).zip(&buffers) {
            // Without an unbind, the new buffer takes the place of the old one.
            client.bind(buffer, address);
            channel.run(&Push::new().fill(address, number, 1));
            assert_eq!(word(buffer), number);
        }
        let words = buffers.each_ref().map(word);
        assert_eq!(words, [0, 1, 2, 3].map(|number| 10 * round + number));
        client.unbind(address, PAGE);
    }
}

fn split(gpu: &Gpu) {
    for (place, page) in [(Place::System, PAGE), (Place::Vram, LARGE_PAGE)] {
        let client = Client::new(gpu);
        let channel = client.channel(Engine::Copy);
        let (_buffer, address) = client.bound(place, 3 * page);
        let other = client.buffer(place, page);
        let (target, to) = client.bound(Place::System, 3 * PAGE);
        let at = [0, 1, 2].map(|number| address + number * page);

        let fill = |push: Push, number: usize| push.fill(at[number], 1 + number as u32, 1);
        channel.run(&(0..3).fold(Push::new(), fill));
        client.unbind(at[1], page);
        channel.run(&Push::new().copy(at[0], to, 4).copy(at[2], to + 8, 4));
        client.bind(&other, at[1]);
        channel.run(&Push::new().fill(at[1], 9, 1).copy(at[1], to + 4, 4));
        // The neighbors of the new buffer are as before.
        let copy =
            |push: Push, number: usize| push.copy(at[number], to + 12 + 4 * number as u64, 4);
        channel.run(&(0..3).fold(Push::new(), copy));
        let found: Vec<u32> = (0..24)
            .step_by(4)
            .map(|at| target.memory().get(at))
            .collect();
        assert_eq!(found, [1, 9, 3, 1, 9, 3], "{place:?}");
    }
}

fn bind_later(gpu: &Gpu) {
    let client = Client::new(gpu);
    let channel = client.channel(Engine::Copy);
    let (semaphore, semaphore_address) = client.bound(Place::System, PAGE);
    let [old, new] = [(); 2].map(|()| client.buffer(Place::System, PAGE));
    let address = client.reserve(PAGE);
    client.bind(&old, address);

    let push = Push::new().acquire(semaphore_address, Until::Equals(1));
    let before = channel.start(&push.fill(address, 5, 1));
    let bound = client.syncobj();
    client.bind_later(&new, address, &before, &bound);
    let after = channel.start_after(&[Signal::Binary(&bound)], &Push::new().fill(address, 6, 1));
    assert_eq!(bound.is_signaled(), Ok(false));
    semaphore.memory().set(0, 1_u32);
    assert_done(&after);
    assert_eq!((word(&old), word(&new)), (5, 6));
}

fn sparse(gpu: &Gpu, size: u64) {
    let client = Client::new(gpu);
    let channel = client.channel(Engine::Copy);
    let address = client.reserve(size);
    client.bind_sparse(address, size);
    let (source, from) = client.bound(Place::System, PAGE);
    let (target, to) = client.bound(Place::System, PAGE);
    source.memory().write(0, &[0x55; PAGE as usize]);

    // Writes to sparse addresses, reads them again, and returns whether they are all zero.
    let is_empty = |at: u64| {
        target.memory().write(0, &[UNTOUCHED; PAGE as usize]);
        let push = Push::new().copy(from, at, PAGE as u32);
        channel.run(&push.copy(at, to, PAGE as u32));
        let found = target.memory().read(0, PAGE as usize);
        match found[0] {
            0x55 => assert_same(&found, &[0x55; PAGE as usize], "with memory"),
            _ => assert_same(&found, &[0; PAGE as usize], "sparse"),
        }
        found[0] == 0
    };
    let last = address + size - PAGE;
    let middle = address + (size / 2) / PAGE * PAGE;
    let places = [address, middle, last];
    assert_eq!(places.map(is_empty), [true; 3]);

    let buffer = client.buffer(Place::System, PAGE);
    client.bind(&buffer, middle);
    let expected = places.map(|at| at != middle);
    assert_eq!(places.map(is_empty), expected);
    client.unbind(middle, PAGE);
    assert_eq!(places.map(is_empty), [true; 3]);
    client.unbind_sparse(address, size);
}

/// A page of system memory with a semaphore.
fn semaphore_of(client: &Client) -> (Buffer<'_>, u64) {
    client.bound(Place::System, PAGE)
}

fn semaphore(gpu: &Gpu, before: u32, until: Until, released: u32) {
    let client = Client::new(gpu);
    let [waiting, releasing] = [(); 2].map(|()| client.channel(Engine::Copy));
    let (memory, address) = semaphore_of(&client);
    let (target, to) = client.bound(Place::System, PAGE);
    memory.memory().set(0, before);
    let work = waiting.start(&Push::new().acquire(address, until).fill(to, 1, 1));
    // Other channels go on meanwhile.
    releasing.run(&Push::new().fill(to + 4, 2, 1));
    assert_eq!(work.is_signaled(), Ok(false));
    assert_eq!(word(&target), 0);
    releasing.run(&Push::new().release(address, released));
    assert_done(&work);
    assert_eq!((word(&target), word(&memory)), (1, released));
}

fn semaphore_cpu(gpu: &Gpu) {
    let client = Client::new(gpu);
    let channel = client.channel(Engine::Copy);
    for place in [Place::System, Place::Vram] {
        let (memory, address) = client.bound(place, PAGE);
        memory.memory().set(16, 0_u32);
        let work = channel.start(&Push::new().acquire(address + 16, Until::Equals(7)));
        assert_eq!(work.is_signaled(), Ok(false), "{place:?}");
        memory.memory().set(16, 7_u32);
        assert_done(&work);
    }
}

fn semaphore_add(gpu: &Gpu) {
    const TIMES: u32 = 1000;
    let client = Client::new(gpu);
    let channels = [(); 2].map(|()| client.channel(Engine::Copy));
    let (memory, address) = semaphore_of(&client);
    let push = (0..TIMES).fold(Push::new(), |push, _| push.add(address, 3));
    let work = channels.each_ref().map(|channel| channel.start(&push));
    work.iter().for_each(assert_done);
    assert_eq!(word(&memory), 2 * TIMES * 3);
}

fn semaphore_time(gpu: &Gpu) {
    const PAYLOAD: u64 = 0x1234_5678_9abc_def0;
    let client = Client::new(gpu);
    let channel = client.channel(Engine::Copy);
    let (memory, address) = semaphore_of(&client);
    let before = client.param(Param::PtimerTime);
    let push = Push::new().release_with_time(address, PAYLOAD);
    channel.run(&push.release_with_time(address + 16, PAYLOAD + 1));
    let after = client.param(Param::PtimerTime);
    let memory = memory.memory();
    let [first, second] = [0, 16].map(|at| (memory.get::<u64>(at), memory.get::<u64>(at + 8)));
    assert_eq!((first.0, second.0), (PAYLOAD, PAYLOAD + 1));
    let times = [before, first.1, second.1, after];
    assert!(times.is_sorted(), "{times:?}");
}

fn syncobj(gpu: &Gpu) {
    let client = Client::new(gpu);
    let channels: Vec<_> = (0..3).map(|_| client.channel(Engine::Copy)).collect();
    let (memory, address) = semaphore_of(&client);
    let (target, to) = client.bound(Place::System, PAGE);

    let push = Push::new().acquire(address, Until::Equals(1));
    let first = channels[0].start(&push.fill(to, 1, 1));
    let copy = |number: u64| Push::new().copy(to + 4 * number, to + 4 * number + 4, 4);
    let second = channels[1].start_after(&[Signal::Binary(&first)], &copy(0));
    let third = channels[2].start_after(&[Signal::Binary(&second)], &copy(1));
    for work in [&first, &second, &third] {
        assert_eq!(work.is_signaled(), Ok(false));
    }
    memory.memory().set(0, 1_u32);
    assert_done(&third);
    let found = [0, 4, 8].map(|at| target.memory().get::<u32>(at));
    assert_eq!(found, [1, 1, 1]);
}

fn syncobj_timeline(gpu: &Gpu) {
    let client = Client::new(gpu);
    let channel = client.channel(Engine::Copy);
    let (memory, address) = semaphore_of(&client);
    let timeline = client.syncobj();
    for point in [1, 2, 5] {
        let push = Push::new().acquire(address, Until::AtLeast(point));
        let segment = channel.place(push.words());
        let signal = Signal::Point(&timeline, point.into());
        assert_eq!(channel.exec(&[segment], &[], &[signal]), Ok(()));
    }
    assert_eq!(timeline.point(), Ok(0));
    for (word, point) in [(1, 1), (4, 2), (5, 5)] {
        memory.memory().set::<u32>(0, word);
        assert_eq!(timeline.wait_for_point(point, HANG), Ok(()));
        assert_eq!(timeline.point(), Ok(point));
    }
}

fn no_push(gpu: &Gpu) {
    let client = Client::new(gpu);
    let channel = client.channel(Engine::Copy);
    let (memory, address) = semaphore_of(&client);
    let done = client.syncobj();
    let work = channel.start(&Push::new().acquire(address, Until::Equals(1)));
    assert_eq!(channel.exec(&[], &[], &[Signal::Binary(&done)]), Ok(()));
    assert_eq!(done.is_signaled(), Ok(false));
    memory.memory().set(0, 1_u32);
    assert_done(&done);
    assert_done(&work);
}

fn many_pushes(gpu: &Gpu) {
    const ROUNDS: u64 = 5;
    let client = Client::new(gpu);
    let channel = client.channel(Engine::Copy);
    let (memory, address) = semaphore_of(&client);
    let segment = channel.place(Push::new().add(address, 1).words());
    let most = client.param(Param::ExecPushMax);
    let segments = vec![segment; most as usize];
    let done = client.syncobj();
    for _ in 0..ROUNDS {
        let result = channel.exec(&segments, &[], &[Signal::Binary(&done)]);
        assert_eq!(result, Ok(()));
    }
    assert_done(&done);
    assert_eq!(u64::from(word(&memory)), ROUNDS * most);
}

fn long_push(gpu: &Gpu) {
    /// Less than the room for words of a channel.
    const NOPS: usize = 12345;
    let client = Client::new(gpu);
    let channel = client.channel(Engine::Copy);
    let (memory, address) = semaphore_of(&client);
    let some = |push: Push, _| push.nops(NOPS).add(address, 1);
    channel.run(&(0..4).fold(Push::new(), some));
    assert_eq!(word(&memory), 4);
}

fn split_method(gpu: &Gpu) {
    let client = Client::new(gpu);
    let channel = client.channel(Engine::Copy);
    let (memory, address) = semaphore_of(&client);
    let push = Push::new().release(address, 0x77);
    for at in 1..push.words().len() {
        memory.memory().set(0, 0_u32);
        let (first, second) = push.words().split_at(at);
        let segments = [channel.place(first), channel.place(second)];
        let done = client.syncobj();
        let result = channel.exec(&segments, &[], &[Signal::Binary(&done)]);
        assert_eq!(result, Ok(()));
        assert_done(&done);
        assert_eq!(word(&memory), 0x77, "split after {at} words");
    }
}

fn many_channels(gpu: &Gpu) {
    let client = Client::new(gpu);
    let channels: Vec<_> = (0..MANY).map(|_| client.channel(Engine::Copy)).collect();
    let (target, to) = client.bound(Place::System, PAGE);
    let places = || (0..).step_by(4);
    let work: Vec<_> = channels
        .iter()
        .zip(places())
        .map(|(channel, at)| channel.start(&Push::new().fill(to + at, 1 + at as u32, 1)))
        .collect();
    work.iter().for_each(assert_done);
    for at in places().take(MANY) {
        assert_eq!(target.memory().get::<u32>(at as usize), 1 + at as u32);
    }
    // Their numbers are free again.
    let mut before: Vec<_> = channels.iter().map(|channel| channel.number()).collect();
    drop(channels);
    let channels: Vec<_> = (0..before.len())
        .map(|_| client.channel(Engine::Copy))
        .collect();
    let mut after: Vec<_> = channels.iter().map(|channel| channel.number()).collect();
    before.sort_unstable();
    after.sort_unstable();
    assert_eq!(before, after);
}

fn two_clients(gpu: &Gpu) {
    let clients = [(); 2].map(|()| Client::new(gpu));
    let channels = clients
        .each_ref()
        .map(|client| client.channel(Engine::Copy));
    let buffers = clients
        .each_ref()
        .map(|client| client.bound(Place::Vram, PAGE));
    let targets = clients
        .each_ref()
        .map(|client| client.bound(Place::System, PAGE));
    assert_eq!(buffers[0].1, buffers[1].1, "the addresses");
    assert_eq!(targets[0].1, targets[1].1, "the addresses");
    let (address, to) = (buffers[0].1, targets[0].1);
    for (word, channel) in (1..).zip(&channels) {
        channel.run(&Push::new().fill(address, word, 1));
    }
    for channel in &channels {
        channel.run(&Push::new().copy(address, to, 4));
    }
    let words = targets.each_ref().map(|(target, _)| word(target));
    assert_eq!(words, [1, 2]);
}

fn processes(gpu: &Gpu) {
    const PROCESSES: usize = 4;
    const ROUNDS: u64 = 10;
    const SIZE: usize = 2 * LARGE_PAGE as usize;
    let children = Children::fork(PROCESSES, |number| {
        let client = Client::new(gpu);
        let channel = client.channel(Engine::Copy);
        let (source, from) = client.bound(Place::System, SIZE as u64);
        let (_vram, vram) = client.bound(Place::Vram, SIZE as u64);
        let (target, to) = client.bound(Place::System, SIZE as u64);
        for round in 0..ROUNDS {
            let written = pattern(number as u64 * ROUNDS + round, SIZE);
            source.memory().write(0, &written);
            let push = Push::new().copy(from, vram, SIZE as u32);
            channel.run(&push.copy(vram, to, SIZE as u32));
            let found = target.memory().read(0, SIZE);
            assert_same(
                &found,
                &written,
                &format!("process {number}, round {round}"),
            );
        }
    });
    children.wait(HANG);
}

/// What a channel must not do.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// Read where nothing is.
    Read,
    /// Write where nothing is.
    Write,
    /// Write beyond the end of a buffer.
    Border,
    /// Read words where there are none.
    Words,
    /// Release a semaphore where nothing is.
    Semaphore,
    /// A method that is never allowed.
    Method,
}

const FAULTS: [(&str, Fault); 6] = [
    ("read", Fault::Read),
    ("write", Fault::Write),
    ("border", Fault::Border),
    ("words", Fault::Words),
    ("semaphore", Fault::Semaphore),
    ("method", Fault::Method),
];

/// Has a channel do what it must not, and asserts that it is killed and does nothing of `after`.
fn kill(client: &Client, channel: &Channel<'_>, fault: Fault, after: &Push) {
    let nowhere = client.reserve(HUGE_PAGE);
    let (_memory, address) = client.bound(Place::System, PAGE);
    let wrong = match fault {
        Fault::Read => Push::new().copy(nowhere, address, 64),
        Fault::Write => Push::new().copy(address, nowhere, 64),
        Fault::Border => Push::new().fill(address + PAGE - 8, 1, 4),
        Fault::Semaphore => Push::new().release(nowhere, 1),
        Fault::Method => Push::new().illegal(),
        Fault::Words => Push::new(),
    };
    let mut segments = vec![channel.place(wrong.words()), channel.place(after.words())];
    if matches!(fault, Fault::Words) {
        segments[0] = Segment {
            address: nowhere,
            length: 16,
        };
    }
    let done = client.syncobj();
    let result = channel.exec(&segments, &[], &[Signal::Binary(&done)]);
    assert_eq!(result, Ok(()));
    assert_eq!(done.wait(HANG), Ok(()));
    assert_eq!(done.outcome(), Ok(Some(Err(Errno::ENODEV))), "{fault:?}");
    assert_eq!(channel.exec(&[], &[], &[]), Err(Errno::ENODEV));
}

fn a_fault(gpu: &Gpu, fault: Fault) {
    kmsg::expect(&OF_KILLED_CHANNEL);
    let client = Client::new(gpu);
    let [bad, good] = [(); 2].map(|()| client.channel(Engine::Copy));
    let (target, to) = client.bound(Place::System, PAGE);
    kill(&client, &bad, fault, &Push::new().release(to, 1));
    good.run(&Push::new().fill(to + 4, 2, 1));
    drop(bad);
    let new = client.channel(Engine::Copy);
    new.run(&Push::new().fill(to + 8, 3, 1));
    let found = [0, 4, 8].map(|at| target.memory().get::<u32>(at));
    assert_eq!(found, [0, 2, 3]);
}

fn fault_other_client(gpu: &Gpu) {
    kmsg::expect(&OF_KILLED_CHANNEL);
    let [bad, good] = [(); 2].map(|()| Client::new(gpu));
    let channel = good.channel(Engine::Copy);
    let (memory, address) = semaphore_of(&good);
    let (target, to) = good.bound(Place::System, PAGE);
    let push = Push::new().acquire(address, Until::Equals(1));
    let work = channel.start(&push.fill(to, 1, 1));
    {
        let channel = bad.channel(Engine::Copy);
        kill(&bad, &channel, Fault::Read, &Push::new());
    }
    drop(bad);
    memory.memory().set(0, 1_u32);
    assert_done(&work);
    channel.run(&Push::new().fill(to + 4, 2, 1));
    let found = [0, 4].map(|at| target.memory().get::<u32>(at));
    assert_eq!(found, [1, 2]);
}

fn hang(gpu: &Gpu) {
    kmsg::expect(&OF_KILLED_CHANNEL);
    let client = Client::new(gpu);
    let [bad, good] = [(); 2].map(|()| client.channel(Engine::Copy));
    let (_memory, address) = semaphore_of(&client);
    let (target, to) = client.bound(Place::System, PAGE);
    let push = Push::new().acquire(address, Until::Equals(1));
    let work = bad.start(&push.fill(to, 1, 1));
    let _bound = Timeout::new(HANG, "the end of work that waits for ever");
    let mut rounds = 0;
    while !work.is_signaled().expect("there is a fence") {
        rounds += 1;
        good.run(&Push::new().fill(to + 4, rounds, 1));
        std::thread::sleep(Duration::from_millis(100));
    }
    // The scheduler itself cancels work that has timed out (scheduler/sched_main.c).
    assert_eq!(work.outcome(), Ok(Some(Err(Errno::ECANCELED))));
    log::info!("the other channel did {rounds} rounds meanwhile");
    let found = [0, 4].map(|at| target.memory().get::<u32>(at));
    assert_eq!(found, [0, rounds]);
    drop(bad);
    good.run(&Push::new().fill(to, 5, 1));
    assert_eq!(word(&target), 5);
}
