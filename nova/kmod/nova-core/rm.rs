// SPDX-License-Identifier: GPL-2.0

//! Objects of GSP-RM for second-level drivers.

use kernel::prelude::*;
use kernel::sync::atomic::Relaxed;
use kernel::sync::Arc;
use nova_core::{Alloc, Command, Free, Handles};

use crate::calls::{CallError, Epoch};
use crate::gsp::Gsp;
use nova_kernel::sync::wait_queue::TaskState;

/// What allocates objects. A trait, since a `dyn Rm + 'a` serves for any shorter time, and a `Gsp<'a>` does not.
pub(crate) trait Rm: Send + Sync {
    /// The GSP-RM that runs.
    fn epoch(&self) -> Result<Epoch>;

    /// A number for a new client.
    fn next_client(&self) -> u32;

    /// Allocates an object.
    fn alloc(&self, epoch: Epoch, alloc: &Alloc<'_>) -> Result;

    /// Frees an object and all that is below it, unless that GSP-RM is gone, and all its objects with it.
    fn free(&self, epoch: Epoch, object: Handles);
}

impl Gsp<'_> {
    /// Has GSP-RM of this epoch execute a command. What goes wrong is said, unless that is the loss of the GSP, which
    /// has been said.
    fn execute_since<C: Command>(
        &self,
        epoch: Epoch,
        state: TaskState,
        command: &C,
    ) -> Result<C::Reply, CallError> {
        let target = self.target()?;
        if target.epoch != epoch {
            return Err(CallError::Gone);
        }
        self.execute(target, state, command).inspect_err(|error| {
            let current = self.current.lock();
            match error {
                CallError::Rpc(error) if current.epoch == epoch && !current.is_lost() => {
                    dev_err!(self.machine().device(), "{}\n", format_args!("{error}"));
                }
                CallError::Rpc(_) | CallError::Gone | CallError::Killed => {}
            }
        })
    }
}

impl Rm for Gsp<'_> {
    fn epoch(&self) -> Result<Epoch> {
        Ok(self.target()?.epoch)
    }

    fn next_client(&self) -> u32 {
        self.next_client.fetch_add(1, Relaxed)
    }

    fn alloc(&self, epoch: Epoch, alloc: &Alloc<'_>) -> Result {
        Ok(self.execute_since(epoch, TaskState::Killable, alloc)?)
    }

    fn free(&self, epoch: Epoch, object: Handles) {
        // Also for a task that is killed: nobody else would free it. There is nothing to do where it fails.
        let _ = self.execute_since(epoch, TaskState::Uninterruptible, &Free(object));
    }
}

/// An object of GSP-RM, freed when dropped.
pub(crate) struct Object<'a> {
    rm: Arc<dyn Rm + 'a>,
    epoch: Epoch,
    handles: Handles,
}

impl<'a> Object<'a> {
    /// Allocates an object.
    fn new(rm: &Arc<dyn Rm + 'a>, epoch: Epoch, alloc: &Alloc<'_>) -> Result<Self> {
        rm.alloc(epoch, alloc)?;
        Ok(Self {
            rm: rm.clone(),
            epoch,
            handles: alloc.object,
        })
    }
}

impl Drop for Object<'_> {
    fn drop(&mut self) {
        self.rm.free(self.epoch, self.handles);
    }
}

/// A client of GSP-RM, with the GPU as its device. It lasts until the GSP is lost, stopped, or unloaded.
pub struct Client<'a> {
    /// Freed in this order.
    _subdevice: Object<'a>,
    _device: Object<'a>,
    root: Object<'a>,
}

impl<'a> Client<'a> {
    pub(crate) fn new(rm: &Arc<dyn Rm + 'a>) -> Result<Self> {
        let epoch = rm.epoch()?;
        let [root, device, subdevice] = nova_core::Client::new(rm.next_client()).allocs();
        let root = Object::new(rm, epoch, &root)?;
        let device = Object::new(rm, epoch, &device)?;
        let subdevice = Object::new(rm, epoch, &subdevice)?;
        Ok(Self {
            _subdevice: subdevice,
            _device: device,
            root,
        })
    }

    /// The GSP-RM that it is a client of.
    pub fn epoch(&self) -> Epoch {
        self.root.epoch
    }
}
