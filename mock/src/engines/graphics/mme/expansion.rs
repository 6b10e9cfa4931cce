// SPDX-License-Identifier: GPL-2.0

//! A macro that is executed.

use std::collections::VecDeque;

use nova_hw::class::graphics::mme::{
    scratch_of_method, Alu, Branch, Instruction, Jump, Merge, Method, Operand, Operation, Output,
    INSTRUCTION_WORDS, LOAD_FROM_FIFO, REGISTERS,
};

use super::super::super::engine::Exception;
use super::super::error::{self, not_modelled, refused};
use super::super::state::State;
use super::alu;
use super::ram::Ram;

/// A step of a macro.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Step {
    /// It has executed an instruction.
    Executed,
    /// It sends a method.
    Sends(u16, u32),
    /// It waits for a word.
    Waits,
    /// It has ended.
    Ended,
}

/// Instructions that are executed again.
#[derive(Clone, Copy, Debug)]
struct Repeat {
    first: i64,
    last: i64,
    /// How often they still are.
    times: u32,
}

/// A macro that is executed, with its registers.
#[derive(Debug)]
pub(super) struct Expansion {
    pub(super) number: u8,
    /// The word at which it starts.
    start: u32,
    /// The instruction that is executed, counted from its start, and the next one.
    at: i64,
    next: i64,
    registers: [Option<u32>; REGISTERS as usize],
    /// What one ALU leaves for the other.
    carry: u32,
    /// What the ALUs have computed.
    results: [u32; 2],
    /// What has been loaded for the instruction.
    loaded: [u32; 2],
    repeat: Option<Repeat>,
    /// The instruction that is executed is the last one.
    is_last: bool,
    has_ended: bool,
    /// Where the outputs go.
    method: Method,
    /// Methods that the instruction sends.
    sends: VecDeque<(u16, u32)>,
    /// Words that the driver has sent.
    words: VecDeque<u32>,
    /// Words that have been read from memory.
    pub(super) fifo: VecDeque<u32>,
    loads_from_fifo: bool,
}

impl Expansion {
    /// A macro that is called with a word.
    pub(super) fn new(number: u8, start: u32, word: u32) -> Self {
        Self {
            number,
            start,
            at: 0,
            next: 0,
            registers: [None; REGISTERS as usize],
            carry: 0,
            results: [0; 2],
            loaded: [0; 2],
            repeat: None,
            is_last: false,
            has_ended: false,
            method: Method::new(),
            sends: VecDeque::new(),
            words: [word].into(),
            fifo: VecDeque::new(),
            loads_from_fifo: false,
        }
    }

    /// Takes another word.
    pub(super) fn load(&mut self, word: u32) {
        self.words.push_back(word);
    }

    /// Sends a method, or executes the next instruction.
    pub(super) fn step(&mut self, ram: &mut Ram, state: &State) -> Result<Step, Exception> {
        if let Some((at, data)) = self.sends.pop_front() {
            return Ok(Step::Sends(at, data));
        }
        if self.has_ended {
            return Ok(Step::Ended);
        }
        self.at = self.next;
        let word = i64::from(self.start) + self.at * i64::from(INSTRUCTION_WORDS);
        let instruction = Instruction::from_words(ram.instruction(word)?);
        check_pair(instruction)?;
        if !self.load_words(instruction)? {
            return Ok(Step::Waits);
        }
        self.next = self.at + 1;
        self.execute(instruction, ram, state)?;
        self.go_on(instruction);
        Ok(Step::Executed)
    }

    /// Takes the words that an instruction loads, if they have come.
    fn load_words(&mut self, instruction: Instruction) -> Result<bool, Exception> {
        let count = loads(instruction)?;
        let words = match self.loads_from_fifo {
            true => &mut self.fifo,
            false => &mut self.words,
        };
        if words.len() >= count {
            for (loaded, word) in self.loaded.iter_mut().zip(words.drain(..count)) {
                *loaded = word;
            }
            return Ok(true);
        }
        match self.loads_from_fifo {
            true => Err(not_modelled("a macro that loads more than it has read")),
            false => Ok(false),
        }
    }

    fn execute(
        &mut self,
        instruction: Instruction,
        ram: &mut Ram,
        state: &State,
    ) -> Result<(), Exception> {
        let [alu_0, alu_1, output_0, output_1] = self.enabled(instruction)?;
        for (index, is_enabled) in [alu_0, alu_1].into_iter().enumerate() {
            if is_enabled {
                self.alu(instruction, index, ram, state)?;
            }
        }
        let outputs = instruction.outputs();
        for ([method, emit], is_enabled) in outputs.into_iter().zip([output_0, output_1]) {
            if is_enabled {
                self.output(instruction, method, emit)?;
            }
        }
        Ok(())
    }

    /// Which parts of an instruction are executed.
    fn enabled(&self, instruction: Instruction) -> Result<[bool; 4], Exception> {
        let conditions = instruction.predicate().conditions();
        if conditions == [None; 4] {
            return Ok([true; 4]);
        }
        let source = match instruction.predicate_source() {
            Operand::Immediate | Operand::ImmediatePair => {
                return Err(not_modelled("an immediate as a predicate"))
            }
            // It belongs to no ALU, and has none of their immediates.
            source => self.source(instruction, 0, source)?,
        };
        let is_true = source != 0;
        Ok(conditions.map(|condition| condition.is_none_or(|condition| condition == is_true)))
    }

    fn source(
        &self,
        instruction: Instruction,
        index: usize,
        source: Operand,
    ) -> Result<u32, Exception> {
        let immediate = |index: usize| instruction.alus()[index].immediate as i16 as u32;
        Ok(match source {
            Operand::Register(number) => {
                let Some(value) = self.registers[usize::from(number)] else {
                    let what = format!("register {number} of a macro, which has not been set");
                    return Err(not_modelled(what));
                };
                value
            }
            Operand::Zero => 0,
            Operand::Immediate => immediate(index),
            Operand::ImmediatePair => immediate(1 - index),
            Operand::Immediate32 => instruction.immediate_32(),
            Operand::Load0 => self.loaded[0],
            Operand::Load1 => self.loaded[1],
            Operand::Reserved(bits) => {
                return Err(not_modelled(format!("source {bits} of a macro")))
            }
        })
    }

    fn alu(
        &mut self,
        instruction: Instruction,
        index: usize,
        ram: &mut Ram,
        state: &State,
    ) -> Result<(), Exception> {
        let Alu {
            operation,
            destination,
            sources: [x, y],
            immediate,
        } = instruction.alus()[index];
        let x = self.source(instruction, index, x)?;
        let y = self.source(instruction, index, y)?;
        let result = match alu::compute(operation, [x, y], immediate, &mut self.carry) {
            Some(_) if operation == Operation::Merge && Merge::from(immediate).unknown() => {
                return Err(unknown_bits(operation, immediate));
            }
            Some(result) => result,
            None => self.effect(operation, [x, y], immediate, ram, state)?,
        };
        self.results[index] = result;
        match destination {
            Operand::Register(number) => self.registers[usize::from(number)] = Some(result),
            Operand::Zero => {}
            other => return Err(not_modelled(format!("{other:?} as a destination"))),
        }
        Ok(())
    }

    /// Carries out an operation that does more than to compute.
    fn effect(
        &mut self,
        operation: Operation,
        [x, y]: [u32; 2],
        immediate: u16,
        ram: &mut Ram,
        state: &State,
    ) -> Result<u32, Exception> {
        match operation {
            Operation::Extended if [x, y] == LOAD_FROM_FIFO => self.loads_from_fifo = true,
            Operation::Extended => return Err(not_modelled(format!("EXTENDED {x:#x}, {y:#x}"))),
            Operation::State => return shadow(ram, state, x.wrapping_add(y)),
            Operation::Dread => return ram.data(x),
            Operation::Dwrite => ram.set_data(x, y)?,
            Operation::Loop => self.begin_loop(x, immediate)?,
            Operation::Jal => {
                let jump = Jump::from(immediate);
                if !jump.is_set() {
                    return Err(unknown_bits(operation, immediate));
                }
                self.branch(jump.distance().into())?;
            }
            _ => {
                let branch = Branch::from(immediate);
                if branch.unknown() != 0 {
                    return Err(unknown_bits(operation, immediate));
                }
                if alu::holds(operation, x, y) == Some(branch.if_true()) {
                    match branch.distance() {
                        Branch::EXIT => self.has_ended = true,
                        distance => self.branch(distance.into())?,
                    }
                }
            }
        }
        Ok(0)
    }

    fn branch(&mut self, distance: i64) -> Result<(), Exception> {
        if self.is_last {
            let what = format!("in the last instruction of macro {}", self.number);
            return Err(refused(error::BRANCH_IN_DELAY_SLOT, what));
        }
        self.next = self.at + distance;
        Ok(())
    }

    fn begin_loop(&mut self, times: u32, distance: u16) -> Result<(), Exception> {
        if self.repeat.is_some() {
            return Err(not_modelled("a loop in a loop of a macro"));
        }
        if distance < 2 {
            return Err(not_modelled("a loop of no instructions in a macro"));
        }
        self.repeat = (times > 1).then_some(Repeat {
            first: self.at + 1,
            last: self.at + i64::from(distance) - 1,
            times: times.saturating_sub(1),
        });
        Ok(())
    }

    /// Sends data, perhaps to another method than before.
    fn output(
        &mut self,
        instruction: Instruction,
        method: Output,
        emit: Output,
    ) -> Result<(), Exception> {
        if method != Output::None {
            self.method = Method::from(self.sent(instruction, method)?);
        }
        if emit != Output::None {
            let data = self.sent(instruction, emit)?;
            let number = self.method.number();
            self.sends.push_back((4 * number, data));
            let next = (number + self.method.increment()) & 0xfff;
            self.method.set_number(next);
        }
        Ok(())
    }

    fn sent(&self, instruction: Instruction, output: Output) -> Result<u32, Exception> {
        let immediate = |index: usize| u32::from(instruction.alus()[index].immediate);
        Ok(match output {
            Output::Alu0 => self.results[0],
            Output::Alu1 => self.results[1],
            Output::Load0 => self.loaded[0],
            Output::Load1 => self.loaded[1],
            Output::Immediate0 => immediate(0),
            Output::Immediate1 => immediate(1),
            Output::ImmediateHigh0 => immediate(0) >> 12,
            Output::ImmediateHigh1 => immediate(1) >> 12,
            Output::Immediate32 => instruction.immediate_32(),
            other => return Err(not_modelled(format!("{other:?} as an output of a macro"))),
        })
    }

    /// Ends, or decides about the next instruction.
    fn go_on(&mut self, instruction: Instruction) {
        self.has_ended |= self.is_last;
        self.is_last = instruction.ends_next();
        let Some(repeat) = &mut self.repeat else {
            return;
        };
        if self.at == repeat.last {
            self.next = repeat.first;
            repeat.times -= 1;
            if repeat.times == 0 {
                self.repeat = None;
            }
        }
    }
}

/// How many words an instruction loads. It loads them whether the parts that have them are executed
/// or not.
fn loads(instruction: Instruction) -> Result<usize, Exception> {
    let has_source = |source| {
        let [alu_0, alu_1] = instruction.alus();
        instruction.predicate_source() == source
            || alu_0.sources.contains(&source)
            || alu_1.sources.contains(&source)
    };
    let has_output = |output| instruction.outputs().as_flattened().contains(&output);
    let loads_0 = has_source(Operand::Load0) || has_output(Output::Load0);
    let loads_1 = has_source(Operand::Load1) || has_output(Output::Load1);
    match (loads_0, loads_1) {
        (false, false) => Ok(0),
        (true, false) => Ok(1),
        (true, true) => Ok(2),
        (false, true) => Err(not_modelled("a macro that loads the second word alone")),
    }
}

/// Refuses ALUs of which nobody has tried whether they work together.
fn check_pair(instruction: Instruction) -> Result<(), Exception> {
    let [first, second] = instruction.alus();
    let goes_on_with: &[Operation] = match second.operation {
        Operation::Addc => &[Operation::Add],
        Operation::Subb => &[Operation::Sub],
        Operation::Mulh => &[Operation::Mul, Operation::Mulu],
        _ => &Operation::ALL,
    };
    let is_half = |operation| {
        matches!(
            operation,
            Operation::Addc | Operation::Subb | Operation::Mulh
        )
    };
    let depends = first.destination != Operand::Zero
        && (first.destination == second.destination || second.sources.contains(&first.destination));
    let are_states = [first, second].map(|alu| alu.operation) == [Operation::State; 2];
    if !goes_on_with.contains(&first.operation) || is_half(first.operation) || depends || are_states
    {
        let what = format!("{:?} beside {:?} in a macro", first, second);
        return Err(not_modelled(what));
    }
    Ok(())
}

/// What the shadow RAM has for a method.
fn shadow(ram: &Ram, state: &State, number: u32) -> Result<u32, Exception> {
    let method = Method::from(number).number() * 4;
    if let Some(number) = scratch_of_method(method) {
        return Ok(ram.scratch(number));
    }
    state.shadow(method).ok_or_else(|| {
        let what = format!("a macro that reads method {method:#x}, which has not been set");
        not_modelled(what)
    })
}

fn unknown_bits(operation: Operation, immediate: u16) -> Exception {
    not_modelled(format!("{operation:?} of a macro with {immediate:#x}"))
}
