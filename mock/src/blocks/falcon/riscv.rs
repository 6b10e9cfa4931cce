// SPDX-License-Identifier: GPL-2.0

//! The RISC-V core that shares a falcon's memories.

use nova_hw::regs::riscv::{
    CoreSelect, RiscvBcrCtrl, RiscvCoreSwitchRiscvStatus, RiscvCpuctl, RiscvIrqdest,
    RiscvIrqdestTu102, RiscvIrqmask, RiscvIrqmaskTu102,
};

/// State of the RISC-V core.
#[derive(Debug)]
pub(crate) struct Riscv {
    pub(crate) active: bool,
    /// Interrupts that its program routes to the CPU.
    pub(crate) irqmask: u32,
    pub(crate) core: CoreSelect,
    /// The switch to `core` is complete.
    pub(crate) core_valid: bool,
    pub(super) br_fetch: bool,
}

impl Riscv {
    /// Reads the register at `offset` from the second base, if there is one.
    pub(super) fn read(&self, offset: u32) -> Option<u32> {
        match offset {
            RiscvCpuctl::OFFSET => Some(
                RiscvCpuctl::new()
                    .with_active_stat(self.active)
                    .with_halted(!self.active)
                    .into(),
            ),
            RiscvIrqmask::OFFSET | RiscvIrqdest::OFFSET => Some(self.irqmask),
            RiscvBcrCtrl::OFFSET => Some(
                RiscvBcrCtrl::new()
                    .with_valid(self.core_valid)
                    .with_core_select(self.core)
                    .with_br_fetch(self.br_fetch)
                    .into(),
            ),
            _ => None,
        }
    }

    /// As [`Self::read`], for Turing and GA100.
    pub(super) fn read_tu102(&self, offset: u32) -> Option<u32> {
        match offset {
            RiscvCoreSwitchRiscvStatus::OFFSET => Some(
                RiscvCoreSwitchRiscvStatus::new()
                    .with_active_stat(self.active)
                    .into(),
            ),
            RiscvIrqmaskTu102::OFFSET | RiscvIrqdestTu102::OFFSET => Some(self.irqmask),
            _ => None,
        }
    }
}
