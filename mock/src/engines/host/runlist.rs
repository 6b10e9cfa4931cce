// SPDX-License-Identifier: GPL-2.0

//! Whose turn it is on a runlist.
//!
//! A channel goes on for its group's time slice, as long as it has work. Then the next channel on the
//! runlist has its turn. Those of the lowest interleave level take turns; before each of their turns, all of
//! the level above have one, and before each turn of these, all of the highest level.
//!
//! Source: open-gpu-kernel-modules 570, src/common/sdk/nvidia/inc/ctrl/ctrla06c.h
//! (`NVA06C_CTRL_CMD_SET_INTERLEAVE_LEVEL`). It says how often groups are on a runlist, and not in which order;
//! the order is the model's choice. So is that each channel of a group has turns of its own, that a channel
//! without work does not count, and how much a turn is worth (`Budget`).

use nova_hw::abi::{InterleaveLevel, TIMESLICE_US_DEFAULT};

use super::pbdma::Budget;
use super::policy::Policy;

/// A runlist, as far as the order of its channels goes.
#[derive(Debug, Default)]
pub(super) struct Runlist {
    /// The last channel that had a turn, and how many more its time slice has.
    current: Option<(u16, u32)>,
    /// The last channel of each level that had a turn since a lower level had one.
    last: [Option<u16>; 3],
}

impl Runlist {
    /// The channel whose turn it is, of those that can have one; none if there are none.
    pub(super) fn next(&self, ready: &[(u16, InterleaveLevel)]) -> Option<u16> {
        if let Some((current, 1..)) = self.current {
            if ready.iter().any(|&(channel, _)| channel == current) {
                return Some(current);
            }
        }
        let of = |level| {
            let of = ready.iter().filter(move |(_, of)| *of == level);
            of.map(|&(channel, _)| channel)
        };
        let levels = [
            InterleaveLevel::High,
            InterleaveLevel::Medium,
            InterleaveLevel::Low,
        ];
        // One that has not had its turn since a lower level had one.
        let mut waiting = levels.iter().filter_map(|&level| {
            let last = self.last[level as usize];
            of(level)
                .filter(|&it| last.is_none_or(|last| it > last))
                .min()
        });
        // All have had theirs: the lowest level that there is begins again.
        let mut again = levels.iter().rev().filter_map(|&level| of(level).min());
        waiting.next().or_else(|| again.next())
    }

    /// Notes that a channel has its turn.
    pub(super) fn take_turn(&mut self, channel: u16, policy: Policy) {
        self.current = match self.current {
            Some((current, left @ 1..)) if current == channel => Some((channel, left - 1)),
            _ => Some((channel, turns(policy) - 1)),
        };
        let level = policy.level as usize;
        self.last[level] = Some(channel);
        self.last[level + 1..].fill(None);
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
    use InterleaveLevel::{High, Low, Medium};

    /// The order of the first turns, if all have work and slices of one turn.
    fn order(channels: &[(u16, InterleaveLevel)], turns: usize) -> Vec<u16> {
        let mut runlist = Runlist::default();
        let turn = |_| {
            let next = runlist.next(channels).unwrap();
            let (_, level) = channels[channels.iter().position(|it| it.0 == next).unwrap()];
            let policy = Policy {
                level,
                ..Policy::default()
            };
            runlist.take_turn(next, policy);
            next
        };
        (0..turns).map(turn).collect()
    }

    #[test]
    fn channels_of_one_level_take_turns() {
        for level in [Low, Medium, High] {
            let channels = [(1, level), (2, level), (5, level)];
            assert_eq!(order(&channels, 7), [1, 2, 5, 1, 2, 5, 1], "{level:?}");
        }
        assert_eq!(Runlist::default().next(&[]), None);
    }

    #[test]
    fn higher_levels_come_more_often() {
        let channels = [(1, Low), (2, Low), (3, Medium), (4, Medium), (5, High)];
        let expected = [5, 3, 5, 4, 5, 1, 5, 3, 5, 4, 5, 2];
        assert_eq!(order(&channels, 24), [expected, expected].concat());
    }

    /// L, M and H are the numbers of channels of each level.
    #[test]
    fn each_level_comes_as_often_as_nvidia_says() {
        for (low, medium, high) in [(3, 2, 2), (0, 3, 1), (2, 0, 1), (0, 0, 4), (4, 5, 0)] {
            let of = |level, count: u16| (0..count).map(move |n| (100 * level as u16 + n, level));
            let channels: Vec<_> = of(Low, low)
                .chain(of(Medium, medium))
                .chain(of(High, high))
                .collect();
            let times = |level| match (level, low, medium) {
                (Low, ..) => 1,
                (Medium, 0, _) => 1,
                (Medium, low, _) => low,
                (High, 0, 0) => 1,
                (High, 0, medium) => medium,
                (High, low, medium) => (medium + 1) * low,
            };
            let round: u16 = channels.iter().map(|&(_, level)| times(level)).sum();
            let order = order(&channels, usize::from(round) * 2);
            for &(channel, level) in &channels {
                let found = order.iter().filter(|&&it| it == channel).count();
                assert_eq!(found, 2 * usize::from(times(level)), "{channel}: {order:?}");
            }
        }
    }

    #[test]
    fn a_channel_goes_on_for_its_time_slice() {
        let policy = |timeslice_us| Policy {
            timeslice_us,
            ..Policy::default()
        };
        let mut runlist = Runlist::default();
        let both = [(1, Medium), (2, Medium)];
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
