// SPDX-License-Identifier: GPL-2.0

//! PRAMIN: a window of 1 MiB onto the frame buffer. PBUS says where it starts.

use std::ops::Range;

use nova_hw::regs::pbus::PRAMIN;

use super::block::{Block, Parts};
use super::wires::Wires;

/// The block; it has no state.
#[derive(Debug)]
pub(crate) struct Pramin;

/// The address in the frame buffer that is seen at byte `offset` of BAR0.
fn address(wires: &Wires<'_>, offset: u32) -> u64 {
    wires.signals.pramin_base + u64::from(offset - PRAMIN.start)
}

impl Block for Pramin {
    const RANGES: &'static [Range<u32>] = &[PRAMIN];

    fn new(_: &Parts) -> Self {
        Self
    }

    fn read(&mut self, wires: &mut Wires<'_>, offset: u32) -> Option<u32> {
        let mut bytes = [0; 4];
        wires.vram.read(address(wires, offset), &mut bytes);
        Some(u32::from_le_bytes(bytes))
    }

    fn write(&mut self, wires: &mut Wires<'_>, offset: u32, value: u32) -> Option<()> {
        let address = address(wires, offset);
        wires.vram.write(address, &value.to_le_bytes());
        Some(())
    }
}
