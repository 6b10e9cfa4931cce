// SPDX-License-Identifier: GPL-2.0

//! A card for the test of a single block.

use std::ops::{Deref, DerefMut};

use super::block::Block;
use super::wires::{Request, Signals, Wires};
use crate::block_id::BlockId;
use crate::bus::config::ConfigSpace;
use crate::chips::{by_name, Chip};
use crate::faults::Faults;
use crate::machine::in_process::Arena;
use crate::schedule::{Event, Schedule};
use crate::trace::Trace;
use crate::vram::Vram;

/// A card around one block.
pub(crate) struct TestCard {
    pub(crate) faults: Faults,
    pub(crate) signals: Signals,
    pub(crate) vram: Vram,
    pub(crate) schedule: Schedule,
    pub(crate) trace: Trace,
    pub(crate) requests: Vec<Request>,
    config: ConfigSpace,
    memory: Arena,
    chip: &'static Chip,
}

impl TestCard {
    /// A card with this chip and `vram` bytes of frame buffer.
    pub(crate) fn with_vram(chip: &str, vram: u64) -> Self {
        let chip = by_name(chip).unwrap();
        Self {
            faults: Faults::default(),
            signals: Signals::default(),
            vram: Vram::in_process(vram),
            schedule: Schedule::default(),
            trace: Trace::default(),
            requests: Vec::new(),
            config: ConfigSpace::new(chip),
            memory: Arena::new(),
            chip,
        }
    }

    /// A card with this chip and the size of frame buffer that it was sold with.
    pub(crate) fn new(chip: &str) -> Self {
        Self::with_vram(chip, by_name(chip).unwrap().vram)
    }

    pub(crate) fn wires(&mut self) -> Wires<'_> {
        Wires {
            id: BlockId::Unknown,
            chip: self.chip,
            faults: &self.faults,
            signals: &mut self.signals,
            vram: &mut self.vram,
            config: &mut self.config,
            memory: &mut self.memory,
            schedule: &mut self.schedule,
            trace: &mut self.trace,
            requests: &mut self.requests,
        }
    }

    pub(crate) fn read(&mut self, block: &mut impl Block, offset: u32) -> Option<u32> {
        block.read(&mut self.wires(), offset)
    }

    pub(crate) fn write(&mut self, block: &mut impl Block, offset: u32, value: u32) -> Option<()> {
        block.write(&mut self.wires(), offset, value)
    }

    /// Lets time pass until the next timer of the block expires.
    pub(crate) fn pass(&mut self, block: &mut impl Block) {
        let next = self.schedule.next().unwrap();
        match self.schedule.advance(next) {
            Some(Event::Timer(_, timer)) => block.elapsed(&mut self.wires(), timer),
            event => panic!("{event:?} is not a timer"),
        }
    }
}

/// A block in a card of its own.
pub(crate) struct Tested<B> {
    pub(crate) card: TestCard,
    block: B,
}

impl<B: Block> Tested<B> {
    pub(crate) fn new(chip: &str, block: B) -> Self {
        let card = TestCard::new(chip);
        Self { card, block }
    }

    pub(crate) fn read(&mut self, offset: u32) -> Option<u32> {
        self.card.read(&mut self.block, offset)
    }

    pub(crate) fn write(&mut self, offset: u32, value: u32) -> Option<()> {
        self.card.write(&mut self.block, offset, value)
    }
}

impl<B> Deref for Tested<B> {
    type Target = B;

    fn deref(&self) -> &B {
        &self.block
    }
}

impl<B> DerefMut for Tested<B> {
    fn deref_mut(&mut self) -> &mut B {
        &mut self.block
    }
}
