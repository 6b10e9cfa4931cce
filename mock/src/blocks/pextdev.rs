// SPDX-License-Identifier: GPL-2.0

//! PEXTDEV: what resistors on the board select.
//!
//! Source: Linux 7.3, drivers/gpu/drm/nouveau/nvkm/engine/device/base.c (bits 6 and 22 select the
//! crystal).

use std::ops::Range;

use super::block::{Block, Parts};
use super::wires::Wires;

/// NV_PEXTDEV_BOOT_0.
const BOOT_0: u32 = 0x10_1000;

/// A crystal of 27 MHz.
const CRYSTAL_27_MHZ: u32 = 1 << 22;

/// The block; it has no state.
#[derive(Debug)]
pub(crate) struct Pextdev;

impl Block for Pextdev {
    const RANGES: &'static [Range<u32>] = &[0x10_1000..0x10_2000];

    fn new(_: &Parts) -> Self {
        Self
    }

    fn read(&mut self, _: &mut Wires<'_>, offset: u32) -> Option<u32> {
        (offset == BOOT_0).then_some(CRYSTAL_27_MHZ)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blocks::testing::TestCard;

    #[test]
    fn nouveau_finds_a_crystal_of_27_mhz() {
        let strap = TestCard::new("ga102").read(&mut Pextdev, 0x10_1000);
        assert_eq!(strap.map(|strap| strap & 0x0040_0040), Some(0x0040_0000));
    }
}
