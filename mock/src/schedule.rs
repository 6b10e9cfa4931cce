// SPDX-License-Identifier: GPL-2.0

//! The card's future events, in the order of their time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use crate::block_id::{BlockId, FalconId};

/// Number of a timer, of a block's own choice.
pub(crate) type Timer = u8;

/// An event of the card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Event {
    /// A timer of a block expires.
    Timer(BlockId, Timer),
    /// A falcon's program reaches its end.
    Halt(FalconId),
    /// libos on the GSP's RISC-V core reads its arguments.
    LibosStart,
    /// A channel has its turn.
    Turn,
    /// The time is over in which the engine of this channel was to be given to another one.
    SwitchTimeout { runlist: u8, channel: u16 },
    /// GSP-RM looks into its command queue.
    Commands,
    /// GSP-RM polls for room in its status queue.
    Room,
    /// GSP-RM sends the answer that was held back.
    LateReply,
    /// GSP-RM sends GSP_RUN_CPU_SEQUENCER.
    RunSequencer,
    /// GSP-RM sends GSP_INIT_DONE.
    InitDone,
    /// The GSP's delayed interrupt arrives.
    DelayedInterrupt,
    /// GSP-RM ends after an unload, and the GSP's mailbox says that libos has suspended the processor.
    GspRmEnd,
    /// The FSP looks into its queue.
    FspPacket,
    /// The target mask opens the GSP's registers to the CPU.
    TargetMaskReleased,
    /// The FMC has put GSP-RM into WPR2.
    FmcBooted,
    /// The FMC has lifted the lockdown, which it may put off so often.
    LockdownReleased(u32),
    /// The FMC has removed WPR2 after GSP-RM's unload.
    FmcUnloaded,
}

/// The future events, in the order of their time.
#[derive(Debug, Default)]
pub(crate) struct Schedule {
    now: Duration,
    count: u64,
    events: BinaryHeap<Reverse<(Duration, u64, Event)>>,
}

impl Schedule {
    /// Time since the model was made.
    pub(crate) fn now(&self) -> Duration {
        self.now
    }

    /// Adds an event that happens `delay` from now.
    pub(crate) fn after(&mut self, delay: Duration, event: Event) {
        self.count += 1;
        self.events
            .push(Reverse((self.now + delay, self.count, event)));
    }

    /// Cancels all events for which `unwanted` holds.
    pub(crate) fn cancel(&mut self, unwanted: impl Fn(Event) -> bool) {
        self.events
            .retain(|Reverse((_, _, event))| !unwanted(*event));
    }

    /// Time of the next event.
    pub(crate) fn next(&self) -> Option<Duration> {
        self.events.peek().map(|Reverse((time, _, _))| *time)
    }

    /// Advances the time to the next event that is due by `until` and takes the event; if there is
    /// none, to `until`.
    pub(crate) fn advance(&mut self, until: Duration) -> Option<Event> {
        match self.events.peek() {
            Some(&Reverse((time, _, event))) if time <= until => {
                self.events.pop();
                self.now = self.now.max(time);
                Some(event)
            }
            _ => {
                self.now = self.now.max(until);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn events_are_ordered_by_time_and_then_by_insertion() {
        let mut schedule = Schedule::default();
        schedule.after(2 * MS, Event::InitDone);
        schedule.after(MS, Event::RunSequencer);
        schedule.after(MS, Event::Timer(BlockId::Pgc6, 0));
        assert_eq!(schedule.next(), Some(MS));
        assert_eq!(schedule.advance(10 * MS), Some(Event::RunSequencer));
        assert_eq!(schedule.now(), MS);
        assert_eq!(
            schedule.advance(10 * MS),
            Some(Event::Timer(BlockId::Pgc6, 0))
        );
        assert_eq!(schedule.advance(MS), None);
        assert_eq!(schedule.advance(10 * MS), Some(Event::InitDone));
        assert_eq!(schedule.advance(10 * MS), None);
        assert_eq!(schedule.now(), 10 * MS);
    }

    #[test]
    fn a_cancelled_event_does_not_happen() {
        let mut schedule = Schedule::default();
        schedule.after(MS, Event::Halt(FalconId::Gsp));
        schedule.after(MS, Event::Halt(FalconId::Sec2));
        schedule.cancel(|event| event == Event::Halt(FalconId::Gsp));
        assert_eq!(schedule.advance(MS), Some(Event::Halt(FalconId::Sec2)));
        assert_eq!(schedule.advance(MS), None);
    }
}
