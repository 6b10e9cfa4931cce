// SPDX-License-Identifier: GPL-2.0

//! What the card has yet to do, and when.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use crate::block_id::{BlockId, Engine};

/// A block's own number of something that it has set a time for.
pub(crate) type Timer = u8;

/// Something that the card does by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Event {
    /// A timer of a block runs down.
    Timer(BlockId, Timer),
    /// A falcon's program reaches its end.
    Halt(Engine),
    /// libos on the GSP's RISC-V core has come so far that it reads its arguments.
    LibosStart,
    /// GSP-RM looks into its command queue.
    Commands,
    /// GSP-RM looks whether there is room in its status queue again.
    Room,
    /// GSP-RM gives the answer that it held back.
    LateReply,
    /// GSP-RM has worked through what it was told and asks the CPU to run the sequencer.
    RunSequencer,
    /// GSP-RM is initialized.
    InitDone,
    /// The GSP's interrupt arrives late.
    Announced,
    /// The GSP has suspended its processor after the driver said that it unloads.
    Suspended,
    /// The FSP looks for a packet in its queue.
    FspLooks,
    /// The GSP's registers open to the CPU.
    MaskReleased,
    /// The FMC has put GSP-RM into WPR2.
    FmcDone,
    /// The FMC has taken WPR2 away after GSP-RM's end.
    FmcEnds,
}

/// The events to come, in the order of their time.
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

    /// Takes back all events that `unwanted` names.
    pub(crate) fn cancel(&mut self, unwanted: impl Fn(Event) -> bool) {
        self.events
            .retain(|Reverse((_, _, event))| !unwanted(*event));
    }

    /// Time of the next event.
    pub(crate) fn next(&self) -> Option<Duration> {
        self.events.peek().map(|Reverse((time, _, _))| *time)
    }

    /// Moves the time on to the next event that is due at `until`, and takes it; or to `until`.
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
    fn events_come_in_the_order_of_time_and_then_of_adding() {
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
    fn a_cancelled_event_does_not_come() {
        let mut schedule = Schedule::default();
        schedule.after(MS, Event::Halt(Engine::Gsp));
        schedule.after(MS, Event::Halt(Engine::Sec2));
        schedule.cancel(|event| event == Event::Halt(Engine::Gsp));
        assert_eq!(schedule.advance(MS), Some(Event::Halt(Engine::Sec2)));
        assert_eq!(schedule.advance(MS), None);
    }
}
