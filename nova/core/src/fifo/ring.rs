// SPDX-License-Identifier: GPL-2.0

//! The ring of a channel (*GPFIFO*): which entries to write for a job, and when there is room for
//! the next one.
//!
//! An entry names a *push*, a piece of commands. A job is a number of pushes between two
//! segments of the driver's own; the semaphore of the second one tells that all before it is done. The host processes the
//! entries up to the one before GP_PUT. One entry stays free, since a full ring would look like an
//! empty one.
//!
//! Source: open-gpu-doc, manuals/ampere/ga100/dev_pbdma.ref.txt (`NV_PPBDMA_GP_ENTRY`);
//! open-gpu-kernel-modules 570, kernel-open/nvidia-uvm/uvm_hopper_host.c
//! (`uvm_hal_hopper_host_set_gpfifo_pushbuffer_segment_base`).

use core::fmt;

use nova_hw::class::host::{ChannelClass, GpEntry};

use crate::platform::memory::{self, MemoryError};
use crate::platform::{OutOfBounds, Scratch};

/// Jobs of a channel that can be under way at the same time, less one; the driver's own limit.
pub(crate) const JOBS: usize = 1024;

/// Bits of an address that an entry has. All pushes after an entry with a base share the bits above.
const ENTRY_BITS: u32 = 40;

/// Words of a push at most: 21 bits.
const WORDS_MAX: u32 = (1 << 21) - 1;

/// A piece of commands in the channel's address space.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Push {
    /// Address, a multiple of 4.
    pub address: u64,
    /// Length in words.
    pub words: u32,
    /// The host reads it only when all before it has been processed, which may have written it.
    pub no_prefetch: bool,
}

/// A job cannot be put into the ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubmitError {
    /// There is no room until an earlier job has completed.
    NoRoom,
    /// The ring is too small for so many pushes.
    TooMany {
        /// Entries that the job needs.
        needed: usize,
        /// Entries that the ring has for a job.
        room: u32,
    },
    /// A push that no entry can name: it is empty or too long, not aligned, beyond the addresses of
    /// the host, or it crosses a border of 1 TiB.
    Push {
        /// Its index among the pushes of the job.
        index: usize,
    },
    /// The channel's memory is too small; a mistake of the driver.
    Memory(OutOfBounds),
}

/// How far a ring is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RingState {
    /// Number of its entries.
    pub entries: u32,
    /// Index of the first entry that the host may not have read, as far as the driver knows.
    pub get: u32,
    /// Index of the next entry that is written.
    pub put: u32,
}

/// Writes an entry to its index in the ring.
pub(crate) type WriteEntry<'a> = &'a mut dyn FnMut(u32, GpEntry) -> Result<(), OutOfBounds>;

/// The state of a ring.
pub(crate) struct Ring<P: Scratch> {
    class: ChannelClass,
    /// Number of entries, a power of two.
    entries: u32,
    /// Index of the next entry that is written.
    put: u32,
    /// Index of the first entry that the host may still need.
    get: u32,
    /// The upper bits of addresses that the last entry with a base has set.
    base: Option<u64>,
    /// Numbers of the last job that was submitted, and of the last one that has completed.
    submitted: u64,
    completed: u64,
    /// [`Self::put`] behind each of the last jobs.
    ends: P::Boxed<[u32; JOBS]>,
}

/// Bits of the addresses that the host takes from entries.
pub(crate) const fn address_bits(class: ChannelClass) -> u32 {
    match class.has_wide_addresses() {
        true => 57,
        false => ENTRY_BITS,
    }
}

/// Number of pushes that a job can have in an empty ring of so many entries, whatever their
/// addresses.
pub const fn pushes_max(class: ChannelClass, entries: u32) -> u32 {
    // One entry stays free, and two are the driver's own segments'.
    let entries = entries.saturating_sub(1);
    match class.has_wide_addresses() {
        // Each may need another base.
        true => (entries / 2).saturating_sub(2),
        false => entries.saturating_sub(2),
    }
}

impl<P: Scratch> Ring<P> {
    /// An empty ring with this number of entries, a power of two.
    pub(crate) fn new(
        platform: &P,
        class: ChannelClass,
        entries: u32,
    ) -> Result<Self, MemoryError> {
        debug_assert!(entries.is_power_of_two());
        Ok(Self {
            class,
            entries,
            put: 0,
            get: 0,
            base: None,
            submitted: 0,
            completed: 0,
            ends: memory::zeroed(platform, "the jobs of a channel")?,
        })
    }

    /// Number of the last job that was submitted; the first one is 1.
    pub(crate) fn submitted(&self) -> u64 {
        self.submitted
    }

    /// Number of the last job that has completed, as all before it have.
    pub(crate) fn completed(&self) -> u64 {
        self.completed
    }

    /// Index of the next entry that is written: what GP_PUT is to be.
    pub(crate) fn put(&self) -> u32 {
        self.put
    }

    /// How far it is.
    pub(crate) fn state(&self) -> RingState {
        RingState {
            entries: self.entries,
            get: self.get,
            put: self.put,
        }
    }

    /// The indices of the first entry of a job that has not completed, and of the one behind its last.
    pub(crate) fn place_of(&self, job: u64) -> Option<(u32, u32)> {
        if job <= self.completed || job > self.submitted {
            return None;
        }
        let start = match job.wrapping_sub(1) {
            before if before == self.completed => self.get,
            before => *self.ends.get(slot(before))?,
        };
        Some((start, *self.ends.get(slot(job))?))
    }

    /// Entries that can be written.
    fn room(&self) -> u32 {
        let mask = self.entries.wrapping_sub(1);
        let used = self.put.wrapping_sub(self.get) & mask;
        mask.saturating_sub(used)
    }

    /// Writes the entries of the next job, all or none: its pushes between the driver's own segments.
    pub(crate) fn submit(
        &mut self,
        pushes: &[Push],
        [first, last]: [Push; 2],
        write: WriteEntry<'_>,
    ) -> Result<(), SubmitError> {
        let bad = |push: &Push| !is_possible(self.class, push);
        if let Some(index) = pushes.iter().position(bad) {
            return Err(SubmitError::Push { index });
        }
        debug_assert!(!bad(&first) && !bad(&last));
        let all = || {
            [first]
                .into_iter()
                .chain(pushes.iter().copied())
                .chain([last])
        };
        self.check_room(self.count(all()))?;
        let mut next = (self.put, self.base);
        for push in all() {
            next = self.write(next, push, write).map_err(SubmitError::Memory)?;
        }
        (self.put, self.base) = next;
        self.submitted = self.submitted.wrapping_add(1);
        if let Some(end) = self.ends.get_mut(slot(self.submitted)) {
            *end = self.put;
        }
        Ok(())
    }

    fn check_room(&self, needed: usize) -> Result<(), SubmitError> {
        let max = self.entries.saturating_sub(1);
        let fits = |room: u32| usize::try_from(room).is_ok_and(|room| needed <= room);
        // The last slot stays free: the host may still be reading the segment of the job in it.
        let under_way = self.submitted.wrapping_sub(self.completed);
        match () {
            () if !fits(max) => Err(SubmitError::TooMany { needed, room: max }),
            () if !fits(self.room()) || under_way >= JOBS as u64 - 1 => Err(SubmitError::NoRoom),
            () => Ok(()),
        }
    }

    /// Entries that these pushes need.
    fn count(&self, pushes: impl Iterator<Item = Push>) -> usize {
        let mut base = self.base;
        pushes.fold(0, |count: usize, push| {
            let has_base = self.needs_base(base, push);
            base = Some(upper(push.address));
            count.saturating_add(1).saturating_add(has_base.into())
        })
    }

    /// Whether an entry with a base must come before a push.
    fn needs_base(&self, base: Option<u64>, push: Push) -> bool {
        self.class.has_wide_addresses() && base != Some(upper(push.address))
    }

    /// Writes the entries of a push from an index on; returns the index behind them, and the base.
    fn write(
        &self,
        (mut at, base): (u32, Option<u64>),
        push: Push,
        write: WriteEntry<'_>,
    ) -> Result<(u32, Option<u64>), OutOfBounds> {
        let mut entry = |entry| {
            let index = at;
            at = at.wrapping_add(1) & self.entries.wrapping_sub(1);
            write(index, entry)
        };
        if self.needs_base(base, push) {
            entry(GpEntry::extended_base(push.address))?;
        }
        entry(GpEntry::segment(push.address, push.words).with_sync(push.no_prefetch))?;
        Ok((at, Some(upper(push.address))))
    }

    /// Takes the payload of the semaphore, of which the lower half is enough: fewer jobs than that
    /// are under way. A payload that is none of theirs is ignored, since programs can write the
    /// semaphore, too.
    pub(crate) fn complete(&mut self, payload: u32) {
        let new = u64::from(payload.wrapping_sub(self.completed as u32));
        let under_way = self.submitted.wrapping_sub(self.completed);
        if new == 0 || new > under_way {
            return;
        }
        self.completed = self.completed.wrapping_add(new);
        if let Some(&end) = self.ends.get(slot(self.completed)) {
            self.get = end;
        }
    }
}

/// The slot of a job.
pub(crate) fn slot(job: u64) -> usize {
    (job % JOBS as u64) as usize
}

/// The bits of an address that an entry does not have.
fn upper(address: u64) -> u64 {
    address >> ENTRY_BITS
}

/// The same bits, where they are in the address.
pub(crate) fn upper_bits(address: u64) -> u64 {
    upper(address) << ENTRY_BITS
}

/// Whether an entry can name a push.
fn is_possible(class: ChannelClass, push: &Push) -> bool {
    let bytes = u64::from(push.words).saturating_mul(4);
    let last = push.address.checked_add(bytes.saturating_sub(1));
    (1..=WORDS_MAX).contains(&push.words)
        && push.address % 4 == 0
        && last.is_some_and(|last| {
            last >> address_bits(class) == 0 && upper(last) == upper(push.address)
        })
}

impl fmt::Display for SubmitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRoom => f.write_str("ring of a channel: no room"),
            Self::TooMany { needed, room } => {
                write!(
                    f,
                    "job: expected at most {room:#x} entries, found {needed:#x}"
                )
            }
            Self::Push { index } => write!(
                f,
                "push {index}: expected words within 1 TiB of the host's addresses, found others"
            ),
            Self::Memory(error) => error.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests;
