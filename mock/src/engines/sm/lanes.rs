// SPDX-License-Identifier: GPL-2.0

//! Instructions that exchange values between lanes, or read special registers.

use std::array::from_fn;

use nova_hw::sass::{special, Reduction, Shuffle, Vote, Warp as Exchange};

use super::super::engine::Exception;
use super::warp::{lanes as each, mask_of, next, Sources, Values, Warp};
use super::{not_modelled, LANES};

/// What `SHFL` reads from a lane that does not execute it, which PTX leaves undefined: the model's own
/// value, so that a program which depends on it is found.
pub(super) const UNDEFINED: u32 = 0xbad0_0bad;

impl Warp {
    /// Executes an instruction in some lanes.
    pub(super) fn exchange(
        &mut self,
        exchange: &Exchange,
        is_uniform: bool,
        lanes: u32,
        sources: &mut Sources<'_, '_>,
    ) -> Result<(), Exception> {
        match *exchange {
            Exchange::ReadSpecial {
                to,
                register,
                is_wide,
            } => {
                let values = self.special(register)?;
                self.set(to, &values, is_uniform, lanes);
                if is_wide {
                    let upper = match register {
                        special::CLOCKLO => self.special(special::CLOCKHI)?,
                        special::SRZ => [0; LANES],
                        other => {
                            let what = format!("special registers {other:#x} and the next one");
                            return Err(not_modelled(what));
                        }
                    };
                    self.set(next(to, 1), &upper, is_uniform, lanes);
                }
            }
            Exchange::Shuffle {
                to,
                in_bounds,
                value,
                mode,
                lane,
                clamp,
            } => {
                let from = self.operand(lane.operand, sources)?;
                let clamp = self.operand(clamp.operand, sources)?;
                let values = *self.register(value);
                let found: [Option<usize>; LANES] =
                    from_fn(|lane| shuffle(lane as u32, mode, from[lane], clamp[lane]));
                let moved: Values = from_fn(|lane| match found[lane].unwrap_or(lane) {
                    from if lanes >> from & 1 == 1 => values[from],
                    _ => UNDEFINED,
                });
                self.set(to, &moved, false, lanes);
                let bounds = mask_of(|lane| found[lane].is_some());
                self.set_predicate(in_bounds, bounds, false, lanes);
            }
            Exchange::Vote {
                ballot,
                result,
                mode,
                condition,
                is_uniform,
            } => {
                let votes = self.condition(condition, false) & lanes;
                let holds = match mode {
                    Vote::All => votes == lanes,
                    Vote::Any => votes != 0,
                    Vote::Equal => votes == 0 || votes == lanes,
                };
                self.set(ballot, &[votes; LANES], is_uniform, lanes);
                let results = if holds { u32::MAX } else { 0 };
                self.set_predicate(result, results, is_uniform, lanes);
            }
            Exchange::Match {
                to,
                result,
                value,
                is_wide,
                is_all,
            } => {
                let lower = *self.register(value);
                let upper = match is_wide {
                    true => *self.register(next(value, 1)),
                    false => [0; LANES],
                };
                let same = |a: usize, b: usize| (lower[a], upper[a]) == (lower[b], upper[b]);
                let masks: Values = from_fn(|lane| mask_of(|other| same(lane, other)) & lanes);
                let holds = masks.map(|mask| mask == lanes);
                let masks = match is_all {
                    true => from_fn(|lane| if holds[lane] { lanes } else { 0 }),
                    false => masks,
                };
                self.set(to, &masks, false, lanes);
                self.set_predicate(result, mask_of(|lane| holds[lane]), false, lanes);
            }
            Exchange::Reduce {
                to,
                value,
                operation,
                is_signed,
            } => {
                let values = *self.register(value);
                let values = each(lanes).map(|lane| values[lane]);
                let result = values.reduce(|a, b| reduce(operation, is_signed, a, b));
                self.set(to, &[result.unwrap_or(0); LANES], true, lanes);
            }
            Exchange::MakeUniform { to, from } => {
                let values = *self.register(from);
                self.set(to, &values, true, lanes);
            }
        }
        Ok(())
    }

    fn special(&self, register: u8) -> Result<Values, Exception> {
        let [width, height, _] = self.block_size;
        let thread = |lane: usize| self.first_thread + lane as u32;
        let [x, y, z] = self.block_index;
        Ok(match register {
            special::LANEID => from_fn(|lane| lane as u32),
            special::TID_X => from_fn(|lane| thread(lane) % width),
            special::TID_Y => from_fn(|lane| thread(lane) / width % height),
            special::TID_Z => from_fn(|lane| thread(lane) / width / height),
            special::CTAID_X => [x; LANES],
            special::CTAID_Y => [y; LANES],
            special::CTAID_Z => [z; LANES],
            special::EQMASK => from_fn(|lane| 1 << lane),
            special::LTMASK => from_fn(|lane| ((1u64 << lane) - 1) as u32),
            special::LEMASK => from_fn(|lane| ((2u64 << lane) - 1) as u32),
            special::GTMASK => from_fn(|lane| !((2u64 << lane) - 1) as u32),
            special::GEMASK => from_fn(|lane| !((1u64 << lane) - 1) as u32),
            special::CLOCKLO => [self.clock as u32; LANES],
            special::CLOCKHI => [(self.clock >> 32) as u32; LANES],
            special::SRZ => [0; LANES],
            other => return Err(not_modelled(format_args!("special register {other:#x}"))),
        })
    }
}

/// The lane that a lane reads, if it is in bounds (PTX ISA, `shfl.sync`).
fn shuffle(lane: u32, mode: Shuffle, by: u32, clamp: u32) -> Option<usize> {
    let (by, segment) = (by & 31, clamp >> 8 & 31);
    let last = lane & segment | clamp & 31 & !segment;
    let (from, is_in_bounds) = match mode {
        Shuffle::Up => (lane.wrapping_sub(by), lane >= last + by),
        Shuffle::Down => (lane + by, lane + by <= last),
        Shuffle::Butterfly => (lane ^ by, (lane ^ by) <= last),
        Shuffle::Index => {
            let from = lane & segment | by & !segment;
            (from, from <= last)
        }
    };
    is_in_bounds.then_some(from as usize)
}

fn reduce(operation: Reduction, is_signed: bool, a: u32, b: u32) -> u32 {
    match (operation, is_signed) {
        (Reduction::And, _) => a & b,
        (Reduction::Or, _) => a | b,
        (Reduction::Xor, _) => a ^ b,
        (Reduction::Sum, _) => a.wrapping_add(b),
        (Reduction::Min, false) => a.min(b),
        (Reduction::Max, false) => a.max(b),
        (Reduction::Min, true) => (a as i32).min(b as i32) as u32,
        (Reduction::Max, true) => (a as i32).max(b as i32) as u32,
    }
}
