// SPDX-License-Identifier: GPL-2.0

//! The GSP: a falcon and a RISC-V core, and registers through which the driver and GSP-RM notify
//! each other. What runs on it is in [`programs`](crate::programs) and [`gsp_rm`](crate::gsp_rm).

use std::ops::Range;
use std::time::Duration;

use nova_hw::regs::falcon::{GSP_BASE, SIZE};
use nova_hw::regs::gsp::{PgspMailbox, PgspQueueHead};

use super::block::{Block, Parts};
use super::falcon::Falcon;
use super::wires::Wires;
use crate::block_id::FalconId;
use crate::schedule::{Event, Timer};

/// How long GSP-RM takes to look into its command queue; the model's own value.
const COMMAND: Duration = Duration::from_micros(20);

/// State of the GSP.
#[derive(Debug)]
pub(crate) struct Gsp {
    pub(crate) falcon: Falcon,
    mailbox: [u32; PgspMailbox::COUNT as usize],
}

/// Number of the mailbox whose register is at `offset`, if there is one.
fn mailbox(offset: u32) -> Option<usize> {
    let index = offset.checked_sub(PgspMailbox::OFFSET)? / PgspMailbox::STRIDE;
    (index < PgspMailbox::COUNT).then_some(index as usize)
}

impl Block for Gsp {
    const RANGES: &'static [Range<u32>] = &[GSP_BASE..GSP_BASE + 2 * SIZE];

    fn new(parts: &Parts) -> Self {
        Self {
            falcon: Falcon::new(parts.chip.falcons),
            mailbox: [0; PgspMailbox::COUNT as usize],
        }
    }

    fn read(&mut self, _: &mut Wires<'_>, offset: u32) -> Option<u32> {
        match mailbox(offset) {
            Some(mailbox) => Some(self.mailbox[mailbox]),
            None => self.falcon.read(offset - GSP_BASE),
        }
    }

    fn write(&mut self, wires: &mut Wires<'_>, offset: u32, value: u32) -> Option<()> {
        if let Some(mailbox) = mailbox(offset) {
            self.mailbox[mailbox] = value;
        } else if offset == PgspQueueHead::OFFSET {
            wires.schedule.after(COMMAND, Event::Commands);
        } else {
            let action = self.falcon.write(offset - GSP_BASE, value)?;
            self.falcon.act(wires, FalconId::Gsp, action);
        }
        Some(())
    }

    fn elapsed(&mut self, wires: &mut Wires<'_>, timer: Timer) {
        self.falcon.elapsed(wires, timer);
    }
}
