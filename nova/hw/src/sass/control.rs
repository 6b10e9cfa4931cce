// SPDX-License-Identifier: GPL-2.0

//! Instructions that decide where a lane goes on.

use super::alu::Sign::Plain;
use super::{Condition, Fields, Source, Unknown};
use crate::class::graphics::Generation;

/// An instruction that decides where a lane goes on. With a condition, it does so where that holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "fields have the names of the operands")]
pub enum Control {
    /// `BRA`: goes on as many bytes behind the next instruction. The condition is a uniform
    /// predicate if `is_uniform` (`BRA.U`).
    Branch {
        offset: i64,
        condition: Condition,
        is_uniform: bool,
    },
    /// `EXIT`, `KILL`: the lane has ended.
    Exit { condition: Condition },
    /// `BSSY`: the lanes that execute it are to meet at `BSYNC` for the barrier register. Where
    /// that is, the offset says; nothing depends on it.
    SetBarrier { barrier: u8, condition: Condition },
    /// `BSYNC`: waits for the lanes that are to meet.
    WaitBarrier { barrier: u8, condition: Condition },
    /// `BREAK`: the lane is no longer to meet the others.
    Break { barrier: u8, condition: Condition },
    /// `BMOV` from a barrier register, which may be cleared then.
    MoveFromBarrier { to: u8, barrier: u8, clears: bool },
    /// `BMOV` to a barrier register.
    MoveToBarrier { barrier: u8, from: u8 },
    /// `WARPSYNC`: waits for the lanes of a mask.
    SynchronizeWarp { mask: Source },
    /// `BAR.SYNC`: waits for all threads of the block.
    SynchronizeBlock,
    /// `NOP`.
    Nothing,
}

pub(super) fn decode(fields: &mut Fields) -> Result<Option<Control>, Unknown> {
    Ok(Some(match fields.opcode() {
        0x947 => Control::Branch {
            offset: branch_offset(fields),
            condition: fields.condition(87, 90),
            is_uniform: false,
        },
        0x547 => {
            // .U, a bit that says that there is a uniform predicate, and the other condition.
            fields.expect(32, 2, 1)?;
            fields.expect(91, 1, 1)?;
            fields.expect(87, 4, 7)?;
            Control::Branch {
                offset: branch_offset(fields),
                condition: fields.condition(24, 27),
                is_uniform: true,
            }
        }
        0x94d | 0x95b => Control::Exit {
            condition: fields.condition(87, 90),
        },
        0x945 => {
            let _ = fields.bits(34, 30);
            Control::SetBarrier {
                barrier: fields.small(16, 4),
                condition: fields.condition(87, 90),
            }
        }
        0x941 => Control::WaitBarrier {
            barrier: fields.small(16, 4),
            condition: fields.condition(87, 90),
        },
        0x942 => Control::Break {
            barrier: fields.small(16, 4),
            condition: fields.condition(87, 90),
        },
        0x355 => Control::MoveFromBarrier {
            to: fields.register(16),
            barrier: fields.small(24, 4),
            clears: fields.bit(84),
        },
        0x356 => {
            // .CLEAR: the register that is read is not needed any more.
            let _ = fields.bit(84);
            Control::MoveToBarrier {
                barrier: fields.small(24, 4),
                from: fields.register(32),
            }
        }
        // All threads, barrier 0.
        0xb1d => Control::SynchronizeBlock,
        0x918 => Control::Nothing,
        _ if fields.alu_opcode() == 0x148 => {
            fields.expect(87, 4, 7)?;
            Control::SynchronizeWarp {
                mask: fields.second(Plain)?,
            }
        }
        _ => return Ok(None),
    }))
}

fn branch_offset(fields: &mut Fields) -> i64 {
    // In words of 32 bits.
    let upper = fields.signed(34, 48);
    match fields.generation() < Generation::BlackwellA {
        true => upper << 2,
        false => upper << 10 | i64::from(fields.small(16, 8)) << 2,
    }
}
