// SPDX-License-Identifier: GPL-2.0

//! Tables that are not in use.

use core::array;
use core::ops::Range;

use nova_hw::gmmu::Format;

use super::level::LOWER_DIRECTORIES;
use super::node::{held, Directory, Slot, Tables};
use super::prepare::{Change, Need};
use super::stack::{Held, Stack};
use crate::platform::memory::MemoryError;
use crate::platform::{Scratch, TableSource};

/// Tables for changes to come, and tables that changes have unlinked.
///
/// The GPU may use the latter until the TLBs are invalidated, so a `Spare` is dropped after that.
pub struct Spare<P: Scratch + TableSource> {
    /// By their number of levels below the root, less one.
    directories: [Stack<P, Directory<P>>; LOWER_DIRECTORIES],
    tables: Stack<P, Tables<P>>,
    memory: Stack<P, P::Table>,
    unlinked: Unlinked<P>,
}

/// What the GPU may still use. The tables below each are dropped with it.
struct Unlinked<P: Scratch + TableSource> {
    directories: Stack<P, Directory<P>>,
    tables: Stack<P, Tables<P>>,
    memory: Stack<P, P::Table>,
}

impl<P: Scratch + TableSource> Spare<P> {
    /// Without any tables.
    pub fn new() -> Self {
        Self {
            directories: array::from_fn(|_| Stack::new()),
            tables: Stack::new(),
            memory: Stack::new(),
            unlinked: Unlinked {
                directories: Stack::new(),
                tables: Stack::new(),
                memory: Stack::new(),
            },
        }
    }

    /// Adds what a later change of `range` may need in page tables of this format, whatever is
    /// mapped by then.
    ///
    /// # Errors
    ///
    /// Those of `platform`. Then a part of that may have been added, and what was there before is
    /// still good for what it was.
    pub fn prepare(
        &mut self,
        platform: &P,
        format: &Format,
        range: Range<u64>,
        change: Change,
    ) -> Result<(), MemoryError> {
        let need = Need::of(format, &range, change);
        let stacks = self.directories.iter_mut().zip(1..);
        for ((stack, depth), &count) in stacks.zip(&need.directories) {
            for _ in 0..count {
                let directory = Directory::new(platform, format, depth)?;
                stack.push(held(platform, "a page directory", directory)?);
            }
        }
        for _ in 0..need.tables {
            self.tables
                .push(held(platform, "page tables", Tables::new())?);
        }
        for _ in 0..need.memory {
            let memory = platform.alloc_table()?;
            self.memory.push(held(platform, "a page table", memory)?);
        }
        Ok(())
    }

    /// A directory in which nothing is mapped, `depth` levels below the root.
    pub(super) fn directory(&mut self, depth: usize) -> Option<Held<P, Directory<P>>> {
        self.directories.get_mut(depth.checked_sub(1)?)?.pop()
    }

    /// What leads to page tables, without any.
    pub(super) fn tables(&mut self) -> Option<Held<P, Tables<P>>> {
        self.tables.pop()
    }

    /// Memory of a page table.
    pub(super) fn memory(&mut self) -> Option<Held<P, P::Table>> {
        self.memory.pop()
    }

    /// Keeps the tables below an entry that does not lead to them any more.
    pub(super) fn unlinked(&mut self, slot: Slot<P>) {
        match slot {
            Slot::Whole(_) => {}
            Slot::Directory(directory) => self.unlinked.directories.push(directory),
            Slot::Tables(tables) => self.unlinked.tables.push(tables),
        }
    }

    /// Keeps the memory of a page table that nothing leads to any more.
    pub(super) fn unlinked_memory(&mut self, memory: Held<P, P::Table>) {
        self.unlinked.memory.push(memory);
    }
}

impl<P: Scratch + TableSource> Default for Spare<P> {
    fn default() -> Self {
        Self::new()
    }
}
