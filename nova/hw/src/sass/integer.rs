// SPDX-License-Identifier: GPL-2.0

//! Instructions that compute with integers and bits, or move values.

use super::alu::Sign::{Negate, Plain};
use super::{Condition, Fields, LogicOperation, Operand, Source, Unknown};
use crate::class::graphics::Generation;

/// An instruction that computes with integers and bits, or moves a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "fields have the names of the operands")]
pub enum Integer {
    /// `MOV`, `UMOV`: copies a value.
    Move { to: u8, from: Source },
    /// `SEL`, `USEL`: the first value if the condition holds, else the second one.
    Select {
        to: u8,
        values: [Source; 2],
        condition: Condition,
    },
    /// `IADD3`, `UIADD3`: a sum, and the predicates that get its carries. With `carry_in`
    /// (`IADD3.X`), both conditions are added, and negated operands have their bits inverted.
    Add {
        to: u8,
        values: [Source; 3],
        carry_out: [u8; 2],
        carry_in: Option<[Condition; 2]>,
    },
    /// `LEA`, `ULEA`: `value`, shifted left, plus `base`. With `is_high`, the upper half of
    /// `value_high` and `value`, which are shifted together. With `carry_in` (`LEA.X`), that is
    /// added. The shifted value may be negated; with `carry_in`, its bits are inverted.
    LoadAddress {
        to: u8,
        value: Source,
        base: Source,
        value_high: Source,
        shift: u8,
        is_high: bool,
        is_negated: bool,
        carry_out: u8,
        carry_in: Option<Condition>,
    },
    /// `IMAD`, `UIMAD`: a product plus a sum; of 64 bits if it is wide (`IMAD.WIDE`).
    MultiplyAdd {
        to: u8,
        values: [Source; 3],
        is_signed: bool,
        is_wide: bool,
    },
    /// `IMNMX`: the lesser value if the condition holds, else the greater one.
    MinMax {
        to: u8,
        values: [Source; 2],
        condition: Condition,
        is_signed: bool,
    },
    /// `ISETP`, `UISETP`: compares, and combines the result with a condition. With `low`
    /// (`ISETP.EX`), these are the upper halves, and the condition is what the lower ones gave.
    Compare {
        to: [u8; 2],
        values: [Source; 2],
        comparison: IntegerComparison,
        is_signed: bool,
        low: Option<Condition>,
        logic: LogicOperation,
        condition: Condition,
    },
    /// `LOP3`, `ULOP3`: each bit of the result is the bit of `table` whose number the bits of the
    /// values make, the first one the highest.
    Logic {
        to: u8,
        values: [Source; 3],
        table: u8,
    },
    /// `PLOP3`, `UPLOP3`: the same of predicates, with two results. The last condition is a uniform
    /// predicate if `last_is_uniform`.
    LogicPredicate {
        to: [u8; 2],
        conditions: [Condition; 3],
        tables: [u8; 2],
        last_is_uniform: bool,
    },
    /// `SHF`, `USHF`: shifts the 64 bits of `high` and `low`, and keeps one half.
    Shift {
        to: u8,
        low: Source,
        amount: Source,
        high: Source,
        data: ShiftType,
        /// The amount is taken modulo the size; else, it is limited to that.
        wraps: bool,
        is_right: bool,
        keeps_high: bool,
    },
    /// `PRMT`, `UPRMT`: selects bytes of both values.
    Permute {
        to: u8,
        values: [Source; 2],
        selector: Source,
        mode: PermuteMode,
    },
    /// `POPC`, `UPOPC`: the number of set bits.
    CountBits { to: u8, value: Source },
    /// `FLO`, `UFLO`: the number of the highest bit that is set, or that differs from the sign; as a
    /// shift to the left (`FLO.SH`), the distance to bit 31. There is none: all ones.
    FindHighest {
        to: u8,
        value: Source,
        is_signed: bool,
        as_shift: bool,
    },
    /// `BREV`, `UBREV`: the bits in the opposite order.
    ReverseBits { to: u8, value: Source },
    /// `IABS`: without the sign.
    Absolute { to: u8, value: Source },
    /// `SGXT`: as many lower bits of a value as `width` says, extended.
    Extend {
        to: u8,
        value: Source,
        width: Source,
        is_signed: bool,
        wraps: bool,
    },
    /// `BMSK`, `UBMSK`: `width` ones from `position` on.
    Mask {
        to: u8,
        position: Source,
        width: Source,
        wraps: bool,
    },
}

/// How integers are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum IntegerComparison {
    False,
    Less,
    Equal,
    LessOrEqual,
    Greater,
    NotEqual,
    GreaterOrEqual,
    True,
}

/// What a shift to the right fills up with, and how many bits an amount counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShiftType {
    /// Signed, 64 bits.
    S64,
    /// Unsigned, 64 bits.
    U64,
    /// Signed, 32 bits.
    S32,
    /// Unsigned, 32 bits.
    U32,
}

/// How a selector of `PRMT` names bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PermuteMode {
    /// Four numbers, each with a bit that replicates the byte's sign.
    Index,
    /// Four bytes from one on, upwards.
    Forward,
    /// Four bytes from one on, downwards.
    Backward,
    /// One byte, four times.
    Replicate8,
    /// From one byte upwards, but not before it.
    EdgeClampLeft,
    /// From byte 0 upwards, but not behind one.
    EdgeClampRight,
    /// One half, twice.
    Replicate16,
}

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

pub(super) fn decode(fields: &mut Fields) -> Result<Option<Integer>, Unknown> {
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
    let signs = [Plain, Negate, Plain];
    let [value, base, value_high] = fields.three(signs)?;
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
        logic: LogicOperation::decode(fields, 74)?,
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
