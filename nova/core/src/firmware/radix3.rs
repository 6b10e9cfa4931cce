// SPDX-License-Identifier: GPL-2.0

//! The radix3 tables, through which booter finds the pages of the GSP's firmware.
//!
//! A table consists of 4 KiB pages of 64-bit little-endian bus addresses. The page of level 0
//! points to the pages of level 1, these to the pages of level 2, and these to the pages of the
//! firmware, which therefore is not copied. All tables are in one allocation, level by level.
//!
//! Source: open-gpu-kernel-modules 570, `kgspCreateRadix3` in
//! src/nvidia/src/kernel/gpu/gsp/kernel_gsp.c.

use core::ops::Range;

use nova_hw::gsp::PAGE_SIZE;

use super::error::{FirmwareError, ImageError};
use crate::bug::OrBug;
use crate::platform::{memory, DmaAllocator, DmaMemory};

/// Bytes of a table entry.
const ENTRY: usize = size_of::<u64>();

/// Entries of a table page.
const ENTRIES: usize = PAGE_SIZE / ENTRY;

/// Entries that are written at once; small enough for a kernel stack.
const BATCH: usize = 64;

/// The tables, in DMA memory.
pub(crate) struct Radix3<M>(M);

/// The pages of the allocation for each level.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Levels {
    level1: Range<usize>,
    level2: Range<usize>,
}

impl Levels {
    /// Levels for `pages` pages of firmware; `None` if three levels are too few.
    fn for_pages(pages: usize) -> Option<Self> {
        let level2_pages = pages.div_ceil(ENTRIES);
        let level1_pages = level2_pages.div_ceil(ENTRIES);
        if pages == 0 || level1_pages > ENTRIES {
            return None;
        }
        let level2_start = level1_pages.checked_add(1)?;
        Some(Self {
            level1: 1..level2_start,
            level2: level2_start..level2_start.checked_add(level2_pages)?,
        })
    }

    /// Bytes of all levels.
    fn size(&self) -> Option<usize> {
        self.level2.end.checked_mul(PAGE_SIZE)
    }
}

impl<M: DmaMemory> Radix3<M> {
    /// Builds the tables for `pages` pages; page n is at bus address `page_addr(n)`.
    pub(crate) fn build<A: DmaAllocator<Memory = M>>(
        allocator: &A,
        pages: usize,
        page_addr: impl Fn(usize) -> Option<u64>,
    ) -> Result<Self, FirmwareError> {
        let levels = Levels::for_pages(pages).ok_or(ImageError::PageCount { pages })?;
        let size = levels.size().ok_or(ImageError::PageCount { pages })?;
        let tables = memory::alloc_dma(allocator, "the radix3 tables", size)?;

        let base = tables.dma_addr();
        let table = |first: usize| {
            move |n: usize| {
                let offset = first.checked_add(n)?.checked_mul(PAGE_SIZE)?;
                base.checked_add(u64::try_from(offset).ok()?)
            }
        };
        fill(&tables, 0, levels.level1.len(), table(levels.level1.start))?;
        fill(
            &tables,
            levels.level1.start,
            levels.level2.len(),
            table(levels.level2.start),
        )?;
        fill(&tables, levels.level2.start, pages, page_addr)?;
        Ok(Self(tables))
    }

    /// Bus address of level 0.
    pub(crate) fn root(&self) -> u64 {
        self.0.dma_addr()
    }
}

/// Writes `count` entries, starting with page `page` of the tables.
fn fill<M: DmaMemory>(
    tables: &M,
    page: usize,
    count: usize,
    address: impl Fn(usize) -> Option<u64>,
) -> Result<(), FirmwareError> {
    let mut batch = [0; BATCH * ENTRY];
    for first in (0..count).step_by(BATCH) {
        let entries = count.saturating_sub(first).min(BATCH);
        for (n, slot) in (first..).zip(batch.chunks_exact_mut(ENTRY).take(entries)) {
            let address = address(n).ok_or(ImageError::PageAddress { page: n })?;
            slot.copy_from_slice(&address.to_le_bytes());
        }
        let offset = page
            .saturating_mul(PAGE_SIZE)
            .saturating_add(first.saturating_mul(ENTRY));
        let bytes = batch.get(..entries.saturating_mul(ENTRY)).or_bug();
        tables.write(offset, bytes)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Allocator;
    use proptest::prelude::*;

    fn page_addr(page: usize) -> u64 {
        0x40_0000_0000 + page as u64 * 0x3000
    }

    #[test]
    fn levels_have_the_required_number_of_pages() {
        let levels = |pages| Levels::for_pages(pages);
        assert_eq!(levels(0), None);
        let one = Levels {
            level1: 1..2,
            level2: 2..3,
        };
        assert_eq!(levels(1), Some(one.clone()));
        assert_eq!(levels(512), Some(one));
        let two = Levels {
            level1: 1..2,
            level2: 2..4,
        };
        assert_eq!(levels(513), Some(two));
        let three = Levels {
            level1: 1..3,
            level2: 3..516,
        };
        assert_eq!(levels(512 * 512 + 1), Some(three));
        assert!(levels(512 * 512 * 512).is_some());
        assert_eq!(levels(512 * 512 * 512 + 1), None);
        assert_eq!(levels(usize::MAX), None);
    }

    #[test]
    fn a_page_without_an_address_is_an_error() {
        let built = Radix3::build(&Allocator::default(), 600, |page| {
            (page != 555).then(|| page_addr(page))
        });
        let expected = FirmwareError::Image(ImageError::PageAddress { page: 555 });
        assert_eq!(built.err(), Some(expected));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 4 } else { 64 }))]

        /// Walking the tables as the GPU does reaches every page, and the tables have no unused
        /// pages.
        #[test]
        fn every_page_is_reachable(pages in 1..=40_000usize) {
            let pages = if cfg!(miri) { pages % 700 + 1 } else { pages };
            let allocator = Allocator::default();
            let radix3 = Radix3::build(&allocator, pages, |page| Some(page_addr(page))).unwrap();
            let entry = |table: u64, n: usize| allocator.word(table + (n * ENTRY) as u64);
            for page in 0..pages {
                let level1 = entry(radix3.root(), page / ENTRIES / ENTRIES);
                let level2 = entry(level1, page / ENTRIES % ENTRIES);
                prop_assert_eq!(entry(level2, page % ENTRIES), page_addr(page));
            }
            let tables = pages.div_ceil(ENTRIES) + pages.div_ceil(ENTRIES * ENTRIES) + 1;
            prop_assert_eq!(allocator.allocations.borrow()[0].size(), tables * PAGE_SIZE);
        }
    }
}
