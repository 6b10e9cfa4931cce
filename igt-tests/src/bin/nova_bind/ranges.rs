// SPDX-License-Identifier: MIT

//! What is mapped where.

use igt::nova;
use igt::space::{map, sparse, unmap, unmap_object, PAGE};
use nova_uapi as uapi;
use nova_uapi::VmBindOp;

use crate::{Bench, AT};

/// End of the addresses that can be mapped, which `nova_vm` compares with the query.
const END: u64 = 1 << 49;

/// First address that can be mapped.
const START: u64 = 2 << 20;

/// Pages in 2 MiB.
const LARGE: u64 = 512;

/// The most operations of a call.
const OPS_MAX: usize = 1024;

pub(crate) fn map_object(bench: &Bench) {
    let space = bench.space();
    let object = bench.object(3, 1);
    space.has_nothing(AT, 3);
    space.bind(&[map(&object, 0, AT, 3)]);
    space.has(AT, &object, 0, 3);
    space.has_nothing(AT - PAGE, 1);
    space.has_nothing(AT + 3 * PAGE, 1);
    // It is the object's memory, and not a copy.
    object.memory.set(PAGE as usize + 8, 0x1234_u64);
    assert_eq!(space.peek(AT + PAGE + 8), Ok(0x1234));
    assert_eq!(space.poke(AT + 2 * PAGE + 16, 0x5678), Ok(()));
    assert_eq!(object.memory.get::<u64>(2 * PAGE as usize + 16), 0x5678);
}

pub(crate) fn part(bench: &Bench) {
    let space = bench.space();
    let object = bench.object(8, 2);
    space.bind(&[map(&object, 7, AT, 1), map(&object, 2, AT + PAGE, 3)]);
    space.has(AT, &object, 7, 1);
    space.has(AT + PAGE, &object, 2, 3);
    space.has_nothing(AT + 4 * PAGE, 1);
}

pub(crate) fn edges(bench: &Bench) {
    let space = bench.space();
    let object = bench.object(1, 3);
    let kernel = space.kernel.clone();
    for address in [START, kernel.start - PAGE, kernel.end, END - PAGE] {
        space.bind(&[map(&object, 0, address, 1)]);
        space.has(address, &object, 0, 1);
        space.bind(&[unmap(address, 1)]);
        space.has_nothing(address, 1);
    }
}

pub(crate) fn replace(bench: &Bench) {
    let space = bench.space();
    let objects = [1, 2].map(|seed| bench.object(4, seed));
    for object in objects.iter().cycle().take(4) {
        space.bind(&[map(object, 0, AT, 4)]);
        space.has(AT, object, 0, 4);
    }
    // Over two mappings and the gap between them.
    let [old, new] = &objects;
    space.bind(&[
        unmap(AT, 4),
        map(old, 0, AT, 1),
        map(old, 1, AT + 2 * PAGE, 2),
        map(new, 0, AT, 3),
    ]);
    space.has(AT, new, 0, 3);
    space.has(AT + 3 * PAGE, old, 2, 1);
}

pub(crate) fn split(bench: &Bench) {
    let space = bench.space();
    let [old, new] = [1, 2].map(|seed| bench.object(5, seed));
    space.bind(&[map(&old, 0, AT, 5)]);
    space.bind(&[map(&new, 4, AT + 2 * PAGE, 1)]);
    space.has(AT, &old, 0, 2);
    space.has(AT + 2 * PAGE, &new, 4, 1);
    space.has(AT + 3 * PAGE, &old, 3, 2);
    // The parts are mappings of their own.
    space.bind(&[unmap(AT + 3 * PAGE, 1)]);
    space.has(AT, &old, 0, 2);
    space.has_nothing(AT + 3 * PAGE, 1);
    space.has(AT + 4 * PAGE, &old, 4, 1);
    space.bind(&[unmap_object(&old)]);
    space.has_nothing(AT, 2);
    space.has(AT + 2 * PAGE, &new, 4, 1);
    space.has_nothing(AT + 3 * PAGE, 2);
}

pub(crate) fn unmap_any(bench: &Bench) {
    let space = bench.space();
    let object = bench.object(4, 1);
    // Nothing.
    space.bind(&[unmap(AT, 16)]);
    // A gap, a mapping, a gap and a half.
    space.bind(&[
        map(&object, 0, AT + PAGE, 2),
        map(&object, 0, AT + 4 * PAGE, 4),
    ]);
    space.bind(&[unmap(AT, 6)]);
    space.has_nothing(AT, 6);
    space.has(AT + 6 * PAGE, &object, 2, 2);
    // All that there is, on both sides of the kernel's range.
    let kernel = space.kernel.clone();
    space.bind(&[
        map(&object, 0, kernel.end, 1),
        unmap(START, (kernel.start - START) / PAGE),
        unmap(kernel.end, (END - kernel.end) / PAGE),
    ]);
    space.has_nothing(AT + 6 * PAGE, 2);
    space.has_nothing(kernel.end, 1);
}

pub(crate) fn large(bench: &Bench) {
    let space = bench.space();
    let object = bench.object(3 * LARGE, 1);
    let at = |page: u64| AT + page * PAGE;
    space.bind(&[map(&object, 0, AT, 3 * LARGE)]);
    let probes = [0, 1, 15, 16, LARGE - 1, LARGE, 2 * LARGE, 3 * LARGE - 1];
    for page in probes {
        space.has(at(page), &object, page, 1);
    }
    let cut = LARGE + 100;
    space.bind(&[unmap(at(cut), 1)]);
    space.has_nothing(at(cut), 1);
    for page in probes.into_iter().chain([cut - 1, cut + 1]) {
        space.has(at(page), &object, page, 1);
    }
    space.bind(&[map(&object, cut, at(cut), 1)]);
    space.has(at(cut - 1), &object, cut - 1, 3);
    space.bind(&[unmap(AT, 3 * LARGE)]);
    for page in probes.into_iter().chain([cut]) {
        space.has_nothing(at(page), 1);
    }
}

pub(crate) fn sparse_range(bench: &Bench) {
    let space = bench.space();
    let object = bench.object(2, 1);
    let at = |page: u64| AT + page * PAGE;
    // A small range, and one of whole tables.
    for pages in [8, 2 * LARGE] {
        let last = at(pages - 1);
        space.bind(&[sparse(AT, pages)]);
        for address in [AT, last] {
            assert_eq!(space.peek(address), Ok(0));
            assert_eq!(space.poke(address, 7), Ok(()));
            assert_eq!(space.peek(address), Ok(0));
        }
        space.has_nothing(at(pages), 1);
        space.bind(&[map(&object, 0, at(2), 2)]);
        assert_eq!(space.peek(at(1)), Ok(0));
        space.has(at(2), &object, 0, 2);
        assert_eq!(space.peek(at(4)), Ok(0));
        space.bind(&[unmap(at(3), 2)]);
        space.has(at(2), &object, 0, 1);
        space.has_nothing(at(3), 2);
        assert_eq!(space.peek(at(5)), Ok(0));
        space.bind(&[sparse(at(2), 2)]);
        assert_eq!(space.peek(at(2)), Ok(0));
        space.has_nothing(at(4), 1);
        space.bind(&[unmap(AT, pages)]);
        space.has_nothing(AT, 8);
        space.has_nothing(last, 1);
    }
}

pub(crate) fn read_only(bench: &Bench) {
    let space = bench.space();
    let object = bench.object(4, 1);
    let read_only = VmBindOp {
        flags: uapi::VM_BIND_OP_FLAG_READONLY | uapi::VM_BIND_OP_FLAG_DUMPABLE,
        ..map(&object, 0, AT, 4)
    };
    space.bind(&[read_only, map(&object, 1, AT + PAGE, 1)]);
    space.has(AT, &object, 0, 4);
    for (page, is_read_only) in [(0, true), (1, false), (2, true), (3, true)] {
        let written = space.poke(AT + page * PAGE + 8, 7);
        let expected = match is_read_only {
            true => Err("ReadOnly".to_owned()),
            false => Ok(()),
        };
        assert_eq!(written, expected, "page {page}");
    }
    space.bind(&[map(&object, 0, AT, 4)]);
    assert_eq!(space.poke(AT + 8, 7), Ok(()));
}

/// Kinds of pages that the GPU has.
fn query_kinds(bench: &Bench) -> Vec<u8> {
    let kinds = nova::query_vm(&bench.file).unwrap().kinds;
    (0..16).filter(|kind| kinds >> kind & 1 != 0).collect()
}

/// The mock has bytes in the same order in all kinds, so what is read says nothing of the kind.
pub(crate) fn kinds(bench: &Bench) {
    const PAGES: u64 = 2 * LARGE;
    let space = bench.space();
    let object = bench.object(PAGES, 1);
    let at = |page: u64| AT + page * PAGE;
    let of_kind = |kind, first, pages| VmBindOp {
        kind,
        ..map(&object, first, at(first), pages)
    };
    let kinds = query_kinds(bench);
    for (kind, other) in kinds.iter().zip(kinds.iter().cycle().skip(1)) {
        space.bind(&[of_kind(*kind, 0, PAGES)]);
        for page in [0, 1, 15, 16, LARGE - 1, LARGE, PAGES - 1] {
            space.has_kind(at(page), *kind, 1);
            space.has(at(page), &object, page, 1);
        }
        // The same memory, and nothing at all.
        space.bind(&[of_kind(*other, 3, 2), unmap(at(LARGE + 7), 1)]);
        space.has_kind(at(2), *kind, 1);
        space.has_kind(at(3), *other, 2);
        space.has_kind(at(5), *kind, 2);
        space.has(at(2), &object, 2, 5);
        space.has_kind(at(LARGE + 6), *kind, 1);
        space.has_nothing(at(LARGE + 7), 1);
        space.has_kind(at(LARGE + 8), *kind, 1);
    }
    // The same part twice in an address space.
    let [first, .., last] = kinds[..] else {
        panic!("kinds: {kinds:?}");
    };
    let twice = VmBindOp {
        kind: last,
        ..map(&object, 0, at(PAGES), 4)
    };
    space.bind(&[of_kind(first, 0, 4), twice]);
    space.has_kind(AT, first, 4);
    space.has_kind(at(PAGES), last, 4);
    space.has(at(PAGES), &object, 0, 4);
}

pub(crate) fn order(bench: &Bench) {
    let space = bench.space();
    let [one, two] = [1, 2].map(|seed| bench.object(2, seed));
    space.bind(&[
        map(&one, 0, AT, 2),
        unmap(AT, 2),
        map(&two, 0, AT, 2),
        map(&one, 0, AT, 1),
    ]);
    space.has(AT, &one, 0, 1);
    space.has(AT + PAGE, &two, 1, 1);
    space.bind(&[unmap_object(&one), map(&one, 1, AT, 1), unmap_object(&two)]);
    space.has(AT, &one, 1, 1);
    space.has_nothing(AT + PAGE, 1);
    space.bind(&[map(&two, 0, AT, 2), unmap_object(&two), unmap_object(&two)]);
    space.has_nothing(AT, 2);
}

pub(crate) fn none(bench: &Bench) {
    let space = bench.space();
    let object = bench.object(1, 1);
    space.bind(&[map(&object, 0, AT, 1)]);
    space.bind(&[]);
    space.has(AT, &object, 0, 1);
}

pub(crate) fn many(bench: &Bench) {
    let space = bench.space();
    let object = bench.object(2, 1);
    // Every other page, so that no two mappings are neighbors.
    let at = |number: usize| AT + 2 * number as u64 * PAGE;
    let maps: Vec<_> = (0..OPS_MAX)
        .map(|number| map(&object, number as u64 % 2, at(number), 1))
        .collect();
    space.bind(&maps);
    let probes = [0, 1, OPS_MAX / 2, OPS_MAX - 1];
    for number in probes {
        space.has(at(number), &object, number as u64 % 2, 1);
        space.has_nothing(at(number) + PAGE, 1);
    }
    let unmaps: Vec<_> = (0..OPS_MAX).map(|number| unmap(at(number), 1)).collect();
    space.bind(&unmaps);
    for number in probes {
        space.has_nothing(at(number), 1);
    }
}

pub(crate) fn unmap_object_everywhere(bench: &Bench) {
    let space = bench.space();
    let [one, two] = [1, 2].map(|seed| bench.object(4, seed));
    // It is mapped nowhere.
    space.bind(&[unmap_object(&one)]);
    let far = space.kernel.end;
    space.bind(&[
        map(&one, 0, AT, 4),
        map(&two, 0, AT + PAGE, 2),
        map(&one, 0, far, 4),
        map(&two, 3, far + 4 * PAGE, 1),
    ]);
    space.bind(&[unmap_object(&one)]);
    space.has_nothing(AT, 1);
    space.has(AT + PAGE, &two, 0, 2);
    space.has_nothing(AT + 3 * PAGE, 1);
    space.has_nothing(far, 4);
    space.has(far + 4 * PAGE, &two, 3, 1);
}
