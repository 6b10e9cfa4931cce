// SPDX-License-Identifier: GPL-2.0

//! SEC2: a falcon. What runs on it is in [`programs`](crate::programs).

use std::ops::Range;

use nova_hw::regs::falcon::{SEC2_BASE, SIZE};

use super::block::{Block, Parts};
use super::falcon::Falcon;
use super::wires::Wires;
use crate::block_id::FalconId;
use crate::schedule::Timer;

/// State of SEC2.
#[derive(Debug)]
pub(crate) struct Sec2 {
    pub(crate) falcon: Falcon,
}

impl Block for Sec2 {
    const RANGES: &'static [Range<u32>] = &[SEC2_BASE..SEC2_BASE + 2 * SIZE];

    fn new(parts: &Parts) -> Self {
        Self {
            falcon: Falcon::new(parts.chip.falcons),
        }
    }

    fn read(&mut self, _: &mut Wires<'_>, offset: u32) -> Option<u32> {
        self.falcon.read(offset - SEC2_BASE)
    }

    fn write(&mut self, wires: &mut Wires<'_>, offset: u32, value: u32) -> Option<()> {
        let action = self.falcon.write(offset - SEC2_BASE, value)?;
        self.falcon.act(wires, FalconId::Sec2, action);
        Some(())
    }

    fn elapsed(&mut self, wires: &mut Wires<'_>, timer: Timer) {
        self.falcon.elapsed(wires, timer);
    }
}
