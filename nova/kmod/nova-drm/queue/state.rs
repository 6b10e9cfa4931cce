// SPDX-License-Identifier: GPL-2.0

//! What changes about a queue. Nothing here allocates memory, but for making it.

use core::time::Duration;

use kernel::prelude::*;
use kernel::sync::Arc;
use nova_core_module::{Jobs, Push, Slot, SubmitError};
use nova_kernel::drm::fence::{Fence, NewFence, Timeline, TimelineId};

use super::job::{Job, Parts};
use super::loss::Loss;
use super::queues::Made;
use super::Queue;
use crate::limits::LIMITS;
use crate::number::Number;

/// How long a job runs before the queue looks at its channel, in case that an interrupt is lost or the engine has none;
/// this driver's own value.
const FIRST_LOOK: Duration = Duration::from_millis(10);

/// How long it waits between two looks at most; as above.
const LAST_LOOK: Duration = Duration::from_secs(1);

/// How long jobs wait for another channel after the GPU was stopped; this driver's own value. A boot takes seconds. The boot
/// and the channel take memory, for which a fence may have to end, so that cannot be waited for without a limit.
const CHANNEL_LIMIT: Duration = Duration::from_secs(30);

/// Room for the jobs of a queue.
struct Slots(KVVec<Slot<Job>>);

impl AsRef<[Slot<Job>]> for Slots {
    fn as_ref(&self) -> &[Slot<Job>] {
        &self.0
    }
}

impl AsMut<[Slot<Job>]> for Slots {
    fn as_mut(&mut self) -> &mut [Slot<Job>] {
        &mut self.0
    }
}

/// The state of a queue.
pub(super) struct State {
    jobs: Jobs<Job, Slots>,
    timeline: Timeline,
    /// The number of the channel that the GPU may work on, if there is one.
    channel: Option<Number>,
    /// Since when there is none, if there was one.
    without_channel: Duration,
    /// No job is started, since the system is about to sleep.
    is_paused: bool,
    /// Jobs that were put into the rings of all channels, and into those before this channel's.
    in_rings: u64,
    in_earlier_rings: u64,
    /// Why the queue is lost, and how many jobs were done before.
    loss: Option<(Loss, u64)>,
    /// The id is gone.
    is_closing: bool,
    /// How long to wait until the next look.
    pause: Duration,
    /// Pushes of jobs that are not in a ring yet, and how many there may be.
    pushes: usize,
    pushes_max: usize,
}

/// What [`State::start`] has done.
pub(super) enum Started {
    /// A job was started. Its pushes are of no use any more, and to be dropped without the lock.
    Job(KVVec<Push>),
    /// Nothing can be started now.
    Nothing,
    /// The next job can be in no ring, which EXEC has to refuse: a mistake of this driver.
    Impossible,
}

impl State {
    /// A queue without jobs and without a channel, whose rings will have so many entries.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(super) fn new(ring_entries: u32) -> Result<Self> {
        let count = LIMITS.jobs_max as usize;
        let mut slots = KVVec::with_capacity(count, GFP_KERNEL_ACCOUNT)?;
        for _ in 0..count {
            slots.push(Slot::FREE, GFP_KERNEL_ACCOUNT)?;
        }
        Ok(Self {
            jobs: Jobs::new(Slots(slots)),
            timeline: Timeline::new(c"nova", c"queue"),
            channel: None,
            without_channel: Duration::ZERO,
            is_paused: false,
            in_rings: 0,
            in_earlier_rings: 0,
            loss: None,
            is_closing: false,
            pause: FIRST_LOOK,
            pushes: 0,
            // Enough to fill the ring again at once when it is empty, and for as many small jobs as there may be.
            pushes_max: (ring_entries.max(LIMITS.jobs_max) as usize).saturating_mul(2),
        })
    }

    /// The timeline of its jobs' fences.
    pub(super) fn timeline(&self) -> TimelineId {
        self.timeline.id()
    }

    /// Number of jobs that were submitted.
    pub(super) fn submitted(&self) -> u64 {
        self.jobs.submitted()
    }

    /// Number of jobs that were done; those lost are not.
    pub(super) fn done(&self) -> u64 {
        match self.loss {
            Some((_, done)) => done,
            None => self.jobs.completed(),
        }
    }

    /// Whether a job with so many pushes can be submitted. One alone always can, however many it has.
    pub(super) fn has_room(&self, pushes: usize) -> bool {
        let fits = self.pushes.saturating_add(pushes) <= self.pushes_max;
        self.jobs.has_room() && (fits || self.pushes == 0)
    }

    /// Whether there are no jobs.
    pub(super) fn is_idle(&self) -> bool {
        self.jobs.submitted() == self.jobs.completed()
    }

    /// Why the queue is lost, if it is.
    pub(super) fn loss(&self) -> Option<Loss> {
        self.loss.map(|(loss, _)| loss)
    }

    /// Whether the queue is lost, and all its jobs have ended.
    pub(super) fn is_lost(&self) -> bool {
        self.loss.is_some() && self.is_idle()
    }

    /// Whether the GPU may work on a job: it was started, and is not known to be done.
    pub(super) fn is_running(&self) -> bool {
        self.jobs.running_since().is_some()
    }

    /// Starts no jobs any more, or starts them again.
    pub(super) fn pause(&mut self, is_paused: bool) {
        self.is_paused = is_paused;
    }

    /// The number of the channel that the GPU may work on, if there is one. Without one, jobs may wait, but none runs,
    /// and binds need none.
    pub(super) fn channel(&self) -> Option<Number> {
        self.channel
    }

    /// Notes that there is a channel.
    ///
    /// # Errors
    ///
    /// `ECANCELED` if nobody needs it any more, `ENODEV` if the GPU is unbound, `EIO` if the end of the one before it has
    /// not been told yet.
    pub(super) fn begin_channel(&mut self, number: Number) -> Result {
        match self.loss() {
            Some(loss) => return Err(loss.others),
            None if self.is_closing && self.is_idle() => return Err(ECANCELED),
            None if self.channel.is_some() => return Err(EIO),
            None => {}
        }
        debug_assert!(!self.is_running());
        self.channel = Some(number);
        self.in_earlier_rings = self.in_rings;
        Ok(())
    }

    /// Notes that the GPU does not work on the channel any more.
    pub(super) fn end_channel(&mut self, now: Duration) {
        self.channel = None;
        self.without_channel = now;
    }

    /// Whether jobs wait for another channel, as after a sleep.
    pub(super) fn needs_channel(&self) -> bool {
        self.channel.is_none() && self.loss.is_none() && !self.is_idle()
    }

    /// How long [jobs may still wait for another channel](Self::needs_channel), if they do.
    pub(super) fn channel_wait(&self, now: Duration) -> Option<Duration> {
        let end = self.without_channel.saturating_add(CHANNEL_LIMIT);
        self.needs_channel().then_some(end.saturating_sub(now))
    }

    /// Notes that the id is gone.
    pub(super) fn close(&mut self) {
        self.is_closing = true;
    }

    /// Whether nobody needs the channel any more.
    pub(super) fn is_channel_unneeded(&self) -> bool {
        self.is_closing && self.is_idle() && self.channel.is_some()
    }

    /// Whether nobody needs the queue any more.
    pub(super) fn is_over(&self) -> bool {
        self.is_closing && self.is_idle() && self.channel.is_none()
    }

    /// Whether the queue takes jobs.
    ///
    /// # Errors
    ///
    /// `ECANCELED` if it is lost or destroyed, `ENODEV` if the GPU is unbound.
    pub(super) fn check(&self) -> Result {
        match self.loss() {
            Some(loss) => Err(loss.others),
            None if self.is_over() => Err(ECANCELED),
            None => Ok(()),
        }
    }

    /// Takes a job for a channel, or a bind for none. Returns the fence that tells the job's end.
    ///
    /// # Errors
    ///
    /// Gives back the job, whose fence nobody has seen, if the queue is lost, has no [room](Self::has_room), or has another
    /// channel.
    pub(super) fn submit(
        &mut self,
        channel: Option<Number>,
        parts: KBox<Parts>,
        fence: NewFence,
    ) -> Result<Fence, (KBox<Parts>, NewFence)> {
        let pushes = parts.pushes.len();
        if self.loss.is_some() || !self.has_room(pushes) || self.channel != channel {
            return Err((parts, fence));
        }
        let (has_pushes, is_ready) = (pushes != 0, parts.waits.is_empty());
        self.pushes = self.pushes.saturating_add(pushes);
        let own = fence.init(&mut self.timeline);
        let fence = own.fence().clone();
        let submitted = self.jobs.submit(has_pushes, is_ready, Job::new(parts, own));
        debug_assert!(submitted.is_ok(), "there is no room for a job");
        Ok(fence)
    }

    /// Starts the next job if its waits are over. What it waits for queues the queue's work.
    pub(super) fn start(&mut self, queue: &Arc<Queue>, made: &Made<'_>, now: Duration) -> Started {
        if self.is_paused {
            return Started::Nothing;
        }
        self.look_at_waits(queue);
        let Some(ready) = self.jobs.ready() else {
            return Started::Nothing;
        };
        if ready.has_pushes {
            // Before the job can be done.
            made.events.set_busy(true);
            match ready.data.submit(&made.channel) {
                Ok(number) => {
                    self.in_rings = self.in_rings.saturating_add(1);
                    debug_assert_eq!(self.in_earlier_rings.saturating_add(number), self.in_rings);
                }
                // There is no room yet, or the channel has ended, which is about to be told.
                Err(SubmitError::NoRoom | SubmitError::Ended) => return Started::Nothing,
                Err(SubmitError::Impossible(_)) => {
                    debug_assert!(false, "a job can be in no ring");
                    return Started::Impossible;
                }
            }
        }
        let pushes = ready.data.take_pushes();
        self.pushes = self.pushes.saturating_sub(pushes.len());
        self.jobs.started(now);
        Started::Job(pushes)
    }

    /// Finds out whether the waits of the next job are over. What it waits for queues the queue's work.
    fn look_at_waits(&mut self, queue: &Arc<Queue>) {
        if let Some((number, job)) = self.jobs.waiting() {
            if !job.wait(queue) {
                self.jobs.end_wait(number);
            }
        }
    }

    /// The number of the next bind, if its waits are over. What it waits for queues the queue's work.
    pub(super) fn ready_bind(&mut self, queue: &Arc<Queue>) -> Option<u64> {
        if self.is_paused {
            return None;
        }
        self.look_at_waits(queue);
        Some(self.jobs.ready()?.number)
    }

    /// Ends the fence of the bind that was ready, and has been executed, unless the queue is lost. The result is to be
    /// dropped without the lock.
    pub(super) fn end_bind(&mut self, now: Duration) -> Option<KBox<Parts>> {
        self.jobs.started(now);
        let job = self.jobs.take_done(0, now)?.data;
        Some(job.end(Ok(())))
    }

    /// Takes the oldest job if it is done, and ends its fence. The result is to be dropped without the lock.
    pub(super) fn take_done(&mut self, made: &Made<'_>, now: Duration) -> Option<KBox<Parts>> {
        let completed = made.channel.completed();
        let completed = self.in_earlier_rings.saturating_add(completed);
        let job = self.jobs.take_done(completed, now)?.data;
        made.events.set_busy(self.jobs.running_since().is_some());
        self.pause = FIRST_LOOK;
        // The lock is held, so the fences of a queue end in their order.
        Some(job.end(Ok(())))
    }

    /// Loses the queue, unless it is lost already.
    pub(super) fn lose(&mut self, loss: Loss) {
        if self.loss.is_none() {
            self.loss = Some((loss, self.jobs.completed()));
            self.jobs.lose();
        }
    }

    /// Takes the oldest job of a queue that is lost, and ends its fence. The result is to be dropped without the lock.
    pub(super) fn take_lost(&mut self) -> Option<KBox<Parts>> {
        let (loss, done) = self.loss?;
        let error = match self.jobs.completed() == done {
            true => loss.oldest,
            false => loss.others,
        };
        let job = self.jobs.take_lost()?.data;
        Some(job.end(Err(error)))
    }

    /// Whether the oldest job has run for too long.
    pub(super) fn is_late(&self, timeout: Duration, now: Duration) -> bool {
        let since = self.jobs.running_since();
        since.is_some_and(|since| now.saturating_sub(since) >= timeout)
    }

    /// After what time to look at the channel again: while a job runs, and no later than when its time is over.
    pub(super) fn next_look(&self, timeout: Duration, now: Duration) -> Option<Duration> {
        let since = self.jobs.running_since()?;
        let left = since.saturating_add(timeout).saturating_sub(now);
        Some(self.pause.min(left))
    }

    /// Notes that the queue has looked.
    pub(super) fn looked(&mut self) {
        self.pause = self.pause.saturating_mul(2).min(LAST_LOOK);
    }
}
