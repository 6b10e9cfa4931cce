// SPDX-License-Identifier: GPL-2.0

//! The registers with the parameters of a falcon's boot ROM, from GA102 on.
//!
//! What the boot ROM checks is in [`programs::brom`](crate::programs::brom).
//!
//! Source: open-gpu-kernel-modules 570, kernel_gsp_falcon_ga102.c.

use nova_hw::regs::brom::{BromCurrUcodeId, BromEngidmask, BromModSel, BromParaaddr};

/// The boot ROM's parameters.
#[derive(Debug, Default)]
pub(crate) struct Brom {
    pub(crate) mod_sel: u32,
    pub(crate) ucode_id: u32,
    pub(crate) engidmask: u32,
    pub(crate) paraaddr: u32,
}

impl Brom {
    /// Reads the register at `offset` from the second base, if there is one.
    pub(crate) fn read(&self, offset: u32) -> Option<u32> {
        match offset {
            BromModSel::OFFSET => Some(self.mod_sel),
            BromCurrUcodeId::OFFSET => Some(self.ucode_id),
            BromEngidmask::OFFSET => Some(self.engidmask),
            BromParaaddr::OFFSET => Some(self.paraaddr),
            _ => None,
        }
    }

    /// Writes the register at `offset` from the second base, if there is one.
    pub(crate) fn write(&mut self, offset: u32, value: u32) -> Option<()> {
        match offset {
            BromModSel::OFFSET => self.mod_sel = value,
            BromCurrUcodeId::OFFSET => self.ucode_id = value,
            BromEngidmask::OFFSET => self.engidmask = value,
            BromParaaddr::OFFSET => self.paraaddr = value,
            _ => return None,
        }
        Some(())
    }
}
