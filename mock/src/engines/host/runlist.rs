// SPDX-License-Identifier: GPL-2.0

//! Whose turn it is on a runlist.
//!
//! A channel goes on for its group's time slice, as long as it has work. Then the next channel on the
//! runlist has its turn, whatever the interleave level of its group is: an H200 takes no notice of levels on the
//! runlist of a copy engine (docs/real-cards.md). That each channel of a group has turns of its own, that a
//! channel without work does not count, and how much a turn is worth (`Budget`), is the model's choice.

use nova_hw::abi::TIMESLICE_US_DEFAULT;

use super::pbdma::Budget;
use super::policy::Policy;

/// A runlist, as far as the order of its channels goes.
#[derive(Debug, Default)]
pub(super) struct Runlist {
    /// The last channel that had a turn, and how many more its time slice has.
    last: Option<(u16, u32)>,
}

impl Runlist {
    /// The channel whose turn it is, of those that can have one; none if there are none.
    pub(super) fn next(&self, ready: &[u16]) -> Option<u16> {
        let (last, left) = self.last.unzip();
        let goes_on = |&channel: &u16| last == Some(channel) && left != Some(0);
        // False sorts first: what comes after the last turn.
        let key = |&channel: &u16| (!goes_on(&channel), last >= Some(channel), channel);
        ready.iter().copied().min_by_key(key)
    }

    /// Notes that a channel has its turn.
    pub(super) fn take_turn(&mut self, channel: u16, policy: Policy) {
        let left = match self.last {
            Some((last, left @ 1..)) if last == channel => left - 1,
            _ => turns(policy) - 1,
        };
        self.last = Some((channel, left));
    }
}

/// Turns of a time slice, at least one.
fn turns(policy: Policy) -> u32 {
    policy.timeslice_us.div_ceil(TIMESLICE_US_DEFAULT).max(1)
}

/// What a channel may do in a turn: less if its time slice is shorter than a turn.
pub(super) fn budget(policy: Policy) -> Budget {
    Budget::TURN.part(policy.timeslice_us, TIMESLICE_US_DEFAULT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use nova_hw::abi::InterleaveLevel::{High, Low, Medium};

    #[test]
    fn channels_take_turns_whatever_their_levels_are() {
        let level = |channel| match channel {
            1 => Low,
            2 => High,
            _ => Medium,
        };
        let mut runlist = Runlist::default();
        let turn = |_| {
            let next = runlist.next(&[1, 2, 5]).unwrap();
            let policy = Policy {
                level: level(next),
                ..Policy::default()
            };
            runlist.take_turn(next, policy);
            next
        };
        let order: Vec<_> = (0..7).map(turn).collect();
        assert_eq!(order, [1, 2, 5, 1, 2, 5, 1]);
        assert_eq!(Runlist::default().next(&[]), None);
    }

    #[test]
    fn a_channel_goes_on_for_its_time_slice() {
        let policy = |timeslice_us| Policy {
            timeslice_us,
            ..Policy::default()
        };
        let mut runlist = Runlist::default();
        let both = [1, 2];
        let mut order = Vec::new();
        for _ in 0..8 {
            let next = runlist.next(&both).unwrap();
            runlist.take_turn(next, policy(if next == 1 { 3 * 1024 } else { 100 }));
            order.push(next);
        }
        assert_eq!(order, [1, 1, 1, 2, 1, 1, 1, 2]);
        // One without work gives up what is left of its slice.
        runlist.take_turn(1, policy(20_000));
        assert_eq!(runlist.next(&both[1..]), Some(2));
        runlist.take_turn(2, policy(1024));
        assert_eq!(runlist.next(&both), Some(1));
    }

    #[test]
    fn a_short_time_slice_is_a_short_turn() {
        let policy = |timeslice_us| Policy {
            timeslice_us,
            ..Policy::default()
        };
        let [whole, long] = [1024, 20_000].map(|us| budget(policy(us)));
        assert_eq!((whole, long), (Budget::TURN, Budget::TURN));
        assert_eq!(budget(policy(512)).bytes, 2 << 20);
        let least = budget(policy(1));
        assert!(least.methods == 1 && least.words == 1 && least.entries == 1);
    }
}
