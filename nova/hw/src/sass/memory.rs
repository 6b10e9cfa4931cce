// SPDX-License-Identifier: GPL-2.0

//! Instructions that access memory.

use super::{Fields, Unknown, ZERO_REGISTER};
use crate::class::graphics::Generation;

/// An instruction that accesses memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "fields have the names of the operands")]
pub enum Memory {
    /// `LDG`, `LDS`, `LDL`.
    Load { to: u8, at: Address, width: Width },
    /// `STG`, `STS`, `STL`.
    Store { at: Address, from: u8, width: Width },
    /// `LDC`, `ULDC`, `LDCU`: loads from a constant buffer, at the sum of a register and an offset.
    LoadConstant {
        to: u8,
        bank: u8,
        index: u8,
        offset: i32,
        width: Width,
    },
    /// `ATOMG`, `ATOMS`, `RED`.
    Atomic(Atomic),
    /// `MEMBAR`: what was written before becomes visible before what is written later.
    Barrier,
    /// `CCTL`: controls a cache.
    CacheControl,
}

/// An atomic access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Atomic {
    /// Gets the value that was there.
    pub to: u8,
    /// Where.
    pub at: Address,
    /// What is done.
    pub operation: AtomicOperation,
    /// Of what type the value is.
    pub data: AtomicType,
    /// The other operand.
    pub value: u8,
    /// What [`AtomicOperation::CompareExchange`] compares with.
    pub compare: u8,
}

/// Where an instruction accesses memory: at a register plus a base of the warp and an offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// Which memory.
    pub space: Space,
    /// The register; the first one of two if `is_wide`.
    pub register: u8,
    /// The register has 64 bits.
    pub is_wide: bool,
    /// The first uniform register of the base, which has as many bits as an address.
    pub base: u8,
    /// Binary logarithm of what the register is multiplied by.
    pub scale: u8,
    /// Bytes.
    pub offset: i32,
}

/// A kind of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Space {
    /// That of the channel's address space.
    Global,
    /// That of a block of threads.
    Shared,
    /// That of a thread.
    Local,
}

/// Size of an access, and how it fills registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// 8 bits, zero-extended.
    U8,
    /// 8 bits, sign-extended.
    S8,
    /// 16 bits, zero-extended.
    U16,
    /// 16 bits, sign-extended.
    S16,
    /// One register.
    B32,
    /// Two registers.
    B64,
    /// Four registers.
    B128,
}

impl Width {
    /// Bytes of the access.
    pub const fn size(self) -> usize {
        match self {
            Self::U8 | Self::S8 => 1,
            Self::U16 | Self::S16 => 2,
            Self::B32 => 4,
            Self::B64 => 8,
            Self::B128 => 16,
        }
    }

    fn decode(fields: &mut Fields) -> Result<Self, Unknown> {
        Ok(match fields.bits(73, 3) {
            0 => Self::U8,
            1 => Self::S8,
            2 => Self::U16,
            3 => Self::S16,
            4 => Self::B32,
            5 => Self::B64,
            6 => Self::B128,
            _ => return Err(fields.unknown_field(73, 3)),
        })
    }
}

/// What an atomic access does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtomicOperation {
    /// The sum.
    Add,
    /// The lesser one.
    Min,
    /// The greater one.
    Max,
    /// One more, or 0 if it was not less than the operand.
    Increment,
    /// One less, or the operand if it was 0 or greater.
    Decrement,
    /// And.
    And,
    /// Or.
    Or,
    /// Exclusive or.
    Xor,
    /// The operand.
    Exchange,
    /// The operand, if the value was another one.
    CompareExchange,
}

/// Type of what an atomic access changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum AtomicType {
    U32,
    S32,
    U64,
    S64,
    F32,
    F64,
}

impl AtomicType {
    /// Bytes.
    pub const fn size(self) -> usize {
        match self {
            Self::U32 | Self::S32 | Self::F32 => 4,
            Self::U64 | Self::S64 | Self::F64 => 8,
        }
    }
}

pub(super) fn decode(fields: &mut Fields) -> Result<Option<Memory>, Unknown> {
    Ok(Some(match fields.opcode() {
        0x381 | 0x981 => {
            fields.no_predicate(81)?;
            load(fields, Space::Global)?
        }
        0x983 => load(fields, Space::Local)?,
        0x984 => load(fields, Space::Shared)?,
        0x386 | 0x986 => store(fields, Space::Global)?,
        0x387 => store(fields, Space::Local)?,
        0x388 => store(fields, Space::Shared)?,
        0xb82 | 0xab9 | 0x7ac => load_constant(fields)?,
        0x98e | 0x9a6 | 0x3a8 | 0x3a3 | 0x3a9 | 0x38c | 0x38d => Memory::Atomic(atomic(fields)?),
        0x992 => {
            // The scope, and what is not .SC.
            let _ = (fields.bits(76, 3), fields.bit(80));
            Memory::Barrier
        }
        0x98f => {
            let _ = (fields.register(24), fields.bits(32, 32), fields.bits(87, 4));
            Memory::CacheControl
        }
        _ => return Ok(None),
    }))
}

fn load(fields: &mut Fields, space: Space) -> Result<Memory, Unknown> {
    Ok(Memory::Load {
        to: fields.register(16),
        at: address(fields, space)?,
        width: Width::decode(fields)?,
    })
}

fn store(fields: &mut Fields, space: Space) -> Result<Memory, Unknown> {
    Ok(Memory::Store {
        at: address(fields, space)?,
        from: fields.register(32),
        width: Width::decode(fields)?,
    })
}

fn address(fields: &mut Fields, space: Space) -> Result<Address, Unknown> {
    let (mut is_wide, mut scale, mut base) = (false, 0, ZERO_REGISTER);
    match space {
        Space::Global => {
            is_wide = fields.bit(72);
            order(fields)?;
            if let 0x981 | 0x986 = fields.opcode() {
                // An address has 64 bits (`.E`); the register may have 32.
                fields.expect(72, 1, 1)?;
                fields.expect(91, 1, 1)?;
                is_wide = fields.bit(90);
                base = fields.uniform(if fields.opcode() == 0x981 { 32 } else { 64 });
            }
        }
        Space::Shared => scale = [0, 2, 3, 4][fields.bits(78, 2) as usize],
        Space::Local => fields.expect(84, 3, 1)?,
    }
    Ok(Address {
        space,
        register: fields.register(24),
        is_wide,
        base,
        scale,
        offset: fields.signed(40, 24) as i32,
    })
}

/// Bits of an access to global memory that only matter where there are caches: its order, its scope
/// and its priority (NAK, `set_mem_order` and `set_eviction_priority`).
fn order(fields: &mut Fields) -> Result<(), Unknown> {
    let _ = fields.bits(84, 3);
    let order = fields.bits(77, 4);
    let is_known = match fields.generation() {
        Generation::Turing => order >> 2 != 3,
        _ => [0, 4, 5, 7, 0xa].contains(&order),
    };
    match is_known {
        true => Ok(()),
        false => Err(fields.unknown_field(77, 4)),
    }
}

fn load_constant(fields: &mut Fields) -> Result<Memory, Unknown> {
    let mut index = ZERO_REGISTER;
    let offset = match fields.opcode() {
        0xb82 => {
            // How the sum is computed where it exceeds the buffer.
            fields.expect(78, 2, 0)?;
            index = fields.register(24);
            fields.signed(38, 16)
        }
        0xab9 => {
            fields.set_uniform();
            fields.signed(38, 16)
        }
        _ => {
            fields.set_uniform();
            fields.expect(91, 1, 1)?;
            index = fields.register(24);
            fields.signed(37, 17)
        }
    };
    Ok(Memory::LoadConstant {
        to: fields.register(16),
        bank: fields.small(54, 5),
        index,
        offset: offset as i32,
        width: Width::decode(fields)?,
    })
}

fn atomic(fields: &mut Fields) -> Result<Atomic, Unknown> {
    let opcode = fields.opcode();
    let space = match opcode {
        0x38c | 0x38d => Space::Shared,
        _ => Space::Global,
    };
    if matches!(opcode, 0x3a8 | 0x3a3 | 0x3a9) {
        fields.no_predicate(81)?;
    }
    let (operation, value, compare) = match opcode {
        0x3a9 | 0x38d => {
            let compare = fields.register(32);
            let operation = AtomicOperation::CompareExchange;
            (operation, fields.register(64), compare)
        }
        0x98e | 0x9a6 => (
            atomic_operation(fields, 3)?,
            fields.register(32),
            ZERO_REGISTER,
        ),
        _ => (
            atomic_operation(fields, 4)?,
            fields.register(32),
            ZERO_REGISTER,
        ),
    };
    Ok(Atomic {
        to: fields.register(16),
        at: address(fields, space)?,
        operation,
        data: atomic_type(fields)?,
        value,
        compare,
    })
}

fn atomic_operation(fields: &mut Fields, width: u32) -> Result<AtomicOperation, Unknown> {
    Ok(match fields.bits(87, width) {
        0 => AtomicOperation::Add,
        1 => AtomicOperation::Min,
        2 => AtomicOperation::Max,
        3 => AtomicOperation::Increment,
        4 => AtomicOperation::Decrement,
        5 => AtomicOperation::And,
        6 => AtomicOperation::Or,
        7 => AtomicOperation::Xor,
        8 => AtomicOperation::Exchange,
        _ => return Err(fields.unknown_field(87, width)),
    })
}

fn atomic_type(fields: &mut Fields) -> Result<AtomicType, Unknown> {
    let is_new = fields.generation() >= Generation::Hopper;
    let width = if is_new { 4 } else { 3 };
    let is_float = matches!(fields.opcode(), 0x9a6 | 0x3a3);
    let is_shared = matches!(fields.opcode(), 0x38c | 0x38d);
    Ok(match (fields.bits(73, width), is_new) {
        (9, true) if is_float => AtomicType::F32,
        (15, true) if is_float => AtomicType::F64,
        _ if is_float => return Err(fields.unknown_field(73, width)),
        (0, _) => AtomicType::U32,
        (1, _) => AtomicType::S32,
        (2, _) => AtomicType::U64,
        (3, true) | (5, false) => AtomicType::S64,
        (3, false) if !is_shared => AtomicType::F32,
        (6, false) if !is_shared => AtomicType::F64,
        _ => return Err(fields.unknown_field(73, width)),
    })
}
