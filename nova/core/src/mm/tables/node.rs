// SPDX-License-Identifier: GPL-2.0

//! What the driver knows of the tables in use.
//!
//! The entries of small pages are in their table alone: nothing has to be known to cut one.

use nova_hw::gmmu::{Format, Version};

use super::entry::{self, Mapped};
use super::level::{entries, BIG_ENTRIES};
use super::stack::{Held, Node};
use crate::platform::memory::{self, MemoryError};
use crate::platform::{Scratch, TableMemory, TableSource};

/// A directory.
pub(crate) struct Directory<P: Scratch + TableSource> {
    pub(super) memory: P::Table,
    pub(super) slots: P::Slice<Slot<P>>,
    /// Number of entries at which something is mapped.
    pub(super) used: usize,
}

/// An entry of a directory.
pub(crate) enum Slot<P: Scratch + TableSource> {
    /// It says the same for all of its addresses.
    Whole(Mapped),
    /// Above PD0: it leads to a directory of the next level.
    Directory(Held<P, Directory<P>>),
    /// In PD0: it leads to page tables.
    Tables(Held<P, Tables<P>>),
}

/// The page tables below an entry of PD0.
///
/// Without a table of big pages, what is not mapped is zero in the table of small pages. With it,
/// entries of that table mean something only below [`Big::Small`].
pub(crate) struct Tables<P: Scratch + TableSource> {
    pub(super) big: Option<Held<P, P::Table>>,
    pub(super) small: Option<Held<P, P::Table>>,
    pub(super) slots: [Big; BIG_ENTRIES],
}

/// The 64 KiB of an entry of a table of big pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Big {
    /// All of them are the same.
    Whole(Mapped),
    /// These small pages are mapped or sparse, at least one.
    Small(u16),
}

impl<P: Scratch + TableSource> Directory<P> {
    /// A directory `depth` levels below the root, in which nothing is mapped. Its memory is not
    /// written yet.
    pub(super) fn new(platform: &P, format: &Format, depth: usize) -> Result<Self, MemoryError> {
        let entries = format.directories.get(depth).map_or(0, entries);
        let nothing = || Slot::Whole(Mapped::Nothing);
        Ok(Self {
            slots: memory::slice(platform, "a page directory", entries, nothing)?,
            memory: platform.alloc_table()?,
            used: 0,
        })
    }
}

impl<P: Scratch + TableSource> Slot<P> {
    /// Whether anything is mapped.
    pub(super) fn is_used(&self) -> bool {
        !matches!(self, Self::Whole(Mapped::Nothing))
    }

    /// The entry of a directory above PD0.
    pub(super) fn word(&self, version: Version) -> u64 {
        match self {
            Self::Whole(mapped) => mapped.in_directory(version),
            Self::Directory(below) => entry::directory(version, below.memory.address()),
            Self::Tables(_) => 0,
        }
    }

    /// The entry of PD0.
    pub(super) fn dual(&self, version: Version) -> Dual {
        match self {
            Self::Whole(mapped) => Dual {
                big: mapped.in_pd0(version),
                ..Dual::default()
            },
            Self::Tables(tables) => tables.dual(version),
            Self::Directory(_) => Dual::default(),
        }
    }
}

/// An entry of PD0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Dual {
    /// The half for big pages, or for one page of 2 MiB.
    pub(super) big: u64,
    /// It leads to a table of big pages.
    pub(super) has_big_table: bool,
    /// The half for small pages.
    pub(super) small: u64,
}

impl<P: Scratch + TableSource> Tables<P> {
    /// Without any tables.
    pub(super) fn new() -> Self {
        Self {
            big: None,
            small: None,
            slots: [Big::NOTHING; BIG_ENTRIES],
        }
    }

    /// The entry of PD0 that leads to the tables.
    pub(super) fn dual(&self, version: Version) -> Dual {
        let big = self.big.as_ref();
        let small = self.small.as_ref();
        Dual {
            big: big.map_or(0, |table| entry::big_table(version, table.address())),
            has_big_table: big.is_some(),
            small: small.map_or(0, |table| entry::small_table(version, table.address())),
        }
    }
}

impl Default for Big {
    fn default() -> Self {
        Self::NOTHING
    }
}

impl Big {
    pub(super) const NOTHING: Self = Self::Whole(Mapped::Nothing);

    /// The entry of the table of big pages.
    pub(super) fn word(self, version: Version) -> u64 {
        match self {
            Self::Whole(mapped) => mapped.in_big_table(version),
            Self::Small(_) => entry::SMALL_PAGES,
        }
    }

    /// The small pages that are mapped or sparse.
    pub(super) fn used(self) -> u16 {
        match self {
            Self::Whole(Mapped::Nothing) => 0,
            Self::Whole(_) => u16::MAX,
            Self::Small(used) => used,
        }
    }
}

/// Puts a value into memory of its own.
pub(super) fn held<P: Scratch, T>(
    platform: &P,
    what: &'static str,
    value: T,
) -> Result<Held<P, T>, MemoryError> {
    memory::boxed(platform, what, Node::new(value))
}
