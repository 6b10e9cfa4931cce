// SPDX-License-Identifier: GPL-2.0

//! A change of a range, in the page tables below an entry of PD0.
//!
//! Each 64 KiB are, on purpose, one of three: a big page (or sparse); small pages, for which the
//! MMU goes on to the other table; or nothing, in which case it must not.

use core::ops::Range;

use nova_hw::gmmu::Format;

use super::entry::Mapped;
use super::level::{
    in_big, index, is_whole, parts, size, small_pages, SMALL_ENTRIES, SMALL_IN_BIG, SMALL_PAGE,
};
use super::node::{Big, Tables};
use super::walk::{Unprepared, Walk};
use crate::bug::OrBug;
use crate::platform::{Scratch, TableSource};

impl<P: Scratch + TableSource> Walk<'_, P> {
    /// Changes a range. Tables that are new by then are to be linked afterwards, and those that are
    /// gone to be unlinked.
    ///
    /// `is_linked`: an entry of PD0 leads to the tables.
    pub(super) fn page_tables(
        &mut self,
        tables: &mut Tables<P>,
        is_linked: bool,
        range: Range<u64>,
    ) -> Result<(), Unprepared> {
        let level = &self.format.big;
        for part in parts(level, range.clone()) {
            let number = index(level, part.start);
            let changed = match is_whole(level, &part) {
                true => self.content.whole(level),
                false => None,
            };
            match changed {
                Some(mapped) => self.big_page(tables, number, mapped)?,
                None => self.small_pages(tables, is_linked, &range, number, part)?,
            }
        }
        let has_small = |slot: &Big| matches!(slot, Big::Small(_));
        if tables.big.is_some() && !tables.slots.iter().any(has_small) {
            if let Some(small) = tables.small.take() {
                self.spare.unlinked_memory(small);
            }
        }
        Ok(())
    }

    /// Gives all big pages their part of what an entry of PD0 said for all of them.
    pub(super) fn split(
        &mut self,
        tables: &mut Tables<P>,
        mapped: Mapped,
    ) -> Result<(), Unprepared> {
        let Format { version, big, .. } = self.format;
        for (number, slot) in tables.slots.iter_mut().enumerate() {
            *slot = Big::Whole(mapped.part(*version, number, size(big)));
        }
        self.need_big(tables)
    }

    /// Replaces a big page.
    fn big_page(
        &mut self,
        tables: &mut Tables<P>,
        number: usize,
        mapped: Mapped,
    ) -> Result<(), Unprepared> {
        let new = Big::Whole(mapped);
        let old = tables.slots.get(number).copied().or_bug();
        if new == old {
            return Ok(());
        }
        match &tables.small {
            Some(small) if tables.big.is_none() && new == Big::NOTHING => {
                let first = number * SMALL_IN_BIG;
                self.writer
                    .write::<P::Table>(small, first, &[0; SMALL_IN_BIG]);
            }
            _ => {
                self.need_big(tables)?;
                self.write_big(tables, number, new);
            }
        }
        set(tables, number, new);
        Ok(())
    }

    /// Changes a part of a big page that takes small ones. If the table of small pages is new, the
    /// change is one of `range`.
    fn small_pages(
        &mut self,
        tables: &mut Tables<P>,
        is_linked: bool,
        range: &Range<u64>,
        number: usize,
        part: Range<u64>,
    ) -> Result<(), Unprepared> {
        let old = tables.slots.get(number).copied().or_bug();
        if old == Big::NOTHING && self.content.is_nothing() {
            return Ok(());
        }
        let named = in_big(number, &small_pages(&self.format.small, &part));
        let used = match self.content.is_nothing() {
            true => old.used() & !named,
            false => old.used() | named,
        };
        if used == 0 && tables.big.is_some() {
            return self.big_page(tables, number, Mapped::Nothing);
        }
        self.need_small(tables, is_linked, range)?;
        let words = self.small_words(old, named);
        // Entries that mean something already are written where they change, others all at once.
        let is_in_place = matches!(old, Big::Small(_)) || tables.big.is_none();
        let (skip, count) = match is_in_place {
            true => (named.trailing_zeros(), named.count_ones()),
            false => (0, u16::BITS),
        };
        if let Some(small) = &tables.small {
            let skip = skip as usize;
            let words = words.get(skip..skip + count as usize).unwrap_or(&[]);
            let first = number * SMALL_IN_BIG + skip;
            self.writer.write::<P::Table>(small, first, words);
        }
        let new = match used {
            0 => Big::NOTHING,
            _ => Big::Small(used),
        };
        if !is_in_place {
            self.write_big(tables, number, new);
        }
        set(tables, number, new);
        Ok(())
    }

    /// The entries of the small pages in a big one, of which those in `named` change.
    fn small_words(&mut self, old: Big, named: u16) -> [u64; SMALL_IN_BIG] {
        let version = self.format.version;
        let mut words = [0; SMALL_IN_BIG];
        for (number, word) in words.iter_mut().enumerate() {
            let mapped = match old {
                _ if named >> number & 1 != 0 => self.content.small(),
                Big::Whole(mapped) => mapped.part(version, number, SMALL_PAGE),
                Big::Small(_) => Mapped::Nothing,
            };
            *word = mapped.in_small_table(version);
        }
        words
    }

    /// Gets a table of big pages if there is none.
    fn need_big(&mut self, tables: &mut Tables<P>) -> Result<(), Unprepared> {
        match tables.big {
            Some(_) => Ok(()),
            None => self.new_big(tables),
        }
    }

    /// Gets a table of big pages in place of another one.
    fn new_big(&mut self, tables: &mut Tables<P>) -> Result<(), Unprepared> {
        let version = self.format.version;
        let big = self.spare.memory().ok_or(Unprepared)?;
        let words = tables.slots.map(|slot| slot.word(version));
        self.writer.write::<P::Table>(&big, 0, &words);
        if let Some(old) = tables.big.replace(big) {
            self.spare.unlinked_memory(old);
        }
        Ok(())
    }

    /// Gets a table of small pages if there is none.
    ///
    /// Alone, it has to say that there is nothing beside `range`. Beside a table of big pages, none
    /// of its entries means anything yet. But one of these is about to send the MMU there, and the
    /// MMU may know the entry of PD0 from before, with that table alone. So it gets a new one, too.
    fn need_small(
        &mut self,
        tables: &mut Tables<P>,
        is_linked: bool,
        range: &Range<u64>,
    ) -> Result<(), Unprepared> {
        if tables.small.is_some() {
            return Ok(());
        }
        let small = self.spare.memory().ok_or(Unprepared)?;
        match tables.big {
            Some(_) if is_linked => self.new_big(tables)?,
            Some(_) => {}
            None => {
                let pages = small_pages(&self.format.small, range);
                self.clear(&small, 0..pages.start);
                self.clear(&small, pages.end..SMALL_ENTRIES);
            }
        }
        tables.small = Some(small);
        Ok(())
    }

    /// Writes zeros.
    fn clear(&mut self, table: &P::Table, words: Range<usize>) {
        const ZEROS: &[u64] = &[0; SMALL_ENTRIES];
        let zeros = ZEROS.get(..words.len()).unwrap_or(&[]);
        if !zeros.is_empty() {
            self.writer.write(table, words.start, zeros);
        }
    }

    /// Writes an entry of the table of big pages.
    fn write_big(&mut self, tables: &Tables<P>, number: usize, new: Big) {
        if let Some(big) = &tables.big {
            self.writer
                .write::<P::Table>(big, number, &[new.word(self.format.version)]);
        }
    }
}

impl<P: Scratch + TableSource> Tables<P> {
    /// Whether all that is mapped is in `part`.
    pub(super) fn is_nothing_outside(&self, format: &Format, part: &Range<u64>) -> bool {
        let pages = small_pages(&format.small, part);
        let mut slots = self.slots.iter().enumerate();
        slots.all(|(number, slot)| slot.used() & !in_big(number, &pages) == 0)
    }
}

fn set<P: Scratch + TableSource>(tables: &mut Tables<P>, number: usize, new: Big) {
    if let Some(slot) = tables.slots.get_mut(number) {
        *slot = new;
    }
}
