// SPDX-License-Identifier: GPL-2.0

//! SASS, the instructions of the streaming multiprocessors, from Turing to Blackwell: those that
//! Mesa's compiler NAK emits for compute shaders.
//!
//! An instruction has 128 bits: the opcode in bits 11:0, the predicate that guards it in 15:12,
//! operands and modifiers, and in bits 125:105 what the scheduler needs, which is ignored here.
//! NVIDIA documents the names alone (CUDA Binary Utilities, "Instruction Set Reference"). Where the
//! fields are, and what their values mean, is from NAK's encoder, in Mesa's
//! src/nouveau/compiler/nak/sm70_encode.rs (MIT); what nvdisasm, which NVIDIA publishes, shows of
//! NAK's programs agrees with it.
//!
//! All bits must be known: [`decode`] refuses an instruction with others.

use crate::class::graphics::Generation;

mod alu;
mod control;
mod convert;
mod double;
mod fields;
mod float;
mod half;
mod integer;
mod memory;
mod mnemonic;
mod operand;
mod warp;

pub use control::Control;
pub use convert::{Convert, FloatSize, IntegerSize};
pub use double::Double;
pub use fields::Unknown;
pub use float::{Comparison, Float, Function, Mode, Rounding};
pub use half::{Half, HalfMode, Halves, Pair};
pub use integer::{Integer, IntegerComparison, PermuteMode, ShiftType};
pub use memory::{Address, Atomic, AtomicOperation, AtomicType, Memory, Space, Width};
pub use mnemonic::mnemonic;
pub use operand::{Condition, LogicOperation, Operand, Source, TRUE_PREDICATE, ZERO_REGISTER};
pub use warp::{special, Reduction, Shuffle, Vote, Warp};

use fields::Fields;

/// Bytes of an instruction.
pub const INSTRUCTION_SIZE: u64 = 16;

/// An instruction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Instruction {
    /// The lanes that execute it; of a uniform instruction, whether the warp does.
    pub guard: Condition,
    /// Its registers and predicates are those of the warp, which has each once for all lanes.
    pub is_uniform: bool,
    /// What it does.
    pub operation: Operation,
}

/// What an instruction does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Operation {
    /// Computes with integers and bits, or moves a value.
    Integer(Integer),
    /// Computes with numbers of 32 bits.
    Float(Float),
    /// Computes with numbers of 64 bits.
    Double(Double),
    /// Computes with pairs of numbers of 16 bits.
    Half(Half),
    /// Converts numbers.
    Convert(Convert),
    /// Accesses memory.
    Memory(Memory),
    /// Exchanges values between lanes, or reads special registers.
    Warp(Warp),
    /// Decides where a lane goes on.
    Control(Control),
}

/// What the instruction `word` of a GPU of this generation means.
pub fn decode(generation: Generation, word: u128) -> Result<Instruction, Unknown> {
    let mut fields = Fields::new(generation, word);
    let guard = fields.condition(12, 15);
    let operation = operation(&mut fields)?;
    fields.finish()?;
    Ok(Instruction {
        guard,
        is_uniform: fields.is_uniform(),
        operation,
    })
}

/// What the instructions of a group do; `None` if it is not of this group.
type Group = fn(&mut Fields) -> Result<Option<Operation>, Unknown>;

fn operation(fields: &mut Fields) -> Result<Operation, Unknown> {
    let groups: [Group; 8] = [
        |fields| Ok(control::decode(fields)?.map(Operation::Control)),
        |fields| Ok(memory::decode(fields)?.map(Operation::Memory)),
        |fields| Ok(warp::decode(fields)?.map(Operation::Warp)),
        |fields| Ok(integer::decode(fields)?.map(Operation::Integer)),
        |fields| Ok(float::decode(fields)?.map(Operation::Float)),
        |fields| Ok(double::decode(fields)?.map(Operation::Double)),
        |fields| Ok(half::decode(fields)?.map(Operation::Half)),
        |fields| Ok(convert::decode(fields)?.map(Operation::Convert)),
    ];
    for group in groups {
        if let Some(operation) = group(fields)? {
            return Ok(operation);
        }
    }
    Err(fields.unknown(fields::OPCODE))
}

#[cfg(test)]
mod tests;
