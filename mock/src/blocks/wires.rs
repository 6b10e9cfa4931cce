// SPDX-License-Identifier: GPL-2.0

//! A block's connections to the rest of the card. Blocks do not access each other: one tells
//! another something through here, as a [`Signal`](Signals) that lasts or as a [`Request`] that
//! happens once.

use std::time::Duration;

use serde_json::Value;

use crate::block_id::{BlockId, FalconId};
use crate::bus::config::{ConfigSpace, NO_BUS_MASTER};
use crate::bus::machine::GuestMemory;
use crate::chips::Chip;
use crate::engines::memory::Aperture;
use crate::engines::mmu::Invalidation;
use crate::faults::Faults;
use crate::schedule::{Event, Schedule, Timer};
use crate::trace::Trace;
use crate::vram::Vram;

/// State that blocks show each other; a reset clears it.
#[derive(Debug, Default)]
pub(crate) struct Signals {
    /// From PGC6: the GFW has completed, and so has the secure boot of the FSP if there is one.
    pub(crate) gfw_done: bool,
    /// From PBUS: the address in the frame buffer at which PRAMIN starts.
    pub(crate) pramin_base: u64,
}

/// What a block asks of the rest of the card. The card carries it out right after the access or the
/// timer in which the block asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// From XVE: the card is reset.
    Reset,
    /// From XVE to INTR: the next MSI may be sent.
    RearmMsi,
    /// From a falcon: it came out of reset, which ended its program.
    FalconReset(FalconId),
    /// From a falcon: the program that is loaded in it starts.
    FalconStarted(FalconId),
    /// From a falcon to INTR: it has an interrupt for the CPU.
    Interrupt(FalconId),
    /// From the MMU's registers: the TLBs drop translations.
    InvalidateTlbs(Invalidation),
    /// From USERMODE: the doorbell was rung, with this token.
    Doorbell(u32),
    /// From PBUS and the function's registers: BAR1 shows the address space of the instance block
    /// there, or the frame buffer as it is.
    BindBar1(Option<(Aperture, u64)>),
}

/// What a block can access outside of itself.
pub(crate) struct Wires<'a> {
    /// The block's identity in the trace.
    pub(crate) id: BlockId,
    pub(crate) chip: &'static Chip,
    pub(crate) faults: &'a Faults,
    pub(crate) signals: &'a mut Signals,
    pub(crate) vram: &'a mut Vram,
    pub(crate) config: &'a mut ConfigSpace,
    /// The machine's memory.
    pub(crate) memory: &'a mut dyn GuestMemory,
    pub(crate) schedule: &'a mut Schedule,
    pub(crate) trace: &'a mut Trace,
    pub(crate) requests: &'a mut Vec<Request>,
}

impl Wires<'_> {
    /// Time since the card was made.
    pub(crate) fn now(&self) -> Duration {
        self.schedule.now()
    }

    /// Sets a timer of the block; when it expires, [`Block::elapsed`](super::block::Block::elapsed)
    /// is called.
    pub(crate) fn set_timer(&mut self, delay: Duration, timer: Timer) {
        self.schedule.after(delay, Event::Timer(self.id, timer));
    }

    /// Cancels all timers of the block.
    pub(crate) fn cancel_timers(&mut self) {
        let id = self.id;
        self.schedule
            .cancel(|event| matches!(event, Event::Timer(of, _) if of == id));
    }

    /// Asks for something of the rest of the card.
    pub(crate) fn ask(&mut self, request: Request) {
        self.requests.push(request);
    }

    /// Records something that the block did at once.
    pub(crate) fn note(&mut self, name: &str, args: Value) {
        self.trace.instant(self.schedule.now(), self.id, name, args);
    }

    /// Records that the block has done something that took `time`.
    pub(crate) fn ended(&mut self, name: &str, time: Duration) {
        let now = self.schedule.now();
        let since = now.saturating_sub(time);
        self.trace.slice(since, now, self.id, name, Value::Null);
    }

    /// Records that the block refuses something.
    pub(crate) fn refuse(&mut self, reason: impl Into<String>) {
        self.trace
            .refuse(self.schedule.now(), self.id, reason.into());
    }

    /// Returns whether the block can access the machine's memory; if the card is not a bus master,
    /// records a refusal.
    pub(crate) fn reaches_memory(&mut self) -> bool {
        let reaches = self.config.is_bus_master();
        if !reaches {
            self.refuse(NO_BUS_MASTER);
        }
        reaches
    }
}
