// SPDX-License-Identifier: GPL-2.0

//! PTIMER: the card's clock, in nanoseconds since the card was made or the driver has set it.
//! Drivers use it for time-outs.
//!
//! Source: nouveau, nvkm/subdev/timer/regsnv04.h and nv04.c; open-gpu-kernel-modules 570,
//! src/common/inc/swref/published/maxwell/gm107/dev_timer.h, volta/gv100/dev_timer.h and
//! turing/tu102/dev_vm.h (`NV_VIRTUAL_FUNCTION_TIME_0`, from 0xb80000).

use std::ops::Range;
use std::time::Duration;

use super::block::{Block, Parts};
use super::wires::Wires;

const INTR_0: u32 = 0x9100;
const INTR_EN_0: u32 = 0x9140;
const TIME_0: u32 = 0x9400;
const TIME_1: u32 = 0x9410;

/// Who may access the time.
const TIME_PRIV_LEVEL_MASK: u32 = 0x9430;

/// All may read and write it. nvidia.ko complains and skips setting the time if it may not
/// (`tmrSetCurrentTime_GV100`).
const ALL_LEVELS: u32 = 0xff;

/// The time in the page that user space can map.
const USER_TIME_0: u32 = 0xbb_0080;
const USER_TIME_1: u32 = 0xbb_0084;

/// The lowest five bits of the time are always 0.
const TIME_0_MASK: u32 = !0x1f;

/// State of the clock.
#[derive(Debug, Default)]
pub(crate) struct Ptimer {
    /// Nanoseconds by which the driver has moved it.
    moved_by: u64,
    /// What was written to TIME_1; it takes effect with TIME_0.
    high: u32,
}

impl Block for Ptimer {
    const RANGES: &'static [Range<u32>] = &[0x00_9000..0x00_a000, USER_TIME_0..USER_TIME_1 + 4];

    fn new(_: &Parts) -> Self {
        Self::default()
    }

    fn read(&mut self, wires: &mut Wires<'_>, offset: u32) -> Option<u32> {
        self.value_at(wires.now(), offset)
    }

    /// Sets the time. Writes that leave the alarm off are ignored, others refused: the model has no
    /// alarm.
    fn write(&mut self, wires: &mut Wires<'_>, offset: u32, value: u32) -> Option<()> {
        match (offset, value) {
            (INTR_0, _) | (INTR_EN_0, 0) => {}
            (TIME_1, _) => self.high = value,
            (TIME_0, _) => {
                let set = u64::from(self.high) << 32 | u64::from(value);
                self.moved_by = set.wrapping_sub(wires.now().as_nanos() as u64);
            }
            _ => return None,
        }
        Some(())
    }
}

impl Ptimer {
    /// What the clock shows at this time, which is also the time in the stamps of channels.
    pub(crate) fn nanoseconds(&self, now: Duration) -> u64 {
        self.moved_by.wrapping_add(now.as_nanos() as u64)
    }

    /// Value of the register at `offset` at this time.
    fn value_at(&self, now: Duration, offset: u32) -> Option<u32> {
        let time = self.nanoseconds(now);
        match offset {
            // The alarm is not modelled and never fires.
            INTR_0 | INTR_EN_0 => Some(0),
            TIME_0 | USER_TIME_0 => Some(time as u32 & TIME_0_MASK),
            TIME_1 | USER_TIME_1 => Some((time >> 32) as u32),
            TIME_PRIV_LEVEL_MASK => Some(ALL_LEVELS),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blocks::testing::TestCard;

    #[test]
    fn time_is_split_into_two_registers() {
        let ptimer = Ptimer::default();
        let now = Duration::from_nanos(0x12_3456_789f);
        assert_eq!(ptimer.value_at(now, TIME_0), Some(0x3456_7880));
        assert_eq!(ptimer.value_at(now, TIME_1), Some(0x12));
        assert_eq!(ptimer.value_at(now, 0x9404), None);
    }

    #[test]
    fn the_alarm_can_only_be_turned_off() {
        let mut card = TestCard::new("ga102");
        assert_eq!(card.write(&mut Ptimer::default(), INTR_EN_0, 0), Some(()));
        assert_eq!(card.write(&mut Ptimer::default(), INTR_EN_0, 1), None);
    }

    /// As nvidia.ko sets it; user space reads the same time in its page.
    #[test]
    fn the_time_can_be_set() {
        let (mut card, mut ptimer) = (TestCard::new("ga102"), Ptimer::default());
        assert_eq!(card.read(&mut ptimer, TIME_PRIV_LEVEL_MASK), Some(0xff));
        card.write(&mut ptimer, TIME_1, 0x1234).unwrap();
        assert_eq!(card.read(&mut ptimer, TIME_1), Some(0));
        card.write(&mut ptimer, TIME_0, 0x40).unwrap();
        for (low, high) in [(TIME_0, TIME_1), (USER_TIME_0, USER_TIME_1)] {
            assert_eq!(card.read(&mut ptimer, low), Some(0x40));
            assert_eq!(card.read(&mut ptimer, high), Some(0x1234));
        }
        assert_eq!(card.write(&mut ptimer, USER_TIME_0, 0), None);
    }
}
