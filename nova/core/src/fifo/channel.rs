// SPDX-License-Identifier: GPL-2.0

//! A channel as the driver feeds it: the ring and the driver's own segments in one piece of system
//! memory, and the semaphore that tells which job is done. docs/queues.md draws it.
//!
//! The caller writes GP_PUT and rings the doorbell, since both are not in this memory.

use nova_hw::class::host::{ChannelClass, GP_ENTRY_SIZE};

use super::push::{completion, COMPLETION};
use super::ring::{address_bits, Push, Ring, SubmitError, JOBS};
use crate::platform::memory::MemoryError;
use crate::platform::{DmaMemory, OutOfBounds, Scratch};

/// Bytes of the driver's segment of a job: more than it has, so that none shares 64 bytes with
/// another.
const SEGMENT: u32 = 64;

const _: () = assert!(COMPLETION * 4 <= SEGMENT as usize);

/// Bytes of the semaphore: the payload of 64 bits, and the time of 64 bits.
const SEMAPHORE: u32 = 16;

/// Where the parts of a channel's memory are: the ring, the driver's segments, the semaphore.
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

    /// Offset of the segment of a job.
    fn segment(self, job: u64) -> u32 {
        let slot = job % u64::from(self.segments());
        self.first_segment()
            .saturating_add((slot as u32).saturating_mul(SEGMENT))
    }

    /// Offset of the semaphore behind the segments.
    const fn semaphore(self) -> u32 {
        let segments = self.segments().saturating_mul(SEGMENT);
        self.first_segment().saturating_add(segments)
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
        let offset = self.layout.segment(job);
        let segment = completion(self.address(self.layout.semaphore()), job);
        let push = Push {
            address: self.address(offset),
            words: COMPLETION as u32,
            no_prefetch: false,
        };
        let mut is_written = false;
        self.ring.submit(pushes, push, &mut |index, entry| {
            // The slot is this job's once the ring has found that there is room.
            if !core::mem::replace(&mut is_written, true) {
                write_words(memory, offset, &segment)?;
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
        if let Ok(payload) = payload {
            self.ring.complete(payload);
        }
        self.ring.completed()
    }

    /// Number of the last job that was submitted.
    pub fn submitted(&self) -> u64 {
        self.ring.submitted()
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
