// SPDX-License-Identifier: GPL-2.0

//! What a range of addresses becomes, handed out from its start to its end.

use nova_hw::gmmu::{Level, Version};

use super::blocks::{Aperture, Attributes, Block};
use super::entry::{self, Mapped};
use super::level::{size, SMALL_PAGE};

/// What a range becomes.
pub(super) enum Content<'a> {
    /// It is unmapped.
    Nothing,
    /// It is made sparse.
    Sparse,
    /// It is mapped.
    Pages(Pages<'a>),
}

impl Content<'_> {
    /// What the next addresses become, if one entry of this level can say it for all that it is for.
    pub(super) fn whole(&mut self, level: &Level) -> Option<Mapped> {
        match self {
            Self::Nothing => Some(Mapped::Nothing),
            Self::Sparse => Some(Mapped::Sparse),
            Self::Pages(pages) => pages.large(level).map(Mapped::Page),
        }
    }

    /// What the next 4 KiB become.
    pub(super) fn small(&mut self) -> Mapped {
        match self {
            Self::Nothing => Mapped::Nothing,
            Self::Sparse => Mapped::Sparse,
            Self::Pages(pages) => pages.small().map_or(Mapped::Nothing, Mapped::Page),
        }
    }

    /// Hands out what the addresses below `to` become.
    pub(super) fn skip(&mut self, to: u64) {
        if let Self::Pages(pages) = self {
            while pages.at < to {
                pages.small();
            }
        }
    }

    pub(super) fn is_nothing(&self) -> bool {
        matches!(self, Self::Nothing)
    }
}

/// Blocks that are mapped one after the other.
pub(super) struct Pages<'a> {
    blocks: &'a mut dyn Iterator<Item = Block>,
    /// What is left of the block that was begun.
    rest: Block,
    /// Virtual address of the next page.
    at: u64,
    attributes: Attributes,
    version: Version,
}

impl<'a> Pages<'a> {
    /// Blocks for the addresses from `at` on.
    pub(super) fn new(
        version: Version,
        at: u64,
        blocks: &'a mut dyn Iterator<Item = Block>,
        attributes: Attributes,
    ) -> Self {
        Self {
            blocks,
            rest: Block {
                aperture: Aperture::Vram,
                address: 0,
                size: 0,
            },
            at,
            attributes,
            version,
        }
    }

    /// Begins the next block where the last one has ended.
    fn begin(&mut self) {
        if self.rest.size == 0 {
            if let Some(block) = self.blocks.next() {
                self.rest = block;
            }
        }
    }

    /// The entry for a page of a level above that of small pages, if the block allows it.
    ///
    /// The machine's memory is mapped by small pages alone so far.
    fn large(&mut self, level: &Level) -> Option<u64> {
        self.begin();
        let size = size(level);
        let Block {
            aperture, address, ..
        } = self.rest;
        let fits = level.has_pages
            && aperture == Aperture::Vram
            && self.rest.size >= size
            && address & (size - 1) == 0;
        fits.then(|| self.take(size))
    }

    /// The entry for a small page; `None` where the blocks have ended.
    fn small(&mut self) -> Option<u64> {
        self.begin();
        let Block { address, size, .. } = self.rest;
        let fits = size >= SMALL_PAGE && address & (SMALL_PAGE - 1) == 0;
        debug_assert!(
            fits,
            "a bug of the driver: blocks end early, or within a page"
        );
        if !fits {
            self.at = self.at.saturating_add(SMALL_PAGE);
            self.rest.size = 0;
            return None;
        }
        Some(self.take(SMALL_PAGE))
    }

    /// The entry for a page of `size` bytes, which the block has.
    fn take(&mut self, size: u64) -> u64 {
        let Block {
            aperture, address, ..
        } = self.rest;
        self.rest.address = address.saturating_add(size);
        self.rest.size = self.rest.size.saturating_sub(size);
        self.at = self.at.saturating_add(size);
        entry::page(self.version, aperture, address, self.attributes)
    }
}
