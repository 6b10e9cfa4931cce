// SPDX-License-Identifier: MIT

//! Calls that fail, and change nothing.

use igt::nova;
use igt::nova::bind_queue::BindQueue;
use igt::nova::calls::{array, call_with};
use igt::space::{map, sparse, unmap, unmap_object, Filled, Space, PAGE};
use nix::errno::Errno;
use nova_uapi as uapi;
use nova_uapi::{Sync, VmBind, VmBindOp};

use crate::{Bench, AT};

/// See `ranges.rs`.
const END: u64 = 1 << 49;
const START: u64 = 2 << 20;

/// As the driver says.
const OPS_MAX: usize = 1024;

/// An address space with an object of four pages at [`AT`].
struct Scene<'a> {
    bench: &'a Bench,
    space: Space<'a>,
    object: Filled<'a>,
}

impl<'a> Scene<'a> {
    fn new(bench: &'a Bench) -> Self {
        let space = bench.space();
        let object = Filled::new(&bench.file, 4, 1);
        space.bind(&[map(&object, 0, AT, 4)]);
        Self {
            bench,
            space,
            object,
        }
    }

    /// The operations fail, and what is mapped stays so.
    #[track_caller]
    fn fails(&self, ops: &[VmBindOp], error: Errno) {
        assert_eq!(self.space.try_bind(ops), Err(error), "{ops:x?}");
        self.is_as_before();
    }

    /// The call fails, its argument stays as it is, and so does what is mapped.
    #[track_caller]
    fn call_fails(&self, asked: VmBind, error: Errno) {
        let result = call_with(&self.bench.file, asked);
        assert_eq!(result, Err(error), "{asked:x?}");
        self.is_as_before();
    }

    #[track_caller]
    fn is_as_before(&self) {
        self.space.has(AT, &self.object, 0, 4);
        self.space.has_nothing(AT + 4 * PAGE, 1);
    }

    /// A call about the address space.
    fn ask(&self, ops: &[VmBindOp]) -> VmBind {
        VmBind {
            vm_id: self.space.id,
            ops: array(ops),
            ..VmBind::default()
        }
    }

    /// An unmap that would be seen.
    fn unmap(&self) -> VmBindOp {
        unmap(AT, 4)
    }
}

pub(crate) fn unknown(bench: &Bench) {
    let scene = Scene::new(bench);
    let ops = [scene.unmap()];
    let other = bench.space();
    assert_eq!(other.destroy(), Ok(()));
    for vm_id in [0, other.id, u32::MAX] {
        let asked = VmBind {
            vm_id,
            ..scene.ask(&ops)
        };
        scene.call_fails(asked, Errno::ENOENT);
    }
    let gone = BindQueue::new(&bench.file, scene.space.id);
    assert_eq!(gone.destroy(), Ok(()));
    for queue_id in [gone.id(), u32::MAX] {
        let asked = VmBind {
            queue_id,
            ..scene.ask(&ops)
        };
        scene.call_fails(asked, Errno::ENOENT);
    }
    let mut closed = Filled::new(&bench.file, 1, 2);
    closed.close();
    for handle in [0, closed.handle, u32::MAX] {
        let map = map(&scene.object, 0, AT + 4 * PAGE, 1);
        scene.fails(&[scene.unmap(), VmBindOp { handle, ..map }], Errno::ENOENT);
        let unmap = unmap_object(&scene.object);
        scene.fails(&[VmBindOp { handle, ..unmap }], Errno::ENOENT);
    }
}

pub(crate) fn misaligned(bench: &Bench) {
    let scene = Scene::new(bench);
    let map = map(&scene.object, 0, AT + 4 * PAGE, 1);
    for by in [1, 8, PAGE - 1] {
        for op in [map, sparse(AT, 1), unmap(AT, 1)] {
            let address = op.address + by;
            scene.fails(&[VmBindOp { address, ..op }], Errno::EINVAL);
            let size = op.size + by;
            scene.fails(&[VmBindOp { size, ..op }], Errno::EINVAL);
        }
        scene.fails(&[VmBindOp { offset: by, ..map }], Errno::EINVAL);
    }
    for op in [map, sparse(AT, 1), unmap(AT, 1)] {
        scene.fails(&[VmBindOp { size: 0, ..op }], Errno::EINVAL);
    }
}

pub(crate) fn outside(bench: &Bench) {
    let scene = Scene::new(bench);
    let kernel = scene.space.kernel.clone();
    let object = Filled::new(&bench.file, 8, 2);
    for (address, pages) in [
        (0, 1),
        (START - PAGE, 1),
        (START - PAGE, 2),
        (END, 1),
        (END - PAGE, 2),
        (0_u64.wrapping_sub(PAGE), 1),
        (0_u64.wrapping_sub(PAGE), 2),
        (kernel.start, 1),
        (kernel.start - PAGE, 2),
        (kernel.end - PAGE, 1),
        (kernel.end - PAGE, 2),
    ] {
        for op in [
            map(&object, 0, address, pages),
            sparse(address, pages),
            unmap(address, pages),
        ] {
            scene.fails(&[op], Errno::EINVAL);
        }
    }
    let all = unmap(START, (END - START) / PAGE);
    scene.fails(&[all], Errno::EINVAL);
    let wraps = VmBindOp {
        size: 0_u64.wrapping_sub(AT),
        ..unmap(AT, 1)
    };
    scene.fails(&[wraps], Errno::EINVAL);
}

pub(crate) fn part_outside(bench: &Bench) {
    let scene = Scene::new(bench);
    let at = AT + 4 * PAGE;
    for (first, pages) in [(0, 5), (1, 4), (4, 1), (3, 2)] {
        scene.fails(&[map(&scene.object, first, at, pages)], Errno::EINVAL);
    }
    for offset in [0_u64.wrapping_sub(PAGE), 1 << 63] {
        let op = VmBindOp {
            offset,
            ..map(&scene.object, 0, at, 1)
        };
        scene.fails(&[op], Errno::EINVAL);
    }
}

pub(crate) fn kinds(bench: &Bench) {
    let scene = Scene::new(bench);
    let kinds = nova::query_vm(&bench.file).unwrap().kinds;
    let is_missing = |kind: &u8| kinds.checked_shr((*kind).into()).unwrap_or(0) & 1 == 0;
    for kind in (0..=u8::MAX).filter(is_missing) {
        let op = VmBindOp {
            kind,
            ..map(&scene.object, 0, AT + 4 * PAGE, 1)
        };
        assert_eq!(scene.space.try_bind(&[op]), Err(Errno::EINVAL), "{kind}");
    }
    scene.is_as_before();
}

pub(crate) fn all_or_none(bench: &Bench) {
    let scene = Scene::new(bench);
    let other = Filled::new(&bench.file, 4, 2);
    let good = [map(&other, 0, AT, 4), sparse(AT + 4 * PAGE, 1)];
    for bad in [
        unmap(0, 1),
        map(&other, 4, AT, 1),
        VmBindOp {
            handle: u32::MAX,
            ..unmap_object(&other)
        },
        VmBindOp {
            op: uapi::VM_BIND_OP_PREFETCH,
            ..VmBindOp::default()
        },
    ] {
        let [one, two] = good;
        for ops in [[one, two, bad], [one, bad, two], [bad, one, two]] {
            assert!(scene.space.try_bind(&ops).is_err(), "{bad:x?}");
            scene.is_as_before();
        }
    }
}

pub(crate) fn order_of_checks(bench: &Bench) {
    let scene = Scene::new(bench);
    let sync = [Sync {
        handle: 1,
        ..Sync::default()
    }];
    let misplaced = unmap(0, 1);
    let unknown = VmBindOp {
        handle: u32::MAX,
        ..unmap_object(&scene.object)
    };
    let later = VmBindOp {
        op: uapi::VM_BIND_OP_PREFETCH,
        ..VmBindOp::default()
    };
    let call = |op: &VmBindOp| scene.ask(std::slice::from_ref(op));
    // Sync objects without a queue.
    let unmap = scene.unmap();
    let asked = VmBind {
        syncs: array(&sync),
        ..call(&unmap)
    };
    scene.call_fails(asked, Errno::EINVAL);
    // An unknown object comes before ranges, and before sync objects without a queue.
    scene.fails(&[misplaced, unknown], Errno::ENOENT);
    let asked = VmBind {
        syncs: array(&sync),
        ..call(&unknown)
    };
    scene.call_fails(asked, Errno::ENOENT);
    // An address space comes before objects, and arrays come before an address space.
    let asked = VmBind {
        vm_id: u32::MAX,
        ..call(&unknown)
    };
    scene.call_fails(asked, Errno::ENOENT);
    let asked = VmBind {
        vm_id: u32::MAX,
        ..call(&later)
    };
    scene.call_fails(asked, Errno::EOPNOTSUPP);
    let asked = VmBind {
        vm_id: u32::MAX,
        flags: 1,
        ..call(&later)
    };
    scene.call_fails(asked, Errno::EINVAL);
}

/// A file takes page tables until it has no more, and others still get some. Each operation takes a page table of its own,
/// of which the driver writes little.
pub(crate) fn too_many_tables(bench: &Bench) {
    const TABLE: u64 = 2 << 20;
    const CALLS: u64 = 20;
    // As the driver says.
    const TABLES_MAX: u64 = 10 << 10;
    let file = bench.gpu.open_render();
    let space = Space::new(&file, &bench.mock);
    let fill = |call: u64| {
        let first = AT + call * OPS_MAX as u64 * TABLE;
        let ops: Vec<_> = (0..OPS_MAX as u64)
            .map(|number| sparse(first + number * TABLE, 16))
            .collect();
        space.try_bind(&ops)
    };
    let refused = (0..CALLS).find_map(|call| Some((call, fill(call).err()?)));
    let (calls, error) = refused.expect("a limit");
    assert_eq!(error, Errno::ENOSPC);
    assert!(calls * OPS_MAX as u64 <= TABLES_MAX, "{calls}");
    let other = bench.space();
    other.bind(&[sparse(AT, 16)]);
    assert_eq!(other.peek(AT), Ok(0));
    // What is unmapped is returned.
    space.bind(&[unmap(AT, CALLS * OPS_MAX as u64 * TABLE / PAGE)]);
    assert_eq!(fill(0), Ok(()));
    assert_eq!(space.peek(AT), Ok(0));
}
