// SPDX-License-Identifier: GPL-2.0

//! What a semaphore becomes that is not written, but reduced with its payload. Operations have the
//! numbers of the copy engine.

use nova_hw::class::copy::Reduction;

/// What a floating-point operation without a result writes.
const NAN: u32 = 0x7fff_ffff;

/// A reduction of words of 32 bits.
pub(super) fn reduce_u32(operation: u8, is_unsigned: bool, old: u32, payload: u32) -> u32 {
    let (float, by) = (f32::from_bits(old), f32::from_bits(payload));
    let result = match operation {
        Reduction::FADD => float + by,
        Reduction::FMIN => float.min(by),
        Reduction::FMAX => float.max(by),
        _ => {
            let extend = |word: u32| match is_unsigned {
                true => u64::from(word),
                false => i64::from(word as i32) as u64,
            };
            return reduce(operation, is_unsigned, extend(old), extend(payload)) as u32;
        }
    };
    if result.is_nan() {
        return NAN;
    }
    result.to_bits()
}

/// A reduction of integers of 64 bits.
pub(super) fn reduce(operation: u8, is_unsigned: bool, old: u64, payload: u64) -> u64 {
    let is_less = match is_unsigned {
        true => old < payload,
        false => (old as i64) < payload as i64,
    };
    match operation {
        Reduction::IMIN => {
            if is_less {
                old
            } else {
                payload
            }
        }
        Reduction::IMAX => {
            if is_less {
                payload
            } else {
                old
            }
        }
        Reduction::IXOR => old ^ payload,
        Reduction::IAND => old & payload,
        Reduction::IOR => old | payload,
        Reduction::IADD => old.wrapping_add(payload),
        Reduction::INC => {
            if is_less {
                old + 1
            } else {
                0
            }
        }
        Reduction::DEC => {
            if old == 0 || old > payload {
                payload
            } else {
                old - 1
            }
        }
        _ => old,
    }
}
