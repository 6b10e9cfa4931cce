// SPDX-License-Identifier: GPL-2.0

//! Queues of jobs. docs/queues.md tells the life of a job.

use core::time::Duration;

use kernel::prelude::*;
use kernel::sync::atomic::Atomic;
use kernel::sync::{Arc, CondVar, Mutex};
use kernel::time::{Instant, Monotonic};
use nova_core_module::{End, Engine, Scheduling};
use nova_kernel::drm::device::Reference;
use nova_kernel::drm::fence::Signalling;
use nova_kernel::process::Process;
use nova_kernel::sync::arc_work::{self, ArcWork, HasArcWork};

use crate::driver::NovaDrmDriver;
use crate::number::Number;
use crate::vm::Vm;

mod binds;
mod create;
mod dump;
pub(crate) mod engine_time;
pub(crate) mod engines;
mod events;
mod exec;
mod ioctls;
mod job;
mod loss;
mod queues;
mod state;

pub(crate) use exec::Syncs;
pub(crate) use ioctls::{Exec, QueueCreate, QueueDestroy, QueueGetState};
pub(crate) use queues::Queues;

use engine_time::EngineTime;
use loss::Loss;
use queues::Made;
use state::{Started, State};

/// A queue. It lives as long as its id, and as its jobs.
#[pin_data]
pub(crate) struct Queue {
    pub(crate) number: Number,
    /// The file whose queue it is, and its id there, once it has one.
    file: Number,
    id: Atomic<u32>,
    /// Who has made it.
    process: Process,
    device: Reference<NovaDrmDriver>,
    /// The file's.
    engine_time: Arc<EngineTime>,
    /// Keeps mapped what jobs use.
    vm: Arc<Vm>,
    /// Its class, one of the `ENGINE_CLASS_` constants.
    class: u32,
    /// The engine of its channels; `None` for the class BIND, which has none.
    engine: Option<Engine>,
    scheduling: Scheduling,
    ring_entries: u32,
    /// Most pushes of a job.
    pushes_max: u32,
    /// How long a job may take.
    timeout: Duration,
    born: Instant<Monotonic>,
    /// Looks what there is to do.
    #[pin]
    work: ArcWork,
    /// Held while the queue gets a channel, which takes memory.
    #[pin]
    renewal: Mutex<()>,
    /// Held while the channel is stopped, and then the jobs of the queue end; and while a bind is executed.
    #[pin]
    ending: Mutex<()>,
    #[pin]
    state: Mutex<State>,
    /// Those who wait until there is room for a job.
    #[pin]
    room: CondVar,
}

// SAFETY: `work` is at `OFFSET`.
unsafe impl HasArcWork for Queue {
    const OFFSET: usize = core::mem::offset_of!(Self, work);

    fn work(this: Arc<Self>) {
        if let Some(entered) = this.device.enter() {
            entered.with(|gpu| match gpu.queues.binds(&this) {
                Some(binds) => this.look_at_binds(gpu, &binds),
                None => this.look(&gpu.queues),
            });
        }
    }
}

impl Queue {
    /// Time since the queue was made.
    fn now(&self) -> Duration {
        let nanos = self.born.elapsed().as_nanos();
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(0))
    }

    /// Notes that the id is gone. Returns whether there are no jobs, so that nobody needs the queue any more; otherwise its
    /// work stops it when they have ended.
    fn release(&self) -> bool {
        let mut state = self.state.lock();
        state.close();
        state.is_idle()
    }

    /// Does what there is to do: jobs are ready, done or late, or the channel has failed or ended.
    fn look(self: &Arc<Self>, queues: &Queues<'_>) {
        let made = queues.channel(self);
        let signalling = Signalling::begin();
        let Some(made) = made.filter(|made| self.is_on(made)) else {
            self.await_channel();
            if self.state.lock().is_over() {
                queues.clean_up_later();
            }
            return;
        };
        // This comes first: what was done before counts.
        let told = made.events.told();
        self.advance(&made);
        if let Some(error) = told.error {
            self.lose(Some(&made), Loss::error(&error, told.fault));
        }
        match told.end {
            Some(end) => self.end_channel(&made, end),
            None => self.look_at_jobs(&made),
        }
        drop(signalling);
        let has_ended = !self.is_on(&made);
        // Before the table drops its reference, which is the last one then.
        drop(made);
        if has_ended {
            queues.clean_up_later();
        }
    }

    /// Does what time brings.
    fn look_at_jobs(self: &Arc<Self>, made: &Made<'_>) {
        if self.state.lock().is_late(self.timeout, self.now()) {
            self.lose(Some(made), Loss::TIMEOUT);
        }
        if self.state.lock().is_channel_unneeded() {
            self.lose(Some(made), Loss::CLOSED);
        }
        self.state.lock().looked();
        self.look_again();
    }

    /// Has the work look again after a while, if jobs run.
    fn look_again(self: &Arc<Self>) {
        let delay = self.state.lock().next_look(self.timeout, self.now());
        if let Some(delay) = delay {
            arc_work::queue_after(self, delay);
        }
    }

    /// Whether the GPU may work on this channel.
    fn is_on(&self, made: &Made<'_>) -> bool {
        self.state.lock().channel() == Some(made.number)
    }

    /// Starts the jobs that are ready, and ends those that are done.
    fn advance(self: &Arc<Self>, made: &Made<'_>) {
        while self.start_one(made) || self.end_one(made) {}
    }

    /// Starts the next job if it is ready. Returns whether there may be another one.
    fn start_one(self: &Arc<Self>, made: &Made<'_>) -> bool {
        let mut state = self.state.lock();
        if state.channel() != Some(made.number) {
            return false;
        }
        let started = state.start(self, made, self.now());
        drop(state);
        match started {
            Started::Job(pushes) => {
                self.room.notify_all();
                drop(pushes);
                true
            }
            Started::Nothing => false,
            Started::Impossible => {
                self.lose(Some(made), Loss::IMPOSSIBLE);
                false
            }
        }
    }

    /// Ends the oldest job if it is done. Returns whether there may be another one.
    fn end_one(&self, made: &Made<'_>) -> bool {
        let mut state = self.state.lock();
        if state.channel() != Some(made.number) {
            return false;
        }
        let done = state.take_done(made, self.now());
        drop(state);
        done.inspect(|_| self.room.notify_all()).is_some()
    }

    /// The channel's epoch has ended, and the GPU uses nothing of the channel any more.
    fn end_channel(self: &Arc<Self>, made: &Made<'_>, end: End) {
        let mut state = self.state.lock();
        if state.channel() != Some(made.number) {
            return;
        }
        self.note_end(&mut state, made);
        if let Some(loss) = Loss::end(end, state.is_running()) {
            state.lose(loss);
        }
        let is_lost = state.loss().is_some();
        drop(state);
        match is_lost {
            true => self.end_jobs(None),
            false => self.await_channel(),
        }
    }

    /// Whether jobs wait for another channel, as after a sleep. Binds need none.
    fn needs_channel(&self) -> bool {
        !self.takes_binds() && self.state.lock().needs_channel()
    }

    /// If jobs wait for another channel, has the work look again when that takes too long; or loses the queue if it has.
    fn await_channel(self: &Arc<Self>) {
        let wait = self.state.lock().channel_wait(self.now());
        match wait {
            None => {}
            Some(Duration::ZERO) => self.lose(None, Loss::STOPPED),
            Some(left) => arc_work::queue_after(self, left),
        }
    }

    /// Notes that the GPU does not work on the channel any more.
    fn note_end(&self, state: &mut State, made: &Made<'_>) {
        if state.channel() == Some(made.number) {
            state.end_channel(self.now());
            self.engine_time.add(self.class, made);
        }
    }

    /// How long the engine has worked on this channel, in nanoseconds; nothing if the GPU does not work on it any more,
    /// since that was [noted](Self::note_end).
    fn engine_time_on(&self, made: &Made<'_>) -> u64 {
        let state = self.state.lock();
        match state.channel() == Some(made.number) {
            true => made.channel.engine_time(),
            false => 0,
        }
    }

    /// Loses the queue, unless it is lost already, and ends its jobs. `made` is its channel, if it has one; nothing is done
    /// if it has another one by now.
    fn lose(&self, made: Option<&Made<'_>>, loss: Loss) {
        let mut state = self.state.lock();
        let channel = state.channel();
        if channel.is_some() && channel != made.map(|made| made.number) {
            return;
        }
        state.lose(loss);
        drop(state);
        self.end_jobs(made);
    }

    /// Stops the channel of a queue that is lost, and then ends its jobs.
    ///
    /// Where the channel cannot be stopped, its epoch ends soon, and the jobs end then.
    fn end_jobs(&self, made: Option<&Made<'_>>) {
        let _ending = self.ending.lock();
        self.room.notify_all();
        if let Some(made) = made.filter(|made| self.is_on(made)) {
            if made.channel.stop().is_err() {
                return;
            }
            self.note_end(&mut self.state.lock(), made);
        }
        self.drop_jobs();
    }

    /// Ends the jobs of a queue that is lost, whether or not the GPU still works on them.
    fn drop_jobs(&self) {
        let take = || self.state.lock().take_lost();
        core::iter::from_fn(take).for_each(drop);
    }
}
