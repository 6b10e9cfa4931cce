// SPDX-License-Identifier: GPL-2.0

//! The interface that each block implements.

use std::ops::Range;
use std::sync::Arc;

use super::wires::Wires;
use crate::chips::Chip;
use crate::fuses::Fuses;
use crate::schedule::Timer;

/// The parts of a card that no reset changes.
pub(crate) struct Parts {
    pub(crate) chip: &'static Chip,
    /// Size of the BAR that shows the frame buffer, if not the chip's.
    pub(crate) bar1: Option<u64>,
    /// Contents of the ROM, from the first image on.
    pub(crate) rom: Arc<[u8]>,
    pub(crate) fuses: Fuses,
}

/// A hardware block: its registers, and the state behind them.
pub(crate) trait Block {
    /// The ranges of BAR0 in which the block answers on any chip.
    ///
    /// Source: open-gpu-kernel-modules 570, src/common/inc/swref/published/ampere/ga102 and
    /// turing/tu102.
    const RANGES: &'static [Range<u32>];

    /// The block before power-on; a reset creates it again.
    fn new(parts: &Parts) -> Self;

    /// Powers the block on, or takes it out of reset.
    fn power_on(&mut self, wires: &mut Wires<'_>) {
        let _ = wires;
    }

    /// Reads the register at byte `offset` of BAR0, if there is one.
    fn read(&mut self, wires: &mut Wires<'_>, offset: u32) -> Option<u32>;

    /// Writes the register at byte `offset` of BAR0, if there is one that the CPU may write.
    fn write(&mut self, wires: &mut Wires<'_>, offset: u32, value: u32) -> Option<()> {
        let _ = (wires, offset, value);
        None
    }

    /// A timer that the block has set by [`Wires::set_timer`] has expired.
    fn elapsed(&mut self, wires: &mut Wires<'_>, timer: Timer) {
        let _ = (wires, timer);
    }
}
