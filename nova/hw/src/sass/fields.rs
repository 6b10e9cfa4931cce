// SPDX-License-Identifier: GPL-2.0

//! The fields of an instruction, and which of them have been looked at.

use core::fmt;

use super::{mnemonic, Condition, LogicOperation, TRUE_PREDICATE, ZERO_REGISTER};
use crate::class::graphics::Generation;

/// Bits of the opcode.
pub(super) const OPCODE: u128 = 0xfff;

/// Bits for the scheduler (NAK, `set_instr_deps`): delays, barriers, and reuse of registers.
const SCHEDULING: u128 = mask(105, 21);

const fn mask(first: u32, width: u32) -> u128 {
    ((1 << width) - 1) << first
}

/// An instruction that is not known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// Bits 11:0.
    pub opcode: u16,
    /// The bits whose value is not known; those of the opcode if that is not known.
    pub bits: u128,
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = mnemonic(self.opcode).unwrap_or("unknown");
        write!(f, "{name} (opcode {:#05x}", self.opcode)?;
        match self.bits {
            OPCODE => f.write_str(")"),
            bits => write!(f, ", bits {bits:#x})"),
        }
    }
}

/// An instruction whose fields are read one after the other.
#[derive(Debug)]
pub(super) struct Fields {
    generation: Generation,
    word: u128,
    /// The bits that have been read.
    known: u128,
    is_uniform: bool,
}

impl Fields {
    pub(super) const fn new(generation: Generation, word: u128) -> Self {
        Self {
            generation,
            word,
            known: OPCODE | SCHEDULING,
            is_uniform: false,
        }
    }

    pub(super) const fn generation(&self) -> Generation {
        self.generation
    }

    /// The opcode of an instruction that has no forms.
    pub(super) const fn opcode(&self) -> u16 {
        (self.word & OPCODE) as u16
    }

    /// Has the registers that are read from here on be uniform ones.
    pub(super) fn set_uniform(&mut self) {
        self.is_uniform = true;
    }

    pub(super) const fn is_uniform(&self) -> bool {
        self.is_uniform
    }

    /// A field of up to 48 bits.
    pub(super) fn bits(&mut self, first: u32, width: u32) -> u64 {
        let mask = mask(first, width);
        self.known |= mask;
        ((self.word & mask) >> first) as u64
    }

    /// A field of up to 8 bits.
    pub(super) fn small(&mut self, first: u32, width: u32) -> u8 {
        debug_assert!(width <= 8);
        self.bits(first, width) as u8
    }

    pub(super) fn bit(&mut self, at: u32) -> bool {
        self.bits(at, 1) == 1
    }

    /// A field with a sign, of up to 48 bits.
    pub(super) fn signed(&mut self, first: u32, width: u32) -> i64 {
        let unused = 64 - width;
        (self.bits(first, width) << unused) as i64 >> unused
    }

    /// Demands that a field has a value.
    pub(super) fn expect(&mut self, first: u32, width: u32, value: u64) -> Result<(), Unknown> {
        match self.bits(first, width) == value {
            true => Ok(()),
            false => Err(self.unknown_field(first, width)),
        }
    }

    /// Demands that a predicate that is written is the one that is always true.
    pub(super) fn no_predicate(&mut self, first: u32) -> Result<(), Unknown> {
        self.expect(first, 3, TRUE_PREDICATE.into())
    }

    /// A register of the kind that the instruction has.
    pub(super) fn register(&mut self, first: u32) -> u8 {
        match self.is_uniform {
            true => self.uniform(first),
            false => self.small(first, 8),
        }
    }

    /// A uniform register.
    pub(super) fn uniform(&mut self, first: u32) -> u8 {
        match self.small(first, 8) {
            63 if self.generation < Generation::BlackwellA => ZERO_REGISTER,
            register => register,
        }
    }

    /// A predicate that is read, of the kind that the instruction has, and whether its opposite is
    /// meant.
    pub(super) fn condition(&mut self, first: u32, negated: u32) -> Condition {
        Condition {
            predicate: self.small(first, 3),
            is_negated: self.bit(negated),
        }
    }

    /// How a comparison is combined with a predicate.
    pub(super) fn logic_operation(&mut self, first: u32) -> Result<LogicOperation, Unknown> {
        Ok(match self.bits(first, 2) {
            0 => LogicOperation::And,
            1 => LogicOperation::Or,
            2 => LogicOperation::Xor,
            _ => return Err(self.unknown_field(first, 2)),
        })
    }

    /// A field whose value is not known.
    pub(super) fn unknown_field(&self, first: u32, width: u32) -> Unknown {
        self.unknown(mask(first, width))
    }

    pub(super) const fn unknown(&self, bits: u128) -> Unknown {
        Unknown {
            opcode: self.opcode(),
            bits,
        }
    }

    /// Demands that no other bits are set than those that have been read.
    pub(super) const fn finish(&self) -> Result<(), Unknown> {
        match self.word & !self.known {
            0 => Ok(()),
            bits => Err(self.unknown(bits)),
        }
    }
}
