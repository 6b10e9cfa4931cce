// SPDX-License-Identifier: GPL-2.0

//! UFLUSH: flushes of frame buffer and L2 cache, up to Ada. The model has neither caches nor writes
//! in flight, so a flush completes at once.

use std::ops::Range;

use nova_hw::regs::uflush::{FbFlush, L2FlushDirty, L2SysmemInvalidate};

use super::block::{Block, Parts};
use super::wires::Wires;

/// The block; it has no state.
#[derive(Debug)]
pub(crate) struct Uflush;

fn is_register(wires: &Wires<'_>, offset: u32) -> bool {
    !wires.chip.boots_through_fsp()
        && matches!(
            offset,
            FbFlush::OFFSET | L2SysmemInvalidate::OFFSET | L2FlushDirty::OFFSET
        )
}

impl Block for Uflush {
    const RANGES: &'static [Range<u32>] = &[0x07_0000..0x07_1000];

    fn new(_: &Parts) -> Self {
        Self
    }

    fn read(&mut self, wires: &mut Wires<'_>, offset: u32) -> Option<u32> {
        is_register(wires, offset).then_some(0)
    }

    fn write(&mut self, wires: &mut Wires<'_>, offset: u32, _: u32) -> Option<()> {
        is_register(wires, offset).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blocks::testing::TestCard;

    /// nouveau flushes so before it has BAR2 (`g84_bar_flush`).
    #[test]
    fn a_flush_completes() {
        let mut card = TestCard::new("tu102");
        let start = FbFlush::new().with_pending(true).into();
        assert_eq!(card.write(&mut Uflush, FbFlush::OFFSET, start), Some(()));
        assert_eq!(card.read(&mut Uflush, FbFlush::OFFSET), Some(0));
        let mut hopper = TestCard::new("gh100");
        assert_eq!(hopper.write(&mut Uflush, FbFlush::OFFSET, start), None);
    }
}
