// SPDX-License-Identifier: GPL-2.0

//! What a machine and a test can see of the card without an access.

use super::Gpu;
use crate::bus::config::ConfigSpace;
use crate::bus::machine::Machine;
use crate::chips::Chip;
use crate::trace::Trace;
use crate::vram::Vram;

impl<M: Machine> Gpu<M> {
    /// The chip.
    pub fn chip(&self) -> &'static Chip {
        self.parts.chip
    }

    /// The machine.
    pub fn machine(&self) -> &M {
        &self.machine
    }

    /// The machine.
    pub fn machine_mut(&mut self) -> &mut M {
        &mut self.machine
    }

    /// The frame buffer.
    pub fn vram(&self) -> &Vram {
        &self.vram
    }

    /// The frame buffer.
    pub fn vram_mut(&mut self) -> &mut Vram {
        &mut self.vram
    }

    /// PCI configuration space.
    pub fn config(&self) -> &ConfigSpace {
        &self.config
    }

    /// PCI configuration space, for the machine to enumerate.
    pub fn config_mut(&mut self) -> &mut ConfigSpace {
        &mut self.config
    }

    /// The trace.
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// The trace, for closing it.
    pub fn trace_mut(&mut self) -> &mut Trace {
        &mut self.trace
    }

    /// The write-protected region, if it is set up.
    pub fn wpr2(&self) -> Option<std::ops::Range<u64>> {
        self.blocks.pfb.wpr2.clone()
    }

    /// Address of the page for system memory flushes, 0 if the driver has set none.
    pub fn flush_page(&self) -> u64 {
        self.blocks.pfb.flush_page()
    }

    /// Number of times that the driver has unloaded GSP-RM.
    pub fn unloads(&self) -> u64 {
        self.unloads
    }

    /// Number of times that the driver has invalidated TLBs by registers.
    pub fn invalidations(&self) -> u64 {
        self.invalidations
    }

    /// Whether the GSP's RISC-V core runs.
    pub fn gsp_runs(&self) -> bool {
        self.blocks.gsp.falcon.riscv.active
    }

    /// Whether a program runs on SEC2.
    pub fn sec2_runs(&self) -> bool {
        !self.blocks.sec2.falcon.halted
    }

    /// Whether any vector of a leaf or any bit of the top is enabled in the interrupt tree.
    pub fn lets_interrupts_through(&self) -> bool {
        self.blocks.intr.is_any_enabled()
    }
}
