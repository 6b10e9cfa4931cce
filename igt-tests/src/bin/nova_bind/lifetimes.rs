// SPDX-License-Identifier: MIT

//! How long mappings and what they keep live.

use std::thread;

use igt::drm;
use igt::nova::object::{self, Object, VRAM};
use igt::space::{map, spaces, unmap, Filled, Space, PAGE};
use igt::{nova, wait_for, Timeout, HANG};
use nix::errno::Errno;
use nova_uapi as uapi;
use nova_uapi::{GemCreate, VmBindOp};

use crate::{Bench, AT, GENERIC};

/// Rounds of each thread.
const ROUNDS: usize = 50;

pub(crate) fn two_spaces(bench: &Bench) {
    let (here, there) = (bench.space(), bench.space());
    let [one, two] = [1, 2].map(|seed| bench.object(2, seed));
    here.bind(&[map(&one, 0, AT, 2)]);
    there.has_nothing(AT, 2);
    there.bind(&[map(&two, 0, AT, 2)]);
    here.has(AT, &one, 0, 2);
    there.has(AT, &two, 0, 2);
    here.bind(&[unmap(AT, 2)]);
    here.has_nothing(AT, 2);
    there.has(AT, &two, 0, 2);
    assert_eq!(here.destroy(), Ok(()));
    there.has(AT, &two, 0, 2);
}

pub(crate) fn closed(bench: &Bench) {
    let space = bench.space();
    let mut object = bench.object(2, 1);
    space.bind(&[map(&object, 0, AT, 2)]);
    object.close();
    assert_eq!(
        space.try_bind(&[map(&object, 0, AT + 2 * PAGE, 2)]),
        Err(Errno::ENOENT)
    );
    space.has(AT, &object, 0, 2);
    space.has_nothing(AT + 2 * PAGE, 2);
    space.bind(&[unmap(AT, 1)]);
    space.has_nothing(AT, 1);
    space.has(AT + PAGE, &object, 1, 1);
    space.bind(&[unmap(AT, 2)]);
    space.has_nothing(AT, 2);
}

/// In opposite orders, so that the reservations of the objects are contended for.
pub(crate) fn threads(bench: &Bench) {
    let (here, there) = (bench.space(), bench.space());
    let objects = [1, 2, 3].map(|seed| bench.object(2, seed));
    let [one, two, three] = &objects;
    let at = |number: u64| AT + 2 * number * PAGE;
    let forward = [
        map(one, 0, at(0), 2),
        map(two, 0, at(1), 2),
        map(three, 0, at(2), 2),
    ];
    let backward = [
        map(three, 0, at(2), 2),
        map(two, 0, at(1), 2),
        map(one, 0, at(0), 2),
    ];
    thread::scope(|scope| {
        for space in [&here, &there] {
            for ops in [&forward, &backward] {
                scope.spawn(move || {
                    for _ in 0..ROUNDS {
                        space.bind(ops);
                        space.bind(&[unmap(AT, 6)]);
                    }
                });
            }
        }
    });
    for space in [&here, &there] {
        space.has_nothing(AT, 6);
        space.bind(&forward);
        for (number, object) in (0..).zip(&objects) {
            space.has(at(number), object, 0, 2);
        }
    }
}

pub(crate) fn private(bench: &Bench) {
    let (mine, other) = (bench.space(), bench.space());
    let create = GemCreate {
        vm_id: mine.id,
        ..object::mappable_in(bench.region, 2 * PAGE)
    };
    let object = Object::new(&bench.file, create);
    assert_eq!(object.info().vm_id, mine.id);
    object.map().set(0, 0x1234_u64);
    let map = VmBindOp {
        op: uapi::VM_BIND_OP_MAP,
        handle: object.handle(),
        address: AT,
        size: 2 * PAGE,
        ..VmBindOp::default()
    };
    assert_eq!(other.try_bind(&[map]), Err(Errno::EPERM));
    other.has_nothing(AT, 2);
    mine.bind(&[map]);
    assert_eq!(mine.peek(AT), Ok(0x1234));
    let exported = drm::export(&bench.file, object.handle());
    assert_eq!(exported.err(), Some(Errno::EPERM));
    // Its address space goes, and the CPU still has it.
    assert_eq!(mine.destroy(), Ok(()));
    assert_eq!(object.info().vm_id, 0);
    assert_eq!(object.map().get::<u64>(0), 0x1234);
    assert_eq!(other.try_bind(&[map]), Err(Errno::EPERM));
}

/// What was in VRAM is lost, but the CPU and the GPU still find the object there.
pub(crate) fn after_reset(bench: &Bench) {
    bench.gpu.require_reset();
    let mut space = bench.space();
    let object = bench.object(4, 1);
    let generic = VmBindOp {
        kind: GENERIC,
        ..map(&object, 0, AT, 4)
    };
    space.bind(&[generic]);
    let resets = nova::query_status(&bench.file).unwrap().resets;
    {
        let _bound = Timeout::new(HANG, "a reset");
        bench.gpu.pci().reset().expect("the GPU is reset");
    }
    wait_for(HANG, "the GPU to work again", || {
        let status = nova::query_status(&bench.file).unwrap();
        status.resets > resets && status.health == uapi::HEALTH_OK
    });
    // As `Bench::require` does.
    drop(bench.object(1, 0));
    let before = spaces(&bench.mock);
    space.bind(&[map(&object, 0, AT + 4 * PAGE, 1)]);
    space.find(&before);
    space.has_kind(AT, GENERIC, 4);
    space.has_kind(AT + 4 * PAGE, 0, 1);
    if bench.region == VRAM {
        // A reset may have brought back what another program had there. The CPU has not touched it since.
        for page in 0..4 {
            assert_eq!(space.peek(AT + page * PAGE), Ok(0));
        }
    }
    for page in 0..4 {
        object.memory.set((page * PAGE) as usize, object.word(page));
    }
    space.has(AT, &object, 0, 4);
    assert_eq!(space.poke(AT + PAGE + 8, 0x1234), Ok(()));
    assert_eq!(object.memory.get::<u64>(PAGE as usize + 8), 0x1234);
}

pub(crate) fn close_file(bench: &Bench) {
    let before = spaces(&bench.mock);
    let file = bench.gpu.open_render();
    let mut object = Filled::within(&file, bench.region, 64, 1);
    for number in 0..3 {
        let space = Space::new(&file, &bench.mock);
        space.bind(&[map(&object, 0, AT + number * PAGE, 64)]);
    }
    // The object goes with its last mapping.
    object.close();
    drop(object);
    drop(file);
    wait_for(HANG, "the address spaces of a closed file to go", || {
        spaces(&bench.mock) == before
    });
}
