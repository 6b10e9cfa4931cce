// SPDX-License-Identifier: GPL-2.0

//! The doorbell, in the page of registers that user space can map. The time in that page is
//! PTIMER's.
//!
//! Source: open-gpu-doc, manuals/turing/tu104/dev_usermode.ref.txt; open-gpu-kernel-modules 570,
//! src/common/inc/swref/published/turing/tu102/dev_vm.h (`NV_VIRTUAL_FUNCTION_DOORBELL`).

use std::ops::Range;

use nova_hw::regs::usermode::Doorbell;

use super::block::{Block, Parts};
use super::wires::{Request, Wires};

/// The block; it has no state.
#[derive(Debug)]
pub(crate) struct Usermode;

impl Block for Usermode {
    const RANGES: &'static [Range<u32>] = &[0xbb_0000..0xbb_0080, 0xbb_0088..0xbc_0000];

    fn new(_: &Parts) -> Self {
        Self
    }

    fn read(&mut self, _: &mut Wires<'_>, _: u32) -> Option<u32> {
        None
    }

    fn write(&mut self, wires: &mut Wires<'_>, offset: u32, value: u32) -> Option<()> {
        (offset == Doorbell::OFFSET).then(|| wires.ask(Request::Doorbell(value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blocks::testing::TestCard;

    const DOORBELL: u32 = 0xbb_0090;

    #[test]
    fn a_doorbell_passes_its_token_on() {
        let mut card = TestCard::new("ga102");
        assert_eq!(card.write(&mut Usermode, DOORBELL, 0x2_0001), Some(()));
        assert_eq!(card.requests, [Request::Doorbell(0x2_0001)]);
        assert_eq!(card.read(&mut Usermode, DOORBELL), None);
        assert_eq!(card.write(&mut Usermode, DOORBELL + 4, 0), None);
    }
}
