// SPDX-License-Identifier: GPL-2.0

//! The walk through the page tables.

use nova_hw::gmmu::{Format, Level};

use super::entry::{self, Big, Directory, Leaf, Table};
use super::page::{Attributes, Root, Translation};
use crate::engines::memory::{Aperture, FaultType};

/// An entry that the walk reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    /// Number of levels above the page tables: 0 in these, 1 in PD0.
    pub(super) height: usize,
    /// Lowest bit of the virtual address that selects the entry.
    pub(super) shift: u32,
    pub(super) aperture: Aperture,
    pub(super) address: u64,
    /// Bytes, at most 16.
    pub(super) size: usize,
}

impl Slot {
    /// The entry of a table that `va` selects.
    fn of(level: &Level, height: usize, (aperture, table): Table, va: u64) -> Self {
        let index = va >> level.shift & ((1 << level.bits) - 1);
        Self {
            height,
            shift: level.shift,
            aperture,
            address: table + index * level.entry_size,
            size: level.entry_size as usize,
        }
    }
}

/// Where entries come from.
pub(super) trait Source {
    /// Reads an entry.
    fn read(&mut self, slot: &Slot) -> Result<u128, FaultType>;

    /// The entry that was read leads on, so it may be kept.
    fn keep(&mut self, slot: &Slot, entry: u128);
}

/// What a walk has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// The page, or why there is none.
    pub(super) page: Result<Translation, FaultType>,
    /// [`Slot::height`] of the entry that says so.
    pub(super) height: usize,
}

impl Found {
    fn new(leaf: Leaf, slot: &Slot, va: u64) -> Self {
        let offset = (1 << slot.shift) - 1;
        let page = |target, attributes| Translation {
            first: va & !offset,
            shift: slot.shift,
            target,
            attributes,
        };
        Self {
            page: match leaf {
                // The model's own choice: bits of the address within the page are ignored.
                Leaf::Page(aperture, at, attributes) => {
                    Ok(page(Some((aperture, at & !offset)), attributes))
                }
                Leaf::Sparse => Ok(page(None, Attributes::default())),
                Leaf::Invalid(fault) => Err(fault),
            },
            height: slot.height,
        }
    }
}

/// Finds the page at a virtual address. It ends, whatever the tables say: each step is one level
/// further down.
///
/// An error is one that says nothing about entries: the address is too long, or a table cannot be
/// reached. The limit of an address space in an instance block is gone since Volta, so only the
/// format's is left.
pub(super) fn walk(
    format: &Format,
    source: &mut impl Source,
    root: Root,
    va: u64,
) -> Result<Found, FaultType> {
    if va >> format.va_bits != 0 {
        return Err(FaultType::VaLimit);
    }
    let mut table = (root.aperture, root.address);
    let heights = (1..=format.directories.len()).rev();
    for (level, height) in format.directories.iter().zip(heights) {
        let slot = Slot::of(level, height, table, va);
        let entry = source.read(&slot)?;
        match entry::directory(format, level, entry) {
            Directory::Leaf(leaf) => return Ok(Found::new(leaf, &slot, va)),
            Directory::Table(next) => {
                source.keep(&slot, entry);
                table = next;
            }
            Directory::Tables { big, small } => {
                source.keep(&slot, entry);
                return page_tables(format, source, big, small, va);
            }
        }
    }
    // Only if the format had no PD0.
    Err(FaultType::Pde)
}

/// Finds the page in the tables that an entry of PD0 leads to: a big page, or else a small one.
///
/// The model's own choice: with an empty big entry and no table of small pages, the fault is that of
/// the entry that was read.
fn page_tables(
    format: &Format,
    source: &mut impl Source,
    big: Option<Table>,
    small: Option<Table>,
    va: u64,
) -> Result<Found, FaultType> {
    let mut last = None;
    if let Some(table) = big {
        let slot = Slot::of(&format.big, 0, table, va);
        match entry::big(format, source.read(&slot)? as u64) {
            Big::Leaf(leaf) => return Ok(Found::new(leaf, &slot, va)),
            Big::Small => last = Some(Found::new(Leaf::Invalid(FaultType::Pte), &slot, va)),
        }
    }
    match (small, last) {
        (Some(table), _) => {
            let slot = Slot::of(&format.small, 0, table, va);
            let leaf = entry::small(format, source.read(&slot)? as u64);
            Ok(Found::new(leaf, &slot, va))
        }
        (None, Some(found)) => Ok(found),
        (None, None) => Err(FaultType::Pde),
    }
}
