// SPDX-License-Identifier: GPL-2.0

//! The page tables of one address space of the GPU.
//!
//! The tables are in VRAM, and are only written: what has to be known of them is in a tree of
//! [`node`]s. [`walk`] and [`page_tables`] change both.

use core::ops::Range;

use nova_hw::gmmu::{Format, Level};

use crate::platform::memory::MemoryError;
use crate::platform::{Scratch, TableMemory, TableSource};
use blocks::{Attributes, Block};
use content::{Content, Pages};
use entry::Mapped;
use level::{index, is_pd0, SMALL_PAGE};
use node::{Directory, Slot};
use spare::Spare;
use walk::Walk;
use writer::Writer;

pub(crate) mod blocks;
mod content;
pub(super) mod entry;
mod level;
mod node;
mod page_tables;
pub(crate) mod prepare;
pub(crate) mod spare;
mod stack;
#[cfg(test)]
mod tests;
mod walk;
mod writer;

/// The page tables of one address space.
///
/// All ranges are of virtual addresses, aligned to 4 KiB, and end within the address space; others
/// are a bug of the caller, and change nothing.
///
/// A change is made in three steps. [`Spare::prepare`] gets the memory that it may need, and may
/// fail. [`Self::map`], [`Self::map_sparse`] and [`Self::unmap`] neither allocate nor fail. Then the
/// caller flushes its writes, invalidates the TLBs, and drops the [`Spare`], which has the tables
/// that the GPU does not use any more. One `Spare` does for any number of changes.
///
/// What is mapped outside of a range stays so throughout its change. An access to the range itself
/// may fail until the TLBs are invalidated.
///
/// All tables are freed when this is dropped: by then, the GPU must not use them any more.
///
/// `P` is where memory comes from.
pub struct PageTables<P: Scratch + TableSource> {
    format: &'static Format,
    root: Directory<P>,
    writer: Writer,
}

impl<P: Scratch + TableSource> PageTables<P> {
    /// An address space in which nothing is mapped.
    pub fn new(platform: &P, format: &'static Format) -> Result<Self, MemoryError> {
        let mut root = Directory::new(platform, format, 0)?;
        let mut writer = Writer::default();
        writer.fill(format, 0, &mut root, Mapped::Nothing);
        Ok(Self {
            format,
            root,
            writer,
        })
    }

    /// Address of the root directory in VRAM.
    pub fn root(&self) -> u64 {
        self.root.memory.address()
    }

    /// Number of entries of the root directory.
    pub fn root_entries(&self) -> u32 {
        self.root.slots.len() as u32
    }

    /// The directories on the way to an address, from the root down to PD1 at most: each with its level.
    pub fn directories(&self, address: u64) -> impl Iterator<Item = (&'static Level, u64)> + '_ {
        let mut next = Some(&self.root);
        let above_pd0 = self
            .format
            .directories
            .iter()
            .filter(|level| !is_pd0(level));
        above_pd0.map_while(move |level| {
            let directory = next.take()?;
            next = match directory.slots.get(index(level, address)) {
                Some(Slot::Directory(below)) => Some(below),
                _ => None,
            };
            Some((level, directory.memory.address()))
        })
    }

    /// Number of words of 64 bits that were written to tables so far.
    pub fn words_written(&self) -> u64 {
        self.writer.written
    }

    /// Maps `blocks`, one after the other, in place of what is mapped in `range`, which has their
    /// size altogether. Each part gets the largest pages that its addresses and its length allow.
    pub fn map(
        &mut self,
        spare: &mut Spare<P>,
        range: Range<u64>,
        mut blocks: impl Iterator<Item = Block>,
        attributes: Attributes,
    ) {
        let version = self.format.version;
        let pages = Pages::new(version, range.start, &mut blocks, attributes);
        self.change(spare, range, Content::Pages(pages));
    }

    /// Makes `range` sparse: it reads as zero and drops writes.
    pub fn map_sparse(&mut self, spare: &mut Spare<P>, range: Range<u64>) {
        self.change(spare, range, Content::Sparse);
    }

    /// Unmaps `range`, of which any parts may be mapped.
    pub fn unmap(&mut self, spare: &mut Spare<P>, range: Range<u64>) {
        self.change(spare, range, Content::Nothing);
    }

    fn change<'a>(&'a mut self, spare: &'a mut Spare<P>, range: Range<u64>, content: Content<'a>) {
        let is_good = (range.start | range.end) & (SMALL_PAGE - 1) == 0
            && range.start <= range.end
            && range.end <= 1 << self.format.va_bits;
        debug_assert!(is_good, "a bug of the driver: addresses {range:x?}");
        if !is_good {
            return;
        }
        let mut walk = Walk {
            format: self.format,
            writer: &mut self.writer,
            spare,
            content,
        };
        walk.directory(0, &mut self.root, range);
    }
}
