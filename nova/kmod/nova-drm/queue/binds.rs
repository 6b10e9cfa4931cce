// SPDX-License-Identifier: GPL-2.0

//! Queues of the class BIND. All that a bind needs is prepared by the call that gives it to the queue; the queue's work
//! executes it, without memory, once all it waits for has ended.

use kernel::prelude::*;
use kernel::sync::{new_mutex, Arc, Mutex};
use nova_kernel::drm::fence::{NewFence, Signalling};
use nova_kernel::sync::arc_work;

use super::exec::Syncs;
use super::job::Parts;
use super::loss::Loss;
use super::Queue;
use crate::gpu::Gpu;
use crate::limits::LIMITS;
use crate::vm::{Bind, Op, Vm};

/// A bind, in a list of those that are over.
struct Link<'a> {
    bind: Bind<'a>,
    next: Option<KBox<Self>>,
}

/// The binds of a queue. They belong to the bound GPU, as the page tables do that they have prepared, and not to the
/// [`Queue`], whose jobs they are.
#[pin_data]
pub(super) struct Binds<'a> {
    #[pin]
    lists: Mutex<Lists<'a>>,
}

/// See [`Binds`].
struct Lists<'a> {
    /// Those that are not executed yet: the one with a number, modulo the most that there may be.
    waiting: KVVec<Option<KBox<Link<'a>>>>,
    /// Those that are executed. Memory goes with each, so the queue's work does not drop them.
    over: Option<KBox<Link<'a>>>,
}

impl<'a> Lists<'a> {
    /// The place of the bind with this number.
    fn place(&mut self, number: u64) -> Option<&mut Option<KBox<Link<'a>>>> {
        let place = number % u64::from(LIMITS.jobs_max);
        self.waiting.get_mut(usize::try_from(place).ok()?)
    }
}

impl Drop for Lists<'_> {
    fn drop(&mut self) {
        drop_all(self.over.take());
    }
}

/// Drops a list, one link after the other. The drop of a link that has others behind it would need stack for all of them.
fn drop_all(mut next: Option<KBox<Link<'_>>>) {
    while let Some(mut link) = next {
        next = link.next.take();
    }
}

impl<'a> Binds<'a> {
    /// None.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(super) fn new() -> Result<Arc<Self>> {
        let mut waiting = KVVec::with_capacity(LIMITS.jobs_max as usize, GFP_KERNEL_ACCOUNT)?;
        for _ in 0..LIMITS.jobs_max {
            waiting.push(None, GFP_KERNEL_ACCOUNT)?;
        }
        let lists = Lists {
            waiting,
            over: None,
        };
        let binds = pin_init!(Self {
            lists <- new_mutex!(lists),
        });
        Arc::pin_init(binds, GFP_KERNEL_ACCOUNT)
    }

    /// Adds the bind with this number.
    fn add(&self, number: u64, bind: KBox<Link<'a>>) {
        let mut lists = self.lists.lock();
        let place = lists.place(number);
        debug_assert!(matches!(place, Some(None)), "there is no room for a bind");
        if let Some(place) = place {
            *place = Some(bind);
        }
    }

    /// Takes the bind with this number.
    fn take(&self, number: u64) -> Option<KBox<Link<'a>>> {
        self.lists.lock().place(number)?.take()
    }

    /// Whether the epoch has ended, or its GSP is lost, in which one was prepared that is not executed yet.
    fn are_outdated(&self, gpu: &Gpu<'_>) -> bool {
        let lists = self.lists.lock();
        let waiting = lists.waiting.iter().flatten();
        let oldest = waiting.map(|link| link.bind.epoch().number()).min();
        drop(lists);
        // Only now, so that it is not an earlier one than that of a bind which has just been added.
        let current = gpu.core.epoch().map(|epoch| epoch.number());
        oldest.is_some_and(|oldest| current != Ok(oldest))
    }

    /// Keeps a bind that is over, until it is [collected](Self::collect).
    fn put_back(&self, mut bind: KBox<Link<'a>>) {
        let mut lists = self.lists.lock();
        bind.next = lists.over.take();
        lists.over = Some(bind);
    }

    /// Drops the binds that are over, and those that never will be executed. Returns whether there were any.
    pub(super) fn collect(&self, is_lost: bool) -> bool {
        let over = self.lists.lock().over.take();
        let mut dropped = over.is_some();
        drop_all(over);
        if is_lost {
            for number in 0..u64::from(LIMITS.jobs_max) {
                let bind = self.take(number);
                dropped |= bind.is_some();
                drop(bind);
            }
        }
        dropped
    }
}

impl<'a> Link<'a> {
    fn new(bind: Bind<'a>) -> Result<KBox<Self>> {
        Ok(KBox::new(Self { bind, next: None }, GFP_KERNEL_ACCOUNT)?)
    }
}

impl Queue {
    /// Whether it takes binds, and no jobs of an engine.
    pub(super) fn takes_binds(&self) -> bool {
        self.engine.is_none()
    }

    /// Whether it takes binds of this address space.
    pub(crate) fn takes_binds_of(&self, vm: &Arc<Vm>) -> bool {
        self.takes_binds() && Arc::ptr_eq(&self.vm, vm)
    }

    /// Takes operations, all of which have been checked.
    ///
    /// # Errors
    ///
    /// `ECANCELED` if the queue is lost or destroyed, `EIO` if the epoch ended meanwhile, `ERESTARTSYS` if a signal came while
    /// it was full, and those of
    /// [`Bind::prepare`].
    pub(crate) fn bind(self: &Arc<Self>, gpu: &Gpu<'_>, ops: KVVec<Op>, syncs: Syncs) -> Result {
        let taken = self.take_bind(gpu, ops, syncs);
        if taken.is_err() {
            // The bind has been dropped.
            self.vm.clean_up();
        }
        taken
    }

    fn take_bind(self: &Arc<Self>, gpu: &Gpu<'_>, ops: KVVec<Op>, syncs: Syncs) -> Result {
        self.check()?;
        let binds = gpu.queues.binds(self).ok_or(ECANCELED)?;
        gpu.core.await_epoch()?;
        let mut fence = NewFence::new()?;
        let parts = Parts {
            pushes: KVVec::new(),
            waits: syncs.waits,
        };
        let mut parts = KBox::new(parts, GFP_KERNEL_ACCOUNT)?;
        let bind = Link::new(Bind::prepare(&self.vm, gpu, ops)?)?;
        loop {
            self.await_room(0)?;
            if gpu.core.epoch()? != bind.bind.epoch() {
                return Err(EIO);
            }
            let signalling = Signalling::begin();
            let mut state = self.state.lock();
            state.check()?;
            let submitted = match state.submit(None, parts, fence) {
                Ok(submitted) => submitted,
                // There is no room any more.
                Err(refused) => {
                    (parts, fence) = refused;
                    continue;
                }
            };
            binds.add(state.submitted(), bind);
            for signal in syncs.signals {
                signal.publish(&submitted);
            }
            drop(state);
            arc_work::queue(self);
            drop(signalling);
            return Ok(());
        }
    }

    /// Executes the binds that are ready. What others need cannot be used any more if their epoch has ended.
    pub(super) fn look_at_binds(self: &Arc<Self>, gpu: &Gpu<'_>, binds: &Binds<'_>) {
        let signalling = Signalling::begin();
        let mut has_ended = false;
        while self.execute_one(gpu, binds) {
            has_ended = true;
        }
        if binds.are_outdated(gpu) {
            self.lose(None, Loss::STOPPED);
            has_ended = true;
        }
        drop(signalling);
        if has_ended {
            gpu.queues.clean_up_later();
        }
    }

    /// Executes the next bind, if it is ready. Returns whether it was.
    fn execute_one(self: &Arc<Self>, gpu: &Gpu<'_>, binds: &Binds<'_>) -> bool {
        // Whoever loses the queue waits for the bind that is under way.
        let _ending = self.ending.lock();
        let ready = self.state.lock().ready_bind(self);
        let Some(number) = ready else {
            return false;
        };
        let Some(mut link) = binds.take(number) else {
            debug_assert!(false, "bind {number} is missing");
            self.state.lock().lose(Loss::IMPOSSIBLE);
            self.drop_jobs();
            return true;
        };
        let executed = link.bind.execute(&self.vm, gpu);
        binds.put_back(link);
        match executed {
            Ok(()) => {
                let done = self.state.lock().end_bind(self.now());
                drop(done);
            }
            Err(_) => {
                self.state.lock().lose(Loss::STOPPED);
                self.drop_jobs();
            }
        }
        self.room.notify_all();
        true
    }
}
