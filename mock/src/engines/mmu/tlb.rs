// SPDX-License-Identifier: GPL-2.0

//! The TLBs: pages and entries of directories that were found before.
//!
//! Hardware has one at each client and several levels of them, which drop what they need the room
//! for. Here is one, which drops as little as it can.
//!
//! Addresses at which there is nothing are kept, too: hardware may keep invalid entries, as ones of
//! any page size, and does not read small ones again (open-gpu-kernel-modules 570,
//! kernel-open/nvidia-uvm/uvm_mmu.c and uvm_ats_faults.c, in comments on TLBs). The model keeps them
//! as small pages.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

use nova_hw::gmmu::Format;

use super::page::Root;
use super::walk::{Found, Slot};

/// How the TLBs work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum TlbMode {
    /// They keep whatever hardware might keep until it is invalidated, so that a driver that does
    /// not invalidate fails.
    #[default]
    Strict,
    /// They keep nothing.
    Lax,
}

/// What an invalidation is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Invalidation {
    /// The address space; `None` for all of them.
    pub(crate) root: Option<Root>,
    /// Number of levels of directories, counted from PD0, whose entries are dropped beside those of
    /// page tables.
    pub(crate) levels: usize,
}

impl Invalidation {
    /// Everything is dropped.
    pub(crate) const ALL: Self = Self {
        root: None,
        levels: usize::MAX,
    };
}

/// Pages that are kept. The model's own number: more than tests use, but bounded.
const PAGES: usize = 0x4000;

/// Entries of directories that are kept; as above.
const ENTRIES: usize = 0x1000;

/// A bounded map; what was put in first makes room.
#[derive(Debug)]
struct Kept<K, V> {
    map: HashMap<K, V>,
    order: VecDeque<K>,
    limit: usize,
}

impl<K: Copy + Eq + Hash, V: Copy> Kept<K, V> {
    fn new(limit: usize) -> Self {
        Self {
            map: HashMap::new(),
            order: VecDeque::new(),
            limit,
        }
    }

    fn get(&self, key: &K) -> Option<V> {
        self.map.get(key).copied()
    }

    fn put(&mut self, key: K, value: V) {
        if self.map.insert(key, value).is_none() {
            self.order.push_back(key);
        }
        if self.order.len() > self.limit {
            if let Some(oldest) = self.order.pop_front() {
                self.map.remove(&oldest);
            }
        }
    }

    fn retain(&mut self, keep: impl Fn(&K, &V) -> bool) {
        self.map.retain(|key, value| keep(key, value));
        self.order.retain(|key| self.map.contains_key(key));
    }
}

/// The page with this number, among those of `1 << shift` bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct PageKey {
    root: Root,
    shift: u32,
    number: u64,
}

/// The entry for the addresses that start with `prefix`, at a level of directories.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct EntryKey {
    root: Root,
    height: usize,
    prefix: u64,
}

/// The TLBs of a card.
#[derive(Debug)]
pub(super) struct Tlb {
    format: &'static Format,
    mode: TlbMode,
    pages: Kept<PageKey, Found>,
    entries: Kept<EntryKey, u128>,
}

impl Tlb {
    pub(super) fn new(format: &'static Format, mode: TlbMode) -> Self {
        Self {
            format,
            mode,
            pages: Kept::new(PAGES),
            entries: Kept::new(ENTRIES),
        }
    }

    /// The page at `va`, if it is kept; the smallest one, if there are several.
    pub(super) fn find(&self, root: Root, va: u64) -> Option<Found> {
        let directories = self.format.directories.iter().rev();
        let levels = [&self.format.small, &self.format.big].into_iter();
        levels.chain(directories).find_map(|level| {
            let shift = level.shift;
            self.pages.get(&PageKey {
                root,
                shift,
                number: va >> shift,
            })
        })
    }

    /// Keeps what was found at `va`.
    pub(super) fn keep(&mut self, root: Root, va: u64, found: Found) {
        if self.mode == TlbMode::Lax {
            return;
        }
        let shift = match found.page {
            Ok(page) => page.shift,
            Err(_) => self.format.small.shift,
        };
        let key = PageKey {
            root,
            shift,
            number: va >> shift,
        };
        self.pages.put(key, found);
    }

    /// The entry of a directory on the way to `va`, if it is kept.
    pub(super) fn find_entry(&self, root: Root, va: u64, slot: &Slot) -> Option<u128> {
        self.entries.get(&EntryKey {
            root,
            height: slot.height,
            prefix: va >> slot.shift,
        })
    }

    /// Keeps an entry of a directory on the way to `va`.
    pub(super) fn keep_entry(&mut self, root: Root, va: u64, slot: &Slot, entry: u128) {
        if self.mode == TlbMode::Lax {
            return;
        }
        let key = EntryKey {
            root,
            height: slot.height,
            prefix: va >> slot.shift,
        };
        self.entries.put(key, entry);
    }

    /// Drops pages and entries. A page in a directory counts as an entry of that directory.
    ///
    /// Source: open-gpu-kernel-modules 570, kernel-open/nvidia-uvm/uvm_hal.h
    /// (`uvm_hal_host_tlb_invalidate_all_t`).
    pub(super) fn invalidate(&mut self, what: Invalidation) {
        let is_meant = |root: Root, height| {
            what.root.is_none_or(|meant| meant == root) && height <= what.levels
        };
        self.pages
            .retain(|key, found| !is_meant(key.root, found.height));
        self.entries
            .retain(|key, _| !is_meant(key.root, key.height));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_makes_room() {
        let mut kept = Kept::new(2);
        for (key, value) in [(1, 10), (2, 20), (1, 11), (3, 30)] {
            kept.put(key, value);
        }
        assert_eq!(
            [1, 2, 3].map(|key| kept.get(&key)),
            [None, Some(20), Some(30)]
        );
        kept.retain(|&key, _| key != 2);
        kept.put(4, 40);
        assert_eq!(
            [2, 3, 4].map(|key| kept.get(&key)),
            [None, Some(30), Some(40)]
        );
        assert_eq!((kept.map.len(), kept.order.len()), (2, 2));
    }
}
