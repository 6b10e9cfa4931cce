// SPDX-License-Identifier: GPL-2.0

//! The GPU's time, which semaphores get, too.
//!
//! Source: Linux 7.3, drivers/gpu/drm/nouveau/nvkm/subdev/timer/nv04.c (`nv04_timer_read`).

use nova_hw::regs::usermode::{Time0, Time1};

use crate::platform::Registers;

/// Most attempts to read both halves of the time while the upper one stays the same, which it does for four seconds.
const ATTEMPTS: u32 = 4;

/// The GPU's time in nanoseconds; `None` if the card does not answer.
pub fn gpu_time(registers: &dyn Registers) -> Option<u64> {
    let upper = || registers.read32(Time1::OFFSET);
    let mut before = upper();
    for _ in 0..ATTEMPTS {
        let lower = registers.read32(Time0::OFFSET);
        let after = upper();
        if after == u32::MAX {
            return None;
        }
        if after == before {
            let upper = Time1::from(after).nanoseconds();
            return Some(u64::from(upper) << 32 | u64::from(lower));
        }
        before = after;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Card;
    use core::cell::Cell;

    #[test]
    fn the_time_is_read_from_both_halves() {
        let card = Card::default();
        card.set(0xbb0080, 0x3456_7880);
        card.set(0xbb0084, 0x12);
        assert_eq!(gpu_time(&card), Some(0x12_3456_7880));
        card.set(0xbb0084, u32::MAX);
        assert_eq!(gpu_time(&card), None);
    }

    /// A clock that goes on by this much with each access.
    struct Ticking(Cell<u64>, u64);

    impl Registers for Ticking {
        fn read32(&self, offset: u32) -> u32 {
            let now = self.0.get();
            self.0.set(now + self.1);
            match offset {
                Time0::OFFSET => now as u32,
                _ => (now >> 32) as u32,
            }
        }

        fn write32(&self, _: u32, _: u32) {
            unreachable!()
        }
    }

    #[test]
    fn a_carry_between_the_halves_is_noticed() {
        let clock = Ticking(Cell::new(0x1_ffff_ffe0), 0x20);
        assert_eq!(gpu_time(&clock), Some(0x2_0000_0040));
        let too_fast = Ticking(Cell::new(0), 1 << 32);
        assert_eq!(gpu_time(&too_fast), None);
    }
}
