// SPDX-License-Identifier: GPL-2.0

//! Cuts chunks of 2 MiB into pieces of 4 KiB and more, and says which chunk has none left.

use core::ops::DerefMut;

use crate::platform::{VideoBlock, WindowBar};

/// Bytes of a page, the smallest piece.
pub(super) const PAGE: u64 = 0x1000;

/// Bytes of a chunk.
pub(super) const CHUNK: u64 = super::slots::SLOT;

/// Most bytes of a piece: the pages of a word of the bitmap.
pub(super) const PIECE_MAX: u64 = 64 * PAGE;

/// Most chunks of a pool; the driver's own limit. Their 80 MiB hold the tables that map 40 GiB in
/// pages of 4 KiB.
pub(super) const CHUNKS_MAX: usize = 40;

/// The slot of a window that shows a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seat {
    pub(super) bar: WindowBar,
    pub(super) slot: usize,
}

/// 2 MiB of VRAM, which a window shows once they are in a pool.
pub(super) struct Chunk<B> {
    pub(super) block: B,
    /// Set before the chunk is added to a pool.
    pub(super) seat: Seat,
    /// A bit for each page that is in use.
    used: [u64; (CHUNK / PAGE / 64) as usize],
}

impl<B> Chunk<B> {
    pub(super) fn new(block: B) -> Self {
        let bar = WindowBar::Bar2;
        Self {
            block,
            seat: Seat { bar, slot: 0 },
            used: [0; (CHUNK / PAGE / 64) as usize],
        }
    }

    /// Keeps the first `bytes` for good.
    pub(super) fn keep(&mut self, bytes: u64) {
        for page in 0..bytes.div_ceil(PAGE) {
            let word = self.used.get_mut((page / 64) as usize);
            debug_assert!(word.is_some());
            if let Some(word) = word {
                *word |= 1 << (page % 64);
            }
        }
    }

    /// Keeps all of it for good.
    pub(super) fn keep_all(&mut self) {
        self.used.fill(u64::MAX);
    }

    /// Takes `pages` free pages, a power of two up to 64, that start at a multiple of it.
    fn take(&mut self, pages: u32) -> Option<u32> {
        let mask = mask(pages);
        for (word, first) in self.used.iter_mut().zip((0..).step_by(64)) {
            for at in (0_u32..64).step_by(pages as usize) {
                if *word & mask << at == 0 {
                    *word |= mask << at;
                    return Some(at.saturating_add(first));
                }
            }
        }
        None
    }

    /// Returns pages; `true` if all of the chunk is free now.
    fn give(&mut self, first: u32, pages: u32) -> bool {
        let mask = mask(pages) << (first % 64);
        let word = self.used.get_mut((first / 64) as usize);
        debug_assert!(
            word.as_ref().is_some_and(|word| **word & mask == mask),
            "{pages} pages from {first} are not in use"
        );
        if let Some(word) = word {
            *word &= !mask;
        }
        self.used.iter().all(|word| *word == 0)
    }
}

/// A bit for each of `pages` pages, 1 to 64.
fn mask(pages: u32) -> u64 {
    u64::MAX >> (64_u32.saturating_sub(pages) & 63)
}

/// A piece of VRAM that a window shows: 4 KiB or more, a power of two, and aligned to its size.
///
/// It is given back to where it came from, and is worth nothing once that is gone.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub struct Piece {
    address: u64,
    pages: u32,
    /// Number of the first page in its chunk.
    first: u32,
    /// Number of the chunk.
    chunk: usize,
    bar: WindowBar,
    offset: u64,
}

impl Piece {
    /// Address in VRAM.
    pub fn address(&self) -> u64 {
        self.address
    }

    /// The window that shows it.
    pub fn bar(&self) -> WindowBar {
        self.bar
    }

    /// Offset in that window.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Size in bytes.
    pub fn size(&self) -> u64 {
        u64::from(self.pages).saturating_mul(PAGE)
    }
}

/// The chunks; `C` is a box of a [`Chunk`].
pub(super) struct Pool<C> {
    chunks: [Option<C>; CHUNKS_MAX],
}

impl<B: VideoBlock, C: DerefMut<Target = Chunk<B>>> Pool<C> {
    pub(super) fn new() -> Self {
        Self {
            chunks: [const { None }; CHUNKS_MAX],
        }
    }

    /// Whether another chunk can be added.
    pub(super) fn has_room(&self) -> bool {
        self.chunks.iter().any(Option::is_none)
    }

    /// Adds a chunk. There must be room.
    pub(super) fn add(&mut self, chunk: C) {
        let place = self.chunks.iter_mut().find(|place| place.is_none());
        debug_assert!(place.is_some(), "no room for a chunk");
        if let Some(place) = place {
            *place = Some(chunk);
        }
    }

    /// Takes a piece of `size` bytes, rounded up to a power of two, of the first chunk that has
    /// one. `None` if none has, or the size is above [`PIECE_MAX`].
    pub(super) fn take(&mut self, size: u64) -> Option<Piece> {
        let bytes = size.max(PAGE).checked_next_power_of_two()?;
        if bytes > PIECE_MAX {
            return None;
        }
        let pages = u32::try_from(bytes / PAGE).ok()?;
        self.chunks.iter_mut().enumerate().find_map(|(number, c)| {
            let chunk = c.as_mut()?;
            let first = chunk.take(pages)?;
            let within = u64::from(first).saturating_mul(PAGE);
            let Seat { bar, slot } = chunk.seat;
            Some(Piece {
                address: chunk.block.address().saturating_add(within),
                pages,
                first,
                chunk: number,
                bar,
                offset: (slot as u64).saturating_mul(CHUNK).saturating_add(within),
            })
        })
    }

    /// Gives a piece back; returns its chunk if that is free now.
    pub(super) fn give(&mut self, piece: Piece) -> Option<C> {
        let place = self.chunks.get_mut(piece.chunk)?;
        let is_free = place.as_mut()?.give(piece.first, piece.pages);
        match is_free {
            true => place.take(),
            false => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::boxed::Box;
    use std::vec::Vec;

    struct Block(u64);

    impl VideoBlock for Block {
        fn address(&self) -> u64 {
            self.0
        }

        fn size(&self) -> u64 {
            CHUNK
        }
    }

    fn chunk(number: usize) -> Box<Chunk<Block>> {
        let seat = Seat {
            bar: WindowBar::Bar1,
            slot: number,
        };
        let mut chunk = Chunk::new(Block(number as u64 * CHUNK + (1 << 32)));
        chunk.seat = seat;
        Box::new(chunk)
    }

    #[test]
    fn large_pieces_are_not_cut() {
        let mut pool = Pool::new();
        pool.add(chunk(0));
        assert_eq!(pool.take(PIECE_MAX + 1), None);
        assert_eq!(pool.take(u64::MAX), None);
        let piece = pool.take(PIECE_MAX).unwrap();
        assert_eq!(piece.size(), PIECE_MAX);
    }

    #[test]
    fn what_is_kept_is_not_taken() {
        let mut pool = Pool::new();
        let mut kept = chunk(0);
        kept.keep(66 * PAGE);
        pool.add(kept);
        let piece = pool.take(0).unwrap();
        assert_eq!(piece.address(), (1 << 32) + 66 * PAGE);
        assert!(pool.give(piece).is_none(), "the chunk is never free");
        let mut all = chunk(1);
        all.keep_all();
        pool.add(all);
        let taken = core::iter::from_fn(|| pool.take(PAGE));
        assert_eq!(taken.count(), 512 - 66);
    }

    #[test]
    fn there_is_a_limit_of_chunks() {
        let mut pool = Pool::new();
        for number in 0..CHUNKS_MAX {
            assert!(pool.has_room());
            pool.add(chunk(number));
        }
        assert!(!pool.has_room());
    }

    /// What a test does: takes a piece of so many bytes, or gives back one of those it has.
    #[derive(Clone, Debug)]
    enum Act {
        Take(u64),
        Give(prop::sample::Index),
    }

    fn act() -> impl Strategy<Value = Act> {
        prop_oneof![
            3 => (0..=PIECE_MAX).prop_map(Act::Take),
            1 => any::<prop::sample::Index>().prop_map(Act::Give),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 4 } else { 128 }))]

        /// Pieces are large enough, aligned, seen where they are, and do not overlap; and a chunk is
        /// free when all of its pieces have been given back.
        #[test]
        fn pieces_are_as_in_the_model(acts in prop::collection::vec(act(), 1..200)) {
            let mut pool = Pool::new();
            let mut pieces: Vec<Piece> = Vec::new();
            let mut chunks = 0;
            for act in acts {
                match act {
                    Act::Take(size) => {
                        let piece = match pool.take(size) {
                            Some(piece) => piece,
                            None => {
                                pool.add(chunk(chunks));
                                chunks += 1;
                                pool.take(size).unwrap()
                            }
                        };
                        prop_assert!(piece.size() >= size && piece.size().is_power_of_two());
                        prop_assert_eq!(piece.address() % piece.size(), 0);
                        prop_assert_eq!(piece.offset + (1 << 32), piece.address());
                        let end = piece.address() + piece.size();
                        let overlaps = pieces.iter().any(|other| {
                            other.address() < end && piece.address() < other.address() + other.size()
                        });
                        prop_assert!(!overlaps);
                        pieces.push(piece);
                    }
                    Act::Give(index) if !pieces.is_empty() => {
                        let piece = pieces.swap_remove(index.index(pieces.len()));
                        let slot = piece.offset / CHUNK;
                        let is_last = pieces.iter().all(|other| other.offset / CHUNK != slot);
                        let free = pool.give(piece);
                        prop_assert_eq!(free.is_some(), is_last);
                        if let Some(free) = free {
                            prop_assert_eq!(free.seat.slot as u64, slot);
                            pool.add(free);
                        }
                    }
                    Act::Give(_) => {}
                }
            }
        }
    }
}
