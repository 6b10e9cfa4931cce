// SPDX-License-Identifier: GPL-2.0

//! The page tables of a window, below the root, which is GSP-RM's: a directory of each level, and
//! directories PD0, whose entries are the slots.
//!
//! They lie next to each other, so that no address has to be kept.

use nova_hw::gmmu::{Format, Version};

use super::tables::blocks::{Aperture, Attributes};
use super::tables::entry::{directory, page};

/// Bytes of a directory.
const DIRECTORY: u64 = 0x1000;

/// Words of a directory.
const WORDS: u64 = DIRECTORY / 8;

/// Entries of a PD0.
const SLOTS_PER_PD0: u64 = 256;

/// Most levels between the root and PD0.
const UPPER_MAX: u64 = 3;

/// The tables of a window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tree {
    version: Version,
    /// Number of levels between the root and PD0.
    upper: u64,
    /// Address in VRAM of the first table.
    start: u64,
}

impl Tree {
    /// Bytes that the tables with `pd0s` directories PD0 take.
    pub(super) const fn size(pd0s: u64) -> u64 {
        (UPPER_MAX + pd0s) * DIRECTORY
    }

    /// Tables that start at `start`, a multiple of 4 KiB.
    pub(super) fn at(format: &Format, start: u64) -> Self {
        let upper = format.directories.len().saturating_sub(2) as u64;
        debug_assert!(upper <= UPPER_MAX);
        Self {
            version: format.version,
            upper,
            start,
        }
    }

    /// The entry of the root, for the first addresses.
    pub(super) fn root_entry(&self) -> u64 {
        directory(self.version, self.start)
    }

    /// Writes all directories above PD0. Only the first entry of each leads on, and of the last one
    /// none does yet.
    pub(super) fn write_upper(&self, write: &mut impl FnMut(u64, u64)) {
        let last = self.upper.saturating_sub(1);
        for level in 0..self.upper {
            let next = match level < last {
                true => directory(self.version, self.table(level.saturating_add(1))),
                false => 0,
            };
            write_table(self.table(level), next, write);
        }
    }

    /// Writes the PD0 with this number, which has no slots yet, and links it.
    pub(super) fn write_pd0(&self, number: u64, write: &mut impl FnMut(u64, u64)) {
        let table = self.pd0(number);
        write_table(table, 0, write);
        let above = self.table(self.upper.saturating_sub(1));
        let link = above.saturating_add(number.saturating_mul(8));
        write(link, directory(self.version, table));
    }

    /// Number of the PD0 with this slot.
    pub(super) fn pd0_of(slot: usize) -> u64 {
        slot as u64 / SLOTS_PER_PD0
    }

    /// Address in VRAM of the only word that has to be written to change a slot.
    pub(super) fn slot(&self, slot: usize) -> u64 {
        let within = slot as u64 % SLOTS_PER_PD0;
        let entry = within.saturating_mul(16);
        self.pd0(Self::pd0_of(slot)).saturating_add(entry)
    }

    /// That word, for a slot that shows the chunk at `chunk`, or nothing.
    pub(super) fn slot_entry(&self, chunk: Option<u64>) -> u64 {
        chunk.map_or(0, |chunk| {
            page(self.version, Aperture::Vram, chunk, Attributes::default())
        })
    }

    /// Address of the PD0 with this number.
    fn pd0(&self, number: u64) -> u64 {
        self.table(UPPER_MAX.saturating_add(number))
    }

    fn table(&self, number: u64) -> u64 {
        self.start.saturating_add(number.saturating_mul(DIRECTORY))
    }
}

/// Writes a table with one entry of one word.
fn write_table(table: u64, first: u64, write: &mut impl FnMut(u64, u64)) {
    for word in 0..WORDS {
        let value = if word == 0 { first } else { 0 };
        write(table.saturating_add(word.saturating_mul(8)), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nova_hw::chipset::Architecture;
    use std::collections::BTreeMap;

    /// The words of the tables that are not zero, and how many were written.
    fn written(arch: Architecture) -> (BTreeMap<u64, u64>, usize) {
        let tree = Tree::at(Format::of(arch), 0x10_0000);
        let mut words = BTreeMap::new();
        let mut write = |address, value| {
            words.insert(address, value);
        };
        tree.write_upper(&mut write);
        tree.write_pd0(0, &mut write);
        tree.write_pd0(2, &mut write);
        write(tree.slot(513), tree.slot_entry(Some(0x20_0000)));
        write(tree.slot(5), tree.slot_entry(None));
        let count = words.len();
        words.retain(|_, value| *value != 0);
        (words, count)
    }

    #[test]
    fn directories_lead_from_the_root_to_the_slots() {
        let (words, count) = written(Architecture::Ampere);
        let expected = [
            (0x10_0000, 0x1_0102),
            (0x10_1000, 0x1_0302),
            (0x10_1010, 0x1_0502),
            (0x10_5010, 0x2_0001),
        ];
        assert!(words.into_iter().eq(expected));
        assert_eq!(count, 4 * 512);

        let (words, count) = written(Architecture::Hopper);
        let expected = [
            (0x10_0000, 0x10_1012),
            (0x10_1000, 0x10_2012),
            (0x10_2000, 0x10_3012),
            (0x10_2010, 0x10_5012),
            (0x10_5010, 0x20_0081),
        ];
        assert!(words.into_iter().eq(expected));
        assert_eq!(count, 5 * 512);
    }
}
