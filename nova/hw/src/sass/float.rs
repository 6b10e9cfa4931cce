// SPDX-License-Identifier: GPL-2.0

//! Instructions that compute with floating-point numbers of 32 bits.

use super::alu::Sign::Any;
use super::{Condition, Fields, LogicOperation, Source, Unknown};
use crate::class::graphics::Generation;

/// An instruction that computes with numbers of 32 bits.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(missing_docs, reason = "fields have the names of the operands")]
pub enum Float {
    /// `FADD`: a sum.
    Add {
        to: u8,
        values: [Source; 2],
        mode: Mode,
    },
    /// `FMUL`: a product.
    Multiply {
        to: u8,
        values: [Source; 2],
        mode: Mode,
    },
    /// `FFMA`: a product plus a value, rounded once.
    MultiplyAdd {
        to: u8,
        values: [Source; 3],
        mode: Mode,
    },
    /// `FMNMX`: the lesser number if the condition holds, else the greater one.
    MinMax {
        to: u8,
        values: [Source; 2],
        condition: Condition,
        flushes: bool,
    },
    /// `FSET`: compares; the result is 1.0 or 0.
    Set {
        to: u8,
        values: [Source; 2],
        comparison: Comparison,
        flushes: bool,
    },
    /// `FSETP`: compares, and combines the result with a condition.
    Compare {
        to: [u8; 2],
        values: [Source; 2],
        comparison: Comparison,
        logic: LogicOperation,
        condition: Condition,
        flushes: bool,
    },
    /// `MUFU`: approximates a function.
    Approximate {
        to: u8,
        value: Source,
        function: Function,
    },
}

/// How a result is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mode {
    /// How it is rounded.
    pub rounding: Rounding,
    /// Denormal numbers are zero, as operands and as the result (`.FTZ`).
    pub flushes: bool,
    /// It is limited to 0 through 1, and is no NaN (`.SAT`).
    pub saturates: bool,
}

/// How a number is rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// To the nearest number; of two, to the even one.
    Nearest,
    /// Down.
    Down,
    /// Up.
    Up,
    /// Towards zero.
    Zero,
}

impl Rounding {
    pub(super) fn decode(fields: &mut Fields, first: u32) -> Self {
        match fields.bits(first, 2) {
            0 => Self::Nearest,
            1 => Self::Down,
            2 => Self::Up,
            _ => Self::Zero,
        }
    }
}

/// How numbers are compared: which of these relations fulfil it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// Less.
    pub less: bool,
    /// Equal.
    pub equal: bool,
    /// Greater.
    pub greater: bool,
    /// One of them is a NaN.
    pub unordered: bool,
}

impl Comparison {
    pub(super) fn decode(fields: &mut Fields) -> Self {
        // LT, EQ, LE, GT, ... in NAK's `set_float_cmp_op` are sums of these.
        Self {
            less: fields.bit(76),
            equal: fields.bit(77),
            greater: fields.bit(78),
            unordered: fields.bit(79),
        }
    }
}

/// What `MUFU` approximates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// Cosine of a multiple of a full turn.
    Cosine,
    /// Sine of a multiple of a full turn.
    Sine,
    /// Power of two.
    Exponential,
    /// Binary logarithm.
    Logarithm,
    /// Reciprocal.
    Reciprocal,
    /// Reciprocal of the square root.
    ReciprocalRoot,
    /// The upper half of the reciprocal of a number of 64 bits, of its upper half.
    Reciprocal64High,
    /// The same of the reciprocal of the square root.
    ReciprocalRoot64High,
    /// Square root.
    Root,
    /// Hyperbolic tangent.
    HyperbolicTangent,
}

pub(super) fn decode(fields: &mut Fields) -> Result<Option<Float>, Unknown> {
    Ok(Some(match fields.alu_opcode() {
        0x009 => min_max(fields)?,
        0x00a => {
            // What the result is combined with.
            fields.expect(87, 4, 7)?;
            Float::Set {
                to: fields.register(16),
                values: fields.two([Any; 2])?,
                comparison: Comparison::decode(fields),
                flushes: fields.bit(80),
            }
        }
        0x00b => Float::Compare {
            to: [fields.small(81, 3), fields.small(84, 3)],
            values: fields.two([Any; 2])?,
            comparison: Comparison::decode(fields),
            logic: fields.logic_operation(74)?,
            condition: fields.condition(87, 90),
            flushes: fields.bit(80),
        },
        0x020 => {
            // A factor that is a power of two: none.
            fields.expect(84, 3, 4)?;
            fields.unused(64)?;
            Float::Multiply {
                to: fields.register(16),
                values: fields.two([Any; 2])?,
                mode: mode(fields)?,
            }
        }
        0x021 => Float::Add {
            to: fields.register(16),
            values: fields.second_or_third([Any; 2])?,
            mode: mode(fields)?,
        },
        0x023 => Float::MultiplyAdd {
            to: fields.register(16),
            values: fields.three([Any; 3])?,
            mode: mode(fields)?,
        },
        0x108 => Float::Approximate {
            to: fields.register(16),
            value: fields.second(Any)?,
            function: function(fields)?,
        },
        _ => return Ok(None),
    }))
}

fn min_max(fields: &mut Fields) -> Result<Float, Unknown> {
    fields.unused(64)?;
    if fields.generation() >= Generation::Hopper && fields.bits(81, 3) != 0 {
        fields.no_predicate(81)?;
    }
    Ok(Float::MinMax {
        to: fields.register(16),
        values: fields.two([Any; 2])?,
        condition: fields.condition(87, 90),
        flushes: fields.bit(80),
    })
}

fn mode(fields: &mut Fields) -> Result<Mode, Unknown> {
    // Zero times anything is zero (`.FMZ`).
    fields.expect(76, 1, 0)?;
    Ok(Mode {
        rounding: Rounding::decode(fields, 78),
        flushes: fields.bit(80),
        saturates: fields.bit(77),
    })
}

fn function(fields: &mut Fields) -> Result<Function, Unknown> {
    Ok(match fields.bits(74, 6) {
        0 => Function::Cosine,
        1 => Function::Sine,
        2 => Function::Exponential,
        3 => Function::Logarithm,
        4 => Function::Reciprocal,
        5 => Function::ReciprocalRoot,
        6 => Function::Reciprocal64High,
        7 => Function::ReciprocalRoot64High,
        8 => Function::Root,
        9 => Function::HyperbolicTangent,
        _ => return Err(fields.unknown_field(74, 6)),
    })
}
