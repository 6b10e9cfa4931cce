// SPDX-License-Identifier: GPL-2.0

//! Instructions that compute with two numbers of 16 bits at once. Sums and products of such numbers
//! are computed with 64 bits, where they are exact, or so near that they are rounded the same way.

use std::array::from_fn;

use nova_hw::sass::{Half, HalfMode, Halves, Pair, Rounding};

use super::super::engine::Exception;
use super::float::{holds, min_max};
use super::integer::combine;
use super::rounding::{from_f16, to_f16};
use super::warp::{mask_of, Sources, Warp};
use super::LANES;

/// The numbers of all lanes, those of the lower halves first.
type Numbers = [[f64; LANES]; 2];

const ONE: u16 = 0x3c00;

impl Warp {
    /// Executes an instruction in some lanes.
    pub(super) fn half(
        &mut self,
        half: &Half,
        lanes: u32,
        sources: &mut Sources<'_, '_>,
    ) -> Result<(), Exception> {
        let mut numbers = |pair, flushes| self.pair(pair, flushes, sources);
        match *half {
            Half::Add {
                to,
                values: [a, b],
                mode,
            } => {
                let (a, b) = (numbers(a, mode.flushes)?, numbers(b, mode.flushes)?);
                self.set_halves(to, lanes, |half, lane| {
                    finish(a[half][lane] + b[half][lane], mode)
                });
            }
            Half::Multiply {
                to,
                values: [a, b],
                mode,
            } => {
                let (a, b) = (numbers(a, mode.flushes)?, numbers(b, mode.flushes)?);
                self.set_halves(to, lanes, |half, lane| {
                    finish(a[half][lane] * b[half][lane], mode)
                });
            }
            Half::MultiplyAdd {
                to,
                values: [a, b, c],
                mode,
            } => {
                let (a, b) = (numbers(a, mode.flushes)?, numbers(b, mode.flushes)?);
                let c = numbers(c, mode.flushes)?;
                self.set_halves(to, lanes, |half, lane| {
                    finish(a[half][lane] * b[half][lane] + c[half][lane], mode)
                });
            }
            Half::MinMax {
                to,
                values: [a, b],
                condition,
                flushes,
            } => {
                let (a, b) = (numbers(a, flushes)?, numbers(b, flushes)?);
                let least = self.condition(condition, false);
                self.set_halves(to, lanes, |half, lane| {
                    let least = least >> lane & 1 == 1;
                    let [a, b] = [a, b].map(|numbers| numbers[half][lane] as f32);
                    nearest(min_max(a, b, least).into())
                });
            }
            Half::Set {
                to,
                values: [a, b],
                comparison,
                logic,
                condition,
                flushes,
            } => {
                let (a, b) = (numbers(a, flushes)?, numbers(b, flushes)?);
                let condition = self.condition(condition, false);
                let results = [0, 1].map(|half: usize| {
                    let results = mask_of(|lane| holds(comparison, a[half][lane], b[half][lane]));
                    combine(logic, results, condition)
                });
                self.set_halves(to, lanes, |half, lane| {
                    (results[half] >> lane & 1) as u16 * ONE
                });
            }
            Half::Compare {
                to,
                values: [a, b],
                comparison,
                is_joint,
                logic,
                condition,
                flushes,
            } => {
                let (a, b) = (numbers(a, flushes)?, numbers(b, flushes)?);
                let condition = self.condition(condition, false);
                let [lower, upper] = [0, 1].map(|half: usize| {
                    mask_of(|lane| holds(comparison, a[half][lane], b[half][lane]))
                });
                let results = match is_joint {
                    true => [lower & upper, !(lower & upper)],
                    false => [lower, upper],
                };
                for (to, results) in to.into_iter().zip(results) {
                    self.set_predicate(to, combine(logic, results, condition), false, lanes);
                }
            }
        }
        Ok(())
    }

    fn pair(
        &self,
        pair: Pair,
        flushes: bool,
        sources: &mut Sources<'_, '_>,
    ) -> Result<Numbers, Exception> {
        let values = self.operand(pair.source.operand, sources)?;
        let (lower, upper) = match pair.halves {
            Halves::Both => (0, 16),
            Halves::Lower => (0, 0),
            Halves::Upper => (16, 16),
        };
        Ok([lower, upper].map(|shift| {
            values.map(|value| {
                let mut number = from_f16(flush((value >> shift) as u16, flushes));
                if pair.source.is_absolute {
                    number = number.abs();
                }
                if pair.source.is_negated {
                    number = -number;
                }
                number
            })
        }))
    }

    fn set_halves(&mut self, to: u8, lanes: u32, half: impl Fn(usize, usize) -> u16) {
        let values = from_fn(|lane| u32::from(half(1, lane)) << 16 | u32::from(half(0, lane)));
        self.set(to, &values, false, lanes);
    }
}

fn nearest(value: f64) -> u16 {
    to_f16(value, Rounding::Nearest)
}

pub(super) fn finish(value: f64, mode: HalfMode) -> u16 {
    let rounded = flush(nearest(value), mode.flushes);
    match (mode.saturates, from_f16(rounded)) {
        (false, _) => rounded,
        (true, value) if value > 0.0 => rounded.min(ONE),
        _ => 0,
    }
}

/// The bits of a number, or of a zero with its sign if it is denormal and those are flushed.
fn flush(bits: u16, flushes: bool) -> u16 {
    match flushes && bits & 0x7c00 == 0 {
        true => bits & 0x8000,
        false => bits,
    }
}
