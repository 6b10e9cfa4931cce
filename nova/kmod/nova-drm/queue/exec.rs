// SPDX-License-Identifier: GPL-2.0

//! Giving a queue a job: all that the job needs is prepared, then its fence is published, in sync objects and in the
//! reservations of the objects that the job may use, and from then on nothing waits for memory.

use kernel::prelude::*;
use kernel::sync::Arc;
use nova_core_module::Push;
use nova_kernel::drm::exec::Room;
use nova_kernel::drm::fence::{Fence, NewFence, Signalling, TimelineId, Wait};
use nova_kernel::drm::syncobj::{find_fence, Signal};
use nova_kernel::sync::arc_work;
use nova_uapi::{Sync, PUSH_NO_PREFETCH, SYNC_SIGNAL};

use super::job::Parts;
use super::queues::Made;
use super::Queue;
use crate::driver::{File, NovaDrmDriver};
use crate::gpu::Gpu;
use crate::limits::LIMITS;

/// How many fences of a call are looked at one by one; this driver's own value. It is enough for a point of a timeline with
/// points of all jobs that a queue may have.
const MEMBERS_MAX: usize = LIMITS.jobs_max as usize;

/// Sync objects that are to have a fence.
type Signals = KVVec<Signal<NovaDrmDriver>>;

/// The sync objects of a call.
pub(crate) struct Syncs {
    pub(super) waits: KVVec<Wait<Queue>>,
    pub(super) signals: Signals,
    /// One that is to be waited for has no fence.
    lacks_fence: bool,
    /// Fences that were looked at one by one.
    members: usize,
}

impl Syncs {
    /// Looks up sync objects for a job of a queue, and gets what signalling and waiting for them takes.
    ///
    /// # Errors
    ///
    /// `ENOENT` if the file does not know one, `ENOMEM`.
    pub(crate) fn look_up(file: &File<'_>, queue: &Queue, syncs: &[Sync]) -> Result<Self> {
        let mut found = Self {
            waits: KVVec::new(),
            signals: KVVec::new(),
            lacks_fence: false,
            members: 0,
        };
        let own = queue.state.lock().timeline();
        for sync in syncs {
            if sync.flags & SYNC_SIGNAL != 0 {
                let signal = Signal::prepare(file, sync.handle, sync.point)?;
                found.signals.push(signal, GFP_KERNEL_ACCOUNT)?;
                continue;
            }
            match find_fence(file, sync.handle, sync.point) {
                Ok(fence) => found.add_waits(fence, own)?,
                // An unknown handle behind it decides.
                Err(EINVAL) => found.lacks_fence = true,
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    /// Adds waits for what a fence stands for, but none for jobs of the job's own queue, whose timeline is `own`.
    ///
    /// Such a job has got its place in the queue before its fence could be seen, so it is before this one. The queue is in
    /// order, so this job begins when that one is done; if that one fails instead, the queue is lost, and this job with it.
    /// It would be the same with a wait, which would cost an interrupt.
    fn add_waits(&mut self, fence: Fence, own: TimelineId) -> Result {
        for member in fence.members() {
            if self.members == MEMBERS_MAX {
                // That is a wait for all that it stands for.
                return self.add_wait(fence);
            }
            self.members = self.members.saturating_add(1);
            if member.timeline() != own && !member.is_signaled() {
                self.add_wait(member)?;
            }
        }
        Ok(())
    }

    /// Adds a wait for a fence, or has the one for another fence of the same timeline be for whichever ends last.
    fn add_wait(&mut self, fence: Fence) -> Result {
        let timeline = fence.timeline();
        let mut waits = self.waits.iter_mut();
        match waits.find(|wait| wait.fence().timeline() == timeline) {
            Some(wait) if fence.is_after(wait.fence()) => *wait = Wait::new(fence)?,
            Some(_) => {}
            None => self.waits.push(Wait::new(fence)?, GFP_KERNEL_ACCOUNT)?,
        }
        Ok(())
    }

    /// The check that comes after the look-ups.
    ///
    /// # Errors
    ///
    /// `EINVAL` if there is nothing to wait for yet.
    pub(crate) fn check(&self) -> Result {
        match self.lacks_fence {
            true => Err(EINVAL),
            false => Ok(()),
        }
    }
}

/// Pushes as nova-core takes them.
fn pushes(wanted: &[nova_uapi::Push]) -> Result<KVVec<Push>> {
    let mut pushes = KVVec::with_capacity(wanted.len(), GFP_KERNEL_ACCOUNT)?;
    for push in wanted {
        let push = Push {
            address: push.address,
            words: push.size / 4,
            no_prefetch: push.flags & PUSH_NO_PREFETCH != 0,
        };
        pushes.push(push, GFP_KERNEL_ACCOUNT)?;
    }
    Ok(pushes)
}

impl Queue {
    /// Takes a job, all of which has been checked.
    ///
    /// # Errors
    ///
    /// `ECANCELED` if the queue is lost, `ERESTARTSYS` if a signal came while it was full, those of [`Self::renew`] and of
    /// [`Vm::with_room_for_fence`](crate::vm::Vm::with_room_for_fence).
    pub(super) fn exec(
        self: &Arc<Self>,
        gpu: &Gpu<'_>,
        wanted: &[nova_uapi::Push],
        syncs: Syncs,
    ) -> Result {
        self.check()?;
        let mut fence = NewFence::new()?;
        let parts = Parts {
            pushes: pushes(wanted)?,
            waits: syncs.waits,
        };
        let mut parts = KBox::new(parts, GFP_KERNEL_ACCOUNT)?;
        let mut signals = syncs.signals;
        loop {
            let made = self.renew(gpu)?;
            self.await_room(wanted.len())?;
            let published = self.vm.with_room_for_fence(|room| {
                self.publish(&made, parts, fence, &mut signals, room)
            })?;
            if let Err(refused) = published {
                // Neither the room nor the channel need be there any more, and the queue may be lost.
                (parts, fence) = refused;
                continue;
            }
            self.vm.set_used();
            let signalling = Signalling::begin();
            self.advance(&made);
            self.look_again();
            drop(signalling);
            if self.state.lock().is_channel_unneeded() {
                // Another thread has destroyed the queue meanwhile, and the job has ended already.
                arc_work::queue(self);
            }
            return Ok(());
        }
    }

    /// Publishes a job: its fence is in `signals`, which are taken, and in the reservations from now on.
    ///
    /// # Errors
    ///
    /// Those of [`State::submit`](super::state::State::submit), which gives the job back.
    fn publish(
        &self,
        made: &Made<'_>,
        parts: KBox<Parts>,
        fence: NewFence,
        signals: &mut Signals,
        room: Room<'_, NovaDrmDriver>,
    ) -> Result<(), (KBox<Parts>, NewFence)> {
        let _signalling = Signalling::begin();
        let mut state = self.state.lock();
        let submitted = state.submit(Some(made.number), parts, fence)?;
        for signal in core::mem::take(signals) {
            signal.publish(&submitted);
        }
        drop(state);
        // The reservation of the address space is locked, so a queue's fences come there in their order.
        room.add(&submitted);
        Ok(())
    }

    /// Waits until there is room for a job with so many pushes.
    pub(super) fn await_room(&self, pushes: usize) -> Result {
        let mut state = self.state.lock();
        loop {
            if let Some(loss) = state.loss() {
                return Err(loss.others);
            }
            if state.has_room(pushes) {
                return Ok(());
            }
            if self.room.wait_interruptible(&mut state) {
                return Err(ERESTARTSYS);
            }
        }
    }
}
