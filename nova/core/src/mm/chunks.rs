// SPDX-License-Identifier: GPL-2.0

//! Where the contents of objects are while these lie one behind another in chunks of memory.

use core::ops::Range;

use super::extents::{extents_of, Extent};

/// A part of an object that has no gap, neither where the object is nor in a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkPiece {
    /// Where it is in the object's own memory.
    pub address: u64,
    /// Offset in the chunk.
    pub at: u64,
    /// Size in bytes.
    pub size: u64,
}

/// The pieces that a chunk has of an object. `all` is all memory of the object, in the order of
/// offsets. The object lies from `start` on, and the chunk has the bytes of `chunk`, both counted
/// from the first byte of the first chunk.
pub fn pieces_in(
    all: &[Extent],
    start: u64,
    chunk: Range<u64>,
) -> impl Iterator<Item = ChunkPiece> + '_ {
    let part = chunk.start.saturating_sub(start)..chunk.end.saturating_sub(start);
    let extents = extents_of(all, |extent| *extent, part);
    extents.map(move |extent| ChunkPiece {
        address: extent.address,
        at: start
            .saturating_add(extent.offset)
            .saturating_sub(chunk.start),
        size: extent.size,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec::Vec;

    /// An object with extents of these sizes; the address of a byte tells the object's number.
    fn object(number: u64, sizes: &[u64]) -> Vec<Extent> {
        let mut offset = 0;
        let place = |(gap, &size): (u64, &u64)| {
            let extent = Extent {
                offset,
                address: (number << 32) + (gap << 16) + offset,
                size,
            };
            offset += size;
            extent
        };
        (0..).zip(sizes).map(place).collect()
    }

    fn bytes(extents: &[Extent]) -> impl Iterator<Item = u64> + '_ {
        let addresses = |extent: &Extent| extent.address..extent.address + extent.size;
        extents.iter().flat_map(addresses)
    }

    #[test]
    fn an_object_is_cut_where_its_memory_or_the_chunk_ends() {
        let all = object(0, &[6, 6]);
        let pieces = |chunk| pieces_in(&all, 2, chunk).collect::<Vec<_>>();
        let piece = |address, at, size| ChunkPiece { address, at, size };
        assert_eq!(pieces(0..4), [piece(0, 2, 2)]);
        assert_eq!(pieces(4..12), [piece(2, 0, 4), piece((1 << 16) + 6, 4, 4)]);
        assert_eq!(pieces(12..20), [piece((1 << 16) + 10, 0, 2)]);
        assert_eq!(pieces(20..28), []);
        assert_eq!(pieces(0..2), []);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 4 } else { 256 }))]

        /// All chunks together have each byte of each object once, in the order of the objects.
        #[test]
        fn chunks_have_all_bytes_in_order(
            sizes in prop::collection::vec(prop::collection::vec(1_u64..6, 1..5), 0..8),
            chunk in 1_u64..12,
        ) {
            let objects: Vec<_> = (1..).zip(&sizes).map(|(number, sizes)| object(number, sizes)).collect();
            let model: Vec<_> = objects.iter().flat_map(|object| bytes(object)).collect();
            let mut found = Vec::new();
            let total = model.len() as u64;
            for first in (0..total).step_by(chunk as usize) {
                let mut start = 0;
                for object in &objects {
                    for piece in pieces_in(object, start, first..first + chunk) {
                        prop_assert_eq!(first + piece.at, found.len() as u64);
                        prop_assert!(piece.at + piece.size <= chunk);
                        found.extend(piece.address..piece.address + piece.size);
                    }
                    start += bytes(object).count() as u64;
                }
            }
            prop_assert_eq!(found, model);
        }
    }
}
