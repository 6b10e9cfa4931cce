// SPDX-License-Identifier: GPL-2.0

//! CE: a register about the copy engines. What they execute is in
//! [`engines`](crate::engines).

use std::ops::Range;

use nova_hw::chipset::Architecture;
use nova_hw::regs::ce::CeGrceMask;

use super::block::{Block, Parts};
use super::wires::Wires;
use crate::chips::engines;

/// The block; it has no state.
#[derive(Debug)]
pub(crate) struct Ce;

impl Block for Ce {
    const RANGES: &'static [Range<u32>] = &[0x10_4000..0x10_5000];

    fn new(_: &Parts) -> Self {
        Self
    }

    fn read(&mut self, wires: &mut Wires<'_>, offset: u32) -> Option<u32> {
        let is_gb20x = wires.chip.chipset.arch() == Architecture::BlackwellGb20x;
        let mask = CeGrceMask::new().with_value(engines::of(wires.chip.chipset).grces as u16);
        (is_gb20x && offset == CeGrceMask::OFFSET).then(|| mask.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blocks::testing::TestCard;

    /// nouveau gives a runlist up if it has copy engines of this mask and no graphics
    /// (`r535_fifo_runl_ctor`).
    #[test]
    fn gb20x_says_which_copy_engines_are_those_of_graphics() {
        let read = |chip| TestCard::new(chip).read(&mut Ce, 0x10_40d8);
        assert_eq!(read("gb202"), Some(0xf));
        assert_eq!(read("gb100"), None);
    }
}
