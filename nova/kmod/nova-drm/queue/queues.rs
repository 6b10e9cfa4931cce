// SPDX-License-Identifier: GPL-2.0

//! The queues of a bound GPU, and their channels.
//!
//! A [`Queue`] lives as long as its id or its jobs, even after the GPU has been unbound. A [`Channel`] is one of the bound
//! GPU, and of one epoch. So the two are kept apart, as address spaces are.

use core::time::Duration;

use kernel::device::{Bound, Device};
use kernel::prelude::*;
use kernel::rbtree::{RBTree, RBTreeNode};
use kernel::sync::{new_mutex, static_lock_class, Arc, Mutex};
use kernel::time::delay::fsleep;
use kernel::time::{Delta, Instant, Monotonic};
use nova_core_module::Channel;
use nova_kernel::sync::arc_work;
use nova_kernel::sync::work::{HasWork, LockClasses, When, Work};

use super::binds::Binds;
use super::dump::Dumps;
use super::events::Events;
use super::loss::Loss;
use super::Queue;
use crate::gpu::Gpu;
use crate::limits::{LIMITS, QUEUES_MAX};
use crate::number::Number;

/// How often it is looked whether jobs still run before a sleep; this driver's own value.
const PAUSE_LOOK: Delta = Delta::from_millis(2);

/// A channel, and what is told of it.
#[derive(Clone)]
pub(super) struct Made<'a> {
    pub(super) number: Number,
    pub(super) channel: Arc<Channel<'a>>,
    pub(super) events: Arc<Events>,
}

/// A queue, and its channel. One that has ended is kept until it is replaced, or [`Queues::clean_up`] is called.
struct Entry<'a> {
    made: Option<Made<'a>>,
    /// Those of a queue of the class BIND. Dropped before the queue, which keeps their address space.
    binds: Option<Arc<Binds<'a>>>,
    queue: Arc<Queue>,
}

/// The queues of a bound GPU.
#[pin_data(PinnedDrop)]
pub(crate) struct Queues<'a> {
    /// Drops what jobs do not need any more, which is not for those to do who end jobs: memory is freed, and GSP-RM called.
    /// It is the first field, since it uses the others and must be dropped before them.
    #[pin]
    cleaner: Work,
    #[pin]
    table: Mutex<Table<'a>>,
    #[pin]
    dumps: Dumps<'a>,
}

/// See [`Queues`].
struct Table<'a> {
    entries: RBTree<Number, Entry<'a>>,
    /// The GPU is unbound: no queue is added.
    is_closed: bool,
}

// SAFETY: `cleaner` is at `OFFSET`. It is the first field, so it is dropped first.
unsafe impl HasWork for Queues<'_> {
    const OFFSET: usize = core::mem::offset_of!(Self, cleaner);

    fn work(&self) {
        self.clean_up();
    }
}

impl<'a> Queues<'a> {
    /// None, of a GPU and its auxiliary device.
    pub(crate) fn new(
        core: &'a nova_core_module::Gpu<'a>,
        device: &'a Device<Bound>,
    ) -> impl PinInit<Self> {
        pin_init!(Self {
            // SAFETY: This initializes the field `cleaner` of `Queues`.
            cleaner <- unsafe {
                Work::new::<Self, 0>(When::Always, LockClasses {
                    name: c"Queues::cleaner",
                    work: static_lock_class!(),
                    timer: static_lock_class!(),
                })
            },
            table <- new_mutex!(Table {
                entries: RBTree::new(),
                is_closed: false,
            }),
            dumps <- Dumps::new(core, device),
        })
    }

    /// Adds a queue, which has no channel yet, with its binds if it is of the class BIND.
    ///
    /// # Errors
    ///
    /// `ENOSPC` if the file or the GPU has too many, `ENODEV` if the GPU is unbound, `ENOMEM`.
    pub(super) fn add(&self, queue: &Arc<Queue>, binds: Option<Arc<Binds<'a>>>) -> Result {
        let entry = Entry {
            made: None,
            binds,
            queue: queue.clone(),
        };
        let node = RBTreeNode::new(queue.number, entry, GFP_KERNEL_ACCOUNT)?;
        let mut table = self.table.lock();
        if table.is_closed {
            drop(table);
            return Err(ENODEV);
        }
        if table.is_full(queue.file) {
            drop(table);
            return Err(ENOSPC);
        }
        let replaced = table.entries.insert(node);
        debug_assert!(replaced.is_none());
        Ok(())
    }

    /// Gives a queue a channel, in place of one that has ended.
    ///
    /// # Errors
    ///
    /// Those of [`State::begin_channel`](super::state::State::begin_channel).
    ///
    /// The queue's work must not call this.
    pub(super) fn set_channel(&self, queue: &Arc<Queue>, made: Made<'a>) -> Result {
        let mut table = self.table.lock();
        let entry = table.entries.get_mut(&queue.number).ok_or(ENODEV)?;
        queue.state.lock().begin_channel(made.number)?;
        let old = entry.made.replace(made);
        drop(table);
        if let Some(old) = old {
            drop_channel(queue, old);
        }
        Ok(())
    }

    /// The channel of a queue, if it has one; it may have ended.
    pub(super) fn channel(&self, queue: &Queue) -> Option<Made<'a>> {
        let table = self.table.lock();
        table.entries.get(&queue.number)?.made.clone()
    }

    /// The binds of a queue, if it is of the class BIND.
    pub(super) fn binds(&self, queue: &Queue) -> Option<Arc<Binds<'a>>> {
        let table = self.table.lock();
        table.entries.get(&queue.number)?.binds.clone()
    }

    /// Frees what binds do not need any more that are over. The queue's work must not call this.
    fn collect(&self, queue: &Queue) {
        let Some(binds) = self.binds(queue) else {
            return;
        };
        let is_lost = queue.state.lock().is_lost();
        if binds.collect(is_lost) {
            queue.vm.clean_up();
        }
    }

    /// How many queues are counted.
    pub(super) fn count(&self, is_counted: impl Fn(&Queue) -> bool) -> usize {
        let table = self.table.lock();
        let queues = table.entries.values().map(|entry| &entry.queue);
        queues.filter(|queue| is_counted(queue)).count()
    }

    /// How long engines have worked on the channels that the queues of a file and a class have now, in nanoseconds.
    pub(super) fn engine_time(&self, file: Number, class: u32) -> u64 {
        let mut time: u64 = 0;
        self.for_each(|queue| {
            let is_meant = queue.file == file && queue.class == class;
            let made = self.channel(queue).filter(|_| is_meant);
            time = time.saturating_add(made.map_or(0, |made| queue.engine_time_on(&made)));
        });
        time
    }

    /// Has the queues of the class BIND look whether an epoch has ended.
    pub(crate) fn look_at_binds(&self) {
        self.for_each(|queue| {
            if queue.takes_binds() {
                arc_work::queue(queue);
            }
        });
    }

    /// Has the work item [clean up](Self::clean_up).
    pub(super) fn clean_up_later(&self) {
        self.cleaner.queue_after(Duration::ZERO);
    }

    /// Has the work item clean up, and waits for that. The queues' work must not call this.
    pub(crate) fn clean_up_now(&self) {
        self.cleaner.run();
    }

    /// Drops channels that have ended, and queues that nobody needs any more.
    fn clean_up(&self) {
        self.for_each(|queue| self.clean_up_after(queue));
    }

    /// Drops the channel of a queue if it has ended, and the queue if nobody needs it any more. The queue's work must not
    /// call this.
    fn clean_up_after(&self, queue: &Arc<Queue>) {
        if let Some(made) = self.take_ended(queue) {
            self.dumps.make(queue, &made);
            drop_channel(queue, made);
        }
        let is_over = queue.state.lock().is_over();
        if is_over {
            // It leaves nothing of binds after that.
            arc_work::stop(queue);
        }
        self.collect(queue);
        if is_over {
            let entry = self.table.lock().entries.remove(&queue.number);
            drop(entry);
        }
    }

    /// Takes the channel of a queue, if it has ended.
    fn take_ended(&self, queue: &Queue) -> Option<Made<'a>> {
        let mut table = self.table.lock();
        let entry = table.entries.get_mut(&queue.number)?;
        match queue.state.lock().channel() {
            Some(_) => None,
            None => entry.made.take(),
        }
    }

    /// Stops the queues of a file that is closed, and ends their jobs.
    pub(crate) fn close_file(&self, file: Number) {
        self.for_each(|queue| {
            if queue.file == file {
                self.discard(queue);
            }
        });
    }

    /// Stops and drops a queue that nobody needs any more.
    pub(super) fn discard(&self, queue: &Arc<Queue>) {
        self.close(queue, Loss::CLOSED);
        self.clean_up_after(queue);
    }

    /// Stops a queue that nobody needs any more, and ends its jobs.
    fn close(&self, queue: &Queue, loss: Loss) {
        // It gets no other channel after that.
        queue.state.lock().close();
        queue.lose(self.channel(queue).as_ref(), loss);
    }

    /// Starts no jobs any more, and waits for those that run; at most for `limit`, after which their queues are lost. The
    /// system is about to sleep.
    pub(crate) fn pause(&self, limit: Duration) {
        self.for_each(|queue| queue.state.lock().pause(!queue.takes_binds()));
        let start = Instant::<Monotonic>::now();
        let runs = |queue: &Queue| queue.state.lock().is_running();
        while self.count(runs) != 0 && start.elapsed().as_nanos() < limit.as_nanos() as i64 {
            fsleep(PAUSE_LOOK);
        }
        self.for_each(|queue| {
            if runs(queue) {
                queue.lose(self.channel(queue).as_ref(), Loss::STOPPED);
            }
        });
        self.for_each(|queue| {
            if queue.takes_binds() {
                // Those that are ready by now are executed, and one that is under way completes.
                arc_work::queue(queue);
                arc_work::flush(queue);
                queue.state.lock().pause(true);
                drop(queue.ending.lock());
            }
        });
    }

    /// Starts jobs again, those of queues that have a channel.
    pub(crate) fn resume(&self) {
        self.for_each(|queue| {
            queue.state.lock().pause(false);
            arc_work::queue(queue);
        });
    }

    /// Gives channels to queues whose jobs wait for that, since the GPU was stopped and works again.
    pub(crate) fn revive(&self, gpu: &Gpu<'a>) {
        self.for_each(|queue| {
            if !queue.takes_binds() {
                // The end of its channel may not have been looked at yet.
                queue.look(self);
            }
        });
        // Channels that have ended have the room that others need, and their contexts have VRAM.
        self.clean_up_now();
        self.for_each(|queue| {
            if !queue.needs_channel() {
                return;
            }
            match queue.renew(gpu) {
                Ok(_) => {}
                // The next boot may help.
                Err(_) if gpu.core.epoch().is_err() => {}
                Err(_) => queue.lose(None, Loss::STOPPED),
            }
        });
        self.clean_up_later();
    }

    /// Ends the jobs that wait for a channel, since the GPU stays down.
    pub(crate) fn give_up(&self) {
        self.for_each(|queue| {
            if queue.needs_channel() {
                queue.lose(None, Loss::STOPPED);
            }
        });
        self.clean_up_later();
    }

    /// Stops all queues, and ends their jobs, since the GPU is unbound.
    pub(crate) fn unbind(&self) {
        self.table.lock().is_closed = true;
        self.for_each(|queue| {
            self.close(queue, Loss::UNBOUND);
            // If the channel could not be stopped, nobody tells this driver when its epoch has ended. The memory that it
            // uses stays until then.
            queue.drop_jobs();
            arc_work::stop(queue);
            self.collect(queue);
        });
    }

    /// Calls `f` with each queue, without the lock.
    fn for_each(&self, mut f: impl FnMut(&Arc<Queue>)) {
        let mut next = self.table.lock().first();
        while let Some(queue) = next {
            f(&queue);
            next = self.table.lock().after(queue.number);
        }
    }
}

/// Drops a channel of a queue, which does not find it any more. That frees memory, so it is not for the queue's work to do,
/// which may still have a reference.
fn drop_channel(queue: &Arc<Queue>, made: Made<'_>) {
    arc_work::flush(queue);
    drop(made);
}

impl Table<'_> {
    /// Whether there are as many queues as there may be, of a file or of all. One whose id is gone counts until its jobs
    /// have ended.
    fn is_full(&self, file: Number) -> bool {
        let is_its = |entry: &&Entry<'_>| entry.queue.file == file;
        let of_file = self.entries.values().filter(is_its).count();
        of_file >= LIMITS.queues_max as usize || self.entries.values().count() >= QUEUES_MAX
    }

    fn first(&self) -> Option<Arc<Queue>> {
        let first = self.entries.values().next();
        first.map(|entry| entry.queue.clone())
    }

    /// The queue after the one with a number, which may be gone.
    fn after(&self, number: Number) -> Option<Arc<Queue>> {
        let cursor = self.entries.cursor_lower_bound(&number.following())?;
        Some(cursor.current().1.queue.clone())
    }
}

#[pinned_drop]
impl PinnedDrop for Queues<'_> {
    fn drop(self: Pin<&mut Self>) {
        self.unbind();
    }
}
