// SPDX-License-Identifier: GPL-2.0

//! The instructions of a program.

use std::collections::HashMap;

use nova_hw::class::graphics::Generation;
use nova_hw::sass::{decode, Instruction};

use super::super::engine::{Context, Exception};
use super::super::memory::Address;
use super::trap;

/// A program, whose instructions are read when they are executed, and decoded once.
#[derive(Debug)]
pub(super) struct Program {
    generation: Generation,
    /// Its first instructions, which are nearly always all.
    start: u64,
    first: Vec<Option<Instruction>>,
    others: HashMap<u64, Instruction>,
}

/// How many instructions have a place in [`Program::first`].
const FIRST: u64 = 4096;

/// How many others are remembered; the model's own limit.
const OTHERS_MAX: usize = 0x10000;

impl Program {
    pub(super) fn new(generation: Generation, start: u64) -> Self {
        Self {
            generation,
            start,
            first: Vec::new(),
            others: HashMap::new(),
        }
    }

    /// The instruction at an address.
    pub(super) fn fetch(
        &mut self,
        context: &mut Context<'_>,
        at: u64,
    ) -> Result<Instruction, Exception> {
        let number = at.wrapping_sub(self.start) / nova_hw::sass::INSTRUCTION_SIZE;
        if number >= FIRST {
            if let Some(&found) = self.others.get(&at) {
                return Ok(found);
            }
            let found = self.read(context, at)?;
            if self.others.len() >= OTHERS_MAX {
                self.others.clear();
            }
            self.others.insert(at, found);
            return Ok(found);
        }
        let number = number as usize;
        if let Some(&Some(found)) = self.first.get(number) {
            return Ok(found);
        }
        let found = self.read(context, at)?;
        if self.first.len() <= number {
            self.first.resize(number + 1, None);
        }
        self.first[number] = Some(found);
        Ok(found)
    }

    fn read(&self, context: &mut Context<'_>, at: u64) -> Result<Instruction, Exception> {
        let mut bytes = [0; nova_hw::sass::INSTRUCTION_SIZE as usize];
        context.memory.read(Address::Virtual(at), &mut bytes)?;
        decode(self.generation, u128::from_le_bytes(bytes))
            .map_err(|unknown| trap(format!("the model has no {unknown}, at {at:#x}")))
    }
}
