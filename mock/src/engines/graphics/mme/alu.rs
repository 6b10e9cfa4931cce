// SPDX-License-Identifier: GPL-2.0

//! What the operations compute that need nothing but their sources.

use nova_hw::class::graphics::mme::{Merge, Operation};

/// Computes the result of an operation, and what it leaves for the operation that goes on with it:
/// a carry, a borrow, or the upper half of a product. `None` if it is not such an operation.
pub(super) fn compute(
    operation: Operation,
    [x, y]: [u32; 2],
    immediate: u16,
    carry: &mut u32,
) -> Option<u32> {
    let all_if = |holds: bool| match holds {
        true => u32::MAX,
        false => 0,
    };
    Some(match operation {
        Operation::Add => with_carry(x.overflowing_add(y), carry),
        Operation::Addc => x.wrapping_add(y).wrapping_add(*carry),
        Operation::Sub => with_carry(x.overflowing_sub(y), carry),
        Operation::Subb => x.wrapping_sub(y).wrapping_sub(*carry),
        Operation::Mul => {
            let product = i64::from(x as i32) * i64::from(y as i32);
            with_upper_half(product as u64, carry)
        }
        Operation::Mulu => with_upper_half(u64::from(x) * u64::from(y), carry),
        Operation::Mulh => *carry,
        Operation::Clz => x.leading_zeros(),
        Operation::Sll => x.wrapping_shl(y),
        Operation::Srl => x.wrapping_shr(y),
        Operation::Sra => (x as i32).wrapping_shr(y) as u32,
        Operation::And => x & y,
        Operation::Nand => !(x & y),
        Operation::Or => x | y,
        Operation::Xor => x ^ y,
        Operation::Merge => merge(x, y, immediate.into()),
        Operation::Slt | Operation::Sltu | Operation::Sle | Operation::Sleu | Operation::Seq => {
            all_if(holds(operation, x, y)?)
        }
        _ => return None,
    })
}

/// Whether what an operation compares is so; `None` if it compares nothing.
pub(super) fn holds(operation: Operation, x: u32, y: u32) -> Option<bool> {
    let (signed_x, signed_y) = (x as i32, y as i32);
    Some(match operation {
        Operation::Slt | Operation::Blt => signed_x < signed_y,
        Operation::Sltu | Operation::Bltu => x < y,
        Operation::Sle | Operation::Ble => signed_x <= signed_y,
        Operation::Sleu | Operation::Bleu => x <= y,
        Operation::Seq | Operation::Beq => x == y,
        _ => return None,
    })
}

fn with_carry((result, carries): (u32, bool), carry: &mut u32) -> u32 {
    *carry = carries.into();
    result
}

fn with_upper_half(product: u64, carry: &mut u32) -> u32 {
    *carry = (product >> 32) as u32;
    product as u32
}

/// x with bits of y in it, as far as they fit.
fn merge(x: u32, y: u32, merge: Merge) -> u32 {
    let mask = (1 << merge.bits()) - 1;
    let from = (y >> merge.first()) & mask;
    x & !(mask << merge.place()) | from << merge.place()
}
