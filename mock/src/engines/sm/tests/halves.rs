// SPDX-License-Identifier: GPL-2.0

//! Instructions that compute with pairs of numbers of 16 bits.

use nova_hw::sass::HalfMode;
use proptest::prelude::*;

use super::super::half::finish;
use super::super::rounding::from_f16;
use super::single::{result, MOVE_IF_P1};

const ONE: u32 = 0x3c00;
const TWO: u32 = 0x4000;
const NAN: u32 = 0x7fff;
const INFINITY: u32 = 0x7c00;
/// The greatest and the least number that are not zero.
const GREATEST: u32 = 0x7bff;
const LEAST: u32 = 0x0001;
const MINUS: u32 = 0x8000;

const fn pair(upper: u32, lower: u32) -> u32 {
    upper << 16 | lower
}

/// HADD2 R1, R2, R3
const ADD: u128 = 0x302017230;
/// HMUL2 R1, R2, R3
const MULTIPLY: u128 = 0x302017232;
/// HFMA2 R1, R2, R3, R4
const MULTIPLY_ADD: u128 = 0x40000000302017231;
/// HMNMX2 R1, R2, R3, PT
const LESSER: u128 = 0x38000000000000302017240;
/// .FTZ, .SAT, and the opposite of the condition
const FLUSHING: u128 = 1 << 80;
const SATURATING: u128 = 1 << 77;
const OPPOSITE: u128 = 1 << 90;

#[test]
fn each_half_is_computed() {
    for (instruction, a, b, expected) in [
        (ADD, pair(ONE, TWO), pair(ONE, ONE), pair(TWO, 0x4200)),
        (
            ADD,
            pair(GREATEST, INFINITY),
            pair(GREATEST, INFINITY | MINUS),
            pair(INFINITY, NAN),
        ),
        // 2048 + 1 is as near to 2048 as to 2050; 2050 + 1 is to 2052.
        (
            ADD,
            pair(0x6800, 0x6801),
            pair(ONE, ONE),
            pair(0x6800, 0x6802),
        ),
        (ADD, pair(LEAST, ONE), pair(LEAST, ONE | MINUS), pair(2, 0)),
        (
            ADD | FLUSHING,
            pair(LEAST, ONE),
            pair(ONE, LEAST | MINUS),
            pair(ONE, ONE),
        ),
        (
            ADD | SATURATING,
            pair(TWO, NAN),
            pair(ONE, ONE),
            pair(ONE, 0),
        ),
        (
            ADD | SATURATING,
            pair(ONE | MINUS, 0x3400),
            pair(0, 0x3400),
            pair(0, 0x3800),
        ),
        // |-1| - 2, with 2 from the upper half; and minus nothing.
        (
            ADD | 1 << 73 | 1 << 63 | 3 << 60,
            pair(ONE | MINUS, 0),
            pair(TWO, 0),
            pair(ONE | MINUS, TWO | MINUS),
        ),
        (
            MULTIPLY,
            pair(TWO, GREATEST),
            pair(TWO, TWO),
            pair(0x4400, INFINITY),
        ),
        // 2^-24 · 0.5 is as near to 0 as to 2^-24; · 1.5 is to 2^-23.
        (
            MULTIPLY,
            pair(LEAST, LEAST),
            pair(0x3800, 0x3e00),
            pair(0, 2),
        ),
        (
            MULTIPLY | FLUSHING,
            pair(0x0400, 0x0400),
            pair(0x3800, ONE),
            pair(0, 0x0400),
        ),
        (
            MULTIPLY,
            pair(0, INFINITY),
            pair(ONE | MINUS, 0),
            pair(MINUS, NAN),
        ),
        (LESSER, pair(ONE, NAN), pair(TWO, TWO), pair(ONE, TWO)),
        (
            LESSER | OPPOSITE,
            pair(ONE, TWO),
            pair(TWO, NAN),
            pair(TWO, TWO),
        ),
        (LESSER, pair(0, MINUS), pair(MINUS, 0), pair(MINUS, MINUS)),
        (LESSER, pair(NAN, LEAST), pair(NAN, LEAST), pair(NAN, LEAST)),
        (
            LESSER | FLUSHING,
            pair(LEAST, TWO),
            pair(ONE, LEAST),
            pair(0, 0),
        ),
    ] {
        let found = result(&[instruction], [a, b, 0]);
        assert_eq!(
            found, expected,
            "{instruction:#x} {a:#x} {b:#x}: {found:#x}"
        );
    }
}

#[test]
fn a_product_and_a_sum_are_rounded_once() {
    for (instruction, values, expected) in [
        // (1 + 2^-10)² is 1 + 2^-9 + 2^-20: rounded first, minus 1 + 2^-9 it were 0.
        (
            MULTIPLY_ADD,
            [
                pair(0x3c01, ONE),
                pair(0x3c01, TWO),
                pair(0x3c02 | MINUS, ONE),
            ],
            pair(0x0010, 0x4200),
        ),
        // The third operand negated, and its lower half for both.
        (
            MULTIPLY_ADD | 1 << 84 | 2 << 81,
            [pair(ONE, TWO), pair(ONE, TWO), pair(NAN, ONE)],
            pair(0, 0x4200),
        ),
        (
            MULTIPLY_ADD | SATURATING,
            [pair(TWO, ONE), pair(TWO, ONE), pair(ONE, TWO | MINUS)],
            pair(ONE, 0),
        ),
    ] {
        let found = result(&[instruction], values);
        assert_eq!(found, expected, "{instruction:#x} {values:x?}: {found:#x}");
    }
}

#[test]
fn comparisons_are_of_halves_or_of_both() {
    // HSETP2.LT.AND P1, P2, R2, R3, PT; P1 and P2 the other way round; .H_AND
    let lower: u128 = 0x3a210000000000302007234;
    let upper = lower ^ 3 << 81 ^ 3 << 84;
    let both = lower | 1 << 71;
    let not_both = upper | 1 << 71;
    for (a, b, expected) in [
        (pair(ONE, ONE), pair(TWO, TWO), [1, 1, 1, 0]),
        (pair(ONE, TWO), pair(TWO, TWO), [0, 1, 0, 1]),
        (pair(NAN, ONE), pair(TWO, TWO), [1, 0, 0, 1]),
    ] {
        let found =
            [lower, upper, both, not_both].map(|compare| result(&[compare, MOVE_IF_P1], [a, b, 0]));
        assert_eq!(found, expected, "{a:#x} {b:#x}");
    }
    // HSET2.BF.LT.AND R1, R2, R3, PT; and with !PT
    let set: u128 = 0x38010800000000302017233;
    let (a, b) = (pair(ONE, TWO), pair(TWO, ONE));
    assert_eq!(result(&[set], [a, b, 0]), pair(ONE, 0));
    assert_eq!(result(&[set | OPPOSITE], [a, b, 0]), 0);
}

/// A number in steps of 2^-24, of which all are whole ones.
fn steps(bits: u16) -> Option<i128> {
    let value = from_f16(bits) * f64::exp2(24.0);
    value.is_finite().then_some(value as i128)
}

proptest! {
    #[test]
    fn a_result_is_the_nearest_number(a: u16, b: u16, c: u16) {
        let (Some(x), Some(y), Some(z)) = (steps(a), steps(b), steps(c)) else {
            return Ok(());
        };
        // In steps of 2^-48.
        let exact = x * y + (z << 24);
        let mode = HalfMode { flushes: false, saturates: false };
        let found = finish(from_f16(a) * from_f16(b) + from_f16(c), mode);
        let distance = |bits| steps(bits).map(|steps| ((steps << 24) - exact).abs());
        let Some(distance_of_found) = distance(found) else {
            // Half a step beyond the greatest number, or more.
            prop_assert!(exact.abs() >= 65520 << 48);
            return Ok(());
        };
        for other in [found.wrapping_add(1), found.wrapping_sub(1)] {
            if let Some(distance) = distance(other).filter(|_| found & 0x7fff != 0) {
                prop_assert!(distance_of_found <= distance, "{a:#x} {b:#x} {c:#x}");
                prop_assert!(distance_of_found < distance || found & 1 == 0);
            }
        }
    }
}
