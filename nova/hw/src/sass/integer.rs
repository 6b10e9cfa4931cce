// SPDX-License-Identifier: GPL-2.0

//! Instructions that compute with integers and bits, or move values.

use super::{Condition, LogicOperation, Source};

mod decode;

pub(super) use decode::decode;

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
