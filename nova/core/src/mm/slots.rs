// SPDX-License-Identifier: GPL-2.0

//! Which slots of a window are in use. A slot is 2 MiB of the BAR, and shows a chunk of VRAM.

/// Bytes of a slot: a page of PD0.
pub(super) const SLOT: u64 = 2 << 20;

/// Most slots of a window, which is what 4 directories PD0 have: 2 GiB. This is the driver's own
/// limit; what a larger BAR1 has beyond it is not used.
pub(super) const SLOTS_MAX: usize = 4 * 256;

/// The slots of a window.
pub(super) struct Slots {
    /// A bit for each that is in use.
    used: [u64; SLOTS_MAX / 64],
    count: usize,
}

impl Slots {
    /// The slots of a window of `size` bytes.
    pub(super) fn of(size: u64) -> Self {
        let count = usize::try_from(size / SLOT).unwrap_or(SLOTS_MAX);
        Self {
            used: [0; SLOTS_MAX / 64],
            count: count.min(SLOTS_MAX),
        }
    }

    /// Takes the first free slot.
    pub(super) fn take(&mut self) -> Option<usize> {
        let (at, word) = (0_usize..)
            .zip(&mut self.used)
            .find(|(_, word)| **word != u64::MAX)?;
        let bit = word.trailing_ones();
        let slot = at.checked_mul(64)?.checked_add(bit as usize)?;
        if slot >= self.count {
            return None;
        }
        *word |= 1_u64.checked_shl(bit)?;
        Some(slot)
    }

    /// Returns a slot.
    pub(super) fn give(&mut self, slot: usize) {
        let word = self.used.get_mut(slot / 64);
        debug_assert!(
            word.as_ref()
                .is_some_and(|word| **word >> (slot % 64) & 1 == 1),
            "slot {slot} is not in use"
        );
        if let Some(word) = word {
            *word &= !(1 << (slot % 64));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    fn take_all(slots: &mut Slots) -> Vec<usize> {
        core::iter::from_fn(|| slots.take()).collect()
    }

    #[test]
    fn each_slot_is_taken_once() {
        for (size, count) in [
            (0, 0),
            (SLOT - 1, 0),
            (16 << 20, 8),
            (256 << 20, 128),
            ((256 << 20) + SLOT, 129),
            (64 << 30, SLOTS_MAX),
            (u64::MAX, SLOTS_MAX),
        ] {
            let mut slots = Slots::of(size);
            assert!(take_all(&mut slots).into_iter().eq(0..count), "{size:#x}");
            assert_eq!(slots.take(), None);
        }
    }

    #[test]
    fn a_slot_that_was_returned_is_taken_again() {
        let mut slots = Slots::of(256 << 20);
        take_all(&mut slots);
        slots.give(127);
        slots.give(3);
        assert_eq!(take_all(&mut slots), [3, 127]);
    }
}
