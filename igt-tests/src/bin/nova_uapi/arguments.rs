// SPDX-License-Identifier: MIT

//! Arguments that calls have.

use nova_uapi as uapi;
use nova_uapi::{Array, Exec, Push, Sync, VmBind, VmBindOp};

/// An unmap of a page: as an operation, it needs no object.
pub(crate) const OP: VmBindOp = VmBindOp {
    op: uapi::VM_BIND_OP_UNMAP,
    flags: 0,
    handle: 0,
    kind: 0,
    pad: [0; 3],
    offset: 0,
    address: 4 << 20,
    size: 4096,
};

/// Commands for the GPU.
pub(crate) const PUSH: Push = Push {
    address: 4 << 20,
    size: 64,
    flags: uapi::PUSH_NO_PREFETCH,
};

/// A wait for a binary sync object.
pub(crate) const WAIT: Sync = Sync {
    handle: 1,
    flags: 0,
    point: 0,
};

/// A bind in a queue.
pub(crate) fn bind(ops: Array, syncs: Array) -> VmBind {
    VmBind {
        vm_id: 1,
        queue_id: 1,
        ops,
        syncs,
        ..VmBind::default()
    }
}

/// A job.
pub(crate) fn exec(pushes: Array, syncs: Array) -> Exec {
    Exec {
        queue_id: 1,
        flags: 0,
        pushes,
        syncs,
    }
}
