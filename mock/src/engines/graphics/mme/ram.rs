// SPDX-License-Identifier: GPL-2.0

//! What an expander keeps: macros, and words that they read and write.

use nova_hw::class::graphics::mme::{DATA_RAM_WORDS, MACROS};

use super::super::super::engine::Exception;
use super::super::error::{self, not_modelled, refused};

/// Words of instructions.
const INSTRUCTION_RAM_WORDS: u32 = 4096;

/// The RAM of an expander, as far as something has been written.
#[derive(Debug, Default)]
pub(super) struct Ram {
    instructions: Vec<Option<u32>>,
    /// The word at which each macro starts.
    starts: Vec<Option<u32>>,
    data: Vec<u32>,
    scratch: Vec<u32>,
}

impl Ram {
    /// Writes a word of an instruction.
    pub(super) fn set_instruction(&mut self, at: u32, word: u32) -> Result<(), Exception> {
        if at >= INSTRUCTION_RAM_WORDS {
            return Err(out_of_instructions(at.into()));
        }
        put(&mut self.instructions, at, Some(word));
        Ok(())
    }

    /// The instruction at a word.
    pub(super) fn instruction(&self, at: i64) -> Result<[u32; 3], Exception> {
        let word = |at: i64| {
            let index = usize::try_from(at).ok();
            let index = index.filter(|&index| index < INSTRUCTION_RAM_WORDS as usize);
            let Some(index) = index else {
                return Err(out_of_instructions(at));
            };
            let word = self.instructions.get(index).copied().flatten();
            word.ok_or_else(|| {
                not_modelled(format!("an instruction at {at}, where none was loaded"))
            })
        };
        Ok([word(at)?, word(at + 1)?, word(at + 2)?])
    }

    /// Writes the start address of a macro.
    pub(super) fn set_start(&mut self, number: u32, start: u32) -> Result<(), Exception> {
        if number >= MACROS.into() {
            let what = format!("start address {number} of {MACROS}");
            return Err(refused(error::INVALID_VALUE, what));
        }
        put(&mut self.starts, number, Some(start));
        Ok(())
    }

    /// The start address of a macro.
    pub(super) fn start(&self, number: u8) -> Result<u32, Exception> {
        let start = self.starts.get(usize::from(number)).copied().flatten();
        start.ok_or_else(|| not_modelled(format!("macro {number}, which has not been loaded")))
    }

    /// Writes a word of the data RAM.
    pub(super) fn set_data(&mut self, at: u32, word: u32) -> Result<(), Exception> {
        check_data(error::DATA_RAM_ACCESS_OUT_OF_BOUNDS, at.into(), 1)?;
        put(&mut self.data, at, word);
        Ok(())
    }

    /// A word of the data RAM.
    pub(super) fn data(&self, at: u32) -> Result<u32, Exception> {
        check_data(error::DATA_RAM_ACCESS_OUT_OF_BOUNDS, at.into(), 1)?;
        Ok(self.data.get(at as usize).copied().unwrap_or(0))
    }

    /// Writes scratch.
    pub(super) fn set_scratch(&mut self, number: u8, word: u32) {
        put(&mut self.scratch, number.into(), word);
    }

    /// What scratch has.
    pub(super) fn scratch(&self, number: u8) -> u32 {
        self.scratch.get(usize::from(number)).copied().unwrap_or(0)
    }
}

/// Puts an element into a list that ends where nothing has been put yet.
fn put<T: Clone + Default>(list: &mut Vec<T>, at: u32, element: T) {
    let at = at as usize;
    if list.len() <= at {
        list.resize(at + 1, T::default());
    }
    list[at] = element;
}

/// Refuses an access to the data RAM beyond its end, with this error.
pub(super) fn check_data(error: &str, first: u64, words: u64) -> Result<(), Exception> {
    match first + words > DATA_RAM_WORDS.into() {
        true => {
            let what = format!("{words} words at {first:#x} of {DATA_RAM_WORDS:#x}");
            Err(refused(error, what))
        }
        false => Ok(()),
    }
}

fn out_of_instructions(at: i64) -> Exception {
    let what = format!("word {at} of {INSTRUCTION_RAM_WORDS}");
    refused(error::INSTR_RAM_ACCESS_OUT_OF_BOUNDS, what)
}
