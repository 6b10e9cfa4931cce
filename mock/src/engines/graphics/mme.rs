// SPDX-License-Identifier: GPL-2.0

//! The macro method expander (MME), which executes macros that send methods.
//!
//! A driver loads a macro's instructions and its start address, and calls it with words, which the
//! macro loads. What it sends is executed as if the driver had sent it. Sources: those of
//! [`nova_hw::class::graphics::mme`], and the methods in open-gpu-doc, classes/3d/clc597.h. What
//! hardware refuses has the names of `NV_PGRAPH_PRI_MME_HWW_ESR` (manuals/turing/tu104/pri_mme.ref.txt).
//!
//! The rest is this model's choice:
//!
//! - The instruction RAM has 4096 words, as many as `NV_PGRAPH_PRI_MME_HWW_ESR_INFO_PC` can count. The
//!   data RAM and scratch are 0 at first. A macro that has not been loaded is not modelled.
//! - The objects of a channel share an expander, with all of its scratch: Mesa loads macros with
//!   methods of 3D, and calls them with methods of compute, too. They do not share what they record of
//!   other methods.
//! - A macro executes as soon as it is called, until it loads a word that has not come. What has come
//!   when it ends, and what comes then, does not count. Mesa's tests of hardware send such words
//!   (src/nouveau/mme/tests/mme_tu104_sim_hw_test.cpp, `pred_param`).
//! - The FIFO has the words that were read in their order. They are lost when the macro ends. From
//!   Blackwell on, where its size cannot be set, it has room for 16 KiB.
//! - An instruction takes as much of a turn as 64 bytes of copies, and so does each method that it
//!   sends. There is no limit to how many a macro executes (`MAX_INSTR_LIMIT`): one that does not end
//!   takes turns until the driver stops the channel.
//! - What nobody has tried on a card is not modelled: registers that have not been set, instructions
//!   whose ALUs depend on each other, loops in loops, bits whose meaning is not known.

mod alu;
mod expansion;
mod ram;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nova_hw::class::graphics::mme::{Call, DataFifoConfig};
use nova_hw::class::graphics::{has_method, offset};

use super::super::engine::{Context, Exception, Progress};
use super::super::memory::{Address, MmuFault};
use super::error::{self, check_bits, refused};
use super::state::State;
use expansion::Expansion;
pub(super) use expansion::Step;
use ram::Ram;

/// Words of the unit in which the size of the FIFO is set, 4 KiB.
const FIFO_UNIT: u32 = 0x400;

/// Bytes of a turn's budget that an instruction takes, and each method that it sends.
pub(super) const COST: u64 = 64;

/// The expander of a channel, which its objects share.
#[derive(Clone, Debug, Default)]
pub(crate) struct Macros(Arc<Mutex<Expander>>);

impl Macros {
    /// The expander, of which one object at a time executes a method.
    pub(super) fn lock(&self) -> MutexGuard<'_, Expander> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What an expander has been loaded with, and the macro that it executes.
#[derive(Debug, Default)]
pub(super) struct Expander {
    ram: Ram,
    /// How many words the FIFO has room for, if that has been set.
    fifo_words: Option<u32>,
    running: Option<Expansion>,
    /// The macro that has been called last, if more words for it may come.
    called: Option<u8>,
}

impl Expander {
    /// Loads a word of an instruction, and goes on behind it.
    pub(super) fn load_instruction(&mut self, state: &mut State, data: u32) -> Executed {
        let at = state.get(offset::LOAD_MME_INSTRUCTION_RAM_POINTER);
        self.ram.set_instruction(at, data)?;
        state.set(offset::LOAD_MME_INSTRUCTION_RAM_POINTER, at + 1);
        Ok(Progress::Done)
    }

    /// Loads the start address of a macro, and goes on with the next one.
    pub(super) fn load_start(&mut self, state: &mut State, data: u32) -> Executed {
        let at = state.get(offset::LOAD_MME_START_ADDRESS_RAM_POINTER);
        self.ram.set_start(at, data)?;
        state.set(offset::LOAD_MME_START_ADDRESS_RAM_POINTER, at + 1);
        Ok(Progress::Done)
    }

    /// Begins with a macro, or takes a word for it.
    pub(super) fn call(&mut self, call: Call, data: u32) -> Result<(), Exception> {
        match (call.is_data, &mut self.running) {
            (true, Some(running)) if running.number == call.number => running.load(data),
            (_, Some(_)) => return self.check_idle(),
            (true, None) if self.called == Some(call.number) => {}
            (true, None) => {
                let what = format!("for macro {}, which has not been called", call.number);
                return Err(refused(error::EXTRA_MACRO_DATA, what));
            }
            (false, None) => {
                let start = self.ram.start(call.number)?;
                self.running = Some(Expansion::new(call.number, start, data));
            }
        }
        self.called = Some(call.number);
        Ok(())
    }

    /// Refuses another method than a word for the macro that waits for it.
    pub(super) fn check_idle(&mut self) -> Result<(), Exception> {
        self.called = None;
        match self.running.take() {
            Some(running) => {
                let what = format!("macro {} waits for a word", running.number);
                Err(refused(error::MISSING_MACRO_DATA, what))
            }
            None => Ok(()),
        }
    }

    /// A macro is executed, or waits for a word.
    pub(super) fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Makes a step of the macro that is executed.
    pub(super) fn step(&mut self, state: &State) -> Result<Step, Exception> {
        // An exception ends it.
        let Some(mut running) = self.running.take() else {
            return Ok(Step::Ended);
        };
        let step = running.step(&mut self.ram, state)?;
        if step != Step::Ended {
            self.running = Some(running);
        }
        Ok(step)
    }

    /// Ends the macro, after it has sent what is refused.
    pub(super) fn abort(&mut self) {
        self.running = None;
    }

    /// Writes scratch.
    pub(super) fn set_scratch(&mut self, number: u8, data: u32) {
        self.ram.set_scratch(number, data);
    }

    /// Reads words from memory into the data RAM.
    pub(super) fn dma_read(
        &mut self,
        state: &State,
        context: &mut Context<'_>,
        words: u32,
    ) -> Executed {
        let first = dma_data(state, words)?;
        for (index, word) in read(state, context, words)?.into_iter().enumerate() {
            self.ram.set_data(first + index as u32, word)?;
        }
        Ok(Progress::Done)
    }

    /// Reads words from memory for the macro.
    pub(super) fn dma_read_fifoed(
        &mut self,
        state: &State,
        context: &mut Context<'_>,
        words: u32,
    ) -> Executed {
        let room = self.fifo_words.unwrap_or(
            match has_method(state.class, offset::SET_MME_DATA_FIFO_CONFIG) {
                true => 0,
                false => FIFO_UNIT * u32::from(DataFifoConfig::MAX),
            },
        );
        let Some(running) = &mut self.running else {
            let what = "MME_DMA_READ_FIFOED without a macro";
            return Err(refused(error::DMA_READ_FIFOED_FROM_PB, what));
        };
        if u64::from(words) + running.fifo.len() as u64 > u64::from(room) {
            let what = format!("{words} words into a FIFO of {room}");
            return Err(refused(error::DMA_READ_FIFOED_OVERFLOW, what));
        }
        running.fifo.extend(read(state, context, words)?);
        Ok(Progress::Done)
    }

    /// Writes words of the data RAM to memory.
    pub(super) fn dma_write(
        &mut self,
        state: &State,
        context: &mut Context<'_>,
        words: u32,
    ) -> Executed {
        let first = dma_data(state, words)?;
        let mut at = address(state);
        for index in first..first + words {
            let word = self.ram.data(index)?;
            context.memory.write(at, &word.to_le_bytes())?;
            at = at.plus(4);
        }
        context.budget = context.budget.saturating_sub(4 * u64::from(words));
        Ok(Progress::Done)
    }

    /// Sets the size of the FIFO.
    pub(super) fn set_fifo(&mut self, data: u32) -> Executed {
        check_bits("SET_MME_DATA_FIFO_CONFIG", data, 7)?;
        let size = DataFifoConfig::from(data).size();
        if size > DataFifoConfig::MAX {
            let what = format!("size {size}");
            return Err(refused(error::DMA_ILLEGAL_FIFO_CONFIG, what));
        }
        self.fifo_words = Some(FIFO_UNIT * u32::from(size));
        Ok(Progress::Done)
    }

    /// All DMA has completed.
    pub(super) fn dma_sync(&mut self, state: &State, value: u32) -> Executed {
        let at = dma_data(state, 1)?;
        self.ram.set_data(at, value)?;
        Ok(Progress::Done)
    }
}

type Executed = Result<Progress, Exception>;

/// The first word of the data RAM that DMA is for.
fn dma_data(state: &State, words: u32) -> Result<u32, Exception> {
    let first = state.get(offset::SET_MME_DATA_RAM_ADDRESS);
    ram::check_data(
        error::DMA_DRAM_ACCESS_OUT_OF_BOUNDS,
        first.into(),
        words.into(),
    )?;
    Ok(first)
}

/// The memory that DMA is for.
fn address(state: &State) -> Address {
    Address::Virtual(state.mme_memory())
}

fn read(state: &State, context: &mut Context<'_>, words: u32) -> Result<Vec<u32>, MmuFault> {
    let at = address(state);
    context.budget = context.budget.saturating_sub(4 * u64::from(words));
    let word = |index: u32| context.memory.read_u32(at.plus(4 * u64::from(index)));
    (0..words).map(word).collect()
}
