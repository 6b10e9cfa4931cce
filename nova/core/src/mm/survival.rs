// SPDX-License-Identifier: GPL-2.0

//! Counts the boots over which VRAM has kept its contents, since they were saved before a sleep.
//!
//! Each event comes with the number of boots so far, which the adapter counts.

/// Boots over which no contents of VRAM were lost.
#[derive(Debug, Default)]
pub struct Survival {
    count: u64,
    saved: Option<Saved>,
}

/// Contents that have been saved, and not all been restored yet.
#[derive(Debug)]
struct Saved {
    /// Boots before they were saved.
    at: u64,
    /// Boots since then over which some were lost that had been restored.
    losses: u64,
    /// Boots before some were restored last.
    restored: Option<u64>,
}

impl Saved {
    /// At a time when there have been so many boots.
    fn losses(&self, boots: u64) -> u64 {
        let are_some_lost = self.restored.is_some_and(|at| at < boots);
        self.losses.saturating_add(are_some_lost.into())
    }

    /// As [`Self::losses`], the other boots.
    fn survived(&self, boots: u64) -> u64 {
        let since = boots.saturating_sub(self.at);
        since.saturating_sub(self.losses(boots))
    }
}

impl Survival {
    /// How many there were when there have been so many boots.
    pub fn count(&self, boots: u64) -> u64 {
        let since = self.saved.as_ref().map(|saved| saved.survived(boots));
        self.count.saturating_add(since.unwrap_or(0))
    }

    /// Whether contents have been saved, and not all been restored yet.
    pub fn is_pending(&self) -> bool {
        self.saved.is_some()
    }

    /// All contents have been saved.
    pub fn begin(&mut self, boots: u64) {
        self.saved = Some(Saved {
            at: boots,
            losses: 0,
            restored: None,
        });
    }

    /// Some contents have been restored.
    pub fn restore_some(&mut self, boots: u64) {
        if let Some(saved) = &mut self.saved {
            saved.losses = saved.losses(boots);
            saved.restored = Some(boots);
        }
    }

    /// All contents have been restored that there still were.
    pub fn end(&mut self, boots: u64) {
        self.count = self.count(boots);
        self.saved = None;
    }

    /// What has been saved is given up: the boots since then are losses.
    pub fn give_up(&mut self) {
        self.saved = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The losses that a program is told of when there have been so many boots.
    fn losses(survival: &Survival, boots: u64) -> u64 {
        boots - survival.count(boots)
    }

    #[test]
    fn a_sleep_loses_nothing_however_many_boots_it_takes() {
        let mut survival = Survival::default();
        assert_eq!(losses(&survival, 1), 1, "nothing was saved");
        survival.begin(1);
        assert!(survival.is_pending());
        assert_eq!([2, 3].map(|boots| losses(&survival, boots)), [1, 1]);
        survival.restore_some(3);
        survival.end(3);
        assert!(!survival.is_pending());
        assert_eq!([3, 4].map(|boots| losses(&survival, boots)), [1, 2]);
    }

    #[test]
    fn what_was_restored_is_lost_over_the_next_boot() {
        let mut survival = Survival::default();
        survival.begin(0);
        survival.restore_some(1);
        survival.restore_some(1);
        assert_eq!([1, 2, 3].map(|boots| losses(&survival, boots)), [0, 1, 1]);
        survival.restore_some(3);
        assert_eq!([3, 4].map(|boots| losses(&survival, boots)), [1, 2]);
        survival.end(4);
        assert_eq!([4, 5].map(|boots| losses(&survival, boots)), [2, 3]);
    }

    #[test]
    fn all_boots_are_losses_if_what_was_saved_is_given_up() {
        let mut survival = Survival::default();
        survival.begin(0);
        survival.end(1);
        survival.begin(1);
        survival.restore_some(2);
        survival.give_up();
        assert_eq!([2, 3].map(|boots| losses(&survival, boots)), [1, 2]);
    }
}
