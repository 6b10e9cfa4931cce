// SPDX-License-Identifier: GPL-2.0

//! What instructions compute with.

/// Number of the register that reads as zero, and drops what is written to it. Uniform registers
/// have such a one, too: it has this number here, whatever the generation encodes it as.
pub const ZERO_REGISTER: u8 = 255;

/// Number of the predicate that is always true, and drops what is written to it.
pub const TRUE_PREDICATE: u8 = 7;

/// Where a value is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operand {
    /// A register of the lane.
    Register(u8),
    /// A register of the warp.
    Uniform(u8),
    /// The instruction itself.
    Immediate(u32),
    /// A constant buffer.
    Constant {
        /// Which one.
        bank: u8,
        /// Byte offset.
        offset: u16,
    },
}

/// A value that is read, and what is done to it before it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    /// Where it is.
    pub operand: Operand,
    /// Its sign is dropped, before it is negated.
    pub is_absolute: bool,
    /// It is negated; in an addition with carry, its bits are.
    pub is_negated: bool,
}

impl Source {
    pub(super) const fn plain(operand: Operand) -> Self {
        Self {
            operand,
            is_absolute: false,
            is_negated: false,
        }
    }
}

/// A predicate that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Its number.
    pub predicate: u8,
    /// It holds if the predicate is false.
    pub is_negated: bool,
}

impl Condition {
    /// The one that always holds.
    pub const ALWAYS: Self = Self {
        predicate: TRUE_PREDICATE,
        is_negated: false,
    };

    /// The one that never holds.
    pub const NEVER: Self = Self {
        predicate: TRUE_PREDICATE,
        is_negated: true,
    };
}

/// How a comparison is combined with a predicate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogicOperation {
    /// Both.
    And,
    /// One at least.
    Or,
    /// One of them.
    Xor,
}
