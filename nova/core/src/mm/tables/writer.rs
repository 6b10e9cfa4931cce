// SPDX-License-Identifier: GPL-2.0

//! Writing tables, and what order of writes the MMU must see.

use nova_hw::gmmu::Format;

use super::entry::Mapped;
use super::level::{is_pd0, size};
use super::node::{Directory, Dual, Slot};
use crate::platform::{Scratch, TableMemory, TableSource};

/// Writes tables.
#[derive(Default)]
pub(super) struct Writer {
    /// Number of words so far.
    pub(super) written: u64,
}

impl Writer {
    /// Writes words.
    pub(super) fn write<M: TableMemory>(&mut self, table: &M, first: usize, words: &[u64]) {
        self.written = self.written.saturating_add(words.len() as u64);
        table.write(first, words);
    }

    /// Replaces an entry of PD0, of which the MMU may see one half from before.
    ///
    /// A table of big pages says which entries of the one of small pages mean anything, so the MMU
    /// must not see one of small pages without that of big pages to which it belongs: it goes first
    /// and comes last. Only below a table of big pages that was alone, it has to come before another
    /// one takes that table's place, since the pages beside the range need both; and there, none of
    /// its entries is used yet.
    pub(super) fn replace_dual<M: TableMemory>(
        &mut self,
        table: &M,
        number: usize,
        old: Dual,
        new: Dual,
    ) {
        const BIG: usize = 0;
        const SMALL: usize = 1;
        let mut write = |half: usize, word: u64| self.write(table, number * 2 + half, &[word]);

        let is_new_small = old.small != new.small && new.small != 0;
        let is_small_first = old.has_big_table && old.small == 0;
        if old.small != new.small && old.small != 0 {
            write(SMALL, 0);
        }
        if is_new_small && is_small_first {
            write(SMALL, new.small);
        }
        if old.big != new.big {
            write(BIG, new.big);
        }
        if is_new_small && !is_small_first {
            write(SMALL, new.small);
        }
    }

    /// Writes a directory that is `depth` levels below the root in full. Each entry says its part of
    /// `mapped`. The words have a frame of their own, since the caller's is on the stack once for
    /// each level.
    #[inline(never)]
    pub(super) fn fill<P: Scratch + TableSource>(
        &mut self,
        format: &Format,
        depth: usize,
        directory: &mut Directory<P>,
        mapped: Mapped,
    ) {
        let Some(level) = format.directories.get(depth) else {
            return;
        };
        let Directory {
            memory,
            slots,
            used,
        } = directory;
        for (number, slot) in slots.iter_mut().enumerate() {
            *slot = Slot::Whole(mapped.part(format.version, number, size(level)));
        }
        *used = match mapped {
            Mapped::Nothing => 0,
            _ => slots.len(),
        };
        let version = format.version;
        let mut first = 0;
        for chunk in slots.chunks(CHUNK) {
            let mut words = [[0; 2]; CHUNK];
            let len = match is_pd0(level) {
                true => {
                    for (into, slot) in words.iter_mut().zip(chunk) {
                        let Dual { big, small, .. } = slot.dual(version);
                        *into = [big, small];
                    }
                    2 * chunk.len()
                }
                false => {
                    for (into, slot) in words.as_flattened_mut().iter_mut().zip(chunk) {
                        *into = slot.word(version);
                    }
                    chunk.len()
                }
            };
            let words = words.as_flattened().get(..len);
            self.write(&*memory, first, words.unwrap_or(&[]));
            first += len;
        }
    }
}

/// Entries that are written at once.
const CHUNK: usize = 32;
