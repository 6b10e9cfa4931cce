// SPDX-License-Identifier: GPL-2.0

//! BAR0: dispatches an access to its block, and carries out that block's requests.

use super::Gpu;
use crate::block_id::{BlockId, FalconId};
use crate::blocks::falcon::PRIV_ERROR;
use crate::blocks::wires::Request;
use crate::bus::machine::Machine;
use crate::faults::Fault;

/// Value of all registers while they do not answer.
const GONE: u32 = u32::MAX;

/// The name of a register, for the trace.
fn name(offset: u32) -> &'static str {
    nova_hw::regs::name(offset).unwrap_or("an unknown register")
}

impl<M: Machine> Gpu<M> {
    /// Reads the register at byte `offset` of BAR0.
    pub fn read32(&mut self, offset: u32) -> u32 {
        let block = BlockId::at(offset);
        self.trace.access(self.schedule.now(), block, false);
        if self.has_no_registers() {
            self.announce_tree();
            return GONE;
        }
        let is_there = self.is_there(block);
        let (blocks, mut wires) = self.wired(block);
        let value = is_there.then(|| blocks.read(&mut wires, offset)).flatten();
        let value = value.unwrap_or_else(|| {
            wires.refuse(format!("read of {offset:#x}, {}", name(offset)));
            PRIV_ERROR
        });
        self.trace.read(offset, value);
        value
    }

    /// Writes the register at byte `offset` of BAR0.
    pub fn write32(&mut self, offset: u32, value: u32) {
        let block = BlockId::at(offset);
        self.trace.access(self.schedule.now(), block, true);
        self.trace.write(offset, value);
        if self.has_no_registers() {
            self.announce_tree();
            return;
        }
        let is_there = self.is_there(block);
        let (blocks, mut wires) = self.wired(block);
        if !is_there || blocks.write(&mut wires, offset, value).is_none() {
            let name = name(offset);
            wires.refuse(format!("write of {value:#x} to {offset:#x}, {name}"));
        }
        self.carry_out();
        self.announce_tree();
    }

    /// Whether the function has this block: a virtual function identifies the chip, and has no other.
    fn is_there(&self, block: BlockId) -> bool {
        block == BlockId::Pmc || !self.is_broken(Fault::VirtualFunction)
    }

    /// Carries out the requests of a block.
    pub(super) fn carry_out(&mut self) {
        for request in std::mem::take(&mut self.requests) {
            match request {
                Request::Reset => self.reset(),
                Request::RearmMsi => self.blocks.intr.rearm(),
                Request::FalconReset(engine) => self.end_program(engine),
                Request::FalconStarted(engine) => self.start_program(engine),
                // SEC2's vector is not in the interrupt table that the driver gets.
                Request::Interrupt(FalconId::Sec2) => {}
                Request::Interrupt(FalconId::Gsp) => self.interrupt(),
                Request::InvalidateTlbs(what) => {
                    self.invalidations += 1;
                    self.mmu.invalidate(what);
                }
                Request::Doorbell(token) => self.ring(token),
                Request::BindBar1(block) => self.bind_bar1(block),
            }
        }
    }
}
