// SPDX-License-Identifier: GPL-2.0

//! PRAMIN, a window of 1 MiB in BAR0 onto VRAM, which needs no page tables. It is slow, and it is
//! moved by a register, so the driver only writes with it what the other windows need.

use nova_hw::regs::pbus::{Bar0Window, PRAMIN};
use nova_hw::regs::xal::XalBar0Window;

use crate::chip::PraminRegister;
use crate::mmio::{halves, Io};

/// The window.
pub(super) struct Pramin<'a> {
    io: &'a Io<'a>,
    register: PraminRegister,
    /// Address in VRAM at which it starts, once it is known.
    base: Option<u64>,
}

impl PraminRegister {
    /// Bits of the addresses in VRAM that the window reaches: those of an address in units of 64
    /// KiB, and 16. Hopper has the fewest of those with the same register.
    pub(super) fn address_bits(self) -> u32 {
        match self {
            Self::Tu102 => 24 + 16,
            Self::Gh100 => 22 + 16,
        }
    }
}

impl<'a> Pramin<'a> {
    pub(super) fn new(io: &'a Io<'a>, register: PraminRegister) -> Self {
        Self {
            io,
            register,
            base: None,
        }
    }

    /// Writes the word at `address`, which is aligned.
    pub(super) fn write(&mut self, address: u64, value: u64) {
        let offset = self.show(address);
        let [low, high] = halves(value);
        self.io.write32(offset, low);
        self.io.write32(offset.wrapping_add(4), high);
    }

    /// Completes what was written: reads a word of the window, as NVIDIA's driver does on all of
    /// these chips.
    ///
    /// Source: open-gpu-kernel-modules 570, `kbusFlushSingle_GV100` in
    /// src/nvidia/src/kernel/gpu/bus/arch/volta/kern_bus_gv100.c.
    pub(super) fn flush(self) {
        self.io.read32(PRAMIN.start);
    }

    /// Moves the window so that it shows `address`; returns the offset in BAR0.
    fn show(&mut self, address: u64) -> u32 {
        let size = u64::from(PRAMIN.end.wrapping_sub(PRAMIN.start));
        let within = address % size;
        let base = address.saturating_sub(within);
        if self.base.replace(base) != Some(base) {
            let units = (base >> 16) as u32;
            match self.register {
                PraminRegister::Tu102 => self.io.write(Bar0Window::new().with_base(units)),
                PraminRegister::Gh100 => self.io.write(XalBar0Window::new().with_base(units)),
            }
        }
        PRAMIN.start.wrapping_add(within as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Card;

    #[test]
    fn the_window_moves_when_it_has_to() {
        for (register, window) in [
            (PraminRegister::Tu102, 0x1700),
            (PraminRegister::Gh100, 0x10_fd40),
        ] {
            let card = Card::default();
            let io = Io::new(&card);
            let mut pramin = Pramin::new(&io, register);
            pramin.write(0x5_ffff_fff8, 0x1122_3344_5566_7788);
            pramin.write(0x5_fff0_0000, 1);
            pramin.write(0x6_0000_0000, 2);
            pramin.flush();
            let expected = [
                (window, 0x5_fff0),
                (0x7f_fff8, 0x5566_7788),
                (0x7f_fffc, 0x1122_3344),
                (0x70_0000, 1),
                (0x70_0004, 0),
                (window, 0x6_0000),
                (0x70_0000, 2),
                (0x70_0004, 0),
            ];
            assert_eq!(card.writes.take(), expected);
        }
    }
}
