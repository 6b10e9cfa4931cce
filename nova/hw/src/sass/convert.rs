// SPDX-License-Identifier: GPL-2.0

//! Instructions that convert numbers.

use super::alu::Sign::{Any, Plain};
use super::{Fields, Rounding, Source, Unknown};

/// An instruction that converts a number. Those of 64 bits are in two registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "fields have the names of the operands")]
pub enum Convert {
    /// `F2F`: to another size. With `high_half`, the value is in the upper half of the operand.
    FloatToFloat {
        to: u8,
        value: Source,
        from_size: FloatSize,
        to_size: FloatSize,
        rounding: Rounding,
        flushes: bool,
        high_half: bool,
    },
    /// `F2FP.PACK_AB`: both numbers of 32 bits to ones of 16 bits, the first one in the upper half.
    Pack {
        to: u8,
        values: [Source; 2],
        rounding: Rounding,
    },
    /// `F2I`: to an integer.
    FloatToInteger {
        to: u8,
        value: Source,
        from_size: FloatSize,
        to_size: IntegerSize,
        is_signed: bool,
        rounding: Rounding,
        flushes: bool,
    },
    /// `I2F`: from an integer.
    IntegerToFloat {
        to: u8,
        value: Source,
        from_size: IntegerSize,
        is_signed: bool,
        to_size: FloatSize,
        rounding: Rounding,
    },
    /// `FRND`: to a number without a fraction.
    Round {
        to: u8,
        value: Source,
        size: FloatSize,
        rounding: Rounding,
        flushes: bool,
    },
}

/// Size of a floating-point number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FloatSize {
    /// 16 bits.
    F16,
    /// 32 bits.
    F32,
    /// 64 bits.
    F64,
}

/// Size of an integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntegerSize {
    /// 8 bits.
    I8,
    /// 16 bits.
    I16,
    /// 32 bits.
    I32,
    /// 64 bits.
    I64,
}

pub(super) fn decode(fields: &mut Fields) -> Result<Option<Convert>, Unknown> {
    Ok(Some(match fields.alu_opcode() {
        0x03e => {
            // What is merged instead of packed.
            fields.expect(78, 1, 0)?;
            fields.unused(64)?;
            Convert::Pack {
                to: fields.register(16),
                values: fields.two([Any; 2])?,
                rounding: Rounding::decode(fields, 79),
            }
        }
        0x104 | 0x110 => Convert::FloatToFloat {
            to: fields.register(16),
            from_size: float_size(fields, 84)?,
            to_size: float_size(fields, 75)?,
            rounding: Rounding::decode(fields, 78),
            flushes: fields.bit(80),
            high_half: fields.bit(60),
            value: fields.second(Any)?,
        },
        0x105 | 0x111 => Convert::FloatToInteger {
            to: fields.register(16),
            from_size: float_size(fields, 84)?,
            to_size: integer_size(fields, 75),
            is_signed: fields.bit(72),
            rounding: Rounding::decode(fields, 78),
            flushes: fields.bit(80),
            value: fields.second(Any)?,
        },
        0x106 | 0x112 => Convert::IntegerToFloat {
            to: fields.register(16),
            from_size: integer_size(fields, 84),
            is_signed: fields.bit(74),
            to_size: float_size(fields, 75)?,
            rounding: Rounding::decode(fields, 78),
            value: fields.second(Plain)?,
        },
        0x107 | 0x113 => {
            let size = float_size(fields, 84)?;
            if float_size(fields, 75)? != size {
                return Err(fields.unknown_field(75, 2));
            }
            Convert::Round {
                to: fields.register(16),
                size,
                rounding: Rounding::decode(fields, 78),
                flushes: fields.bit(80),
                value: fields.second(Any)?,
            }
        }
        _ => return Ok(None),
    }))
}

fn float_size(fields: &mut Fields, first: u32) -> Result<FloatSize, Unknown> {
    Ok(match fields.bits(first, 2) {
        1 => FloatSize::F16,
        2 => FloatSize::F32,
        3 => FloatSize::F64,
        _ => return Err(fields.unknown_field(first, 2)),
    })
}

fn integer_size(fields: &mut Fields, first: u32) -> IntegerSize {
    match fields.bits(first, 2) {
        0 => IntegerSize::I8,
        1 => IntegerSize::I16,
        2 => IntegerSize::I32,
        _ => IntegerSize::I64,
    }
}
