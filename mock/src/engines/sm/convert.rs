// SPDX-License-Identifier: GPL-2.0

//! Instructions that convert numbers.

use std::array::from_fn;

use nova_hw::sass::{Convert, FloatSize, IntegerSize, Rounding, Source};

use super::super::engine::Exception;
use super::rounding::{bits, flush, from_f16, round, to_f16, whole};
use super::warp::{Sources, Values, Warp};
use super::{double, not_modelled, LANES};

impl Warp {
    /// Executes an instruction in some lanes.
    pub(super) fn convert(
        &mut self,
        convert: &Convert,
        lanes: u32,
        sources: &mut Sources<'_, '_>,
    ) -> Result<(), Exception> {
        match *convert {
            Convert::FloatToFloat {
                to,
                value,
                from_size,
                to_size,
                rounding,
                flushes,
                high_half,
            } => {
                let values = self.sized(value, from_size, flushes, high_half, sources)?;
                self.set_floats(to, values, to_size, rounding, flushes, lanes);
            }
            Convert::Pack {
                to,
                values: [a, b],
                rounding,
            } => {
                let (a, b) = (
                    self.numbers(a, false, sources)?,
                    self.numbers(b, false, sources)?,
                );
                let pack = |lane: usize| {
                    let [a, b] = [a[lane], b[lane]].map(|it| to_f16(it.into(), rounding));
                    u32::from(a) << 16 | u32::from(b)
                };
                self.set(to, &from_fn(pack), false, lanes);
            }
            Convert::FloatToInteger {
                to,
                value,
                from_size,
                to_size,
                is_signed,
                rounding,
                flushes,
            } => {
                let values = self.sized(value, from_size, flushes, false, sources)?;
                let values =
                    values.map(|value| integer(whole(value, rounding), to_size, is_signed));
                match to_size {
                    IntegerSize::I64 => self.set_wide(to, &values, false, lanes),
                    _ => self.set(to, &values.map(|value| value as u32), false, lanes),
                }
            }
            Convert::IntegerToFloat {
                to,
                value,
                from_size,
                is_signed,
                to_size,
                rounding,
            } => {
                let values = self.integers(value, from_size, is_signed, sources)?;
                self.set_integers(to, values, to_size, rounding, lanes)?;
            }
            Convert::Round {
                to,
                value,
                size,
                rounding,
                flushes,
            } => {
                let values = self.sized(value, size, flushes, false, sources)?;
                let values = values.map(|value| whole(value, rounding));
                self.set_floats(to, values, size, rounding, flushes, lanes);
            }
        }
        Ok(())
    }

    /// An operand of all lanes.
    fn sized(
        &self,
        source: Source,
        size: FloatSize,
        flushes: bool,
        high_half: bool,
        sources: &mut Sources<'_, '_>,
    ) -> Result<[f64; LANES], Exception> {
        Ok(match size {
            FloatSize::F64 => self.wide_numbers(source, sources)?,
            FloatSize::F32 => self.numbers(source, flushes, sources)?.map(f64::from),
            FloatSize::F16 => {
                let shift = if high_half { 16 } else { 0 };
                let values = self.operand(source.operand, sources)?;
                values.map(|bits| {
                    let value = from_f16((bits >> shift) as u16);
                    let value = if source.is_absolute {
                        value.abs()
                    } else {
                        value
                    };
                    if source.is_negated {
                        -value
                    } else {
                        value
                    }
                })
            }
        })
    }

    fn set_floats(
        &mut self,
        to: u8,
        values: [f64; LANES],
        size: FloatSize,
        rounding: Rounding,
        flushes: bool,
        lanes: u32,
    ) {
        let narrow: Values = match size {
            FloatSize::F64 => return self.set_wide(to, &values.map(double::bits), false, lanes),
            FloatSize::F32 => values.map(|value| {
                let rounded = round(value as f32, (value, 0.0), rounding);
                bits(flush(rounded, flushes))
            }),
            FloatSize::F16 => values.map(|value| to_f16(value, rounding).into()),
        };
        self.set(to, &narrow, false, lanes);
    }

    fn integers(
        &self,
        source: Source,
        size: IntegerSize,
        is_signed: bool,
        sources: &mut Sources<'_, '_>,
    ) -> Result<[i128; LANES], Exception> {
        if size == IntegerSize::I64 {
            let values = self.wide_operand(source, sources)?;
            return Ok(values.map(|value| match is_signed {
                true => (value as i64).into(),
                false => value.into(),
            }));
        }
        let values = self.operand(source.operand, sources)?;
        Ok(values.map(|value| match (size, is_signed) {
            (IntegerSize::I8, false) => (value as u8).into(),
            (IntegerSize::I8, true) => (value as i8).into(),
            (IntegerSize::I16, false) => (value as u16).into(),
            (IntegerSize::I16, true) => (value as i16).into(),
            (_, false) => value.into(),
            (_, true) => (value as i32).into(),
        }))
    }

    fn set_integers(
        &mut self,
        to: u8,
        values: [i128; LANES],
        size: FloatSize,
        rounding: Rounding,
        lanes: u32,
    ) -> Result<(), Exception> {
        let exact = |value: i128| {
            let nearest = value as f64;
            (nearest, (value - nearest as i128) as f64)
        };
        match size {
            FloatSize::F32 => {
                let values = values.map(|value| bits(round(value as f32, exact(value), rounding)));
                self.set(to, &values, false, lanes);
            }
            FloatSize::F64 if rounding == Rounding::Nearest => {
                let values = values.map(|value| (value as f64).to_bits());
                self.set_wide(to, &values, false, lanes);
            }
            FloatSize::F64 => return Err(not_modelled("I2F.F64 that does not round to nearest")),
            FloatSize::F16 => {
                // What is lost before is far below half of the distance of such numbers.
                let values = values.map(|value| to_f16(value as f64, rounding).into());
                self.set(to, &values, false, lanes);
            }
        }
        Ok(())
    }
}

/// The integer that a number without a fraction is, or the nearest that there is. A NaN is 0, or
/// 64 bits with the highest one set (PTX ISA, `cvt`).
fn integer(value: f64, size: IntegerSize, is_signed: bool) -> u64 {
    match (size, is_signed) {
        (IntegerSize::I64, _) if value.is_nan() => 1 << 63,
        (IntegerSize::I8, false) => (value as u8).into(),
        (IntegerSize::I8, true) => value as i8 as u64,
        (IntegerSize::I16, false) => (value as u16).into(),
        (IntegerSize::I16, true) => value as i16 as u64,
        (IntegerSize::I32, false) => (value as u32).into(),
        (IntegerSize::I32, true) => value as i32 as u64,
        (IntegerSize::I64, false) => value as u64,
        (IntegerSize::I64, true) => value as i64 as u64,
    }
}
