// SPDX-License-Identifier: MIT

//! Members that are wrong.

use igt::memory::BadAddress;
use igt::nova::calls::{array, Faults};
use nix::errno::Errno;
use nova_uapi as uapi;
use nova_uapi::{
    Array, Exec, GemSetLabel, GetTime, QueueCreate, QueueDestroy, QueueGetState, VmBind, VmCreate,
    VmDestroy, VmGetFaults,
};

use crate::arguments::{bind, exec, OP, PUSH, WAIT};
use crate::nodes::Nodes;

const QUEUE: QueueCreate = QueueCreate {
    vm_id: 1,
    engine_class: uapi::ENGINE_CLASS_COPY,
    engine_instance: uapi::ENGINE_INSTANCE_ANY,
    priority: uapi::PRIORITY_NORMAL,
    timeslice_us: 0,
    ring_entries: 0,
    flags: 0,
    timeout_ms: 0,
    queue_id: u32::MAX,
    pushes_max: u32::MAX,
};

/// What is right about an argument gets as far as to what it is about, of which there is none.
pub(crate) fn unknown(nodes: &Nodes) {
    let faults = Faults::new(VmGetFaults::default(), BadAddress::NULL);
    nodes.fails(faults, Errno::ENOENT);
    nodes.fails(QUEUE, Errno::ENOENT);
    for queue_id in [0, 1, u32::MAX] {
        nodes.fails(QueueDestroy { queue_id, pad: 0 }, Errno::ENOENT);
        let state = QueueGetState {
            queue_id,
            ..QueueGetState::default()
        };
        nodes.fails(state, Errno::ENOENT);
    }
    nodes.fails(exec(array(&[PUSH]), array(&[WAIT])), Errno::ENOENT);
    nodes.fails(Exec::default(), Errno::ENOENT);
}

pub(crate) fn reserved(nodes: &Nodes) {
    let (ops, pushes) = (array(&[OP]), array(&[PUSH]));
    let (bind, exec) = (bind(ops, Array::default()), exec(pushes, Array::default()));
    let destroy_vm = VmDestroy { vm_id: 1, pad: 0 };
    let destroy_queue = QueueDestroy {
        queue_id: 1,
        pad: 0,
    };
    let (state, time) = (QueueGetState::default(), GetTime::default());
    for bit in 0..32 {
        let (flags, pad) = (1 << bit, 1 << bit);
        let create = VmCreate {
            flags,
            ..VmCreate::default()
        };
        nodes.fails(create, Errno::EINVAL);
        nodes.fails(VmDestroy { pad, ..destroy_vm }, Errno::EINVAL);
        nodes.fails(VmBind { flags, ..bind }, Errno::EINVAL);
        nodes.fails(VmBind { pad, ..bind }, Errno::EINVAL);
        let faults = VmGetFaults {
            flags,
            ..VmGetFaults::default()
        };
        nodes.fails(Faults::new(faults, BadAddress::NULL), Errno::EINVAL);
        nodes.fails(QueueCreate { flags, ..QUEUE }, Errno::EINVAL);
        nodes.fails(
            QueueDestroy {
                pad,
                ..destroy_queue
            },
            Errno::EINVAL,
        );
        nodes.fails(QueueGetState { flags, ..state }, Errno::EINVAL);
        nodes.fails(Exec { flags, ..exec }, Errno::EINVAL);
        nodes.fails(GetTime { flags, ..time }, Errno::EINVAL);
    }
    for reserved in (0..32).map(|bit| 1 << bit) {
        let faults = VmGetFaults {
            reserved,
            ..VmGetFaults::default()
        };
        nodes.fails(Faults::new(faults, BadAddress::NULL), Errno::EINVAL);
    }
    for bit in 0..64 {
        let reserved = 1 << bit;
        for reserved in [[reserved, 0], [0, reserved]] {
            nodes.fails(QueueGetState { reserved, ..state }, Errno::EINVAL);
        }
    }
}

pub(crate) fn enums(nodes: &Nodes) {
    for engine_class in [uapi::ENGINE_CLASS_OFA + 1, 1 << 31, u32::MAX] {
        nodes.fails(
            QueueCreate {
                engine_class,
                ..QUEUE
            },
            Errno::EINVAL,
        );
    }
    let binds = QueueCreate {
        engine_class: uapi::ENGINE_CLASS_BIND,
        ..QueueCreate::default()
    };
    nodes.fails(binds, Errno::ENOENT);
    for unused in [
        QueueCreate {
            ring_entries: 64,
            ..binds
        },
        QueueCreate {
            engine_instance: 1,
            ..binds
        },
    ] {
        nodes.fails(unused, Errno::EINVAL);
    }
    for priority in [uapi::PRIORITY_HIGH + 1, 1 << 31, u32::MAX] {
        nodes.fails(QueueCreate { priority, ..QUEUE }, Errno::EINVAL);
    }
    for clock_id in (0..32).chain([u32::MAX]) {
        let time = GetTime {
            clock_id,
            ..GetTime::default()
        };
        if !uapi::CLOCKS.contains(&clock_id) {
            nodes.fails(time, Errno::EINVAL);
        }
    }
}

pub(crate) fn label(nodes: &Nodes) {
    let label = |text: &[u8]| GemSetLabel {
        handle: 0,
        size: text.len() as u32,
        label: text.as_ptr() as u64,
    };
    let mut long = [b'a'; 4097];
    long[4095] = 0;
    // There is no such object, which is found out last.
    for handle in [0, 0x1234, u32::MAX] {
        let unknown = |label| GemSetLabel { handle, ..label };
        nodes.fails(unknown(label(b"vertices\0")), Errno::ENOENT);
        nodes.fails(unknown(label(&long[..4096])), Errno::ENOENT);
        nodes.fails(unknown(GemSetLabel::default()), Errno::ENOENT);
    }
    for wrong in [&b"vertices"[..], b"a\0b\0", b"a\nb\0", b"\xff\0", &long] {
        nodes.fails(label(wrong), Errno::EINVAL);
    }
    let nothing = GemSetLabel {
        size: 0,
        ..label(b"\0")
    };
    nodes.fails(nothing, Errno::EINVAL);
    for address in [BadAddress::NULL, BadAddress::NON_CANONICAL] {
        let unreadable = GemSetLabel {
            label: address.get(),
            ..label(b"\0")
        };
        nodes.fails(unreadable, Errno::EFAULT);
    }
}
