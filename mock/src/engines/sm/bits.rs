// SPDX-License-Identifier: GPL-2.0

//! What instructions make of the bits of one lane.

use nova_hw::sass::{PermuteMode, ShiftType};

/// Each bit of the result is the one of the table whose number the bits of the values make.
pub(super) fn logic(table: u8, [a, b, c]: [u32; 3]) -> u32 {
    let of = |value: u32, bit: u8| if bit == 1 { value } else { !value };
    let rows = (0..8u8).filter(|row| table >> row & 1 == 1);
    rows.fold(0, |result, row| {
        result | of(a, row >> 2) & of(b, row >> 1 & 1) & of(c, row & 1)
    })
}

pub(super) fn shift(value: u64, amount: u32, data: ShiftType, wraps: bool, is_right: bool) -> u64 {
    let size = match data {
        ShiftType::S64 | ShiftType::U64 => 64,
        ShiftType::S32 | ShiftType::U32 => 32,
    };
    let amount = match wraps {
        true => amount % size,
        false => amount.min(size),
    };
    let is_signed = matches!(data, ShiftType::S64 | ShiftType::S32);
    match (is_right, is_signed) {
        (false, _) => value.checked_shl(amount).unwrap_or(0),
        (true, false) => value.checked_shr(amount).unwrap_or(0),
        (true, true) => (value as i64 >> amount.min(63)) as u64,
    }
}

pub(super) fn permute(bytes: u64, selector: u32, mode: PermuteMode) -> u32 {
    let byte = |number: u32| bytes >> (number % 8 * 8) & 0xff;
    let one = selector & 3;
    let pick = |position: u32| match mode {
        PermuteMode::Index => {
            let number = selector >> (4 * position);
            match number & 8 {
                0 => byte(number & 7),
                _ => (byte(number & 7) >> 7) * 0xff,
            }
        }
        PermuteMode::Forward => byte(one + position),
        PermuteMode::Backward => byte(one + 8 - position),
        PermuteMode::Replicate8 => byte(one),
        PermuteMode::EdgeClampLeft => byte(one.max(position)),
        PermuteMode::EdgeClampRight => byte(one.min(position)),
        PermuteMode::Replicate16 => byte((one & 1) * 2 + position % 2),
    };
    (0..4).fold(0, |result, position| {
        result | (pick(position) as u32) << (8 * position)
    })
}

pub(super) fn find_highest(value: u32, is_signed: bool, as_shift: bool) -> u32 {
    let value = match is_signed && value as i32 <= -1 {
        true => !value,
        false => value,
    };
    match (value, as_shift) {
        (0, _) => u32::MAX,
        (_, true) => value.leading_zeros(),
        (_, false) => value.ilog2(),
    }
}

/// A number of bits, of which there are 32.
pub(super) fn limit(bits: u32, wraps: bool) -> u64 {
    match wraps {
        true => (bits % 32).into(),
        false => bits.min(32).into(),
    }
}

pub(super) fn extend(value: u32, width: u64, is_signed: bool) -> u32 {
    let unused = 64 - width;
    if width == 0 {
        return 0;
    }
    let upper = u64::from(value) << unused;
    match is_signed {
        true => (upper as i64 >> unused) as u32,
        false => (upper >> unused) as u32,
    }
}
