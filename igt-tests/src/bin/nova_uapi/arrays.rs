// SPDX-License-Identifier: MIT

//! Arrays that are wrong, or whose elements are.

use igt::memory::{BadAddress, HalfReadable};
use igt::nova::calls::{array, Faults};
use nix::errno::Errno;
use nova_uapi as uapi;
use nova_uapi::{Array, Push, Sync, VmBind, VmBindOp, VmGetFaults};

use crate::arguments::{bind, exec, OP, PUSH, WAIT};
use crate::nodes::Nodes;

/// All calls with arrays, each with one array that is given; the others are empty.
fn with_arrays(nodes: &Nodes, of: Of, wrong: Array, error: Errno) {
    let none = Array::default();
    match of {
        Of::Ops => nodes.fails(bind(wrong, none), error),
        Of::Pushes => nodes.fails(exec(wrong, none), error),
        Of::Syncs => {
            nodes.fails(bind(none, wrong), error);
            nodes.fails(exec(none, wrong), error);
        }
    }
}

/// The calls of [`with_arrays`] with an array that is right: the next thing they find out is that there is no such
/// address space, or queue.
fn right_arrays(nodes: &Nodes, of: Of, right: Array) {
    let none = Array::default();
    match of {
        Of::Ops => nodes.fails(bind(right, none), Errno::ENOENT),
        Of::Pushes => nodes.fails(exec(right, none), Errno::ENOENT),
        Of::Syncs => {
            nodes.fails(bind(none, right), Errno::ENOENT);
            nodes.fails(exec(none, right), Errno::ENOENT);
        }
    }
}

/// What an array consists of.
#[derive(Clone, Copy, Debug)]
enum Of {
    Ops,
    Pushes,
    Syncs,
}

/// Arrays, the size of the first version of their elements, and the most elements.
fn arrays(nodes: &Nodes) -> [(Of, u32, u32); 3] {
    let limits = nodes.limits();
    [
        (Of::Ops, 40, limits.bind_ops_max),
        (Of::Pushes, 16, limits.ring_entries_max),
        (Of::Syncs, 16, limits.syncs_max),
    ]
}

/// As many elements of `element` as make the largest array.
fn largest<T: Copy>(element: T, count: u32) -> Vec<T> {
    vec![element; count as usize]
}

pub(crate) fn array_shape(nodes: &Nodes) {
    let zeros = vec![0_u8; 4 * 4096];
    let pointer = zeros.as_ptr() as u64;
    for (of, size, limit) in arrays(nodes) {
        let shape = |pointer, count, stride| Array {
            pointer,
            count,
            stride,
        };
        for (wrong, error) in [
            (shape(pointer, 1, 0), Errno::EINVAL),
            (shape(pointer, 1, size - 1), Errno::EINVAL),
            (shape(pointer, limit + 1, size), Errno::EINVAL),
            (shape(pointer, u32::MAX, size), Errno::EINVAL),
            (shape(pointer, 0, 0), Errno::EINVAL),
            (shape(0, 0, size), Errno::EINVAL),
            (shape(pointer, 1, 257), Errno::E2BIG),
            (shape(pointer, 1, u32::MAX), Errno::E2BIG),
        ] {
            with_arrays(nodes, of, wrong, error);
        }
    }
    let faults = |count, stride| {
        let faults = VmGetFaults {
            faults: Array {
                count,
                stride,
                ..Array::default()
            },
            ..VmGetFaults::default()
        };
        Faults::new(faults, BadAddress::NULL)
    };
    for count in [1, u32::MAX] {
        nodes.fails(faults(count, 56), Errno::ENOENT);
    }
    nodes.fails(faults(1, 55), Errno::EINVAL);
    nodes.fails(faults(0, 56), Errno::EINVAL);
    nodes.fails(faults(1, 257), Errno::E2BIG);
    let limits = nodes.limits();
    let ops = largest(OP, limits.bind_ops_max);
    let pushes = largest(PUSH, limits.ring_entries_max);
    let syncs = largest(WAIT, limits.syncs_max);
    nodes.fails(bind(array(&ops), array(&syncs)), Errno::ENOENT);
    nodes.fails(exec(array(&pushes), array(&syncs)), Errno::ENOENT);
}

pub(crate) fn array_unreadable(nodes: &Nodes) {
    for (of, size, limit) in arrays(nodes) {
        for address in [
            BadAddress::NULL,
            BadAddress::KERNEL,
            BadAddress::NON_CANONICAL,
        ] {
            for (count, stride) in [(1, size), (limit, size), (limit, 256)] {
                let unreadable = Array {
                    pointer: address.get(),
                    count,
                    stride,
                };
                with_arrays(nodes, of, unreadable, Errno::EFAULT);
            }
        }
        // Of two elements, so many bytes can be read; zeros are a valid element of each array.
        let pages = HalfReadable::with(&[0; 200]);
        let end = |readable: u32| Array {
            pointer: pages.before_end(readable as usize),
            count: 2,
            stride: size,
        };
        right_arrays(nodes, of, end(2 * size));
        for readable in [0, 1, size, 2 * size - 1] {
            with_arrays(nodes, of, end(readable), Errno::EFAULT);
        }
    }
}

/// An element of a newer program.
#[repr(C)]
#[derive(Clone, Copy)]
struct Newer<T> {
    known: T,
    unknown: [u8; 80],
}

pub(crate) fn array_newer(nodes: &Nodes) {
    let with = |unknown: [u8; 80], check: &dyn Fn(Of, Array)| {
        let op = Newer { known: OP, unknown };
        let push = Newer {
            known: PUSH,
            unknown,
        };
        let sync = Newer {
            known: WAIT,
            unknown,
        };
        check(Of::Ops, longer(&[op, op]));
        check(Of::Pushes, longer(&[push, push]));
        check(Of::Syncs, longer(&[sync, sync]));
    };
    with([0; 80], &|of, right| right_arrays(nodes, of, right));
    for byte in [0, 63, 64, 79] {
        let mut unknown = [0; 80];
        unknown[byte] = 1;
        with(unknown, &|of, wrong| {
            with_arrays(nodes, of, wrong, Errno::E2BIG)
        });
    }
}

fn longer<T>(elements: &[Newer<T>]) -> Array {
    Array {
        pointer: elements.as_ptr() as u64,
        count: elements.len() as u32,
        stride: size_of::<Newer<T>>() as u32,
    }
}

pub(crate) fn elements(nodes: &Nodes) {
    let op = |op| VmBindOp {
        op,
        ..VmBindOp::default()
    };
    let unmap = op(uapi::VM_BIND_OP_UNMAP);
    for (wrong, error) in [
        (op(uapi::VM_BIND_OP_MAP_USERPTR), Errno::EOPNOTSUPP),
        (op(uapi::VM_BIND_OP_PREFETCH), Errno::EOPNOTSUPP),
        (op(uapi::VM_BIND_OP_PREFETCH + 1), Errno::EINVAL),
        (op(u32::MAX), Errno::EINVAL),
        (
            VmBindOp {
                flags: uapi::VM_BIND_OP_FLAG_READONLY,
                ..unmap
            },
            Errno::EINVAL,
        ),
        (
            VmBindOp {
                flags: 1 << 2,
                ..op(uapi::VM_BIND_OP_MAP)
            },
            Errno::EINVAL,
        ),
        (VmBindOp { handle: 1, ..unmap }, Errno::EINVAL),
        (VmBindOp { kind: 1, ..unmap }, Errno::EINVAL),
        (
            VmBindOp {
                pad: [0, 0, 1],
                ..unmap
            },
            Errno::EINVAL,
        ),
        (
            VmBindOp {
                offset: 4096,
                ..unmap
            },
            Errno::EINVAL,
        ),
        (
            VmBindOp {
                address: 4096,
                ..op(uapi::VM_BIND_OP_UNMAP_OBJECT)
            },
            Errno::EINVAL,
        ),
    ] {
        with_arrays(nodes, Of::Ops, array(&[OP, wrong]), error);
    }
    for bit in 1..32 {
        let flags = 1 << bit;
        let wrong = Push { flags, ..PUSH };
        with_arrays(nodes, Of::Pushes, array(&[PUSH, wrong]), Errno::EINVAL);
    }
    for (flags, point) in [
        (0, 1),
        (uapi::SYNC_SIGNAL, 1),
        (uapi::SYNC_TIMELINE, 0),
        (1 << 2, 0),
        (1 << 31, 0),
    ] {
        let wrong = Sync {
            flags,
            point,
            ..WAIT
        };
        with_arrays(nodes, Of::Syncs, array(&[WAIT, wrong]), Errno::EINVAL);
    }
}

pub(crate) fn order(nodes: &Nodes) {
    let unreadable = |count| Array {
        pointer: BadAddress::NULL.get(),
        count,
        stride: 40,
    };
    let wrong_op = VmBindOp { op: 99, ..OP };
    let flagged = VmBind {
        flags: 1,
        ..bind(unreadable(1), Array::default())
    };
    nodes.fails(flagged, Errno::EINVAL);
    let short = Array {
        stride: 1,
        ..array(&[WAIT])
    };
    nodes.fails(bind(unreadable(1), short), Errno::EINVAL);
    nodes.fails(bind(array(&[wrong_op]), unreadable(1)), Errno::EINVAL);
    nodes.fails(bind(array(&[OP]), unreadable(1)), Errno::EFAULT);
    let later = VmBindOp {
        op: uapi::VM_BIND_OP_PREFETCH,
        ..OP
    };
    nodes.fails(
        bind(array(&[wrong_op, later]), Array::default()),
        Errno::EINVAL,
    );
    nodes.fails(
        bind(array(&[later, wrong_op]), Array::default()),
        Errno::EOPNOTSUPP,
    );
}
