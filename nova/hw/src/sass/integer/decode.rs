// SPDX-License-Identifier: GPL-2.0

//! Where instructions that compute with integers have their fields.

use super::super::alu::Sign::{Negate, Plain};
use super::super::alu::Wide;
use super::super::{Condition, Fields, Operand, Source, Unknown};
use super::{Integer, IntegerComparison, PermuteMode, ShiftType};
use crate::class::graphics::Generation;

/// Opcodes of uniform instructions, and of those that do the same for lanes.
const UNIFORM: [(u16, u16); 13] = [
    (0x087, 0x007),
    (0x08c, 0x00c),
    (0x090, 0x010),
    (0x091, 0x011),
    (0x092, 0x012),
    (0x096, 0x016),
    (0x099, 0x019),
    (0x09b, 0x01b),
    (0x0a4, 0x024),
    (0x0a5, 0x025),
    (0x0bd, 0x100),
    (0x0be, 0x101),
    (0x0bf, 0x109),
];

pub(in super::super) fn decode(fields: &mut Fields) -> Result<Option<Integer>, Unknown> {
    match fields.opcode() {
        0x81c => return logic_predicate(fields).map(Some),
        0x89c => {
            fields.set_uniform();
            return logic_predicate(fields).map(Some);
        }
        0x882 | 0xc82 => return uniform_move(fields).map(Some),
        _ => {}
    }
    let mut opcode = fields.alu_opcode();
    if let Some(&(_, other)) = UNIFORM.iter().find(|&&(uniform, _)| uniform == opcode) {
        fields.set_uniform();
        fields.expect(91, 1, 1)?;
        opcode = other;
    }
    Ok(Some(match opcode {
        0x002 => {
            // Which lanes of each four: all.
            fields.expect(72, 4, 0xf)?;
            Integer::Move {
                to: fields.register(16),
                from: fields.second(Plain)?,
            }
        }
        0x007 => Integer::Select {
            to: fields.register(16),
            values: fields.two([Plain; 2])?,
            condition: fields.condition(87, 90),
        },
        0x00c => compare(fields)?,
        0x010 => add(fields)?,
        0x011 => load_address(fields)?,
        0x012 => logic(fields)?,
        0x013 => Integer::Absolute {
            to: fields.register(16),
            value: fields.second(Plain)?,
        },
        0x016 => permute(fields)?,
        0x017 => min_max(fields)?,
        0x019 => shift(fields)?,
        0x01a => {
            let [value, width] = fields.two([Plain; 2])?;
            Integer::Extend {
                to: fields.register(16),
                value,
                width,
                is_signed: fields.bit(73),
                wraps: fields.bit(75),
            }
        }
        0x01b => {
            let [position, width] = fields.two([Plain; 2])?;
            Integer::Mask {
                to: fields.register(16),
                position,
                width,
                wraps: fields.bit(75),
            }
        }
        0x024 | 0x025 => {
            fields.no_predicate(81)?;
            Integer::MultiplyAdd {
                to: fields.register(16),
                values: fields.three([Plain; 3])?,
                is_signed: fields.bit(73),
                is_wide: opcode == 0x025,
            }
        }
        0x100 => {
            fields.no_predicate(81)?;
            Integer::FindHighest {
                to: fields.register(16),
                value: fields.second(Negate)?,
                is_signed: fields.bit(73),
                as_shift: fields.bit(74),
            }
        }
        0x101 => Integer::ReverseBits {
            to: fields.register(16),
            value: fields.second(Plain)?,
        },
        0x109 => Integer::CountBits {
            to: fields.register(16),
            value: fields.second(Negate)?,
        },
        _ => return Ok(None),
    }))
}

fn uniform_move(fields: &mut Fields) -> Result<Integer, Unknown> {
    fields.set_uniform();
    Ok(Integer::Move {
        to: fields.register(16),
        from: match fields.opcode() {
            0x882 => fields.immediate(),
            _ => {
                fields.expect(91, 1, 1)?;
                Source::plain(Operand::Uniform(fields.register(32)))
            }
        },
    })
}

fn add(fields: &mut Fields) -> Result<Integer, Unknown> {
    let carries = [fields.condition(87, 90), fields.condition(77, 80)];
    let carry_in = match fields.bit(74) {
        true => Some(carries),
        false if carries == [Condition::NEVER; 2] => None,
        false => return Err(fields.unknown_field(87, 4)),
    };
    Ok(Integer::Add {
        to: fields.register(16),
        values: fields.three([Negate; 3])?,
        carry_out: [fields.small(81, 3), fields.small(84, 3)],
        carry_in,
    })
}

fn load_address(fields: &mut Fields) -> Result<Integer, Unknown> {
    let is_high = fields.bit(80);
    // Where the third operand is the wide one, the bit that would negate the second is one of the shift.
    let sign = match fields.wide_operand()? {
        Wide::Second => Negate,
        Wide::Third => Plain,
    };
    let [value, base, value_high] = fields.three([Plain, sign, Plain])?;
    let carry_in = fields.condition(87, 90);
    let is_extended = fields.bit(74);
    if !is_extended && ![Condition::NEVER, NO_CONDITION].contains(&carry_in) {
        return Err(fields.unknown_field(87, 4));
    }
    Ok(Integer::LoadAddress {
        to: fields.register(16),
        value,
        base,
        value_high,
        shift: fields.small(75, 5),
        is_high,
        is_negated: fields.bit(72),
        carry_out: fields.small(81, 3),
        carry_in: is_extended.then_some(carry_in),
    })
}

/// A condition that is not encoded.
const NO_CONDITION: Condition = Condition {
    predicate: 0,
    is_negated: false,
};

fn logic(fields: &mut Fields) -> Result<Integer, Unknown> {
    // The predicate that tells whether the result is zero, and what it is combined with.
    fields.expect(80, 1, 0)?;
    fields.no_predicate(81)?;
    fields.expect(87, 4, 0xf)?;
    Ok(Integer::Logic {
        to: fields.register(16),
        values: fields.three([Plain; 3])?,
        table: fields.small(72, 8),
    })
}

fn logic_predicate(fields: &mut Fields) -> Result<Integer, Unknown> {
    let low = fields.small(64, 3);
    Ok(Integer::LogicPredicate {
        to: [fields.small(81, 3), fields.small(84, 3)],
        conditions: [
            fields.condition(87, 90),
            fields.condition(77, 80),
            fields.condition(68, 71),
        ],
        tables: [fields.small(72, 5) << 3 | low, fields.small(16, 8)],
        last_is_uniform: fields.is_uniform() || fields.bit(67),
    })
}

fn compare(fields: &mut Fields) -> Result<Integer, Unknown> {
    let low = fields.condition(68, 71);
    let is_extended = fields.bit(72);
    if !is_extended && low != Condition::ALWAYS {
        return Err(fields.unknown_field(68, 4));
    }
    Ok(Integer::Compare {
        to: [fields.small(81, 3), fields.small(84, 3)],
        values: fields.two([Plain; 2])?,
        comparison: match fields.bits(76, 3) {
            0 => IntegerComparison::False,
            1 => IntegerComparison::Less,
            2 => IntegerComparison::Equal,
            3 => IntegerComparison::LessOrEqual,
            4 => IntegerComparison::Greater,
            5 => IntegerComparison::NotEqual,
            6 => IntegerComparison::GreaterOrEqual,
            _ => IntegerComparison::True,
        },
        is_signed: fields.bit(73),
        low: is_extended.then_some(low),
        logic: fields.logic_operation(74)?,
        condition: fields.condition(87, 90),
    })
}

fn min_max(fields: &mut Fields) -> Result<Integer, Unknown> {
    if fields.generation() >= Generation::BlackwellB {
        // The halves of a value of 64 bits have these.
        fields.expect(77, 4, 0xf)?;
        fields.no_predicate(81)?;
        fields.no_predicate(84)?;
    }
    Ok(Integer::MinMax {
        to: fields.register(16),
        values: fields.two([Plain; 2])?,
        condition: fields.condition(87, 90),
        is_signed: fields.bit(73),
    })
}

fn shift(fields: &mut Fields) -> Result<Integer, Unknown> {
    let [low, amount, high] = fields.three([Plain; 3])?;
    Ok(Integer::Shift {
        to: fields.register(16),
        low,
        amount,
        high,
        data: match fields.bits(73, 2) {
            0 => ShiftType::S64,
            1 => ShiftType::U64,
            2 => ShiftType::S32,
            _ => ShiftType::U32,
        },
        wraps: fields.bit(75),
        is_right: fields.bit(76),
        keeps_high: fields.bit(80),
    })
}

fn permute(fields: &mut Fields) -> Result<Integer, Unknown> {
    let [low, selector, high] = fields.three([Plain; 3])?;
    Ok(Integer::Permute {
        to: fields.register(16),
        values: [low, high],
        selector,
        mode: match fields.bits(72, 3) {
            0 => PermuteMode::Index,
            1 => PermuteMode::Forward,
            2 => PermuteMode::Backward,
            3 => PermuteMode::Replicate8,
            4 => PermuteMode::EdgeClampLeft,
            5 => PermuteMode::EdgeClampRight,
            6 => PermuteMode::Replicate16,
            _ => return Err(fields.unknown_field(72, 3)),
        },
    })
}
