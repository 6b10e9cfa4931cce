// SPDX-License-Identifier: GPL-2.0

//! The last faults of an address space, with numbers that rise by one from 0 on. Nothing here allocates.

use core::marker::PhantomData;

/// The last faults, each of the type `F`, in slots that the caller provides.
#[derive(Debug)]
pub struct FaultLog<F, S> {
    slots: S,
    /// Number of the next fault.
    next: u64,
    faults: PhantomData<F>,
}

impl<F: Copy, S: AsRef<[Option<F>]> + AsMut<[Option<F>]>> FaultLog<F, S> {
    /// No faults. As many as there are `slots` will be kept.
    pub fn new(slots: S) -> Self {
        Self {
            slots,
            next: 0,
            faults: PhantomData,
        }
    }

    /// The index of a fault's slot; `None` if there are no slots.
    fn index(&self, number: u64) -> Option<usize> {
        let index = number.checked_rem(self.slots.as_ref().len() as u64)?;
        usize::try_from(index).ok()
    }

    /// Records a fault in place of the oldest one, and returns its number.
    pub fn record(&mut self, fault: F) -> u64 {
        let number = self.next;
        let index = self.index(number);
        if let Some(slot) = index.and_then(|index| self.slots.as_mut().get_mut(index)) {
            *slot = Some(fault);
        }
        self.next = number.saturating_add(1);
        number
    }

    /// The number of the next fault that will be recorded.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// The fault with this number, or else the first one after it that is still kept; and its number.
    pub fn first_from(&self, number: u64) -> Option<(u64, F)> {
        let slots = self.slots.as_ref();
        let oldest = self.next.saturating_sub(slots.len() as u64);
        let first = number.max(oldest);
        if first >= self.next {
            return None;
        }
        let fault = slots.get(self.index(first)?)?;
        debug_assert!(fault.is_some(), "fault {first} is not in its slot");
        Some((first, (*fault)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The faults that are still kept from this one on, each of which is ten times its number.
    fn kept(log: &FaultLog<u64, [Option<u64>; 4]>, from: u64) -> std::vec::Vec<u64> {
        let mut next = from;
        core::iter::from_fn(|| {
            let (number, fault) = log.first_from(next)?;
            assert_eq!(fault, 10 * number);
            next = number + 1;
            Some(number)
        })
        .collect()
    }

    #[test]
    fn the_last_faults_are_kept() {
        let mut log = FaultLog::new([None; 4]);
        for number in 0..100 {
            let oldest = number.max(4) - 4;
            assert_eq!(log.next(), number);
            for from in [0, oldest, oldest + 1, number, number + 1, u64::MAX] {
                let expected: std::vec::Vec<_> = (from.max(oldest)..number).collect();
                assert_eq!(kept(&log, from), expected, "of {number} from {from}");
            }
            assert_eq!(log.record(10 * number), number);
        }
    }

    #[test]
    fn without_slots_faults_are_counted() {
        let mut log = FaultLog::new([None::<u64>; 0]);
        assert_eq!([log.record(1), log.record(2)], [0, 1]);
        assert_eq!((log.next(), log.first_from(0)), (2, None));
    }
}
