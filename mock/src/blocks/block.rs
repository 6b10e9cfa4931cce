// SPDX-License-Identifier: GPL-2.0

//! What each block does.

use std::ops::Range;
use std::sync::Arc;

use super::wires::Wires;
use crate::chips::Chip;
use crate::fuses::Fuses;
use crate::schedule::Timer;

/// What a card was made of, and what no reset changes.
pub(crate) struct Parts {
    pub(crate) chip: &'static Chip,
    /// What the ROM holds, from the first image on.
    pub(crate) rom: Arc<[u8]>,
    pub(crate) fuses: Fuses,
}

/// A hardware block: its registers, and the state behind them.
pub(crate) trait Block {
    /// The bytes of BAR0 in which it answers, on the chips that have its registers there.
    ///
    /// Source: open-gpu-kernel-modules 570, src/common/inc/swref/published/ampere/ga102 and
    /// turing/tu102.
    const RANGES: &'static [Range<u32>];

    /// The block as it is before it gets power; a reset makes it anew.
    fn new(parts: &Parts) -> Self;

    /// The block gets power, or leaves reset.
    fn power_on(&mut self, wires: &mut Wires<'_>) {
        let _ = wires;
    }

    /// Reads the register at byte `offset` of BAR0, where there is one.
    fn read(&mut self, wires: &mut Wires<'_>, offset: u32) -> Option<u32>;

    /// Writes the register at byte `offset` of BAR0, where there is one that the CPU may write.
    fn write(&mut self, wires: &mut Wires<'_>, offset: u32, value: u32) -> Option<()> {
        let _ = (wires, offset, value);
        None
    }

    /// A timer has run down that the block has set by [`Wires::set_timer`].
    fn elapsed(&mut self, wires: &mut Wires<'_>, timer: Timer) {
        let _ = (wires, timer);
    }
}
