// SPDX-License-Identifier: GPL-2.0

//! PTIMER: the card's clock, in nanoseconds since the card was made. Drivers use it for time-outs.
//!
//! Source: nouveau, nvkm/subdev/timer/regsnv04.h and nv04.c; open-gpu-kernel-modules 570,
//! src/common/inc/swref/published/maxwell/gm107/dev_timer.h.

use std::ops::Range;
use std::time::Duration;

use super::block::{Block, Parts};
use super::wires::Wires;

const INTR_0: u32 = 0x9100;
const INTR_EN_0: u32 = 0x9140;
const TIME_0: u32 = 0x9400;
const TIME_1: u32 = 0x9410;

/// The lowest five bits of the time are always 0.
const TIME_0_MASK: u32 = !0x1f;

/// The block; it has no state.
#[derive(Debug)]
pub(crate) struct Ptimer;

impl Block for Ptimer {
    const RANGES: &'static [Range<u32>] = &[0x00_9000..0x00_a000];

    fn new(_: &Parts) -> Self {
        Self
    }

    fn read(&mut self, wires: &mut Wires<'_>, offset: u32) -> Option<u32> {
        value_at(wires.now(), offset)
    }

    /// Accepts writes that leave the alarm off, and ignores them.
    fn write(&mut self, _: &mut Wires<'_>, offset: u32, value: u32) -> Option<()> {
        matches!((offset, value), (INTR_0, _) | (INTR_EN_0, 0)).then_some(())
    }
}

/// Value of the register at `offset` at this time.
fn value_at(now: Duration, offset: u32) -> Option<u32> {
    let now = now.as_nanos() as u64;
    match offset {
        // The alarm is not modelled and never fires.
        INTR_0 | INTR_EN_0 => Some(0),
        TIME_0 => Some(now as u32 & TIME_0_MASK),
        TIME_1 => Some((now >> 32) as u32),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blocks::testing::TestCard;

    #[test]
    fn time_is_split_into_two_registers() {
        let now = Duration::from_nanos(0x12_3456_789f);
        assert_eq!(value_at(now, TIME_0), Some(0x3456_7880));
        assert_eq!(value_at(now, TIME_1), Some(0x12));
        assert_eq!(value_at(now, 0x9404), None);
    }

    #[test]
    fn the_alarm_can_only_be_turned_off() {
        let mut card = TestCard::new("ga102");
        assert_eq!(card.write(&mut Ptimer, INTR_EN_0, 0), Some(()));
        assert_eq!(card.write(&mut Ptimer, INTR_EN_0, 1), None);
    }
}
