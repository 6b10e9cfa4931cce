// SPDX-License-Identifier: MIT

//! Addresses and pages.

use igt::nouveau::{
    assert_same, pattern, Buffer, Client, Engine, Gpu, Place, HUGE_PAGE, LARGE_PAGE, PAGE,
};
use igt::push::{Push, Until};
use igt::syncobj::{assert_done, Signal};
use igt::{Fixture, Tests};

use crate::memory::{word, UNTOUCHED};

pub(crate) fn subtests(tests: &mut Tests, gpu: &Fixture<Gpu>) {
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
