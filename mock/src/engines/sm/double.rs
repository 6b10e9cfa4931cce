// SPDX-License-Identifier: GPL-2.0

//! Instructions that compute with numbers of 64 bits.

use std::array::from_fn;

use nova_hw::sass::{Double, Rounding, Source};

use super::super::engine::Exception;
use super::float::holds;
use super::warp::{mask_of, Sources, Warp};
use super::{not_modelled, LANES};

impl Warp {
    /// Executes an instruction in some lanes.
    pub(super) fn double(
        &mut self,
        double: &Double,
        lanes: u32,
        sources: &mut Sources<'_, '_>,
    ) -> Result<(), Exception> {
        let mut numbers = |source| self.wide_numbers(source, sources);
        let (to, rounding, results): (u8, Rounding, [f64; LANES]) = match *double {
            Double::Add {
                to,
                values: [a, b],
                rounding,
            } => {
                let (a, b) = (numbers(a)?, numbers(b)?);
                (to, rounding, from_fn(|lane| a[lane] + b[lane]))
            }
            Double::Multiply {
                to,
                values: [a, b],
                rounding,
            } => {
                let (a, b) = (numbers(a)?, numbers(b)?);
                (to, rounding, from_fn(|lane| a[lane] * b[lane]))
            }
            Double::MultiplyAdd {
                to,
                values: [a, b, c],
                rounding,
            } => {
                let (a, b, c) = (numbers(a)?, numbers(b)?, numbers(c)?);
                let value = |lane: usize| a[lane].mul_add(b[lane], c[lane]);
                (to, rounding, from_fn(value))
            }
            Double::Compare {
                to,
                values: [a, b],
                comparison,
                logic,
                condition,
            } => {
                let (a, b) = (numbers(a)?, numbers(b)?);
                let results = mask_of(|lane| holds(comparison, a[lane], b[lane]));
                self.set_compared(to, results, logic, condition, false, lanes);
                return Ok(());
            }
        };
        if rounding != Rounding::Nearest {
            return Err(not_modelled(format_args!("{double:?}")));
        }
        self.set_wide(to, &results.map(bits), false, lanes);
        Ok(())
    }

    /// An operand of all lanes.
    pub(super) fn wide_numbers(
        &self,
        source: Source,
        sources: &mut Sources<'_, '_>,
    ) -> Result<[f64; LANES], Exception> {
        let values = self.wide_operand(source, sources)?;
        Ok(values.map(|bits| {
            let mut value = f64::from_bits(bits);
            if source.is_absolute {
                value = value.abs();
            }
            if source.is_negated {
                value = -value;
            }
            value
        }))
    }
}

/// The bits of a result, whose NaN is always the same.
pub(super) fn bits(value: f64) -> u64 {
    match value.is_nan() {
        true => 0x7fff_ffff_ffff_ffff,
        false => value.to_bits(),
    }
}
