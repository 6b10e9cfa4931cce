// SPDX-License-Identifier: GPL-2.0

//! A channel as the driver feeds it: the ring and the driver's own segments in one piece of system
//! memory, the semaphore that tells which job is done, and stamps that tell when each began and ended.
//! docs/queues.md draws it.
//!
//! The caller writes GP_PUT and rings the doorbell, since both are not in this memory.

use core::ops::Range;

use nova_hw::class::host::{ChannelClass, GP_ENTRY_SIZE};

use super::push::{beginning, completion, BEGINNING, COMPLETION};
use super::ring::{address_bits, upper_bits, Push, Ring, RingState, SubmitError, JOBS};
use super::unfinished::{Entries, Unfinished};
use crate::platform::memory::MemoryError;
use crate::platform::{DmaMemory, OutOfBounds, Scratch};

/// Bytes of the driver's segments of a job: more than they have, so that none shares 64 bytes with
/// another job's.
const SEGMENT: u32 = 128;

/// Where in these bytes the one that begins the job is.
const BEGINS_AT: u32 = 96;

const _: () = assert!(COMPLETION * 4 <= BEGINS_AT as usize);
const _: () = assert!(BEGINS_AT as usize + BEGINNING * 4 <= SEGMENT as usize);

/// Bytes of the stamps of a job, semaphores that tell when it began and when it ended.
const STAMPS: u32 = 2 * SEMAPHORE;

/// A stamp of a job: its offset in [`STAMPS`].
const BEGAN: u32 = 0;
const ENDED: u32 = SEMAPHORE;

/// Bytes of the semaphore: the payload of 64 bits, and the time of 64 bits.
const SEMAPHORE: u32 = 16;

/// Where the parts of a channel's memory are: the ring, the driver's segments, the stamps, the semaphore.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelLayout {
    entries: u32,
}

impl ChannelLayout {
    /// The layout for a ring of this number of entries; `None` if that is not a power of two from 4 to
    /// 65536.
    pub const fn new(entries: u32) -> Option<Self> {
        match entries {
            4..=0x1_0000 if entries.is_power_of_two() => Some(Self { entries }),
            _ => None,
        }
    }

    /// Number of entries of the ring.
    pub const fn entries(self) -> u32 {
        self.entries
    }

    /// Segments: as many as jobs can be under way, each of which has an entry.
    const fn segments(self) -> u32 {
        match self.entries < JOBS as u32 {
            true => self.entries,
            false => JOBS as u32,
        }
    }

    /// Offset of the segments behind the ring.
    const fn first_segment(self) -> u32 {
        self.entries.saturating_mul(GP_ENTRY_SIZE as u32)
    }

    /// Which of the segments are a job's.
    fn slot(self, job: u64) -> u32 {
        let slot = job.checked_rem(self.segments().into());
        slot.unwrap_or(0) as u32
    }

    /// Offset of the segments of a job.
    fn segment(self, job: u64) -> u32 {
        let offset = self.slot(job).saturating_mul(SEGMENT);
        self.first_segment().saturating_add(offset)
    }

    /// Offset of the stamps behind the segments.
    const fn first_stamps(self) -> u32 {
        let segments = self.segments().saturating_mul(SEGMENT);
        self.first_segment().saturating_add(segments)
    }

    /// Offset of the stamps of a job.
    fn stamps(self, job: u64) -> u32 {
        let offset = self.slot(job).saturating_mul(STAMPS);
        self.first_stamps().saturating_add(offset)
    }

    /// Offset of the semaphore behind the stamps.
    const fn semaphore(self) -> u32 {
        let stamps = self.segments().saturating_mul(STAMPS);
        self.first_stamps().saturating_add(stamps)
    }

    /// Bytes of the memory.
    pub const fn size(self) -> u32 {
        self.semaphore().saturating_add(SEMAPHORE)
    }
}

/// What to tell the host of a job that was put into the ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Submitted {
    /// Number of the job, rising from 1.
    pub job: u64,
    /// What to write to GP_PUT in USERD.
    pub gp_put: u32,
}

/// A channel.
pub struct Channel<P: Scratch> {
    ring: Ring<P>,
    layout: ChannelLayout,
    /// Address of the memory in the channel's address space.
    va: u64,
    /// How long the jobs that have completed took together, in nanoseconds.
    took: u64,
}

impl<P: Scratch> Channel<P> {
    /// A channel without jobs. Its memory is mapped at `va`, a multiple of 4 KiB, in its address
    /// space; the ring is at its start, and the rest is zero.
    ///
    /// # Errors
    ///
    /// No memory, or an address that the host cannot reach.
    pub fn new(
        platform: &P,
        class: ChannelClass,
        layout: ChannelLayout,
        va: u64,
    ) -> Result<Self, MemoryError> {
        let bits = address_bits(class);
        let last = va.checked_add(u64::from(layout.size()).saturating_sub(1));
        if va % 0x1000 != 0 || last.is_none_or(|last| last >> bits != 0) {
            return Err(MemoryError::Unreachable {
                what: "the ring of a channel",
                address: va,
                bits,
            });
        }
        Ok(Self {
            ring: Ring::new(platform, class, layout.entries)?,
            layout,
            va,
            took: 0,
        })
    }

    /// Puts a job into the ring: all its pushes in their order, and nothing between them. Allocates
    /// nothing. The caller then writes [`Submitted::gp_put`] and rings, once the memory of the
    /// pushes is written.
    ///
    /// # Errors
    ///
    /// The job does not fit; nothing has changed then.
    pub fn submit<M: DmaMemory>(
        &mut self,
        memory: &M,
        pushes: &[Push],
    ) -> Result<Submitted, SubmitError> {
        let job = self.ring.submitted().wrapping_add(1);
        let ends_at = self.layout.segment(job);
        let begins_at = ends_at.saturating_add(BEGINS_AT);
        let [began, ended] = [BEGAN, ENDED].map(|stamp| self.stamp(job, stamp));
        let first = beginning(self.address(began), job);
        let last = completion(
            self.address(ended),
            self.address(self.layout.semaphore()),
            job,
        );
        let push = |offset, words: &[u32]| Push {
            address: self.address(offset),
            words: words.len() as u32,
            no_prefetch: false,
        };
        let own = [push(begins_at, &first), push(ends_at, &last)];
        let mut is_written = false;
        self.ring.submit(pushes, own, &mut |index, entry| {
            // The slot is this job's once the ring has found that there is room.
            if !core::mem::replace(&mut is_written, true) {
                write_words(memory, begins_at, &first)?;
                write_words(memory, ends_at, &last)?;
            }
            let at = index.saturating_mul(GP_ENTRY_SIZE as u32);
            memory.write(at as usize, &u64::from(entry).to_le_bytes())
        })?;
        Ok(Submitted {
            job,
            gp_put: self.ring.put(),
        })
    }

    /// Looks at the semaphore; returns the number of the last job that has completed. What the GPU
    /// has written for it can be read after this.
    pub fn poll<M: DmaMemory>(&mut self, memory: &M) -> u64 {
        let payload = memory.load32(self.layout.semaphore() as usize);
        debug_assert!(payload.is_ok(), "the memory of a channel is too small");
        let before = self.ring.completed();
        if let Ok(payload) = payload {
            self.ring.complete(payload);
        }
        let completed = self.ring.completed();
        for job in before.wrapping_add(1)..=completed {
            let took = self.took(memory, job).unwrap_or(0);
            self.took = self.took.saturating_add(took);
        }
        completed
    }

    /// Nanoseconds that jobs have taken together, from when the host began each to when it had ended: those that
    /// [`Self::poll`] has found complete and, if the GPU's time is known, the one that is under way.
    ///
    /// The stamps are in the memory of programs, which can only make their own time wrong.
    pub fn engine_time<M: DmaMemory>(&self, memory: &M, now: Option<u64>) -> u64 {
        let job = self.ring.completed().wrapping_add(1);
        let began = self.time(memory, job, BEGAN);
        let running = now.zip(began).map(|(now, began)| now.saturating_sub(began));
        self.took.saturating_add(running.unwrap_or(0))
    }

    /// How long a job took that has completed, if its stamps are there.
    fn took<M: DmaMemory>(&self, memory: &M, job: u64) -> Option<u64> {
        let ended = self.time(memory, job, ENDED)?;
        Some(ended.saturating_sub(self.time(memory, job, BEGAN)?))
    }

    /// The time of a stamp, if it is this job's.
    fn time<M: DmaMemory>(&self, memory: &M, job: u64, stamp: u32) -> Option<u64> {
        let at = self.stamp(job, stamp) as usize;
        let payload = memory.load32(at).ok()?;
        let mut time = [0; 8];
        memory.read(at.checked_add(8)?, &mut time).ok()?;
        (payload == job as u32).then_some(u64::from_le_bytes(time))
    }

    /// Offset of a stamp of a job.
    fn stamp(&self, job: u64, stamp: u32) -> u32 {
        self.layout.stamps(job).saturating_add(stamp)
    }

    /// Number of the last job that was submitted.
    pub fn submitted(&self) -> u64 {
        self.ring.submitted()
    }

    /// How far the ring is.
    pub fn ring_state(&self) -> RingState {
        self.ring.state()
    }

    /// The numbers of the jobs that were submitted, and not complete when [`Self::poll`] looked last.
    pub fn unfinished(&self) -> Range<u64> {
        let first = self.ring.completed().wrapping_add(1);
        first..self.ring.submitted().wrapping_add(1)
    }

    /// What the memory has of one of [these jobs](Self::unfinished).
    pub fn unfinished_job<M: DmaMemory>(&self, memory: &M, job: u64) -> Option<Unfinished> {
        let (next, end) = self.ring.place_of(job)?;
        let entries = Entries {
            next,
            end,
            mask: self.layout.entries().wrapping_sub(1),
            // The job before has ended with a segment that is there. The first job has set it.
            base: upper_bits(self.va),
            own: self.va..self.address(self.layout.size()),
        };
        let began = self.time(memory, job, BEGAN);
        Some(Unfinished {
            job,
            began,
            entries,
        })
    }

    fn address(&self, offset: u32) -> u64 {
        self.va.wrapping_add(offset.into())
    }
}

fn write_words<M: DmaMemory>(memory: &M, offset: u32, words: &[u32]) -> Result<(), OutOfBounds> {
    let offsets = (offset as usize..).step_by(size_of::<u32>());
    for (at, word) in offsets.zip(words) {
        memory.write(at, &word.to_le_bytes())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
