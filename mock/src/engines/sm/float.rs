// SPDX-License-Identifier: GPL-2.0

//! Instructions that compute with numbers of 32 bits.

use std::array::from_fn;
use std::f64::consts::TAU;

use nova_hw::sass::{Comparison, Float, Function, Mode, Rounding, Source};

use super::super::engine::Exception;
use super::rounding::{bits, flush, round, sum};
use super::warp::{mask_of, Sources, Values, Warp};
use super::LANES;

type Numbers = [f32; LANES];

impl Warp {
    /// Executes an instruction in some lanes.
    pub(super) fn float(
        &mut self,
        float: &Float,
        lanes: u32,
        sources: &mut Sources<'_, '_>,
    ) -> Result<(), Exception> {
        let mut numbers = |source, flushes| self.numbers(source, flushes, sources);
        let (to, values): (u8, Values) = match *float {
            Float::Add {
                to,
                values: [a, b],
                mode,
            } => {
                let (a, b) = (numbers(a, mode.flushes)?, numbers(b, mode.flushes)?);
                (to, from_fn(|lane| add(a[lane], b[lane], mode)))
            }
            Float::Multiply {
                to,
                values: [a, b],
                mode,
            } => {
                let (a, b) = (numbers(a, mode.flushes)?, numbers(b, mode.flushes)?);
                (to, from_fn(|lane| multiply(a[lane], b[lane], mode)))
            }
            Float::MultiplyAdd {
                to,
                values: [a, b, c],
                mode,
            } => {
                let (a, b) = (numbers(a, mode.flushes)?, numbers(b, mode.flushes)?);
                let c = numbers(c, mode.flushes)?;
                (
                    to,
                    from_fn(|lane| multiply_add(a[lane], b[lane], c[lane], mode)),
                )
            }
            Float::MinMax {
                to,
                values: [a, b],
                condition,
                flushes,
            } => {
                let (a, b) = (numbers(a, flushes)?, numbers(b, flushes)?);
                let least = self.condition(condition, false);
                let value = |lane| bits(min_max(a[lane], b[lane], least >> lane & 1 == 1));
                (to, from_fn(value))
            }
            Float::Set {
                to,
                values: [a, b],
                comparison,
                flushes,
            } => {
                let (a, b) = (numbers(a, flushes)?, numbers(b, flushes)?);
                let one = 1f32.to_bits();
                let value = |lane: usize| match holds(comparison, a[lane].into(), b[lane].into()) {
                    true => one,
                    false => 0,
                };
                (to, from_fn(value))
            }
            Float::Compare {
                to,
                values: [a, b],
                comparison,
                logic,
                condition,
                flushes,
            } => {
                let (a, b) = (numbers(a, flushes)?, numbers(b, flushes)?);
                let results = mask_of(|lane| holds(comparison, a[lane].into(), b[lane].into()));
                self.set_compared(to, results, logic, condition, false, lanes);
                return Ok(());
            }
            Float::Approximate {
                to,
                value,
                function,
            } => match function {
                Function::Reciprocal64High | Function::ReciprocalRoot64High => {
                    let values = self.operand(value.operand, sources)?;
                    (to, values.map(|upper| approximate_high(upper, function)))
                }
                _ => {
                    let values = numbers(value, true)?;
                    (
                        to,
                        values.map(|value| bits(flush(approximate(value, function), true))),
                    )
                }
            },
        };
        self.set(to, &values, false, lanes);
        Ok(())
    }

    /// An operand of all lanes.
    pub(super) fn numbers(
        &self,
        source: Source,
        flushes: bool,
        sources: &mut Sources<'_, '_>,
    ) -> Result<Numbers, Exception> {
        let values = self.operand(source.operand, sources)?;
        Ok(values.map(|bits| {
            let mut value = f32::from_bits(bits);
            if source.is_absolute {
                value = value.abs();
            }
            if source.is_negated {
                value = -value;
            }
            flush(value, flushes)
        }))
    }
}

fn add(a: f32, b: f32, mode: Mode) -> u32 {
    let exact = sum(a.into(), b.into());
    let cancels = a.is_sign_negative() != b.is_sign_negative();
    finish(round_sum(a + b, cancels, exact, mode.rounding), mode)
}

fn multiply(a: f32, b: f32, mode: Mode) -> u32 {
    let exact = f64::from(a) * f64::from(b);
    finish(round(a * b, (exact, 0.0), mode.rounding), mode)
}

fn multiply_add(a: f32, b: f32, c: f32, mode: Mode) -> u32 {
    let exact = sum(f64::from(a) * f64::from(b), c.into());
    let cancels = (a.is_sign_negative() != b.is_sign_negative()) != c.is_sign_negative();
    finish(
        round_sum(a.mul_add(b, c), cancels, exact, mode.rounding),
        mode,
    )
}

/// Rounds a sum; if it is zero and its addends have opposite signs, it is -0 where it is rounded down
/// (IEEE 754, 6.3).
fn round_sum(nearest: f32, cancels: bool, exact: (f64, f64), rounding: Rounding) -> f32 {
    match exact {
        (0.0, 0.0) if cancels && rounding == Rounding::Down => -0.0,
        exact => round(nearest, exact, rounding),
    }
}

fn finish(value: f32, mode: Mode) -> u32 {
    let value = flush(value, mode.flushes);
    match mode.saturates {
        false => bits(value),
        true if value > 0.0 => value.min(1.0).to_bits(),
        true => 0,
    }
}

/// The lesser or the greater number, of which a NaN is none; -0 is less than 0.
pub(super) fn min_max(a: f32, b: f32, least: bool) -> f32 {
    if a.is_nan() {
        return b;
    }
    let takes_a = b.is_nan() || a.total_cmp(&b).is_lt() == least;
    match takes_a {
        true => a,
        false => b,
    }
}

pub(super) fn holds(comparison: Comparison, a: f64, b: f64) -> bool {
    match a.partial_cmp(&b) {
        None => comparison.unordered,
        Some(ordering) if ordering.is_lt() => comparison.less,
        Some(ordering) if ordering.is_gt() => comparison.greater,
        Some(_) => comparison.equal,
    }
}

fn approximate(value: f32, function: Function) -> f32 {
    let value = f64::from(value);
    let turn = (value - value.round()) * TAU;
    let result = match function {
        Function::Cosine => turn.cos(),
        Function::Sine => turn.sin(),
        Function::Exponential => value.exp2(),
        Function::Logarithm => value.log2(),
        Function::Reciprocal => value.recip(),
        Function::ReciprocalRoot => value.sqrt().recip(),
        Function::Root => value.sqrt(),
        Function::HyperbolicTangent => value.tanh(),
        Function::Reciprocal64High | Function::ReciprocalRoot64High => f64::NAN,
    };
    result as f32
}

/// Of a number of 64 bits, from and to the upper half.
fn approximate_high(upper: u32, function: Function) -> u32 {
    let value = f64::from_bits(u64::from(upper) << 32);
    let result = match function {
        Function::Reciprocal64High => value.recip(),
        _ => value.sqrt().recip(),
    };
    match result.is_nan() {
        true => 0x7fff_ffff,
        false => (result.to_bits() >> 32) as u32,
    }
}
