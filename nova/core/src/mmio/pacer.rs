// SPDX-License-Identifier: GPL-2.0

//! Waits with a bound.

use core::fmt;
use core::time::Duration;

use crate::platform::Clock;

/// First pause of a wait; each further pause is twice as long, up to [`LONGEST_PAUSE`], so that
/// short waits end early and long waits make few accesses.
const FIRST_PAUSE: Duration = Duration::from_micros(2);

/// Longest pause of a wait.
pub(crate) const LONGEST_PAUSE: Duration = Duration::from_millis(1);

/// Pause of a wait for something that takes long.
const SLOW_PAUSE: Duration = Duration::from_millis(10);

/// The pauses of one wait.
pub(crate) struct Pacer<'a> {
    clock: &'a dyn Clock,
    start: Duration,
    limit: Duration,
    pause: Duration,
    longest: Duration,
}

impl<'a> Pacer<'a> {
    /// Paces a wait that is usually short.
    pub(crate) fn new(clock: &'a dyn Clock, limit: Duration) -> Self {
        Self {
            clock,
            start: clock.now(),
            limit,
            pause: FIRST_PAUSE,
            longest: LONGEST_PAUSE,
        }
    }

    /// Paces a wait for something that takes long, or whose check costs more than a register read.
    pub(crate) fn slow(clock: &'a dyn Clock, limit: Duration) -> Self {
        Self {
            pause: SLOW_PAUSE,
            longest: SLOW_PAUSE,
            ..Self::new(clock, limit)
        }
    }

    /// Time that is left of the limit.
    pub(crate) fn left(&self) -> Duration {
        let waited = self.clock.now().saturating_sub(self.start);
        self.limit.saturating_sub(waited)
    }

    /// Whether the limit has passed.
    pub(crate) fn expired(&self) -> bool {
        self.left().is_zero()
    }

    /// Sleeps, each time twice as long up to the longest pause.
    pub(crate) fn pause(&mut self) {
        self.clock.sleep(self.pause);
        self.pause = self.pause.saturating_mul(2).min(self.longest);
    }
}

/// Error for a wait that exceeded its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeout {
    /// The awaited event.
    pub awaited: &'static str,
    /// The last value that was read.
    pub seen: u32,
    /// The limit.
    pub after: Duration,
}

impl fmt::Display for Timeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            awaited,
            seen,
            after,
        } = self;
        write!(f, "waited {after:?} for {awaited}, saw {seen:#x}")?;
        match is_no_register(*seen) {
            true => f.write_str(" (absent)"),
            false => Ok(()),
        }
    }
}

/// Whether this is what the GPU returns for a register that is absent or may not be read.
///
/// Source: open-gpu-kernel-modules 570, src/nvidia/generated/g_gpu_nvoc.h (`GPU_READ_PRI_ERROR_CODE`).
fn is_no_register(value: u32) -> bool {
    value & 0xfff0_0000 == 0xbad0_0000
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mmio::Io;
    use std::string::ToString;

    #[test]
    fn a_register_that_is_absent_is_called_that() {
        let timeout = |seen| Timeout {
            awaited: "GFW",
            seen,
            after: Duration::from_secs(4),
        };
        let text = timeout(0xbadf_5040).to_string();
        let expected = "waited 4s for GFW, saw 0xbadf5040 (absent)";
        assert_eq!(text, expected);
        assert_eq!(
            timeout(0xba0f_5040).to_string(),
            "waited 4s for GFW, saw 0xba0f5040"
        );
    }
    use crate::testing::Card;
    use std::vec::Vec;

    /// Durations of the first pauses in microseconds.
    fn pauses(io: &Io<'_>, mut pacer: Pacer<'_>) -> Vec<u128> {
        let mut pause = || {
            let before = io.now();
            pacer.pause();
            (io.now() - before).as_micros()
        };
        (0..12).map(|_| pause()).collect()
    }

    #[test]
    fn pauses_double_up_to_the_longest() {
        let card = Card::default();
        let io = Io::new(&card);
        let doubled = [2, 4, 8, 16, 32, 64, 128, 256, 512, 1000, 1000, 1000];
        assert_eq!(pauses(&io, io.pacer(Duration::MAX)), doubled);
        assert_eq!(pauses(&io, io.slow_pacer(Duration::MAX)), [10_000; 12]);
    }

    #[test]
    fn the_time_left_of_a_limit_ends_at_zero() {
        let card = Card::default();
        let io = Io::new(&card);
        let second = Duration::from_secs(1);
        io.sleep(second);
        let pacer = io.pacer(second);
        io.sleep(second / 4);
        assert_eq!(pacer.left(), second / 4 * 3);
        assert!(!pacer.expired());
        io.sleep(second / 4 * 3);
        assert!(pacer.expired());
        io.sleep(second);
        assert_eq!(pacer.left(), Duration::ZERO);
    }
}
