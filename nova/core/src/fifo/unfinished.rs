// SPDX-License-Identifier: GPL-2.0

//! What the ring of a channel has of jobs that have not completed.
//!
//! The ring is in the memory of programs, so its entries need not be those that the driver has written.

use core::ops::Range;

use nova_hw::class::host::{GpEntry, GP_ENTRY_SIZE};

use super::ring::Push;
use crate::platform::DmaMemory;

/// A job that has not completed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfinished {
    /// Its number in the ring.
    pub job: u64,
    /// When the host has begun it, in nanoseconds of the GPU, if it has.
    pub began: Option<u64>,
    /// Its entries.
    pub entries: Entries,
}

/// Entries of a ring that have not been read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entries {
    /// The indices of the next one, and of the one behind the last.
    pub(super) next: u32,
    pub(super) end: u32,
    /// Number of entries of the ring, less one.
    pub(super) mask: u32,
    /// What the last entry with a base has set.
    pub(super) base: u64,
    /// The addresses of the channel's memory, where the driver's own segments are.
    pub(super) own: Range<u64>,
}

/// An entry of a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its index.
    pub index: u32,
    /// As it is in memory.
    pub bits: u64,
    /// What it means.
    pub meaning: Meaning,
}

/// What an entry means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// A push of the program.
    Push(Push),
    /// One of the driver's own segments.
    Own,
    /// The upper bits of the addresses that follow.
    Base(u64),
    /// None that the driver writes.
    Unknown,
}

impl Entries {
    /// Reads the next entry, if there is one.
    pub fn read<M: DmaMemory>(&mut self, memory: &M) -> Option<Entry> {
        if self.next == self.end {
            return None;
        }
        let index = self.next;
        let mut bits = [0; GP_ENTRY_SIZE as usize];
        let at = index.saturating_mul(GP_ENTRY_SIZE as u32);
        memory.read(at as usize, &mut bits).ok()?;
        self.next = index.wrapping_add(1) & self.mask;
        let bits = u64::from_le_bytes(bits);
        let meaning = self.meaning(GpEntry::from_bits(bits));
        Some(Entry {
            index,
            bits,
            meaning,
        })
    }

    fn meaning(&mut self, entry: GpEntry) -> Meaning {
        if entry.is_control() {
            return match entry.get_hi() {
                GpEntry::SET_PB_SEGMENT_EXTENDED_BASE => {
                    self.base = entry.extended_base_operand();
                    Meaning::Base(self.base)
                }
                _ => Meaning::Unknown,
            };
        }
        let address = self.base | entry.address();
        match self.own.contains(&address) {
            true => Meaning::Own,
            false => Meaning::Push(Push {
                address,
                words: entry.length(),
                no_prefetch: entry.sync(),
            }),
        }
    }
}
