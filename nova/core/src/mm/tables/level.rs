// SPDX-License-Identifier: GPL-2.0

//! Which addresses the entries of a level are for.

use core::ops::Range;

use nova_hw::chipset::Architecture;
use nova_hw::gmmu::{Format, Level};

/// Bytes of a small page.
pub(crate) const SMALL_PAGE: u64 = 1 << 12;

/// Number of entries of a table of big pages.
pub(super) const BIG_ENTRIES: usize = 32;

/// Number of entries of a table of small pages.
pub(super) const SMALL_ENTRIES: usize = 512;

/// Number of small pages in a big one.
pub(super) const SMALL_IN_BIG: usize = 16;

/// Number of levels of directories below the root that a format can have.
pub(super) const LOWER_DIRECTORIES: usize = 4;

const _: () = {
    let ver2 = Format::of(Architecture::Turing);
    assert!(SMALL_PAGE == size(&ver2.small));
    assert!(BIG_ENTRIES == entries(&ver2.big));
    assert!(SMALL_ENTRIES == entries(&ver2.small));
    assert!(SMALL_IN_BIG * BIG_ENTRIES == SMALL_ENTRIES);
    let ver3 = Format::of(Architecture::BlackwellGb20x);
    assert!(LOWER_DIRECTORIES == ver3.directories.len() - 1);
};

/// Bytes of the addresses that an entry is for.
pub(super) const fn size(level: &Level) -> u64 {
    1 << level.shift
}

/// Number of entries of a table.
pub(super) const fn entries(level: &Level) -> usize {
    1 << level.bits
}

/// Whether entries lead to page tables.
pub(super) fn is_pd0(level: &Level) -> bool {
    level.entry_size == 16
}

/// Number of the entry for an address, in its table.
pub(super) fn index(level: &Level, va: u64) -> usize {
    (va >> level.shift) as usize & (entries(level) - 1)
}

/// The parts of a range that are for one entry each.
pub(super) fn parts(level: &Level, range: Range<u64>) -> impl Iterator<Item = Range<u64>> {
    let last = size(level) - 1;
    let Range { mut start, end } = range;
    core::iter::from_fn(move || {
        let part = start..(start | last).saturating_add(1).min(end);
        start = part.end;
        (part.start < part.end).then_some(part)
    })
}

/// Whether a part of a range is all that its entry is for.
pub(super) fn is_whole(level: &Level, part: &Range<u64>) -> bool {
    part.end - part.start == size(level)
}

/// How many entries a range is in, and how many of these it is all of.
pub(super) fn touched(level: &Level, range: &Range<u64>) -> (u64, u64) {
    let Some(last) = range.end.checked_sub(1).filter(|&last| last >= range.start) else {
        return (0, 0);
    };
    let touched = (last >> level.shift) - (range.start >> level.shift) + 1;
    let first_whole = range.start.div_ceil(size(level));
    let whole = (range.end >> level.shift).saturating_sub(first_whole);
    (touched, whole)
}

/// The entries that a range is in, of a table of small pages.
pub(super) fn small_pages(level: &Level, range: &Range<u64>) -> Range<usize> {
    let first = index(level, range.start);
    first..first + ((range.end - range.start) >> level.shift) as usize
}

/// Those of `pages` that are in a big page, as bits.
pub(super) fn in_big(number: usize, pages: &Range<usize>) -> u16 {
    let bits_below = |page: usize| {
        let bits = page.saturating_sub(number * SMALL_IN_BIG).min(SMALL_IN_BIG);
        (1_u32 << bits) - 1
    };
    (bits_below(pages.end) & !bits_below(pages.start)) as u16
}
