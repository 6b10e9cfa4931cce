// SPDX-License-Identifier: MIT

//! Queues of the class BIND.

use std::fs::File;

use nix::errno::Errno;
use nova_uapi as uapi;
use nova_uapi::{QueueCreate, QueueGetState, VmBind, VmBindOp};

use super::calls::{array, call, call_with};
use super::queue::{destroy, state, sync};
use crate::syncobj::{Signal, Syncobj};

/// A queue of the class BIND. It goes with its file, unless it is destroyed.
#[derive(Debug)]
pub struct BindQueue<'a> {
    file: &'a File,
    /// What the kernel said when it created the queue.
    pub created: QueueCreate,
}

impl<'a> BindQueue<'a> {
    /// What creates a queue of an address space.
    pub fn of(vm_id: u32) -> QueueCreate {
        QueueCreate {
            vm_id,
            engine_class: uapi::ENGINE_CLASS_BIND,
            priority: uapi::PRIORITY_NORMAL,
            ..QueueCreate::default()
        }
    }

    /// Creates a queue of an address space.
    ///
    /// # Panics
    ///
    /// If the driver refuses it.
    #[track_caller]
    pub fn new(file: &'a File, vm_id: u32) -> Self {
        match Self::try_new(file, Self::of(vm_id)) {
            Ok(queue) => queue,
            Err(error) => panic!("a queue for binds: {error}"),
        }
    }

    /// Creates a queue like this.
    ///
    /// # Errors
    ///
    /// The kernel's error.
    pub fn try_new(file: &'a File, create: QueueCreate) -> Result<Self, Errno> {
        let mut created = create;
        call(file, &mut created)?;
        Ok(Self { file, created })
    }

    /// Its id.
    pub fn id(&self) -> u32 {
        self.created.queue_id
    }

    /// Gives the queue operations, after what is waited for.
    ///
    /// # Errors
    ///
    /// The kernel's error.
    ///
    /// # Panics
    ///
    /// If the argument was changed.
    pub fn try_bind(
        &self,
        ops: &[VmBindOp],
        after: &[Signal<'_, '_>],
        signals: &[Signal<'_, '_>],
    ) -> Result<(), Errno> {
        let waits = after.iter().map(|signal| sync(signal, 0));
        let signals = signals.iter().map(|signal| sync(signal, uapi::SYNC_SIGNAL));
        let syncs: Vec<_> = waits.chain(signals).collect();
        let asked = VmBind {
            vm_id: self.created.vm_id,
            queue_id: self.id(),
            ops: array(ops),
            syncs: array(&syncs),
            ..VmBind::default()
        };
        call_with(self.file, asked)
    }

    /// Gives the queue operations, after what is waited for, and returns what is signaled at their end.
    ///
    /// # Panics
    ///
    /// If the driver refuses them.
    #[track_caller]
    pub fn bind(&self, ops: &[VmBindOp], after: &[Signal<'_, '_>]) -> Syncobj<'a> {
        let done = Syncobj::new(self.file).expect("the driver has sync objects");
        let result = self.try_bind(ops, after, &[Signal::Binary(&done)]);
        assert_eq!(result, Ok(()), "{} operations", ops.len());
        done
    }

    /// How it is.
    ///
    /// # Errors
    ///
    /// The kernel's error.
    pub fn state(&self) -> Result<QueueGetState, Errno> {
        state(self.file, self.id())
    }

    /// Destroys it.
    ///
    /// # Errors
    ///
    /// The kernel's error.
    pub fn destroy(&self) -> Result<(), Errno> {
        destroy(self.file, self.id())
    }
}
