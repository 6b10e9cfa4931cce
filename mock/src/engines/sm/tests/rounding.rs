// SPDX-License-Identifier: GPL-2.0

//! Rounding, compared with what the host's numbers of 64 bits say.

use nova_hw::sass::Rounding;
use proptest::prelude::*;

use super::super::rounding::{above, below, from_f16, round, sum, to_f16};

const DIRECTIONS: [Rounding; 3] = [Rounding::Down, Rounding::Up, Rounding::Zero];

/// Whether a number is what an exact one rounds to in a direction.
fn is_rounded(found: f64, exact: f64, [below, above]: [f64; 2], rounding: Rounding) -> bool {
    match rounding {
        Rounding::Down => found <= exact && (found == exact || above > exact),
        Rounding::Up => found >= exact && (found == exact || below < exact),
        Rounding::Zero if exact >= 0.0 => is_rounded(found, exact, [below, above], Rounding::Down),
        _ => is_rounded(found, exact, [below, above], Rounding::Up),
    }
}

proptest! {
    #[test]
    fn a_product_is_rounded_in_each_direction(a: f32, b: f32) {
        let exact = f64::from(a) * f64::from(b);
        for rounding in DIRECTIONS {
            let found = round(a * b, (exact, 0.0), rounding);
            let neighbors = [below(found).into(), above(found).into()];
            prop_assert!(is_rounded(found.into(), exact, neighbors, rounding), "{found} {exact}");
        }
    }

    #[test]
    fn a_sum_is_exact_in_two_numbers_and_rounded_in_each_direction(
        fractions: [i32; 2],
        shifts in [0..90u32, 0..90u32],
    ) {
        let [a, b] = [0, 1].map(|at| i128::from(fractions[at] >> 8) << shifts[at]);
        let exact = a + b;
        let (a, b) = (a as f32, b as f32);
        let (high, low) = sum(a.into(), b.into());
        prop_assert_eq!(high as i128 + low as i128, exact);
        for rounding in DIRECTIONS {
            let found = round(a + b, (high, low), rounding);
            let [lower, value, upper] = [below(found), found, above(found)].map(|it| it as i128);
            let is_right = match rounding {
                Rounding::Down => value <= exact && (value == exact || upper > exact),
                Rounding::Up => value >= exact && (value == exact || lower < exact),
                _ if exact >= 0 => value <= exact && (value == exact || upper > exact),
                _ => value >= exact && (value == exact || lower < exact),
            };
            prop_assert!(is_right, "{exact} {value}");
        }
    }

    #[test]
    fn numbers_of_16_bits_are_the_nearest(value in -70000f64..70000.0) {
        for rounding in DIRECTIONS {
            let bits = to_f16(value, rounding);
            let found = from_f16(bits);
            let away = from_f16(bits.saturating_add(1));
            let inwards = if bits & 0x7fff == 0 { -from_f16(1) } else { from_f16(bits - 1) };
            let neighbors = if bits >> 15 == 0 { [inwards, away] } else { [away, inwards] };
            prop_assert!(is_rounded(found, value, neighbors, rounding), "{value} {found}");
        }
        let nearest = from_f16(to_f16(value, Rounding::Nearest));
        let [down, up] = [Rounding::Down, Rounding::Up].map(|to| from_f16(to_f16(value, to)));
        let expected = match (value - down).total_cmp(&(up - value)) {
            std::cmp::Ordering::Less => down,
            std::cmp::Ordering::Greater => up,
            std::cmp::Ordering::Equal if to_f16(down, Rounding::Zero) & 1 == 0 => down,
            std::cmp::Ordering::Equal => up,
        };
        if down.is_finite() && up.is_finite() {
            prop_assert_eq!(nearest, expected);
        }
    }
}

#[test]
fn numbers_of_16_bits_stay_what_they_are() {
    for bits in 0..=u16::MAX {
        let value = from_f16(bits);
        for rounding in [
            Rounding::Nearest,
            Rounding::Down,
            Rounding::Up,
            Rounding::Zero,
        ] {
            let found = to_f16(value, rounding);
            match value.is_nan() {
                true => assert_eq!(found, 0x7fff),
                false => assert_eq!(found, bits),
            }
        }
    }
}
