// SPDX-License-Identifier: GPL-2.0

//! Where the memory of an object is.

use core::ops::Range;

/// A part of an object whose memory has no gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Offset in the object.
    pub offset: u64,
    /// Address of the memory.
    pub address: u64,
    /// Size in bytes.
    pub size: u64,
}

impl Extent {
    /// Offset in the object of the first byte behind it.
    fn end(&self) -> u64 {
        self.offset.saturating_add(self.size)
    }

    /// What is in `range` of the object, of which something must be.
    fn cut(&self, range: &Range<u64>) -> Self {
        let start = self.offset.max(range.start);
        let end = self.end().min(range.end);
        Self {
            offset: start,
            address: self
                .address
                .saturating_add(start.saturating_sub(self.offset)),
            size: end.saturating_sub(start),
        }
    }

    /// What of it is in the same aligned `unit` bytes of memory, a power of two, as its byte at
    /// `offset` in the object.
    fn within_unit(&self, offset: u64, unit: u64) -> Self {
        let before = offset.saturating_sub(self.offset);
        let address = self.address.saturating_add(before);
        let within = address & unit.saturating_sub(1);
        let start = offset.saturating_sub(within);
        // The unit may begin before the object does.
        let end = offset.saturating_add(unit.saturating_sub(within));
        self.cut(&(start..end))
    }
}

/// The extents of `range` of an object. `all` is all of its memory, in the order of offsets, and
/// `extent` makes an extent of an element.
pub fn extents_of<'a, T>(
    all: &'a [T],
    extent: impl Fn(&T) -> Extent + 'a,
    range: Range<u64>,
) -> impl Iterator<Item = Extent> + 'a {
    let first = all.partition_point(|element| extent(element).end() <= range.start);
    let rest = all.get(first..).unwrap_or_default();
    let end = range.end;
    rest.iter()
        .map(extent)
        .take_while(move |extent| extent.offset < end)
        .map(move |extent| extent.cut(&range))
}

/// What an object has around the byte at `offset`, without a gap and in the same aligned `unit`
/// bytes of memory, a power of two. `all` is all of its memory, in the order of offsets.
pub fn piece_at(all: &[Extent], offset: u64, unit: u64) -> Option<Extent> {
    let first = all.partition_point(|extent| extent.end() <= offset);
    let extent = all.get(first)?;
    Some(extent.within_unit(offset, unit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec::Vec;

    /// An object with extents of these sizes, with gaps between them in memory.
    fn object(sizes: &[u64]) -> Vec<Extent> {
        let mut offset = 0;
        let place = |(number, &size): (u64, &u64)| {
            let extent = Extent {
                offset,
                address: ((number + 1) << 40) + offset,
                size,
            };
            offset += size;
            extent
        };
        (0..).zip(sizes).map(place).collect()
    }

    fn part(all: &[Extent], range: Range<u64>) -> Vec<Extent> {
        extents_of(all, |extent| *extent, range).collect()
    }

    #[test]
    fn a_part_has_the_memory_that_it_has_in_the_object() {
        let all = object(&[4, 8, 2]);
        assert_eq!(part(&all, 0..14), all);
        let extent = |offset, number: u64, size| Extent {
            offset,
            address: (number << 40) + offset,
            size,
        };
        assert_eq!(part(&all, 3..5), [extent(3, 1, 1), extent(4, 2, 1)]);
        assert_eq!(part(&all, 4..12), [all[1]]);
        assert_eq!(part(&all, 13..14), [extent(13, 3, 1)]);
        assert_eq!(part(&all, 14..20), []);
        assert_eq!(part(&[], 0..1), []);
    }

    #[test]
    fn what_is_in_a_unit_ends_where_the_unit_or_the_extent_does() {
        let extent = Extent {
            offset: 0x10,
            address: 0x1038,
            size: 0x50,
        };
        let before = Extent {
            offset: 0,
            address: 0x8000,
            size: 0x10,
        };
        let all = [before, extent];
        let unit = |offset| {
            let Extent { offset, size, .. } = piece_at(&all, offset, 0x20).unwrap();
            offset..offset + size
        };
        assert_eq!(unit(0xf), 0..0x10);
        assert_eq!(unit(0x10), 0x10..0x18);
        assert_eq!(unit(0x18), 0x18..0x38);
        assert_eq!(unit(0x37), 0x18..0x38);
        assert_eq!(unit(0x5f), 0x58..0x60);
        assert_eq!(piece_at(&all, 0x18, 0x20).unwrap().address, 0x1040);
        assert_eq!(piece_at(&all, 0x60, 0x20), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 4 } else { 256 }))]

        /// As byte after byte of the model, which looks at all extents.
        #[test]
        fn parts_are_as_in_the_model(
            sizes in prop::collection::vec(1_u64..6, 0..20),
            [one, other] in [0_u64..110, 0_u64..110],
        ) {
            let all = object(&sizes);
            let range = one.min(other)..one.max(other);
            let address = |byte: u64| {
                let of = |extent: &&Extent| extent.offset <= byte && byte < extent.end();
                all.iter().find(of).map(|extent| extent.address + byte - extent.offset)
            };
            let model = range.clone().filter_map(|byte| Some((byte, address(byte)?)));
            let model: Vec<_> = model.collect();
            let part = part(&all, range);
            let bytes = |extent: &Extent| {
                let Extent { offset, address, size } = *extent;
                (0..size).map(move |byte| (offset + byte, address + byte))
            };
            let found: Vec<_> = part.iter().flat_map(bytes).collect();
            prop_assert_eq!(found, model);
        }
    }
}
