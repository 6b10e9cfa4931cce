// SPDX-License-Identifier: GPL-2.0

//! How results are rounded.
//!
//! The host computes with the nearest result alone. An exact result is the sum of two numbers of 64
//! bits here, the latter of which is a rounding error of the former; compared with the nearest one,
//! it says on which side that lies.

use nova_hw::sass::Rounding;

/// A sum, and the error that it has been rounded by (Knuth, The Art of Computer Programming, volume
/// 2, 4.2.2, theorem B).
pub(super) fn sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let b_in_sum = sum - a;
    let error = (a - (sum - b_in_sum)) + (b - b_in_sum);
    (sum, error)
}

/// Of the exact result, `nearest` is the nearest number of 32 bits: rounds it as wanted.
pub(super) fn round(nearest: f32, (exact, error): (f64, f64), rounding: Rounding) -> f32 {
    if rounding == Rounding::Nearest || nearest.is_nan() || !exact.is_finite() {
        return nearest;
    }
    // Exact: both have nearly the same value.
    let difference = match exact - f64::from(nearest) {
        0.0 => error,
        difference => difference,
    };
    match rounding {
        _ if difference == 0.0 => nearest,
        Rounding::Down if difference < 0.0 => below(nearest),
        Rounding::Up if difference > 0.0 => above(nearest),
        Rounding::Zero if nearest > 0.0 && difference < 0.0 => below(nearest),
        Rounding::Zero if nearest < 0.0 && difference > 0.0 => above(nearest),
        _ => nearest,
    }
}

/// The next greater number.
pub(super) fn above(value: f32) -> f32 {
    match value.to_bits() {
        0 | 0x8000_0000 => f32::from_bits(1),
        bits if value > 0.0 => f32::from_bits(bits + 1),
        bits => f32::from_bits(bits - 1),
    }
}

/// The next lesser number.
pub(super) fn below(value: f32) -> f32 {
    -above(-value)
}

/// The number of 16 bits that a number is rounded to.
pub(super) fn to_f16(value: f64, rounding: Rounding) -> u16 {
    let sign = (value.is_sign_negative() as u16) << 15;
    if value.is_nan() {
        return 0x7fff;
    }
    let magnitude = value.abs();
    if magnitude.is_infinite() {
        return sign | 0x7c00;
    }
    // The distance of numbers of 16 bits there: 2^-24 where they are denormal.
    let exponent = match magnitude < f64::exp2(-14.0) {
        true => -14,
        false => (magnitude.to_bits() >> 52) as i32 - 1023,
    };
    let steps = magnitude * f64::exp2(f64::from(10 - exponent));
    let rounded = match (rounding, sign) {
        (Rounding::Nearest, _) => steps.round_ties_even(),
        (Rounding::Up, 0) | (Rounding::Down, 0x8000) => steps.ceil(),
        _ => steps.floor(),
    };
    // A carry out of the fraction goes into the exponent.
    let bits = rounded as i64 + i64::from(exponent + 14) * 0x400;
    let is_limited = match rounding {
        Rounding::Nearest => false,
        Rounding::Zero => true,
        Rounding::Up => sign != 0,
        Rounding::Down => sign == 0,
    };
    match bits {
        0x7c00.. if is_limited => sign | 0x7bff,
        0x7c00.. => sign | 0x7c00,
        _ => sign | bits as u16,
    }
}

/// What a number of 16 bits is.
pub(super) fn from_f16(bits: u16) -> f64 {
    let fraction = f64::from(bits & 0x3ff);
    let magnitude = match i32::from(bits >> 10 & 0x1f) {
        0 => fraction * f64::exp2(-24.0),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => return f64::NAN,
        exponent => (fraction + 1024.0) * f64::exp2(f64::from(exponent - 25)),
    };
    match bits >> 15 {
        0 => magnitude,
        _ => -magnitude,
    }
}

/// A number without a fraction.
pub(super) fn whole(value: f64, rounding: Rounding) -> f64 {
    match rounding {
        Rounding::Nearest => value.round_ties_even(),
        Rounding::Down => value.floor(),
        Rounding::Up => value.ceil(),
        Rounding::Zero => value.trunc(),
    }
}

/// A number of 32 bits, or a zero with its sign if it is denormal and those are flushed.
pub(super) fn flush(value: f32, flushes: bool) -> f32 {
    match flushes && value.is_subnormal() {
        true => 0f32.copysign(value),
        false => value,
    }
}

/// The bits of a result, whose NaN is always the same.
pub(super) fn bits(value: f32) -> u32 {
    match value.is_nan() {
        true => 0x7fff_ffff,
        false => value.to_bits(),
    }
}
