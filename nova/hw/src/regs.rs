// SPDX-License-Identifier: GPL-2.0

//! Registers, a file per hardware block.
//!
//! A type is named after its register: the end of the hardware's name that tells it apart within
//! its block, in Rust's case. The whole name stands where the type is declared (`NV_... as Type`)
//! and in the first line of its documentation. Offsets count from the start of BAR0, and from the
//! falcon's base in [`falcon`], [`fbif`], [`brom`] and [`riscv`].

#[macro_use]
mod macros;

pub mod brom;
pub mod falcon;
pub mod fbif;
pub mod fsp;
pub mod fuse;
pub mod gsp;
pub mod intr;
pub mod pbus;
pub mod pdisp;
pub mod pfb;
pub mod pgc6;
pub mod pmc;
pub mod prom;
pub mod riscv;
pub mod therm;

/// A 32-bit register.
pub trait Register: Copy + From<u32> + Into<u32> {
    /// Its hardware name.
    const NAME: &'static str;

    /// Its byte offset; that of the first element where there are several.
    const OFFSET: u32;
}

/// What is known of a register without its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    name: &'static str,
    offset: u32,
    count: u32,
    stride: u32,
}

impl Entry {
    fn holds(&self, offset: u32) -> bool {
        offset.checked_sub(self.offset).is_some_and(|distance| {
            distance.checked_rem(self.stride) == Some(0) && distance / self.stride < self.count
        })
    }
}

/// Blocks whose offsets count from the start of BAR0.
const ABSOLUTE: &[&[Entry]] = &[
    pmc::REGISTERS,
    pbus::REGISTERS,
    pgc6::REGISTERS,
    fuse::REGISTERS,
    pfb::REGISTERS,
    pdisp::REGISTERS,
    gsp::REGISTERS,
    intr::REGISTERS,
    prom::REGISTERS,
    fsp::REGISTERS,
    therm::REGISTERS,
];

/// Blocks whose offsets count from a falcon's base.
const FALCON: &[&[Entry]] = &[falcon::REGISTERS, fbif::REGISTERS];

/// Blocks whose offsets count from a falcon's second base.
const FALCON2: &[&[Entry]] = &[brom::REGISTERS, riscv::REGISTERS];

/// Where the falcons' registers are in BAR0.
const FALCONS: [(u32, &[&[Entry]]); 4] = [
    (falcon::GSP_BASE, FALCON),
    (falcon::GSP_BASE2, FALCON2),
    (falcon::SEC2_BASE, FALCON),
    (falcon::SEC2_BASE2, FALCON2),
];

/// Hardware name of the register at byte `offset` of BAR0, for logs and traces.
///
/// Registers of the falcons have the same name on the GSP and on SEC2.
pub fn name(offset: u32) -> Option<&'static str> {
    find(ABSOLUTE, offset).or_else(|| {
        FALCONS.iter().find_map(|&(base, blocks)| {
            let offset = offset.checked_sub(base)?;
            (offset < falcon::SIZE).then(|| find(blocks, offset))?
        })
    })
}

fn find(blocks: &[&[Entry]], offset: u32) -> Option<&'static str> {
    let entries = blocks.iter().copied().flatten();
    let entry = entries.into_iter().find(|entry| entry.holds(offset))?;
    Some(entry.name)
}

#[cfg(test)]
mod tests;
