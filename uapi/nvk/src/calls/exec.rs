// SPDX-License-Identifier: MIT

//! Jobs.

use nouveau_uapi as nouveau;
use nova_uapi::{Array, Push};

use super::Call;
use crate::device::{Device, Result};
use crate::syncs::{List, Syncs};

// nova reads the pushes where the program has them: both drivers' have the same layout, and the only
// flag has the same number.
const _: () = {
    use std::mem::offset_of;
    assert!(size_of::<nouveau::ExecPush>() == size_of::<Push>());
    assert!(offset_of!(nouveau::ExecPush, va) == offset_of!(Push, address));
    assert!(offset_of!(nouveau::ExecPush, va_len) == offset_of!(Push, size));
    assert!(offset_of!(nouveau::ExecPush, flags) == offset_of!(Push, flags));
    assert!(nouveau::PUSH_NO_PREFETCH == nova_uapi::PUSH_NO_PREFETCH);
};

impl<D: Device> Call<'_, D> {
    pub(super) fn exec(&self, exec: &nouveau::Exec) -> Result {
        let (space, queue_id) = self.queue(exec.channel)?;
        let syncs = Syncs {
            waits: List {
                pointer: exec.wait_ptr,
                count: exec.wait_count,
            },
            signals: List {
                pointer: exec.sig_ptr,
                count: exec.sig_count,
            },
            max: space.syncs_max,
        };
        syncs.submit(self.device, [pushes(exec)], |pushes, syncs| {
            self.device
                .exec(queue_id, pushes.unwrap_or_default(), syncs)
        })
    }
}

/// nova has no pointer to an array without elements.
fn pushes(exec: &nouveau::Exec) -> Array {
    match exec.push_count {
        0 => Array::default(),
        count => Array {
            pointer: exec.push_ptr,
            count,
            stride: size_of::<Push>() as u32,
        },
    }
}
