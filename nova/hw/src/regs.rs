// SPDX-License-Identifier: GPL-2.0

//! Registers, a file per hardware block.
//!
//! A type is named after its register: the part of the hardware's name that is unique within its
//! block, in Rust's case. The declaration (`NV_... as Type`) and the first line of the type's
//! documentation have the whole name. Offsets count from the start of BAR0; in [`falcon`],
//! [`fbif`], [`brom`] and [`riscv`] they count from the falcon's base.

#[macro_use]
mod macros;

pub mod brom;
pub mod ce;
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
pub mod ptop;
pub mod riscv;
pub mod therm;
pub mod uflush;
pub mod usermode;
pub mod vf_mmu;
pub mod xal;

/// A 32-bit register.
pub trait Register: Copy + From<u32> + Into<u32> {
    /// The register's hardware name.
    const NAME: &'static str;

    /// The register's byte offset; for an array that of the first element.
    const OFFSET: u32;
}

/// Description of a register without its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    name: &'static str,
    offset: u32,
    count: u32,
    stride: u32,
}

impl Entry {
    fn contains(&self, offset: u32) -> bool {
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
    ptop::REGISTERS,
    vf_mmu::REGISTERS,
    uflush::REGISTERS,
    xal::REGISTERS,
    ce::REGISTERS,
    usermode::REGISTERS,
];

/// Blocks whose offsets count from a falcon's base.
const FALCON: &[&[Entry]] = &[falcon::REGISTERS, fbif::REGISTERS];

/// Blocks whose offsets count from a falcon's second base.
const FALCON2: &[&[Entry]] = &[brom::REGISTERS, riscv::REGISTERS];

/// Base addresses and registers of the falcons in BAR0.
const FALCONS: [(u32, &[&[Entry]]); 4] = [
    (falcon::GSP_BASE, FALCON),
    (falcon::GSP_BASE2, FALCON2),
    (falcon::SEC2_BASE, FALCON),
    (falcon::SEC2_BASE2, FALCON2),
];

/// Hardware name of the register at byte `offset` of BAR0, for logs and traces.
///
/// The falcons of the GSP and SEC2 have the same register names.
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
    let entry = entries.into_iter().find(|entry| entry.contains(offset))?;
    Some(entry.name)
}

#[cfg(test)]
mod tests;
