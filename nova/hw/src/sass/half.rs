// SPDX-License-Identifier: GPL-2.0

//! Instructions that compute with two numbers of 16 bits at once, one in each half of a register.

use super::alu::Sign::Any;
use super::alu::Wide;
use super::{Comparison, Condition, Fields, LogicOperation, Operand, Source, Unknown};
use crate::class::graphics::Generation;

/// An instruction that computes with pairs of numbers of 16 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "fields have the names of the operands")]
pub enum Half {
    /// `HADD2`: sums.
    Add {
        to: u8,
        values: [Pair; 2],
        mode: HalfMode,
    },
    /// `HMUL2`: products.
    Multiply {
        to: u8,
        values: [Pair; 2],
        mode: HalfMode,
    },
    /// `HFMA2`: products plus values, rounded once.
    MultiplyAdd {
        to: u8,
        values: [Pair; 3],
        mode: HalfMode,
    },
    /// `HMNMX2`: the lesser numbers if the condition holds, else the greater ones.
    MinMax {
        to: u8,
        values: [Pair; 2],
        condition: Condition,
        flushes: bool,
    },
    /// `HSET2.BF`: compares, and combines the results with a condition; they are 1.0 or 0.
    Set {
        to: u8,
        values: [Pair; 2],
        comparison: Comparison,
        logic: LogicOperation,
        condition: Condition,
        flushes: bool,
    },
    /// `HSETP2`: compares, and combines the results with a condition. They are those of the lower and
    /// the upper half; with `is_joint` whether both hold, and the opposite of that.
    Compare {
        to: [u8; 2],
        values: [Pair; 2],
        comparison: Comparison,
        is_joint: bool,
        logic: LogicOperation,
        condition: Condition,
        flushes: bool,
    },
}

/// A pair of numbers that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// Where it is. The modifiers are those of both numbers.
    pub source: Source,
    /// Which of them are used.
    pub halves: Halves,
}

/// Which halves of a register the two numbers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Halves {
    /// Each is its own.
    Both,
    /// Both are the lower one (`.H0_H0`).
    Lower,
    /// Both are the upper one (`.H1_H1`).
    Upper,
}

/// How results are made. They are rounded to the nearest number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HalfMode {
    /// Denormal numbers are zero, as operands and as results (`.FTZ`).
    pub flushes: bool,
    /// They are limited to 0 through 1, and are no NaN (`.SAT`).
    pub saturates: bool,
}

/// Bits for what NAK does not ask for are not read, and so are refused: results of 32 bits, that zero
/// times anything is zero, and numbers in the format BF16.
fn mode(fields: &mut Fields) -> HalfMode {
    HalfMode {
        flushes: fields.bit(80),
        saturates: fields.bit(77),
    }
}

pub(super) fn decode(fields: &mut Fields) -> Result<Option<Half>, Unknown> {
    Ok(Some(match fields.alu_opcode() {
        0x030 => Half::Add {
            to: fields.register(16),
            values: first_and_last(fields)?,
            mode: mode(fields),
        },
        0x031 => Half::MultiplyAdd {
            to: fields.register(16),
            values: three(fields)?,
            mode: mode(fields),
        },
        0x032 => Half::Multiply {
            to: fields.register(16),
            values: two(fields)?,
            mode: mode(fields),
        },
        0x033 => {
            // The results are numbers, not masks.
            fields.expect(71, 1, 1)?;
            Half::Set {
                to: fields.register(16),
                values: first_and_last(fields)?,
                comparison: Comparison::decode(fields),
                logic: fields.logic_operation(69)?,
                condition: fields.condition(87, 90),
                flushes: fields.bit(80),
            }
        }
        0x034 => Half::Compare {
            to: [fields.small(81, 3), fields.small(84, 3)],
            values: first_and_last(fields)?,
            comparison: Comparison::decode(fields),
            is_joint: fields.bit(71),
            logic: fields.logic_operation(69)?,
            condition: fields.condition(87, 90),
            flushes: fields.bit(80),
        },
        0x040 if fields.generation() > Generation::Turing => Half::MinMax {
            to: fields.register(16),
            values: two(fields)?,
            condition: fields.condition(87, 90),
            flushes: fields.bit(80),
        },
        _ => return Ok(None),
    }))
}

fn two(fields: &mut Fields) -> Result<[Pair; 2], Unknown> {
    match fields.wide_operand()? {
        Wide::Second => Ok([first(fields)?, wide(fields)?]),
        Wide::Third => Err(fields.unknown_form()),
    }
}

/// Two operands, the later one of which is the third one unless it is a register.
fn first_and_last(fields: &mut Fields) -> Result<[Pair; 2], Unknown> {
    match (fields.wide_operand()?, fields.form()) {
        (Wide::Third, _) | (Wide::Second, 1) => Ok([first(fields)?, wide(fields)?]),
        _ => Err(fields.unknown_form()),
    }
}

fn three(fields: &mut Fields) -> Result<[Pair; 3], Unknown> {
    let first = first(fields)?;
    Ok(match fields.wide_operand()? {
        Wide::Second => [first, wide(fields)?, narrow(fields)?],
        Wide::Third => {
            let second = narrow(fields)?;
            [first, second, wide(fields)?]
        }
    })
}

fn first(fields: &mut Fields) -> Result<Pair, Unknown> {
    let source = Source {
        operand: Operand::Register(fields.register(24)),
        is_absolute: fields.bit(73),
        is_negated: fields.bit(72),
    };
    pair(fields, source, 74)
}

/// The operand in bits 71:64, whose modifiers are elsewhere than those of other instructions.
fn narrow(fields: &mut Fields) -> Result<Pair, Unknown> {
    let source = Source {
        operand: Operand::Register(fields.register(64)),
        is_absolute: fields.bit(83),
        is_negated: fields.bit(84),
    };
    pair(fields, source, 81)
}

/// The operand in bits 63:32.
fn wide(fields: &mut Fields) -> Result<Pair, Unknown> {
    let source = fields.wide(Any)?;
    match source.operand {
        Operand::Immediate(_) => Ok(Pair {
            source,
            halves: Halves::Both,
        }),
        _ => pair(fields, source, 60),
    }
}

fn pair(fields: &mut Fields, source: Source, halves: u32) -> Result<Pair, Unknown> {
    let halves = match fields.bits(halves, 2) {
        0 => Halves::Both,
        2 => Halves::Lower,
        3 => Halves::Upper,
        _ => return Err(fields.unknown_field(halves, 2)),
    };
    Ok(Pair { source, halves })
}
