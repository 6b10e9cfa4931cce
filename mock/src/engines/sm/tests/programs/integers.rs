// SPDX-License-Identifier: GPL-2.0

//! What the program computes with integers of 32 and 64 bits.

use super::{grid, words, Case};

pub(super) fn integers() -> Case {
    let mut a: Vec<_> = [0, 1, u32::MAX, 0x8000_0000, 0x7fff_ffff, 31, 32].into();
    a.extend(words(11, 58));
    let pairs = || a.windows(2).map(|pair| (pair[0], pair[1]));
    let halves = |value: u64| [value as u32, (value >> 32) as u32];
    Case {
        sass: include_str!("integers.sass"),
        grid: grid(1, 64),
        push_constants: Vec::new(),
        after: vec![
            a.clone(),
            pairs().flat_map(|(v, u)| narrow(v, u)).collect(),
            pairs()
                .flat_map(|(v, u)| wide(v, u))
                .flat_map(halves)
                .collect(),
        ],
        before: vec![a],
    }
}

fn narrow(v: u32, u: u32) -> [u32; 16] {
    let highest = |value: u32| value.checked_ilog2().unwrap_or(u32::MAX);
    let lowest = if v == 0 { u32::MAX } else { v.trailing_zeros() };
    let ones = |count: u32| (1u64 << count) as u32 - 1;
    let field = v >> 2 & ones(u & 15);
    let is_negative = u & 15 != 0 && field >> ((u & 15) - 1) == 1;
    [
        v.count_ones(),
        highest(v),
        highest(if (u as i32) < 0 { !u } else { u }),
        lowest,
        v.reverse_bits(),
        v >> 3 & ones(u & 15),
        if is_negative {
            field | !ones(u & 15)
        } else {
            field
        },
        v & !(ones(9) << 4) | (u & ones(9)) << 4,
        ((u64::from(v) * u64::from(u)) >> 32) as u32,
        v / (u | 1),
        modulo(v as i32, u as i32 | 3),
        (v as i32).unsigned_abs(),
        u.min(v),
        (u as i32).max(v as i32) as u32,
        v << (u & 31),
        (v as i32 >> (u & 31)) as u32,
    ]
}

/// What GLSL makes of `%`: the result has the sign of the divisor (`OpSMod` of SPIR-V).
fn modulo(a: i32, b: i32) -> u32 {
    match i64::from(a) % i64::from(b) {
        rest if rest != 0 && (rest < 0) != (b < 0) => (rest + i64::from(b)) as u32,
        rest => rest as u32,
    }
}

fn wide(v: u32, u: u32) -> [u64; 4] {
    let x = u64::from(v) << 32 | u64::from(u);
    let y = u64::from(u) << 32 | u64::from(v);
    [
        x.wrapping_mul(y).wrapping_add(x >> (u & 63)),
        if x < y {
            x.wrapping_sub(y)
        } else {
            y << (v & 63)
        },
        y.wrapping_sub(x >> 3),
        x.min(y) ^ (x as i64 >> 7) as u64,
    ]
}
