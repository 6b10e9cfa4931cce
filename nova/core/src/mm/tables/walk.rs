// SPDX-License-Identifier: GPL-2.0

//! A change of a range, in directories.
//!
//! The GPU walks the tables meanwhile. So each word that is written is a step from one state that
//! is right for the addresses beside the range to another one.

use core::mem;
use core::ops::Range;

use nova_hw::gmmu::{Format, Level};

use super::content::Content;
use super::entry::Mapped;
use super::level::{index, is_pd0, is_whole, parts};
use super::node::{Directory, Slot};
use super::spare::Spare;
use super::writer::Writer;
use crate::platform::{Scratch, TableSource};

/// There was no table for a change: it was not prepared, or not for this.
pub(super) struct Unprepared;

/// A change under way.
pub(super) struct Walk<'a, P: Scratch + TableSource> {
    pub(super) format: &'static Format,
    pub(super) writer: &'a mut Writer,
    pub(super) spare: &'a mut Spare<P>,
    pub(super) content: Content<'a>,
}

impl<P: Scratch + TableSource> Walk<'_, P> {
    /// Changes a range of a directory that is `depth` levels below the root.
    ///
    /// It calls itself once for each level at most.
    pub(super) fn directory(
        &mut self,
        depth: usize,
        directory: &mut Directory<P>,
        range: Range<u64>,
    ) {
        let format = self.format;
        let Some(level) = format.directories.get(depth) else {
            return;
        };
        for part in parts(level, range) {
            let number = index(level, part.start);
            let changed = match is_whole(level, &part) {
                true => self.content.whole(level),
                false => None,
            };
            let end = part.end;
            let result = match changed {
                Some(mapped) => {
                    self.replace(level, directory, number, Slot::Whole(mapped));
                    Ok(())
                }
                None if is_pd0(level) => self.below_pd0(level, directory, number, part),
                None => self.below(depth, level, directory, number, part),
            };
            if let Err(Unprepared) = result {
                debug_assert!(false, "a bug of the driver: a table is missing");
                // What was mapped must not stay.
                self.content.skip(end);
                self.replace(level, directory, number, Slot::Whole(Mapped::Nothing));
            }
        }
    }

    /// Changes what is below an entry above PD0.
    fn below(
        &mut self,
        depth: usize,
        level: &Level,
        directory: &mut Directory<P>,
        number: usize,
        part: Range<u64>,
    ) -> Result<(), Unprepared> {
        let format = self.format;
        let lower = depth.saturating_add(1);
        if let Some(&Slot::Whole(mapped)) = directory.slots.get(number) {
            if self.changes_nothing(mapped) {
                return Ok(());
            }
            let mut new = self.spare.directory(lower).ok_or(Unprepared)?;
            self.writer.fill(format, lower, &mut new, mapped);
            self.replace(level, directory, number, Slot::Directory(new));
        }
        let Some(Slot::Directory(below)) = directory.slots.get_mut(number) else {
            return Ok(());
        };
        self.directory(lower, below, part);
        if below.used == 0 {
            self.replace(level, directory, number, Slot::Whole(Mapped::Nothing));
        }
        Ok(())
    }

    /// Changes what is below an entry of PD0. It has a frame of its own: that of
    /// [`Self::directory`] is on the stack once for each level.
    #[inline(never)]
    fn below_pd0(
        &mut self,
        level: &Level,
        directory: &mut Directory<P>,
        number: usize,
        part: Range<u64>,
    ) -> Result<(), Unprepared> {
        match directory.slots.get(number) {
            Some(&Slot::Whole(mapped)) if self.changes_nothing(mapped) => return Ok(()),
            Some(&Slot::Whole(mapped)) if mapped != Mapped::Nothing && !is_whole(level, &part) => {
                let mut new = self.spare.tables().ok_or(Unprepared)?;
                self.split(&mut new, mapped)?;
                self.replace(level, directory, number, Slot::Tables(new));
            }
            Some(Slot::Tables(tables)) if !is_whole(level, &part) => {
                if self.content.is_nothing() && tables.is_nothing_outside(self.format, &part) {
                    self.replace(level, directory, number, Slot::Whole(Mapped::Nothing));
                    return Ok(());
                }
            }
            _ => return self.new_page_tables(level, directory, number, part),
        }
        let Directory { memory, slots, .. } = directory;
        let Some(Slot::Tables(tables)) = slots.get_mut(number) else {
            return Ok(());
        };
        let version = self.format.version;
        let old = tables.dual(version);
        self.page_tables(tables, true, part)?;
        self.writer
            .replace_dual(&*memory, number, old, tables.dual(version));
        Ok(())
    }

    /// Makes page tables for a range, where there is nothing or all of it is replaced.
    fn new_page_tables(
        &mut self,
        level: &Level,
        directory: &mut Directory<P>,
        number: usize,
        part: Range<u64>,
    ) -> Result<(), Unprepared> {
        let mut new = self.spare.tables().ok_or(Unprepared)?;
        let made = self.page_tables(&mut new, false, part);
        match made {
            Ok(()) => self.replace(level, directory, number, Slot::Tables(new)),
            Err(Unprepared) => self.spare.unlinked(Slot::Tables(new)),
        }
        made
    }

    /// Whether what is not mapped is to be unmapped.
    fn changes_nothing(&self, mapped: Mapped) -> bool {
        mapped == Mapped::Nothing && self.content.is_nothing()
    }

    /// Replaces an entry, and keeps the tables that it leads to.
    fn replace(
        &mut self,
        level: &Level,
        directory: &mut Directory<P>,
        number: usize,
        new: Slot<P>,
    ) {
        let Directory {
            memory,
            slots,
            used,
        } = directory;
        let Some(slot) = slots.get_mut(number) else {
            return;
        };
        let version = self.format.version;
        match is_pd0(level) {
            true => {
                let (old, new) = (slot.dual(version), new.dual(version));
                self.writer.replace_dual(&*memory, number, old, new);
            }
            false if slot.word(version) != new.word(version) => {
                self.writer.write(&*memory, number, &[new.word(version)]);
            }
            false => {}
        }
        *used = used
            .saturating_add(new.is_used().into())
            .saturating_sub(slot.is_used().into());
        let old = mem::replace(slot, new);
        self.spare.unlinked(old);
    }
}
