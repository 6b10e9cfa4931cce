// SPDX-License-Identifier: GPL-2.0

//! Objects of GSP-RM for second-level drivers.

use core::time::Duration;

use kernel::prelude::*;
use kernel::sync::atomic::Relaxed;
use kernel::sync::Arc;
use nova_core::platform::Clock;
use nova_core::{AddressSpace, Alloc, Caller, Command, DirectoryAt, Free, Handles, RpcError};

use crate::calls::{CallError, Epoch};
use crate::gsp::Gsp;
use crate::kept::{Keep, Kept};
use nova_kernel::sync::wait_queue::TaskState;

/// How often an object is to be freed again for which there was no memory; this driver's own value.
const FREE_TRIES: u32 = 20;

/// Time between two of these; this driver's own value.
const FREE_PAUSE: Duration = Duration::from_millis(10);

/// Allocates objects of GSP-RM. This is a trait since `dyn Rm + 'a` is covariant in `'a`, and `Gsp<'a>` is not.
pub(crate) trait Rm: Send + Sync {
    /// The epoch of the running GSP-RM, unless its GSP is lost.
    fn epoch(&self) -> Result<Epoch>;

    /// Whether an epoch has not ended. Its GSP may be lost.
    fn is_current(&self, epoch: Epoch) -> bool;

    /// How often GSP-RM has been booted.
    fn boots(&self) -> u64;

    /// As [`Self::epoch`], but waits for a boot if the GPU is stopped.
    fn await_epoch(&self) -> Result<Epoch>;

    /// Waits until GSP-RM runs, but not for longer than `limit`, nor if there will be no boot.
    fn await_boot(&self, limit: Duration) -> Result;

    /// The number of a new client.
    fn next_client(&self) -> u32;

    /// The number of a new address space.
    fn next_space(&self) -> u32;

    /// Allocates an object.
    fn alloc(&self, epoch: Epoch, alloc: &Alloc<'_>) -> Result;

    /// Frees an object and its children. Does nothing if the GSP-RM of `epoch` does not run any more.
    fn free(&self, epoch: Epoch, object: Handles);

    /// Allocates an address space, with the root of its page tables and the number of its entries.
    fn alloc_space(&self, epoch: Epoch, space: AddressSpace, root: u64, entries: u32) -> Result;

    /// Allocates an address space that GSP-RM shares, with the directories on the way to its range.
    fn alloc_space_with_server_range(
        &self,
        epoch: Epoch,
        space: AddressSpace,
        directories: &[DirectoryAt],
    ) -> Result;

    /// Frees an address space.
    ///
    /// # Errors
    ///
    /// GSP-RM has not freed it, so the GSP is lost: the GPU may use the page tables until it is reset, or until GSP-RM is
    /// unloaded.
    fn free_space(&self, epoch: Epoch, space: AddressSpace) -> Result;

    /// Keeps what the GPU was given in `epoch` and has not let go of, until it is certain that the GPU does not use it any
    /// more.
    fn keep(&self, epoch: Epoch, keep: Keep);

    /// Waits until nothing is kept any more.
    fn settle(&self);
}

impl Gsp<'_> {
    /// Has the GSP-RM of `epoch` execute a command. Logs an error, except the loss of the GSP, which is logged already.
    fn execute_in<C: Command>(
        &self,
        epoch: Epoch,
        state: TaskState,
        command: &C,
    ) -> Result<C::Reply, CallError> {
        let target = self.target()?;
        if target.epoch != epoch {
            return Err(CallError::Gone);
        }
        let result = self.execute(target, state, command);
        result.inspect_err(|error| self.log_unless_lost(epoch, error))
    }

    #[inline(never)]
    pub(crate) fn log_unless_lost(&self, epoch: Epoch, error: &CallError) {
        let current = self.current.lock();
        match error {
            CallError::Rpc(error) if current.epoch == epoch && !current.is_lost() => {
                dev_err!(self.machine().device(), "{}\n", format_args!("{error}"));
            }
            CallError::Rpc(_) | CallError::Gone | CallError::Killed => {}
        }
    }
}

/// Makes calls of the GSP-RM of an epoch, and waits for their replies.
pub(crate) struct InEpoch<'x, 'a> {
    gsp: &'x Gsp<'a>,
    epoch: Epoch,
    /// How a task waits for all but the end of an object.
    state: TaskState,
}

impl Caller for InEpoch<'_, '_> {
    type Error = CallError;

    fn alloc(&mut self, alloc: &Alloc<'_>) -> Result<(), CallError> {
        let allocated = self.call(alloc);
        // GSP-RM allocates the object late then, and frees it after that.
        if let Err(CallError::Killed | CallError::Rpc(RpcError::Timeout(_))) = allocated {
            // An error is logged.
            let _ = self.free(alloc.object);
        }
        allocated
    }

    fn call<C: Command>(&mut self, command: &C) -> Result<C::Reply, CallError> {
        self.gsp.execute_in(self.epoch, self.state, command)
    }

    fn free(&mut self, object: Handles) -> Result<(), CallError> {
        // Uninterruptible, since the object must be freed even if the task is killed. Errors are logged.
        let state = TaskState::Uninterruptible;
        let mut tries = 0;
        loop {
            match self.gsp.execute_in(self.epoch, state, &Free(object)) {
                Err(CallError::Rpc(RpcError::Memory(_))) if tries < FREE_TRIES => tries += 1,
                freed => return freed,
            }
            self.gsp.machine().sleep(FREE_PAUSE);
        }
    }
}

impl<'a> Gsp<'a> {
    /// Makes calls of the GSP-RM of an epoch.
    pub(crate) fn in_epoch(&self, epoch: Epoch, state: TaskState) -> InEpoch<'_, 'a> {
        InEpoch {
            gsp: self,
            epoch,
            state,
        }
    }
}

impl Rm for Gsp<'_> {
    fn epoch(&self) -> Result<Epoch> {
        let mut current = self.current.lock();
        match current.is_lost() {
            true => Err(EIO),
            false => Ok(current.target()?.epoch),
        }
    }

    fn is_current(&self, epoch: Epoch) -> bool {
        self.target().is_ok_and(|target| target.epoch == epoch)
    }

    fn boots(&self) -> u64 {
        self.current.lock().boots
    }

    fn await_epoch(&self) -> Result<Epoch> {
        self.await_target()?;
        self.epoch()
    }

    fn await_boot(&self, limit: Duration) -> Result {
        Ok(self.await_running(limit)?)
    }

    fn next_client(&self) -> u32 {
        self.next_client.fetch_add(1, Relaxed)
    }

    fn next_space(&self) -> u32 {
        self.next_space.fetch_add(1, Relaxed)
    }

    fn alloc(&self, epoch: Epoch, alloc: &Alloc<'_>) -> Result {
        Ok(self.in_epoch(epoch, TaskState::Killable).alloc(alloc)?)
    }

    fn free(&self, epoch: Epoch, object: Handles) {
        // GSP-RM alone knows of it, so an object that is not freed does no harm. Errors are logged.
        let _ = self
            .in_epoch(epoch, TaskState::Uninterruptible)
            .free(object);
    }

    fn alloc_space(&self, epoch: Epoch, space: AddressSpace, root: u64, entries: u32) -> Result {
        let caller = &mut self.in_epoch(epoch, TaskState::Killable);
        Ok(space.allocate(caller, root, entries)?)
    }

    fn alloc_space_with_server_range(
        &self,
        epoch: Epoch,
        space: AddressSpace,
        directories: &[DirectoryAt],
    ) -> Result {
        let caller = &mut self.in_epoch(epoch, TaskState::Killable);
        Ok(space.allocate_with_server_range(caller, directories)?)
    }

    fn free_space(&self, epoch: Epoch, space: AddressSpace) -> Result {
        let freed = space.free(&mut self.in_epoch(epoch, TaskState::Uninterruptible));
        if let Err(CallError::Rpc(error)) = freed {
            self.lose(epoch, error);
        }
        Ok(freed?)
    }

    fn keep(&self, epoch: Epoch, keep: Keep) {
        Kept::add(&self.kept, epoch, keep);
    }

    fn settle(&self) {
        self.await_nothing_kept();
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

/// A client of GSP-RM, with its device and subdevice. It is valid until the GSP is lost, stopped or unloaded.
pub struct Client<'a> {
    /// The objects are freed in this order.
    _subdevice: Object<'a>,
    _device: Object<'a>,
    root: Object<'a>,
    client: nova_core::Client,
}

impl<'a> Client<'a> {
    pub(crate) fn new(rm: &Arc<dyn Rm + 'a>) -> Result<Self> {
        let epoch = rm.epoch()?;
        let client = nova_core::Client::new(rm.next_client());
        let [root, device, subdevice] = client.allocs();
        let root = Object::new(rm, epoch, &root)?;
        let device = Object::new(rm, epoch, &device)?;
        let subdevice = Object::new(rm, epoch, &subdevice)?;
        Ok(Self {
            _subdevice: subdevice,
            _device: device,
            root,
            client,
        })
    }

    /// The epoch of the GSP-RM in which the client exists.
    pub fn epoch(&self) -> Epoch {
        self.root.epoch
    }

    /// Its handles.
    pub(crate) fn handles(&self) -> nova_core::Client {
        self.client
    }
}
