// SPDX-License-Identifier: GPL-2.0

//! Instructions that access memory.

use std::array::from_fn;

use nova_hw::sass::{
    Address, Atomic, AtomicOperation, AtomicType, Memory, Operand, Source, Space, Width,
    ZERO_REGISTER,
};

use super::super::engine::Exception;
use super::super::memory::Address as Place;
use super::rounding::{bits, flush};
use super::warp::{lanes as each, next, Sources, Values, Warp};
use super::{not_modelled, trap, LANES};

/// Registers that an access transfers at most.
const REGISTERS: usize = 4;

impl Warp {
    /// Executes an instruction in some lanes, one after the other.
    pub(super) fn memory(
        &mut self,
        memory: &Memory,
        is_uniform: bool,
        lanes: u32,
        sources: &mut Sources<'_, '_>,
        block_memory: &mut [u8],
    ) -> Result<(), Exception> {
        match *memory {
            Memory::Load { to, at, width } => {
                let mut loaded = [[0; LANES]; REGISTERS];
                let places = self.places(at);
                for lane in each(lanes) {
                    check_alignment(places[lane], width.size())?;
                    let mut bytes = [0; 16];
                    let bytes = &mut bytes[..width.size()];
                    match at.space {
                        Space::Global => {
                            let place = Place::Virtual(places[lane]);
                            sources.context.memory.read(place, bytes)?;
                        }
                        space => {
                            let part = self.part(space, lane, places[lane], width, block_memory)?;
                            bytes.copy_from_slice(part);
                        }
                    }
                    for (register, value) in loaded.iter_mut().zip(values(bytes, width)) {
                        register[lane] = value;
                    }
                }
                for (number, values) in (0..).zip(&loaded).take(registers(width)) {
                    self.set(following(to, number), values, false, lanes);
                }
            }
            Memory::Store { at, from, width } => {
                let places = self.places(at);
                for lane in each(lanes) {
                    check_alignment(places[lane], width.size())?;
                    let mut bytes = [0; 16];
                    for (number, part) in (0..).zip(bytes.chunks_exact_mut(4)) {
                        let value = self.register(following(from, number))[lane];
                        part.copy_from_slice(&value.to_le_bytes());
                    }
                    let bytes = &bytes[..width.size()];
                    match at.space {
                        Space::Global => {
                            let place = Place::Virtual(places[lane]);
                            sources.context.memory.write(place, bytes)?;
                        }
                        space => self
                            .part(space, lane, places[lane], width, block_memory)?
                            .copy_from_slice(bytes),
                    }
                }
            }
            Memory::LoadConstant {
                to,
                bank,
                index,
                offset,
                width,
            } => {
                let index = match is_uniform {
                    true => Operand::Uniform(index),
                    false => Operand::Register(index),
                };
                let index = self.operand(index, sources)?;
                let loaded = load_constants(bank, &index, offset, width, lanes, sources)?;
                for (number, values) in (0..).zip(&loaded).take(registers(width)) {
                    self.set(following(to, number), values, is_uniform, lanes);
                }
            }
            Memory::Atomic(atomic) => self.atomic(&atomic, lanes, sources, block_memory)?,
            Memory::Barrier | Memory::CacheControl => {}
        }
        Ok(())
    }

    /// Where each lane accesses memory.
    fn places(&self, at: Address) -> [u64; LANES] {
        let lower = self.register(at.register);
        let upper = match at.is_wide {
            true => *self.register(next(at.register, 1)),
            false => [0; LANES],
        };
        let offset = i64::from(at.offset);
        let base = self.uniform_base(at.base);
        from_fn(|lane| match at.space {
            Space::Global => {
                let own = u64::from(upper[lane]) << 32 | u64::from(lower[lane]);
                base.wrapping_add(own).wrapping_add_signed(offset)
            }
            _ => (lower[lane] << at.scale).wrapping_add(offset as u32).into(),
        })
    }

    /// A part of shared or local memory.
    fn part<'a>(
        &'a mut self,
        space: Space,
        lane: usize,
        at: u64,
        width: Width,
        block_memory: &'a mut [u8],
    ) -> Result<&'a mut [u8], Exception> {
        let (name, memory) = match space {
            Space::Local => {
                let size = self.local_memory.len() / LANES;
                let part = &mut self.local_memory[lane * size..(lane + 1) * size];
                ("local", part)
            }
            _ => ("shared", block_memory),
        };
        let end = at as usize + width.size();
        let size = memory.len();
        memory
            .get_mut(at as usize..end)
            .ok_or_else(|| trap(format!("{name} memory of {size:#x} bytes at {at:#x}")))
    }

    fn atomic(
        &mut self,
        atomic: &Atomic,
        lanes: u32,
        sources: &mut Sources<'_, '_>,
        block_memory: &mut [u8],
    ) -> Result<(), Exception> {
        let size = atomic.data.size();
        let places = self.places(atomic.at);
        let source = |register| Source {
            operand: Operand::Register(register),
            is_absolute: false,
            is_negated: false,
        };
        let values = self.wide_operand(source(atomic.value), sources)?;
        let compares = self.wide_operand(source(atomic.compare), sources)?;
        let mut before = [0; LANES];
        change(atomic, 0, 0, 0)?;
        for lane in each(lanes) {
            let at = places[lane];
            check_alignment(at, size)?;
            let after = |old| change(atomic, old, values[lane], compares[lane]).unwrap_or(old);
            match atomic.at.space {
                Space::Global => {
                    let old = &mut before[lane];
                    let mut update = |value| {
                        *old = value;
                        after(value)
                    };
                    let place = Place::Virtual(at);
                    sources.context.memory.update(place, size, &mut update)?;
                }
                space => {
                    let width = if size == 4 { Width::B32 } else { Width::B64 };
                    let part = self.part(space, lane, at, width, block_memory)?;
                    let mut bytes = [0; 8];
                    bytes[..size].copy_from_slice(part);
                    before[lane] = u64::from_le_bytes(bytes);
                    part.copy_from_slice(&after(before[lane]).to_le_bytes()[..size]);
                }
            }
        }
        match size {
            4 => self.set(atomic.to, &before.map(|value| value as u32), false, lanes),
            _ => self.set_wide(atomic.to, &before, false, lanes),
        }
        Ok(())
    }
}

fn check_alignment(at: u64, size: usize) -> Result<(), Exception> {
    match at % size as u64 {
        0 => Ok(()),
        _ => Err(trap(format!(
            "misaligned access of {size} bytes at {at:#x}"
        ))),
    }
}

/// The register that is so many further; the one that is zero has none behind it.
fn following(register: u8, by: u8) -> u8 {
    match register {
        ZERO_REGISTER => ZERO_REGISTER,
        register => next(register, by),
    }
}

fn registers(width: Width) -> usize {
    width.size().div_ceil(4)
}

/// What registers get.
fn values(bytes: &[u8], width: Width) -> impl Iterator<Item = u32> + '_ {
    bytes.chunks(4).map(move |part| {
        let mut word = [0; 4];
        word[..part.len()].copy_from_slice(part);
        let value = u32::from_le_bytes(word);
        match width {
            Width::S8 => value as u8 as i8 as u32,
            Width::S16 => value as u16 as i16 as u32,
            _ => value,
        }
    })
}

fn load_constants(
    bank: u8,
    index: &Values,
    offset: i32,
    width: Width,
    lanes: u32,
    sources: &mut Sources<'_, '_>,
) -> Result<[Values; REGISTERS], Exception> {
    let mut loaded = [[0; LANES]; REGISTERS];
    for lane in each(lanes) {
        let at = index[lane].wrapping_add_signed(offset);
        check_alignment(at.into(), width.size())?;
        let mut bytes = [0; 16];
        let mut word_at = at & !3;
        for part in bytes.chunks_exact_mut(4).take(registers(width)) {
            part.copy_from_slice(&sources.constant(bank, word_at)?.to_le_bytes());
            word_at = word_at.wrapping_add(4);
        }
        let start = (at % 4) as usize;
        let bytes = &bytes[start..start + width.size()];
        for (register, value) in loaded.iter_mut().zip(values(bytes, width)) {
            register[lane] = value;
        }
    }
    Ok(loaded)
}

/// What an atomic access makes of a value.
fn change(atomic: &Atomic, old: u64, value: u64, compare: u64) -> Result<u64, Exception> {
    let mask = match atomic.data.size() {
        4 => 0xffff_ffff,
        _ => u64::MAX,
    };
    let (old, value, compare) = (old & mask, value & mask, compare & mask);
    let signed = |value: u64| match atomic.data {
        AtomicType::S32 => i64::from(value as i32),
        _ => value as i64,
    };
    let is_signed = matches!(atomic.data, AtomicType::S32 | AtomicType::S64);
    let is_less = match is_signed {
        true => signed(value) < signed(old),
        false => value < old,
    };
    Ok(match (atomic.operation, atomic.data) {
        (AtomicOperation::Exchange, _) => value,
        (AtomicOperation::CompareExchange, _) if old == compare => value,
        (AtomicOperation::CompareExchange, _) => old,
        (AtomicOperation::Add, AtomicType::F32) => {
            // Denormal numbers are zero (PTX ISA, `atom`; nvdisasm shows `.FTZ`).
            let [old, value] = [old, value].map(|bits| flush(f32::from_bits(bits as u32), true));
            bits(flush(old + value, true)).into()
        }
        (AtomicOperation::Add, AtomicType::F64) => {
            super::double::bits(f64::from_bits(old) + f64::from_bits(value))
        }
        (operation, AtomicType::F32 | AtomicType::F64) => {
            return Err(not_modelled(format_args!("atomic {operation:?} of floats")))
        }
        (AtomicOperation::Add, _) => old.wrapping_add(value) & mask,
        (AtomicOperation::Min, _) => {
            if is_less {
                value
            } else {
                old
            }
        }
        (AtomicOperation::Max, _) => {
            if is_less {
                old
            } else {
                value
            }
        }
        (AtomicOperation::Increment, _) => {
            if old >= value {
                0
            } else {
                old + 1
            }
        }
        (AtomicOperation::Decrement, _) if old == 0 || old > value => value,
        (AtomicOperation::Decrement, _) => old - 1,
        (AtomicOperation::And, _) => old & value,
        (AtomicOperation::Or, _) => old | value,
        (AtomicOperation::Xor, _) => old ^ value,
    })
}
