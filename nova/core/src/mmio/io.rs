// SPDX-License-Identifier: GPL-2.0

//! Typed access to registers and the clock, with optional counts.

use core::cell::Cell;
use core::time::Duration;

use nova_hw::regs::Register;

use super::pacer::{Pacer, Timeout};
use crate::platform::{Clock, Registers};

/// Counts of register accesses, for the report of a boot, which is single-threaded.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    reads: Cell<u32>,
    writes: Cell<u32>,
}

impl Counts {
    /// Register reads so far.
    pub(crate) fn reads(&self) -> u32 {
        self.reads.get()
    }

    /// Register writes so far.
    pub(crate) fn writes(&self) -> u32 {
        self.writes.get()
    }
}

/// BAR0 and the clock.
pub(crate) struct Io<'a> {
    registers: &'a dyn Registers,
    clock: &'a dyn Clock,
    counts: Option<&'a Counts>,
}

impl<'a> Io<'a> {
    /// Access without counts.
    pub(crate) fn new<P: Registers + Clock>(platform: &'a P) -> Self {
        Self {
            registers: platform,
            clock: platform,
            counts: None,
        }
    }

    /// Access with counts.
    pub(crate) fn counted<P: Registers + Clock>(platform: &'a P, counts: &'a Counts) -> Self {
        Self {
            counts: Some(counts),
            ..Self::new(platform)
        }
    }

    /// The counts, if there are any.
    pub(crate) fn counts(&self) -> Option<&'a Counts> {
        self.counts
    }

    /// Reads the 32-bit word at byte `offset` of BAR0.
    pub(crate) fn read32(&self, offset: u32) -> u32 {
        if let Some(Counts { reads, .. }) = self.counts {
            reads.set(reads.get().saturating_add(1));
        }
        self.registers.read32(offset)
    }

    /// Writes the 32-bit word at byte `offset` of BAR0.
    pub(crate) fn write32(&self, offset: u32, value: u32) {
        if let Some(Counts { writes, .. }) = self.counts {
            writes.set(writes.get().saturating_add(1));
        }
        self.registers.write32(offset, value);
    }

    /// Reads a register at its absolute offset.
    pub(crate) fn read<R: Register>(&self) -> R {
        self.read_at(0)
    }

    /// Reads a register of the block that starts at `base`.
    pub(crate) fn read_at<R: Register>(&self, base: u32) -> R {
        R::from(self.read32(base.wrapping_add(R::OFFSET)))
    }

    /// Writes a register at its absolute offset.
    pub(crate) fn write<R: Register>(&self, value: R) {
        self.write_at(0, value);
    }

    /// Writes a register of the block that starts at `base`.
    pub(crate) fn write_at<R: Register>(&self, base: u32, value: R) {
        self.write32(base.wrapping_add(R::OFFSET), value.into());
    }

    /// Reads a register of the block that starts at `base` until `done` returns `true`, for `limit`
    /// at most.
    pub(crate) fn wait_at<R: Register>(
        &self,
        base: u32,
        awaited: &'static str,
        limit: Duration,
        done: impl Fn(R) -> bool,
    ) -> Result<R, Timeout> {
        let mut pacer = Pacer::new(self.clock, limit);
        loop {
            // The time is checked before the read, so that the last read is after the limit.
            let last = pacer.expired();
            let value: R = self.read_at(base);
            if done(value) {
                return Ok(value);
            }
            if last {
                return Err(Timeout {
                    awaited,
                    seen: value.into(),
                    after: limit,
                });
            }
            pacer.pause();
        }
    }

    /// Sleeps for at least `time`.
    pub(crate) fn sleep(&self, time: Duration) {
        self.clock.sleep(time);
    }

    /// Paces a wait for something other than a register.
    pub(crate) fn pacer(&self, limit: Duration) -> Pacer<'a> {
        Pacer::new(self.clock, limit)
    }

    /// Paces a wait for something that takes long, or whose check costs more than a register read.
    pub(crate) fn slow_pacer(&self, limit: Duration) -> Pacer<'a> {
        Pacer::slow(self.clock, limit)
    }

    /// Monotonic time.
    pub(crate) fn now(&self) -> Duration {
        self.clock.now()
    }
}

/// Low and high half of an address, for a pair of registers.
pub(crate) fn halves(address: u64) -> [u32; 2] {
    let [a, b, c, d, e, f, g, h] = address.to_le_bytes();
    [
        u32::from_le_bytes([a, b, c, d]),
        u32::from_le_bytes([e, f, g, h]),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Card;
    use nova_hw::regs::falcon::FalconMailbox0;

    const MAILBOX: u32 = 0x40;

    #[test]
    fn a_register_is_read_even_if_no_time_is_left() {
        let (card, counts) = (Card::default(), Counts::default());
        let io = Io::counted(&card, &counts);
        card.set(MAILBOX, 7);
        let wait = |limit, value| {
            let is_it = |mailbox: FalconMailbox0| u32::from(mailbox) == value;
            io.wait_at(0, "a value", limit, is_it).map(u32::from)
        };
        assert_eq!(wait(Duration::ZERO, 7), Ok(7));
        let timeout = Timeout {
            awaited: "a value",
            seen: 7,
            after: Duration::from_micros(5),
        };
        assert_eq!(wait(timeout.after, 8), Err(timeout));
        // One read in the first wait, and reads after 0, 2 and 6 us in the second.
        assert_eq!((counts.reads(), counts.writes()), (4, 0));
        io.write_at(0, FalconMailbox0::from(1));
        assert_eq!((counts.reads(), counts.writes()), (4, 1));
        Io::new(&card).read32(MAILBOX);
        assert_eq!(counts.reads(), 4, "access without counts");
    }

    #[test]
    fn an_address_has_two_halves() {
        assert_eq!(halves(0x1234_5678_9abc_def0), [0x9abc_def0, 0x1234_5678]);
    }
}
