// SPDX-License-Identifier: GPL-2.0

//! What changes about a queue. Nothing here allocates memory, but for making it.

use core::time::Duration;

use kernel::prelude::*;
use kernel::sync::Arc;
use nova_core_module::{Channel, Jobs, Slot};
use nova_kernel::drm::fence::{Fence, NewFence, Timeline};

use super::job::{Job, Parts};
use super::loss::Loss;
use super::Queue;
use crate::limits::LIMITS;
use crate::number::Number;

/// How long a job runs before the queue looks at its channel, in case that an interrupt is lost or the engine has none;
/// this driver's own value.
const FIRST_LOOK: Duration = Duration::from_millis(10);

/// How long it waits between two looks at most; as above.
const LAST_LOOK: Duration = Duration::from_secs(1);

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
    /// Jobs that were put into the rings of all channels, and into those before this channel's.
    in_rings: u64,
    in_earlier_rings: u64,
    /// Why the queue is lost, and how many jobs were done before.
    loss: Option<(Loss, u64)>,
    /// The id is gone.
    is_closing: bool,
    /// How long to wait until the next look.
    pause: Duration,
}

impl State {
    /// A queue without jobs and without a channel.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(super) fn new() -> Result<Self> {
        let count = LIMITS.jobs_max as usize;
        let mut slots = KVVec::with_capacity(count, GFP_KERNEL_ACCOUNT)?;
        for _ in 0..count {
            slots.push(Slot::FREE, GFP_KERNEL_ACCOUNT)?;
        }
        Ok(Self {
            jobs: Jobs::new(Slots(slots)),
            timeline: Timeline::new(c"nova", c"queue"),
            channel: None,
            in_rings: 0,
            in_earlier_rings: 0,
            loss: None,
            is_closing: false,
            pause: FIRST_LOOK,
        })
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

    /// Whether a job can be submitted.
    pub(super) fn has_room(&self) -> bool {
        self.jobs.has_room()
    }

    /// Whether there are no jobs.
    pub(super) fn is_idle(&self) -> bool {
        self.jobs.submitted() == self.jobs.completed()
    }

    /// Why the queue is lost, if it is.
    pub(super) fn loss(&self) -> Option<Loss> {
        self.loss.map(|(loss, _)| loss)
    }

    /// The number of the channel that the GPU may work on, if there is one. There are jobs only if there is one.
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
            None if self.is_closing => return Err(ECANCELED),
            None if self.channel.is_some() => return Err(EIO),
            None => {}
        }
        debug_assert!(self.is_idle());
        self.channel = Some(number);
        self.in_earlier_rings = self.in_rings;
        Ok(())
    }

    /// Notes that the GPU does not work on the channel any more.
    pub(super) fn end_channel(&mut self) {
        self.channel = None;
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

    /// Takes a job for a channel. Returns the fence that tells the job's end.
    ///
    /// # Errors
    ///
    /// Gives back the job, whose fence nobody has seen, if the queue is lost, has no [room](Self::has_room), or has another
    /// channel.
    pub(super) fn submit(
        &mut self,
        channel: Number,
        parts: KBox<Parts>,
        fence: NewFence,
    ) -> Result<Fence, (KBox<Parts>, NewFence)> {
        if self.loss.is_some() || !self.has_room() || self.channel != Some(channel) {
            return Err((parts, fence));
        }
        let (has_pushes, is_ready) = (!parts.pushes.is_empty(), parts.waits.is_empty());
        let own = fence.init(&mut self.timeline);
        let fence = own.fence().clone();
        let submitted = self.jobs.submit(has_pushes, is_ready, Job::new(parts, own));
        debug_assert!(submitted.is_ok(), "there is no room for a job");
        Ok(fence)
    }

    /// Starts jobs while their waits are over. What the next one waits for queues the queue's work.
    pub(super) fn start(&mut self, queue: &Arc<Queue>, channel: &Channel<'_>, now: Duration) {
        loop {
            if let Some((number, job)) = self.jobs.waiting() {
                if job.wait(queue) {
                    return;
                }
                self.jobs.end_wait(number);
            }
            let Some(ready) = self.jobs.ready() else {
                return;
            };
            if ready.has_pushes {
                // There is no room yet, or the channel has ended, which is about to be told.
                let Ok(number) = ready.data.submit(channel) else {
                    return;
                };
                self.in_rings = self.in_rings.saturating_add(1);
                debug_assert_eq!(self.in_earlier_rings.saturating_add(number), self.in_rings);
            }
            self.jobs.started(now);
        }
    }

    /// Takes the oldest job if it is done, and ends its fence. The result is to be dropped without the lock.
    pub(super) fn take_done(
        &mut self,
        channel: &Channel<'_>,
        now: Duration,
    ) -> Option<KBox<Parts>> {
        let completed = self.in_earlier_rings.saturating_add(channel.completed());
        let job = self.jobs.take_done(completed, now)?.data;
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
