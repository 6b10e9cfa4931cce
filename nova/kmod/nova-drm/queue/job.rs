// SPDX-License-Identifier: GPL-2.0

//! A job of a queue.

use kernel::prelude::*;
use kernel::sync::Arc;
use nova_core_module::{Channel, Push, SubmitError};
use nova_kernel::drm::fence::{OwnFence, Wait};

use super::Queue;

/// What a job is made of. The memory is freed when the job has ended, that of its pushes when it is started.
pub(super) struct Parts {
    /// What goes into the ring. Empty once the job is started.
    pub(super) pushes: KVVec<Push>,
    /// What the job waits for. The last one is waited for first.
    pub(super) waits: KVVec<Wait<Queue>>,
}

impl Parts {
    /// Returns whether there is a fence to wait for. The queue's work is queued when it ends, with an error or without.
    pub(super) fn wait(&mut self, queue: &Arc<Queue>) -> bool {
        while let Some(wait) = self.waits.last_mut() {
            if wait.arm(queue) {
                return true;
            }
            self.waits.pop();
        }
        false
    }
}

/// A job that has not ended.
pub(super) struct Job {
    parts: KBox<Parts>,
    fence: OwnFence,
}

impl Job {
    /// A job whose end the fence tells.
    pub(super) fn new(parts: KBox<Parts>, fence: OwnFence) -> Self {
        Self { parts, fence }
    }

    /// See [`Parts::wait`].
    pub(super) fn wait(&mut self, queue: &Arc<Queue>) -> bool {
        self.parts.wait(queue)
    }

    /// Puts it into the ring.
    pub(super) fn submit(&self, channel: &Channel<'_>) -> Result<u64, SubmitError> {
        channel.submit(&self.parts.pushes)
    }

    /// Takes the pushes of a job that is started.
    pub(super) fn take_pushes(&mut self) -> KVVec<Push> {
        core::mem::take(&mut self.parts.pushes)
    }

    /// Ends its fence, and returns what is to be dropped without locks.
    pub(super) fn end(self, result: Result) -> KBox<Parts> {
        self.fence.signal(result);
        self.parts
    }
}
