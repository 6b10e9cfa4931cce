// SPDX-License-Identifier: GPL-2.0

//! What the program computes that converts numbers.

use super::{grid, words, Case};

pub(super) fn conversions() -> Case {
    let special = [
        0,
        0x8000_0000,
        1,
        0x807f_ffff,
        0x3f80_0000,
        0xbf80_0000,
        0x3f00_0000,
        0x3fc0_0000,
        0xbf00_0000,
        0xbfc0_0000,
        0x4f00_0000,
        0xcf00_0000,
        0x4f80_0000,
        0x7f80_0000,
        0xff80_0000,
        0x7fc0_0000,
        0x477f_e000,
        0x477f_f000,
        0x3880_0000,
        0x3300_0000,
        0x3c00_7c01,
        0x4b7f_ffff,
    ];
    let a: Vec<_> = special.into_iter().chain(words(7, 42)).collect();
    Case {
        sass: include_str!("conversions.sass"),
        grid: grid(1, 64),
        push_constants: Vec::new(),
        after: vec![
            a.clone(),
            a.iter().flat_map(|&word| converted(word)).collect(),
        ],
        before: vec![a],
    }
}

/// What NVK's shaders do with denormal numbers: they are zero.
fn flushed(value: f32) -> f32 {
    if value.is_subnormal() {
        0f32.copysign(value)
    } else {
        value
    }
}

fn converted(word: u32) -> [u32; 16] {
    let raw = f32::from_bits(word);
    let f = flushed(raw);
    let nan = |value: f32| {
        if value.is_nan() {
            0x7fff_ffff
        } else {
            value.to_bits()
        }
    };
    let class = if f.is_nan() {
        1
    } else {
        f.is_infinite().into()
    };
    let class = if f.is_infinite() { 2 } else { class };
    let half = half_towards_zero(raw);
    let greatest = |value: f32, other: f32| {
        if value.is_nan() {
            other
        } else {
            value.max(other)
        }
    };
    let least = |value: f32, other: f32| {
        if value.is_nan() {
            other
        } else {
            value.min(other)
        }
    };
    [
        f as i32 as u32,
        f as u32,
        (word as f32).to_bits(),
        (word as i32 as f32).to_bits(),
        nan(f.floor()),
        nan(f.ceil()),
        nan(f.trunc()),
        nan(f.round_ties_even()),
        half << 16 | half,
        half_value(word as u16),
        half_value((word >> 16) as u16),
        class,
        least(f, 1.0).to_bits(),
        greatest(f, 1.0).to_bits(),
        if f > 0.0 { f.min(1.0).to_bits() } else { 0 },
        nan(f.abs()),
    ]
}

/// A number of 16 bits, from the bits of one of 32 bits.
fn half_towards_zero(value: f32) -> u32 {
    let bits = value.to_bits();
    let (sign, exponent) = (bits >> 16 & 0x8000, (bits >> 23 & 0xff) as i32 - 127);
    let fraction = bits & 0x7f_ffff | 0x80_0000;
    match exponent {
        _ if value.is_nan() => 0x7fff,
        128 => sign | 0x7c00,
        16.. => sign | 0x7bff,
        -14.. => sign | ((exponent + 15) as u32) << 10 | fraction >> 13 & 0x3ff,
        -24.. => sign | fraction >> (-1 - exponent),
        _ => sign,
    }
}

/// The bits of the number of 32 bits that one of 16 bits is.
fn half_value(half: u16) -> u32 {
    let (sign, exponent) = (u32::from(half & 0x8000) << 16, half >> 10 & 0x1f);
    let fraction = u32::from(half & 0x3ff);
    match exponent {
        0 => sign | (fraction as f32 / 0x100_0000 as f32).to_bits(),
        31 if fraction != 0 => 0x7fff_ffff,
        31 => sign | 0x7f80_0000,
        _ => sign | (u32::from(exponent) + 112) << 23 | fraction << 13,
    }
}
