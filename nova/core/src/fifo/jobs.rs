// SPDX-License-Identifier: GPL-2.0

//! The jobs of a queue: a state machine without locks, which neither sleeps nor allocates.
//!
//! A queue is in order. A job is *submitted*, and gets a number, which rises by one from 1 on. It is *ready* once its
//! waits are over and all earlier jobs are started; then the caller puts it into the channel's ring, and it is
//! *started*. It is *done* once the ring has completed it and all earlier jobs are done. So a job that waits holds up
//! those behind it, and fences end in order.
//!
//! A job without pushes does not go into the ring; it is done once it is started and all earlier jobs are done.

use core::marker::PhantomData;
use core::time::Duration;

#[cfg(test)]
mod tests;

/// Room for one job.
#[derive(Debug)]
pub struct Slot<J>(Option<Job<J>>);

impl<J> Slot<J> {
    /// Room that is free.
    pub const FREE: Self = Self(None);
}

/// A job that is not done.
#[derive(Debug)]
struct Job<J> {
    data: J,
    has_pushes: bool,
    /// Its waits are over.
    is_ready: bool,
    /// Number of jobs in the ring that must be completed before it is done: itself, if it has pushes, and all before
    /// it. Zero until it is started.
    ring_job: u64,
}

/// The jobs of a queue, each with data of the type `J`, in slots that the caller provides.
#[derive(Debug)]
pub struct Jobs<J, S> {
    slots: S,
    /// Number of the oldest job that is not done.
    oldest: u64,
    /// Number of the oldest job that is not started: no less than `oldest`, unless the queue is lost.
    unstarted: u64,
    /// Number of the next job: no less than the others, and greater than `oldest` by the number of slots at most.
    next: u64,
    /// Number of jobs that were put into the ring.
    ring_jobs: u64,
    /// When the oldest job was started, or the one before it was done, whichever came later.
    since: Duration,
    is_lost: bool,
    jobs: PhantomData<J>,
}

/// A job that leaves the queue.
#[derive(Debug, PartialEq, Eq)]
pub struct Ended<J> {
    /// Its number.
    pub number: u64,
    /// Its data.
    pub data: J,
}

/// A job that is ready to be started.
#[derive(Debug, PartialEq, Eq)]
pub struct Ready<'a, J> {
    /// Its number.
    pub number: u64,
    /// Whether it goes into the ring.
    pub has_pushes: bool,
    /// Its data.
    pub data: &'a mut J,
}

impl<J, S: AsRef<[Slot<J>]> + AsMut<[Slot<J>]>> Jobs<J, S> {
    /// A queue without jobs. All `slots` must be free; their number is the maximum of jobs that are not done.
    pub fn new(slots: S) -> Self {
        Self {
            slots,
            oldest: 1,
            unstarted: 1,
            next: 1,
            ring_jobs: 0,
            since: Duration::ZERO,
            is_lost: false,
            jobs: PhantomData,
        }
    }

    /// The slot of a job.
    fn slot(&mut self, number: u64) -> Option<&mut Option<Job<J>>> {
        let slots = self.slots.as_mut();
        let place = number.checked_rem(slots.len() as u64)?;
        let slot = slots.get_mut(usize::try_from(place).ok()?);
        slot.map(|Slot(job)| job)
    }

    /// The job with this number, if it is in the queue.
    fn job(&mut self, number: u64) -> Option<&mut Job<J>> {
        match (self.oldest..self.next).contains(&number) {
            true => self.slot(number)?.as_mut(),
            false => None,
        }
    }

    /// Whether a job can be submitted now, or only after another one is done.
    pub fn has_room(&self) -> bool {
        let jobs = self.next.saturating_sub(self.oldest);
        jobs < self.slots.as_ref().len() as u64
    }

    /// Number of jobs that were submitted.
    pub fn submitted(&self) -> u64 {
        self.next.saturating_sub(1)
    }

    /// Number of jobs that are done, or were taken after the queue was lost.
    pub fn completed(&self) -> u64 {
        self.oldest.saturating_sub(1)
    }

    /// Whether the queue is lost.
    pub fn is_lost(&self) -> bool {
        self.is_lost
    }

    /// Submits a job, and returns its number. If its waits are not over yet, [`Self::end_wait`] follows.
    ///
    /// # Errors
    ///
    /// Returns the data if the queue is lost, or [`Self::has_room`] returns `false`.
    pub fn submit(&mut self, has_pushes: bool, is_ready: bool, data: J) -> Result<u64, J> {
        if self.is_lost || !self.has_room() {
            return Err(data);
        }
        let number = self.next;
        let Some(slot) = self.slot(number) else {
            return Err(data);
        };
        debug_assert!(slot.is_none(), "the slot of job {number} is in use");
        *slot = Some(Job {
            data,
            has_pushes,
            is_ready,
            ring_job: 0,
        });
        self.next = number.saturating_add(1);
        Ok(number)
    }

    /// The next job to be started, with its number, if its waits are not over.
    pub fn waiting(&mut self) -> Option<(u64, &mut J)> {
        let number = self.unstarted;
        if self.is_lost {
            return None;
        }
        match self.job(number)? {
            job if job.is_ready => None,
            job => Some((number, &mut job.data)),
        }
    }

    /// Notes that a job's waits are over. Does nothing if the job has left the queue.
    pub fn end_wait(&mut self, number: u64) {
        if let Some(job) = self.job(number) {
            job.is_ready = true;
        }
    }

    /// The next job, if its waits are over. The caller puts it into the ring if it has pushes, and calls
    /// [`Self::started`]; or it tries again when the ring has room.
    pub fn ready(&mut self) -> Option<Ready<'_, J>> {
        let number = self.unstarted;
        if self.is_lost {
            return None;
        }
        match self.job(number)? {
            job if job.is_ready => Some(Ready {
                number,
                has_pushes: job.has_pushes,
                data: &mut job.data,
            }),
            _ => None,
        }
    }

    /// Notes that the job which [`Self::ready`] returns is in the ring now, if it has pushes.
    pub fn started(&mut self, now: Duration) {
        let number = self.unstarted;
        let ring_jobs = self.ring_jobs;
        let Some(job) = self.job(number) else {
            debug_assert!(false, "no job is ready to be started");
            return;
        };
        job.ring_job = ring_jobs.saturating_add(job.has_pushes.into());
        self.ring_jobs = job.ring_job;
        self.unstarted = number.saturating_add(1);
        if number == self.oldest {
            self.since = now;
        }
    }

    /// Takes the oldest job, if it is done. `completed` is the number of jobs that the ring has completed.
    pub fn take_done(&mut self, completed: u64, now: Duration) -> Option<Ended<J>> {
        let number = self.oldest;
        if self.is_lost || number >= self.unstarted {
            return None;
        }
        if self.job(number)?.ring_job > completed {
            return None;
        }
        self.since = now;
        self.take_oldest()
    }

    /// Since when the oldest job runs: when it was started, or when the one before it was done. `None` if no job runs.
    ///
    /// The time-out of a job counts from then.
    pub fn running_since(&self) -> Option<Duration> {
        (!self.is_lost && self.oldest < self.unstarted).then_some(self.since)
    }

    /// Loses the queue: no job is accepted, started or done any more. The jobs that are left are taken by
    /// [`Self::take_lost`], once the channel has stopped.
    pub fn lose(&mut self) {
        self.is_lost = true;
    }

    /// Takes the oldest job of a queue that is lost.
    pub fn take_lost(&mut self) -> Option<Ended<J>> {
        match self.is_lost {
            true => self.take_oldest(),
            false => None,
        }
    }

    fn take_oldest(&mut self) -> Option<Ended<J>> {
        let number = self.oldest;
        if number >= self.next {
            return None;
        }
        let data = self.slot(number)?.take()?.data;
        self.oldest = number.saturating_add(1);
        Some(Ended { number, data })
    }
}
