// SPDX-License-Identifier: GPL-2.0

//! XVE: the mirror of PCI configuration space in BAR0. The space itself is in
//! [`bus::config`](crate::bus::config).

use std::ops::Range;

use nova_hw::regs::intr::MsiRearm;

use super::block::{Block, Parts};
use super::wires::{Request, Wires};
use crate::bus::config::{self, mirror_base, Effect};

/// The block; it has no state of its own.
#[derive(Debug)]
pub(crate) struct Xve;

/// Offset in configuration space of what byte `offset` of BAR0 mirrors.
fn mirrored(wires: &Wires<'_>, offset: u32) -> Option<usize> {
    let at = offset.checked_sub(mirror_base(wires.chip))? as usize;
    (at < config::SIZE).then_some(at)
}

impl Block for Xve {
    const RANGES: &'static [Range<u32>] = &[0x08_8000..0x08_9000, 0x09_2000..0x09_3000];

    fn new(_: &Parts) -> Self {
        Self
    }

    fn read(&mut self, wires: &mut Wires<'_>, offset: u32) -> Option<u32> {
        mirrored(wires, offset).map(|at| wires.config.read_u32(at))
    }

    fn write(&mut self, wires: &mut Wires<'_>, offset: u32, value: u32) -> Option<()> {
        let at = mirrored(wires, offset)?;
        if offset == MsiRearm::OFFSET {
            wires.ask(Request::RearmMsi);
        } else if wires.config.write(at, &value.to_le_bytes()) == Effect::Reset {
            wires.ask(Request::Reset);
        }
        Some(())
    }
}
