// SPDX-License-Identifier: GPL-2.0

//! How many tables a change may need.

use core::ops::Range;

use nova_hw::gmmu::{Format, Level};

use super::blocks::Aperture;
use super::level::{size, touched, LOWER_DIRECTORIES};

/// A change of a range of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is unmapped, or made sparse.
    Unmap,
    /// Blocks are mapped.
    Map {
        /// Where they are.
        aperture: Aperture,
        /// Where a multiple of `1 << page_shift` bytes is mapped at addresses that are aligned to as
        /// many, their memory is aligned as well, and has no gap. That is always so for 12. In VRAM,
        /// 16 and 21 save tables.
        page_shift: u32,
    },
}

impl Change {
    /// Whether an entry of this level never needs a table below it, if all of its addresses change.
    fn fills(self, level: &Level) -> bool {
        match self {
            Self::Unmap => true,
            Self::Map {
                aperture,
                page_shift,
            } => aperture == Aperture::Vram && level.has_pages && page_shift >= level.shift,
        }
    }
}

/// Numbers of tables.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Need {
    /// Directories, by their number of levels below the root, less one.
    pub(super) directories: [u64; LOWER_DIRECTORIES],
    /// Entries of PD0 that lead to page tables.
    pub(super) tables: u64,
    /// Page tables.
    pub(super) memory: u64,
}

impl Need {
    /// What a change of a range may need, whatever is mapped by then: as much as if there were
    /// nothing, and as if each end of the range cut a page or sparse entry of the largest size.
    pub(super) fn of(format: &Format, range: &Range<u64>, change: Change) -> Self {
        // Entries that need a table below them.
        let below = |level: &Level| {
            let (touched, whole) = touched(level, range);
            match change.fills(level) {
                true => touched - whole,
                false => touched,
            }
        };
        let mut directories = [0; LOWER_DIRECTORIES];
        let mut tables = 0;
        if let Some((pd0, above)) = format.directories.split_last() {
            for (count, level) in directories.iter_mut().zip(above) {
                *count = below(level);
            }
            tables = below(pd0);
        }
        Self {
            directories,
            tables,
            memory: page_tables(format, range, change),
        }
    }
}

/// Number of page tables.
fn page_tables(format: &Format, range: &Range<u64>, change: Change) -> u64 {
    let Some(pd0) = format.directories.last() else {
        return 0;
    };
    let (touched, whole) = touched(pd0, range);
    let partial = touched - whole;
    let (big, small) = match change {
        Change::Map {
            aperture: Aperture::System,
            ..
        } => (false, true),
        _ => (!change.fills(pd0), !change.fills(&format.big)),
    };
    // Where an entry of PD0 changes as a whole.
    let new = whole.saturating_mul(u64::from(big) + u64::from(small));
    // A page of 2 MiB is cut by a table of big pages. For small ones, it takes both anew.
    let cut = |va: u64| (va & (size(&format.big) - 1) != 0).then_some(va >> pd0.shift);
    let with_small = match (cut(range.start), cut(range.end)) {
        _ if small => partial,
        (Some(first), Some(last)) if first != last => 2,
        (None, None) => 0,
        _ => 1,
    };
    new.saturating_add(partial).saturating_add(2 * with_small)
}
