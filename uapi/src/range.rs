// SPDX-License-Identifier: MIT

//! Ranges of addresses.

use core::ops::Range;

use crate::refused::{require, Refused};

/// The smallest page has `1 << PAGE_SHIFT` bytes.
pub(crate) const PAGE_SHIFT: u32 = 12;

/// Bytes of the smallest page.
pub(crate) const PAGE: u64 = 1 << PAGE_SHIFT;

/// `size`, rounded up to a multiple of `1 << shift`; `None` if that is too large.
pub(crate) fn round_up(size: u64, shift: u32) -> Option<u64> {
    size.checked_next_multiple_of(1_u64.checked_shl(shift)?)
}

/// The names of the two members that are a range.
pub(crate) struct Names {
    pub(crate) address: &'static str,
    pub(crate) size: &'static str,
}

/// Checks that the range is within `allowed`, and has nothing of `hole`.
pub(crate) fn check_range(
    names: &Names,
    address: u64,
    size: u64,
    allowed: Range<u64>,
    hole: &Range<u64>,
) -> Result<(), Refused> {
    require(size != 0, names.size, "above zero", size)?;
    require(
        allowed.contains(&address),
        names.address,
        "within the addresses for it",
        address,
    )?;
    let end = address.checked_add(size);
    require(
        end.is_some_and(|end| end <= allowed.end),
        names.size,
        "so small that the range ends within the addresses for it",
        size,
    )?;
    require(
        address >= hole.end || end.is_some_and(|end| end <= hole.start) || hole.is_empty(),
        names.address,
        "outside of the range of the kernel",
        address,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NAMES: Names = Names {
        address: "address",
        size: "size",
    };

    fn check(address: u64, size: u64, allowed: Range<u64>, hole: Range<u64>) -> Option<Refused> {
        check_range(&NAMES, address, size, allowed, &hole).err()
    }

    #[test]
    fn the_borders_of_a_range() {
        let (allowed, hole) = (0x1000..0x9000, 0x4000..0x6000);
        for (address, size, refused) in [
            (0x1000, 0x1000, None),
            (0x8000, 0x1000, None),
            (0x3000, 0x1000, None),
            (0x6000, 0x3000, None),
            (0x1000, 0, Some("size")),
            (0, 0x1000, Some("address")),
            (0x9000, 0x1000, Some("address")),
            (0x8000, 0x1001, Some("size")),
            (0x8000, 0_u64.wrapping_sub(0x8000), Some("size")),
            (0x8000, u64::MAX, Some("size")),
            (0x3000, 0x1001, Some("address")),
            (0x4000, 0x1000, Some("address")),
            (0x5fff, 0x1000, Some("address")),
            (0x1000, 0x8000, Some("address")),
        ] {
            let found = check(address, size, allowed.clone(), hole.clone());
            assert_eq!(
                found.map(|found| found.member),
                refused,
                "{address:#x}, {size:#x}"
            );
        }
    }

    #[test]
    fn sizes_are_rounded_up_unless_they_wrap() {
        assert_eq!(round_up(1, 12), Some(4096));
        assert_eq!(round_up(4096, 12), Some(4096));
        assert_eq!(round_up(u64::MAX - 4095, 12), Some(u64::MAX - 4095));
        assert_eq!(round_up(u64::MAX - 4094, 12), None);
        assert_eq!(round_up(1, 64), None);
    }

    /// An address near a border, or any.
    fn address() -> impl Strategy<Value = u64> {
        prop_oneof![
            any::<u64>(),
            0..16_u64,
            (0..16_u64).prop_map(|n| u64::MAX - n)
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 16 } else { 4096 }))]

        /// As computed with numbers that cannot wrap.
        #[test]
        fn ranges_are_checked_as_by_larger_numbers(
            address in address(), size in address(),
            start in address(), end in address(), hole_start in address(), hole_end in address(),
        ) {
            let wide = |n: u64| u128::from(n);
            let last = wide(address) + wide(size);
            let is_within = start <= address && address < end && last <= wide(end);
            let overlaps = hole_start < hole_end
                && wide(address) < wide(hole_end) && wide(hole_start) < last;
            let is_allowed = size != 0 && is_within && !overlaps;
            let found = check(address, size, start..end, hole_start..hole_end);
            prop_assert_eq!(found.is_none(), is_allowed, "{:?}", found);
        }
    }
}
