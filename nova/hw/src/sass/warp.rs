// SPDX-License-Identifier: GPL-2.0

//! Instructions that exchange values between lanes, or read special registers.

use super::{Condition, Fields, Operand, Source, Unknown};
use crate::class::graphics::Generation;

/// An instruction that exchanges values between lanes, or reads a special register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "fields have the names of the operands")]
pub enum Warp {
    /// `S2R`, `S2UR`: reads a register of [`special`]; `CS2R` may read two.
    ReadSpecial { to: u8, register: u8, is_wide: bool },
    /// `SHFL`: reads the register of another lane. The predicate says whether there is that lane.
    Shuffle {
        to: u8,
        in_bounds: u8,
        value: u8,
        mode: Shuffle,
        lane: Source,
        clamp: Source,
    },
    /// `VOTE`, `VOTEU`: the lanes where a condition holds, and whether it does where it is to. The
    /// results are those of the warp if `is_uniform`.
    Vote {
        ballot: u8,
        result: u8,
        mode: Vote,
        condition: Condition,
        is_uniform: bool,
    },
    /// `MATCH`: the lanes with the same value; with `is_all`, all lanes or none, and which.
    Match {
        to: u8,
        result: u8,
        value: u8,
        is_wide: bool,
        is_all: bool,
    },
    /// `REDUX`: a value computed from those of all lanes, for the warp.
    Reduce {
        to: u8,
        value: u8,
        operation: Reduction,
        is_signed: bool,
    },
    /// `R2UR`: moves the value of a lane to the warp's register.
    MakeUniform { to: u8, from: u8 },
}

/// Which lane `SHFL` reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shuffle {
    /// The one with this number.
    Index,
    /// The one so many below.
    Up,
    /// The one so many above.
    Down,
    /// The one whose number differs in these bits.
    Butterfly,
}

/// Where a condition is to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vote {
    /// In all lanes.
    All,
    /// In one lane at least.
    Any,
    /// In all lanes or none.
    Equal,
}

/// What `REDUX` computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Reduction {
    And,
    Or,
    Xor,
    Sum,
    Min,
    Max,
}

/// Numbers of special registers, as nvdisasm names them.
#[expect(missing_docs, reason = "the names are NVIDIA's")]
pub mod special {
    pub const LANEID: u8 = 0x00;
    pub const TID_X: u8 = 0x21;
    pub const TID_Y: u8 = 0x22;
    pub const TID_Z: u8 = 0x23;
    pub const CTAID_X: u8 = 0x25;
    pub const CTAID_Y: u8 = 0x26;
    pub const CTAID_Z: u8 = 0x27;
    pub const EQMASK: u8 = 0x38;
    pub const LTMASK: u8 = 0x39;
    pub const LEMASK: u8 = 0x3a;
    pub const GTMASK: u8 = 0x3b;
    pub const GEMASK: u8 = 0x3c;
    pub const CLOCKLO: u8 = 0x50;
    pub const CLOCKHI: u8 = 0x51;
    pub const SRZ: u8 = 0xff;
}

pub(super) fn decode(fields: &mut Fields) -> Result<Option<Warp>, Unknown> {
    Ok(Some(match fields.opcode() {
        0x919 | 0x9c3 | 0x805 => read_special(fields),
        0x389 | 0x589 | 0x989 | 0xf89 => shuffle(fields)?,
        0x806 | 0x886 => vote(fields)?,
        0x3a1 => Warp::Match {
            to: fields.register(16),
            result: fields.small(81, 3),
            value: fields.register(24),
            is_wide: fields.bit(73),
            is_all: !fields.bit(79),
        },
        0x3c4 => Warp::Reduce {
            to: fields.uniform(16),
            value: fields.register(24),
            is_signed: fields.bit(73),
            operation: reduction(fields)?,
        },
        0x3c2 if fields.generation() < Generation::BlackwellA => make_uniform(fields)?,
        0x2ca if fields.generation() >= Generation::BlackwellA => make_uniform(fields)?,
        _ => return Ok(None),
    }))
}

fn read_special(fields: &mut Fields) -> Warp {
    if fields.opcode() == 0x9c3 {
        fields.set_uniform();
    }
    Warp::ReadSpecial {
        to: fields.register(16),
        register: fields.small(72, 8),
        is_wide: fields.opcode() == 0x805 && fields.bit(80),
    }
}

fn shuffle(fields: &mut Fields) -> Result<Warp, Unknown> {
    let opcode = fields.opcode();
    let lane = match opcode {
        0x389 | 0x589 => Operand::Register(fields.register(32)),
        _ => Operand::Immediate(fields.bits(53, 5) as u32),
    };
    let clamp = match opcode {
        0x389 | 0x989 => Operand::Register(fields.register(64)),
        _ => Operand::Immediate(fields.bits(40, 13) as u32),
    };
    Ok(Warp::Shuffle {
        to: fields.register(16),
        in_bounds: fields.small(81, 3),
        value: fields.register(24),
        mode: match fields.bits(58, 2) {
            0 => Shuffle::Index,
            1 => Shuffle::Up,
            2 => Shuffle::Down,
            _ => Shuffle::Butterfly,
        },
        lane: Source::plain(lane),
        clamp: Source::plain(clamp),
    })
}

fn vote(fields: &mut Fields) -> Result<Warp, Unknown> {
    let is_uniform = fields.opcode() == 0x886;
    Ok(Warp::Vote {
        ballot: match is_uniform {
            true => fields.uniform(16),
            false => fields.register(16),
        },
        result: fields.small(81, 3),
        mode: match fields.bits(72, 2) {
            0 => Vote::All,
            1 => Vote::Any,
            2 => Vote::Equal,
            _ => return Err(fields.unknown_field(72, 2)),
        },
        condition: fields.condition(87, 90),
        is_uniform,
    })
}

fn reduction(fields: &mut Fields) -> Result<Reduction, Unknown> {
    Ok(match fields.bits(78, 3) {
        0 => Reduction::And,
        1 => Reduction::Or,
        2 => Reduction::Xor,
        3 => Reduction::Sum,
        4 => Reduction::Min,
        5 => Reduction::Max,
        _ => return Err(fields.unknown_field(78, 3)),
    })
}

fn make_uniform(fields: &mut Fields) -> Result<Warp, Unknown> {
    fields.no_predicate(81)?;
    Ok(Warp::MakeUniform {
        to: fields.uniform(16),
        from: fields.register(24),
    })
}
