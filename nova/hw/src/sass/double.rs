// SPDX-License-Identifier: GPL-2.0

//! Instructions that compute with floating-point numbers of 64 bits.

use super::alu::Sign::Any;
use super::{Comparison, Condition, Fields, LogicOperation, Rounding, Source, Unknown};

/// An instruction that computes with numbers of 64 bits, each in two registers.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(missing_docs, reason = "fields have the names of the operands")]
pub enum Double {
    /// `DADD`: a sum.
    Add {
        to: u8,
        values: [Source; 2],
        rounding: Rounding,
    },
    /// `DMUL`: a product.
    Multiply {
        to: u8,
        values: [Source; 2],
        rounding: Rounding,
    },
    /// `DFMA`: a product plus a value, rounded once.
    MultiplyAdd {
        to: u8,
        values: [Source; 3],
        rounding: Rounding,
    },
    /// `DSETP`: compares, and combines the result with a condition.
    Compare {
        to: [u8; 2],
        values: [Source; 2],
        comparison: Comparison,
        logic: LogicOperation,
        condition: Condition,
    },
}

pub(super) fn decode(fields: &mut Fields) -> Result<Option<Double>, Unknown> {
    Ok(Some(match fields.alu_opcode() {
        0x028 => Double::Multiply {
            to: fields.register(16),
            values: fields.two([Any; 2])?,
            rounding: Rounding::decode(fields, 78),
        },
        0x029 => Double::Add {
            to: fields.register(16),
            values: fields.first_and_third([Any; 2])?,
            rounding: Rounding::decode(fields, 78),
        },
        0x02a => Double::Compare {
            to: [fields.small(81, 3), fields.small(84, 3)],
            values: fields.second_or_third([Any; 2])?,
            comparison: Comparison::decode(fields),
            logic: fields.logic_operation(74)?,
            condition: fields.condition(87, 90),
        },
        0x02b => Double::MultiplyAdd {
            to: fields.register(16),
            values: fields.three([Any; 3])?,
            rounding: Rounding::decode(fields, 78),
        },
        _ => return Ok(None),
    }))
}
