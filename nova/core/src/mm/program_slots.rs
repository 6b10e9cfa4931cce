// SPDX-License-Identifier: GPL-2.0

//! The slots of BAR1 that are left to programs, which map VRAM through them.
//!
//! A slot shows a chunk of VRAM, whose address is a multiple of 2 MiB, to all that map something in
//! there. There may be fewer slots than chunks that programs have mapped, so one that is needed is
//! taken from the chunk that was asked for the longest time ago.

use core::ops::{DerefMut, Range};

use super::instance::OWN_SLOTS;
use super::slots::{SLOT, SLOTS_MAX};

/// Bytes of VRAM that a slot shows, and of the BAR that a slot takes.
pub const SLOT_SIZE: u64 = SLOT;

/// The first slot of programs.
const FIRST: usize = OWN_SLOTS;

/// A slot of programs.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProgramSlot {
    /// Number of the chunk that it shows.
    chunk: Option<u64>,
    /// When that was last asked for.
    used: u64,
}

/// Where a chunk is, or will be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A slot shows it.
    Shown(usize),
    /// It can have this slot.
    Free {
        /// The slot's number.
        slot: usize,
        /// Number of the chunk that has the slot now.
        taken_from: Option<u64>,
    },
}

/// Which slots of BAR1 show which chunks to programs. `S` is a slice with an element for each slot.
///
/// This knows what is to be in the slots. It is [`InstanceMemory`](super::instance::InstanceMemory)
/// that puts it there.
pub struct ProgramSlots<S> {
    slots: S,
    /// Raised whenever a chunk is asked for.
    time: u64,
}

/// The slots of programs in a BAR1 of `size` bytes: those above the driver's own
/// ([`BAR1_OWN`](super::instance::BAR1_OWN)), as far as there are page tables for them.
pub fn program_slots(size: u64) -> Range<usize> {
    let end = usize::try_from(size / SLOT).unwrap_or(SLOTS_MAX);
    FIRST..end.clamp(FIRST, SLOTS_MAX)
}

impl<S: DerefMut<Target = [ProgramSlot]>> ProgramSlots<S> {
    /// So many of [`program_slots`], which show nothing.
    pub fn new(mut slots: S) -> Self {
        slots.fill(ProgramSlot::default());
        Self { slots, time: 0 }
    }

    /// Where the chunk with this number is, or will be; `None` if there are no slots.
    ///
    /// Nothing changes yet if it is shown nowhere: see [`Self::set`].
    pub fn find(&mut self, chunk: u64) -> Option<Place> {
        self.time = self.time.saturating_add(1);
        let mut slots = self.slots.iter_mut().enumerate();
        if let Some((at, slot)) = slots.find(|(_, slot)| slot.chunk == Some(chunk)) {
            slot.used = self.time;
            return Some(Place::Shown(FIRST.saturating_add(at)));
        }
        // A slot that shows nothing comes first.
        let slots = self.slots.iter().enumerate();
        let key = |slot: &ProgramSlot| (slot.chunk.is_some(), slot.used);
        let (at, slot) = slots.min_by_key(|(_, slot)| key(slot))?;
        Some(Place::Free {
            slot: FIRST.saturating_add(at),
            taken_from: slot.chunk,
        })
    }

    /// Says what a slot shows: a chunk that has just been asked for, or nothing.
    pub fn set(&mut self, slot: usize, chunk: Option<u64>) {
        let at = slot.checked_sub(FIRST);
        let slot = at.and_then(|at| self.slots.get_mut(at));
        debug_assert!(slot.is_some(), "no slot of programs");
        if let Some(slot) = slot {
            *slot = ProgramSlot {
                chunk,
                used: self.time,
            };
        }
    }

    /// Frees the slot of a chunk in which nobody maps anything any more.
    pub fn forget(&mut self, chunk: u64) {
        if let Some(slot) = self.slots.iter_mut().find(|slot| slot.chunk == Some(chunk)) {
            slot.chunk = None;
        }
    }

    /// Frees all slots.
    pub fn forget_all(&mut self) {
        self.slots.fill(ProgramSlot::default());
    }

    /// Bytes of VRAM that are shown.
    pub fn shown(&self) -> u64 {
        let count = self
            .slots
            .iter()
            .filter(|slot| slot.chunk.is_some())
            .count();
        (count as u64).saturating_mul(SLOT)
    }

    /// Bytes of VRAM that can be shown at once.
    pub fn size(&self) -> u64 {
        (self.slots.len() as u64).saturating_mul(SLOT)
    }
}

#[cfg(test)]
mod tests {
    use super::super::instance::BAR1_OWN;
    use super::*;
    use proptest::prelude::*;
    use std::vec;
    use std::vec::Vec;

    fn slots(count: usize) -> ProgramSlots<Vec<ProgramSlot>> {
        ProgramSlots::new(vec![ProgramSlot::default(); count])
    }

    /// Asks for a chunk, and has it shown; returns its slot, and the chunk that lost it.
    fn show(slots: &mut ProgramSlots<Vec<ProgramSlot>>, chunk: u64) -> (usize, Option<u64>) {
        match slots.find(chunk).unwrap() {
            Place::Shown(slot) => (slot, None),
            Place::Free { slot, taken_from } => {
                slots.set(slot, Some(chunk));
                (slot, taken_from)
            }
        }
    }

    #[test]
    fn programs_have_what_the_driver_leaves() {
        for (size, expected) in [
            (256 << 20, 32..128),
            (64 << 30, 32..SLOTS_MAX),
            (u64::MAX, 32..SLOTS_MAX),
            (BAR1_OWN + SLOT, 32..33),
            (BAR1_OWN + SLOT - 1, 32..32),
            (0, 32..32),
        ] {
            assert_eq!(program_slots(size), expected, "{size:#x}");
        }
    }

    #[test]
    fn without_slots_there_is_no_place() {
        assert_eq!(slots(0).find(1), None);
        assert_eq!(slots(0).size(), 0);
    }

    #[test]
    fn the_chunk_that_was_asked_for_the_longest_time_ago_loses_its_slot() {
        let mut slots = slots(3);
        for (chunk, slot) in [(7, FIRST), (8, FIRST + 1), (9, FIRST + 2)] {
            assert_eq!(show(&mut slots, chunk), (slot, None));
        }
        assert_eq!(show(&mut slots, 7), (FIRST, None));
        assert_eq!(show(&mut slots, 10), (FIRST + 1, Some(8)));
        assert_eq!(show(&mut slots, 8), (FIRST + 2, Some(9)));
        assert_eq!(slots.shown(), 3 * SLOT);
        slots.forget(10);
        assert_eq!(slots.shown(), 2 * SLOT);
        assert_eq!(show(&mut slots, 9), (FIRST + 1, None));
    }

    #[test]
    fn a_chunk_that_could_not_be_shown_leaves_its_slot_empty() {
        let mut slots = slots(1);
        show(&mut slots, 1);
        let place = slots.find(2);
        let (slot, taken_from) = (FIRST, Some(1));
        assert_eq!(place, Some(Place::Free { slot, taken_from }));
        slots.set(slot, None);
        let taken_from = None;
        assert_eq!(slots.find(1), Some(Place::Free { slot, taken_from }));
    }

    /// What a test does.
    #[derive(Clone, Debug)]
    enum Act {
        Show(u64),
        Forget(u64),
        ForgetAll,
    }

    fn act() -> impl Strategy<Value = Act> {
        prop_oneof![
            12 => (0_u64..12).prop_map(Act::Show),
            3 => (0_u64..12).prop_map(Act::Forget),
            1 => Just(Act::ForgetAll),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 4 } else { 256 }))]

        /// The model is a list of chunks and their slots, in the order in which they were asked
        /// for.
        #[test]
        fn slots_are_as_in_the_model(
            count in 1_usize..8,
            acts in prop::collection::vec(act(), 1..100),
        ) {
            let mut slots = slots(count);
            let mut model: Vec<(u64, usize)> = Vec::new();
            for act in acts {
                match act {
                    Act::Show(chunk) => {
                        let known = model.iter().position(|(other, _)| *other == chunk);
                        let known = known.map(|at| model.remove(at));
                        let expected = match known {
                            None if model.len() == count => Some(model.remove(0)),
                            _ => None,
                        };
                        let (slot, taken_from) = show(&mut slots, chunk);
                        prop_assert!((FIRST..FIRST + count).contains(&slot));
                        prop_assert_eq!(taken_from, expected.map(|(chunk, _)| chunk));
                        if let Some((_, at)) = known.or(expected) {
                            prop_assert_eq!(slot, at);
                        }
                        prop_assert!(model.iter().all(|(_, other)| *other != slot));
                        model.push((chunk, slot));
                    }
                    Act::Forget(chunk) => {
                        slots.forget(chunk);
                        model.retain(|(other, _)| *other != chunk);
                    }
                    Act::ForgetAll => {
                        slots.forget_all();
                        model.clear();
                    }
                }
                prop_assert_eq!(slots.shown(), model.len() as u64 * SLOT);
            }
        }
    }
}
