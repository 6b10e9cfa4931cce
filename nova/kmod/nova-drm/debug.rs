// SPDX-License-Identifier: GPL-2.0

//! What dynamic debug shows of binds, jobs and faults. docs/debugging.md says how it is switched on.

use nova_core_module::ChannelError;
use nova_kernel::drm::debug::{debug, About};
use nova_uapi::{Exec, VmBind, VmBindOp};

use crate::driver::Device;
use crate::number::Number;

/// Shows what a program wants to have mapped. Each operation has been checked, but not against others, or objects.
pub(crate) fn bind(device: &Device, bind: &VmBind, ops: &[VmBindOp]) {
    for op in ops {
        debug(
            device,
            About::Bind,
            format_args!(
                "address space {}, queue {}: operation {}, flags {:#x}, {:#x} bytes at {:#x}, object {} from {:#x}",
                bind.vm_id,
                bind.queue_id,
                op.op,
                op.flags,
                op.size,
                op.address,
                op.handle,
                op.offset,
            ),
        );
    }
}

/// Shows a job that a queue is to take, all of which has been checked.
pub(crate) fn exec(device: &Device, exec: &Exec, queue: Number) {
    debug(
        device,
        About::Exec,
        format_args!(
            "queue {} ({queue}): {} pushes, {} sync objects",
            exec.queue_id, exec.pushes.count, exec.syncs.count,
        ),
    );
}

/// Shows why GSP-RM has stopped a queue; of a fault, the number in its address space. May be called with spin locks held.
pub(crate) fn fault(device: &Device, queue: Number, error: &ChannelError, fault: Option<u64>) {
    match fault {
        Some(fault) => debug(
            device,
            About::Fault,
            format_args!("queue ({queue}): {error}, fault {fault}"),
        ),
        None => debug(
            device,
            About::Fault,
            format_args!("queue ({queue}): {error}"),
        ),
    }
}
