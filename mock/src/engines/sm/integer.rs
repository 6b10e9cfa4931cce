// SPDX-License-Identifier: GPL-2.0

//! Instructions that compute with integers and bits, or move values.

use std::array::from_fn;

use nova_hw::sass::{Condition, Integer, IntegerComparison, LogicOperation, Operand, Source};

use super::super::engine::Exception;
use super::bits::{extend, find_highest, limit, logic, permute, shift};
use super::warp::{mask_of, Sources, Values, Warp};
use super::{not_modelled, LANES};

impl Warp {
    /// Executes an instruction in some lanes, or once for the warp.
    pub(super) fn integer(
        &mut self,
        integer: &Integer,
        is_uniform: bool,
        lanes: u32,
        sources: &mut Sources<'_, '_>,
    ) -> Result<(), Exception> {
        let mut value = |source: Source| self.operand(source.operand, sources);
        let (to, values): (u8, Values) = match *integer {
            Integer::Move { to, from } => (to, value(from)?),
            Integer::Select {
                to,
                values: [a, b],
                condition,
            } => {
                let (a, b) = (value(a)?, value(b)?);
                let chosen = self.condition(condition, is_uniform);
                let select = |lane| match chosen >> lane & 1 {
                    1 => a[lane],
                    _ => b[lane],
                };
                (to, from_fn(select))
            }
            Integer::MinMax {
                to,
                values: [a, b],
                condition,
                is_signed,
            } => {
                let (a, b) = (value(a)?, value(b)?);
                let least = self.condition(condition, is_uniform);
                let select = |lane| {
                    let a_is_less = match is_signed {
                        true => (a[lane] as i32) < b[lane] as i32,
                        false => a[lane] < b[lane],
                    };
                    match a_is_less == (least >> lane & 1 == 1) {
                        true => a[lane],
                        false => b[lane],
                    }
                };
                (to, from_fn(select))
            }
            Integer::Logic { to, values, table } => {
                let [a, b, c] = values;
                let (a, b, c) = (value(a)?, value(b)?, value(c)?);
                (
                    to,
                    from_fn(|lane| logic(table, [a[lane], b[lane], c[lane]])),
                )
            }
            Integer::Shift {
                to,
                low,
                amount,
                high,
                data,
                wraps,
                is_right,
                keeps_high,
            } => {
                let (low, amount, high) = (value(low)?, value(amount)?, value(high)?);
                let shifted = |lane: usize| {
                    let both = u64::from(high[lane]) << 32 | u64::from(low[lane]);
                    let result = shift(both, amount[lane], data, wraps, is_right);
                    (if keeps_high { result >> 32 } else { result }) as u32
                };
                (to, from_fn(shifted))
            }
            Integer::Permute {
                to,
                values: [a, b],
                selector,
                mode,
            } => {
                let (a, b, selector) = (value(a)?, value(b)?, value(selector)?);
                let bytes = |lane: usize| u64::from(b[lane]) << 32 | u64::from(a[lane]);
                (
                    to,
                    from_fn(|lane| permute(bytes(lane), selector[lane], mode)),
                )
            }
            Integer::CountBits { to, value: source } => {
                (to, inverted(source, value(source)?).map(u32::count_ones))
            }
            Integer::ReverseBits { to, value: source } => {
                (to, value(source)?.map(u32::reverse_bits))
            }
            Integer::Absolute { to, value: source } => (
                to,
                value(source)?.map(|value| (value as i32).unsigned_abs()),
            ),
            Integer::FindHighest {
                to,
                value: source,
                is_signed,
                as_shift,
            } => {
                let values = inverted(source, value(source)?);
                (
                    to,
                    values.map(|value| find_highest(value, is_signed, as_shift)),
                )
            }
            Integer::Extend {
                to,
                value: source,
                width,
                is_signed,
                wraps,
            } => {
                let (values, width) = (value(source)?, value(width)?);
                let extended = |lane| extend(values[lane], limit(width[lane], wraps), is_signed);
                (to, from_fn(extended))
            }
            Integer::Mask {
                to,
                position,
                width,
                wraps,
            } => {
                let (position, width) = (value(position)?, value(width)?);
                let mask = |lane| {
                    let ones = (1u64 << limit(width[lane], wraps)) - 1;
                    (ones << limit(position[lane], wraps)) as u32
                };
                (to, from_fn(mask))
            }
            Integer::Add {
                to,
                values,
                carry_out,
                carry_in,
            } => return self.add(to, values, carry_out, carry_in, is_uniform, lanes, sources),
            Integer::MultiplyAdd { .. } => {
                return self.multiply_add(integer, is_uniform, lanes, sources)
            }
            Integer::LoadAddress { .. } => {
                return self.load_address(integer, is_uniform, lanes, sources)
            }
            Integer::Compare { .. } => return self.compare(integer, is_uniform, lanes, sources),
            Integer::LogicPredicate {
                to,
                conditions,
                tables,
                last_is_uniform,
            } => {
                let [a, b, c] = conditions;
                let [a, b] = [a, b].map(|condition| self.condition(condition, is_uniform));
                let c = self.condition(c, last_is_uniform);
                for (to, table) in to.into_iter().zip(tables) {
                    self.set_predicate(to, logic(table, [a, b, c]), is_uniform, lanes);
                }
                return Ok(());
            }
        };
        self.set(to, &values, is_uniform, lanes);
        Ok(())
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of the instruction")]
    fn add(
        &mut self,
        to: u8,
        values: [Source; 3],
        carry_out: [u8; 2],
        carry_in: Option<[Condition; 2]>,
        is_uniform: bool,
        lanes: u32,
        sources: &mut Sources<'_, '_>,
    ) -> Result<(), Exception> {
        let mut sums = [0u64; LANES];
        for source in values {
            let addends = self.operand(source.operand, sources)?;
            for (sum, addend) in sums.iter_mut().zip(addends) {
                *sum += match (source.is_negated, carry_in) {
                    (false, _) => addend.into(),
                    (true, None) => u64::from(!addend) + 1,
                    (true, Some(_)) => u64::from(!addend),
                };
            }
        }
        for condition in carry_in.into_iter().flatten() {
            let carries = self.condition(condition, is_uniform);
            for (lane, sum) in sums.iter_mut().enumerate() {
                *sum += u64::from(carries >> lane & 1);
            }
        }
        self.set(to, &sums.map(|sum| sum as u32), is_uniform, lanes);
        for (to, carry) in carry_out.into_iter().zip(1..) {
            let carries = mask_of(|lane| sums[lane] >> 32 >= carry);
            self.set_predicate(to, carries, is_uniform, lanes);
        }
        Ok(())
    }

    fn multiply_add(
        &mut self,
        integer: &Integer,
        is_uniform: bool,
        lanes: u32,
        sources: &mut Sources<'_, '_>,
    ) -> Result<(), Exception> {
        let &Integer::MultiplyAdd {
            to,
            values: [a, b, c],
            is_signed,
            is_wide,
        } = integer
        else {
            return Ok(());
        };
        let a = self.operand(a.operand, sources)?;
        let b = self.operand(b.operand, sources)?;
        if !is_wide {
            let c = self.operand(c.operand, sources)?;
            let result = |lane: usize| a[lane].wrapping_mul(b[lane]).wrapping_add(c[lane]);
            self.set(to, &from_fn(result), is_uniform, lanes);
            return Ok(());
        }
        let c = match c.operand {
            // Whether its sign is extended, no source says.
            Operand::Immediate(value) if !is_signed || value as i32 >= 0 => [value.into(); LANES],
            Operand::Immediate(_) => return Err(not_modelled("IMAD.WIDE with a negative value")),
            _ => self.wide_operand(c, sources)?,
        };
        let result = |lane: usize| {
            let product = match is_signed {
                true => (i64::from(a[lane] as i32) * i64::from(b[lane] as i32)) as u64,
                false => u64::from(a[lane]) * u64::from(b[lane]),
            };
            product.wrapping_add(c[lane])
        };
        self.set_wide(to, &from_fn(result), is_uniform, lanes);
        Ok(())
    }

    fn load_address(
        &mut self,
        integer: &Integer,
        is_uniform: bool,
        lanes: u32,
        sources: &mut Sources<'_, '_>,
    ) -> Result<(), Exception> {
        let &Integer::LoadAddress {
            to,
            value,
            base,
            value_high,
            shift,
            is_high,
            is_negated,
            carry_out,
            carry_in,
        } = integer
        else {
            return Ok(());
        };
        let low = self.operand(value.operand, sources)?;
        let bases = self.operand(base.operand, sources)?;
        let high = self.operand(value_high.operand, sources)?;
        let carries = carry_in.map_or(0, |carry| self.condition(carry, is_uniform));
        let addend = |value: u32, is_negated: bool| match is_negated {
            false => u64::from(value),
            true => u64::from(!value) + u64::from(carry_in.is_none()),
        };
        let sums: [u64; LANES] = from_fn(|lane| {
            let shifted = match is_high {
                true => (u64::from(high[lane]) << 32 | u64::from(low[lane])) << shift >> 32,
                false => u64::from(low[lane] << shift),
            };
            addend(shifted as u32, is_negated)
                + addend(bases[lane], base.is_negated)
                + u64::from(carries >> lane & 1)
        });
        self.set(to, &sums.map(|sum| sum as u32), is_uniform, lanes);
        let carries = mask_of(|lane| sums[lane] >> 32 != 0);
        self.set_predicate(carry_out, carries, is_uniform, lanes);
        Ok(())
    }

    fn compare(
        &mut self,
        integer: &Integer,
        is_uniform: bool,
        lanes: u32,
        sources: &mut Sources<'_, '_>,
    ) -> Result<(), Exception> {
        let &Integer::Compare {
            to,
            values: [a, b],
            comparison,
            is_signed,
            low,
            logic,
            condition,
        } = integer
        else {
            return Ok(());
        };
        let a = self.operand(a.operand, sources)?;
        let b = self.operand(b.operand, sources)?;
        let low = low.map(|low| self.condition(low, is_uniform));
        let results = mask_of(|lane| {
            let ordering = match is_signed {
                true => (a[lane] as i32).cmp(&(b[lane] as i32)),
                false => a[lane].cmp(&b[lane]),
            };
            let low = low.map(|low| low >> lane & 1 == 1);
            let decided = |when_equal: bool| match low {
                Some(low) if ordering.is_eq() => low,
                _ if ordering.is_eq() => when_equal,
                _ => false,
            };
            match comparison {
                IntegerComparison::False => false,
                IntegerComparison::Less => ordering.is_lt() || decided(false),
                IntegerComparison::Equal => decided(true),
                IntegerComparison::LessOrEqual => ordering.is_lt() || decided(true),
                IntegerComparison::Greater => ordering.is_gt() || decided(false),
                IntegerComparison::NotEqual => ordering.is_ne() || decided(false),
                IntegerComparison::GreaterOrEqual => ordering.is_gt() || decided(true),
                IntegerComparison::True => true,
            }
        });
        self.set_compared(to, results, logic, condition, is_uniform, lanes);
        Ok(())
    }

    /// Writes what a comparison has given, and its opposite, both combined with a condition.
    pub(super) fn set_compared(
        &mut self,
        to: [u8; 2],
        results: u32,
        logic: LogicOperation,
        condition: Condition,
        is_uniform: bool,
        lanes: u32,
    ) {
        let condition = self.condition(condition, is_uniform);
        for (to, results) in to.into_iter().zip([results, !results]) {
            let combined = combine(logic, results, condition);
            self.set_predicate(to, combined, is_uniform, lanes);
        }
    }
}

/// The lanes where a result, combined with a condition, holds.
pub(super) fn combine(logic: LogicOperation, results: u32, condition: u32) -> u32 {
    match logic {
        LogicOperation::And => results & condition,
        LogicOperation::Or => results | condition,
        LogicOperation::Xor => results ^ condition,
    }
}

/// Values whose bits a source may invert.
fn inverted(source: Source, values: Values) -> Values {
    match source.is_negated {
        true => values.map(|value| !value),
        false => values,
    }
}
