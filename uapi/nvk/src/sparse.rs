// SPDX-License-Identifier: MIT

//! Sparse ranges. In nouveau, what is unmapped within one is sparse again, and within nova it is
//! unmapped, so that such an unmap must be a map of nothing.

use std::collections::BTreeMap;
use std::ops::Range;

/// Ranges of addresses that do not touch each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ranges(BTreeMap<u64, u64>);

impl Ranges {
    /// Adds a range; whether it overlapped none.
    pub(crate) fn insert(&mut self, range: Range<u64>) -> bool {
        let is_free = self.overlapping(&range).next().is_none();
        if is_free {
            self.0.insert(range.start, range.end);
        }
        is_free
    }

    /// Removes a range; whether there was exactly this one.
    pub(crate) fn remove(&mut self, range: &Range<u64>) -> bool {
        let is_there = self.0.get(&range.start) == Some(&range.end);
        if is_there {
            self.0.remove(&range.start);
        }
        is_there
    }

    /// The ranges that `range` overlaps, from the last to the first.
    fn overlapping<'a>(
        &'a self,
        range: &'a Range<u64>,
    ) -> impl Iterator<Item = Range<u64>> + use<'a> {
        let before = self.0.range(..range.end).rev();
        before
            .map(|(&start, &end)| start..end)
            .take_while(|other| other.end > range.start)
    }

    /// Calls `piece` for each piece of `range` that is sparse (`true`) or is not, from the last to
    /// the first.
    pub(crate) fn split(&self, range: Range<u64>, mut piece: impl FnMut(bool, Range<u64>)) {
        let mut end = range.end;
        for sparse in self.overlapping(&range) {
            if sparse.end < end {
                piece(false, sparse.end..end);
            }
            let start = sparse.start.max(range.start);
            piece(true, start..sparse.end.min(end));
            end = start;
        }
        if range.start < end {
            piece(false, range.start..end);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pieces(ranges: &Ranges, range: Range<u64>) -> Vec<(bool, Range<u64>)> {
        let mut pieces = Vec::new();
        ranges.split(range, |is_sparse, piece| pieces.push((is_sparse, piece)));
        pieces
    }

    #[test]
    fn a_range_is_added_and_removed_whole() {
        let mut ranges = Ranges::default();
        assert!(ranges.insert(10..20) && ranges.insert(20..30) && ranges.insert(5..10));
        for other in [9..11, 12..15, 0..6, 29..40, 0..100] {
            assert!(!ranges.insert(other));
        }
        assert!(!ranges.remove(&(10..19)) && !ranges.remove(&(11..20)) && !ranges.remove(&(5..30)));
        assert!(ranges.remove(&(10..20)) && !ranges.remove(&(10..20)));
        assert_eq!(
            pieces(&ranges, 0..40),
            [
                (false, 30..40),
                (true, 20..30),
                (false, 10..20),
                (true, 5..10),
                (false, 0..5)
            ]
        );
    }

    proptest! {
        /// The pieces are the range, and each is right in all its addresses.
        #[test]
        fn pieces_are_those_of_a_bitmap(
            inserted in proptest::collection::vec((0_u64..64, 1_u64..16), 0..8),
            (start, size) in (0_u64..64, 1_u64..64),
        ) {
            let mut ranges = Ranges::default();
            let mut bitmap = [false; 128];
            for (start, size) in inserted {
                let free = (start..start + size).all(|at| !bitmap[at as usize]);
                prop_assert_eq!(ranges.insert(start..start + size), free);
                if free {
                    bitmap[start as usize..(start + size) as usize].fill(true);
                }
            }
            let mut end = start + size;
            for (is_sparse, piece) in pieces(&ranges, start..start + size) {
                prop_assert_eq!(piece.end, end);
                prop_assert!(piece.start < piece.end);
                for at in piece.clone() {
                    prop_assert_eq!(bitmap[at as usize], is_sparse);
                }
                end = piece.start;
            }
            prop_assert_eq!(end, start);
        }
    }
}
