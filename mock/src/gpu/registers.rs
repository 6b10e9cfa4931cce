// SPDX-License-Identifier: GPL-2.0

//! BAR0: which block answers, and what a write sets going beyond it.

use nova_hw::regs::gsp::{PgspMailbox, PgspQueueHead};
use nova_hw::regs::intr::MsiRearm;

use super::{Gpu, COMMAND, GONE, PACKET};
use crate::block::{Block, Engine};
use crate::blocks::falcon::PRIV_ERROR;
use crate::blocks::{fsp, pdisp, pmc, ptimer, therm};
use crate::bus::config::{self, mirror_base};
use crate::bus::host::Host;
use crate::schedule::Event;

impl<H: Host> Gpu<H> {
    /// Reads the register at byte `offset` of BAR0.
    pub fn read32(&mut self, offset: u32) -> u32 {
        let block = Block::at(offset);
        self.trace.access(self.schedule.now(), block, false);
        if self.is_gone() {
            return GONE;
        }
        let vram = self.vram.size();
        let value = match block {
            Block::Pmc => pmc::read(self.chip, offset),
            Block::Pbus => self.state.pbus.read(offset),
            Block::Ptimer => ptimer::read(self.schedule.now(), offset),
            Block::Xve => self.mirrored(offset).map(|at| self.config.read_u32(at)),
            Block::Pfb => self.state.pfb.read(self.chip, vram, offset),
            Block::Pgc6 => self.state.pgc6.read(self.chip, vram, offset),
            Block::Prom => self.prom.read(offset),
            Block::Pdisp => pdisp::read(self.chip, vram, offset),
            Block::Pramin => Some(self.read_pramin(offset)),
            Block::Fuse => self.fuses().read(self.chip, offset),
            Block::Gsp | Block::Sec2 => self.read_falcon(offset),
            Block::Fsp if self.chip.boots_through_fsp() => self.state.fsp.read(offset),
            Block::Therm => therm::read(self.chip, self.state.fsp.booted, offset),
            Block::Intr => self.state.intr.read(offset),
            Block::Fsp | Block::Unknown => None,
        };
        let value = value.unwrap_or_else(|| {
            let name = nova_hw::regs::name(offset).unwrap_or("nothing that is modelled");
            self.refuse(block, format!("read of {offset:#x}, {name}"));
            PRIV_ERROR
        });
        self.trace.read(offset, value);
        value
    }

    /// Writes the register at byte `offset` of BAR0.
    pub fn write32(&mut self, offset: u32, value: u32) {
        let block = Block::at(offset);
        self.trace.access(self.schedule.now(), block, true);
        self.trace.write(offset, value);
        if self.is_gone() {
            return;
        }
        let done = match block {
            Block::Pbus => self.state.pbus.write(offset, value),
            Block::Ptimer => ptimer::write(offset, value),
            Block::Xve => self.write_mirror(offset, value),
            Block::Pfb => self.state.pfb.write(self.chip, offset, value),
            Block::Pramin => {
                self.write_pramin(offset, value);
                Some(())
            }
            Block::Gsp | Block::Sec2 => self.write_falcon(offset, value),
            Block::Fsp => self.write_fsp(offset, value),
            Block::Intr => self.state.intr.write(offset, value),
            Block::Pmc
            | Block::Pgc6
            | Block::Prom
            | Block::Pdisp
            | Block::Fuse
            | Block::Therm
            | Block::Unknown => None,
        };
        if done.is_none() {
            let name = nova_hw::regs::name(offset).unwrap_or("nothing that is modelled");
            self.refuse(block, format!("write of {value:#x} to {offset:#x}, {name}"));
        }
        self.send_msi();
    }

    /// Byte of configuration space that is seen at byte `offset` of BAR0.
    fn mirrored(&self, offset: u32) -> Option<usize> {
        let at = offset.checked_sub(mirror_base(self.chip))? as usize;
        (at < config::SIZE).then_some(at)
    }

    fn write_mirror(&mut self, offset: u32, value: u32) -> Option<()> {
        let at = self.mirrored(offset)?;
        match offset {
            MsiRearm::OFFSET => self.state.intr.rearm(),
            _ => {
                self.write_config(at, &value.to_le_bytes());
            }
        }
        Some(())
    }

    fn write_fsp(&mut self, offset: u32, value: u32) -> Option<()> {
        if !self.chip.boots_through_fsp() {
            return None;
        }
        match self.state.fsp.write(offset, value)? {
            fsp::Action::None => {}
            fsp::Action::Look => self.schedule.after(PACKET, Event::FspLooks),
            fsp::Action::Refused(reason) => self.refuse(Block::Fsp, reason),
        }
        Some(())
    }

    fn pramin_address(&self, offset: u32) -> u64 {
        const PRAMIN_MASK: u32 = 0xf_ffff;
        self.state.pbus.window_base() + u64::from(offset & PRAMIN_MASK)
    }

    fn read_pramin(&self, offset: u32) -> u32 {
        let mut bytes = [0; 4];
        self.vram.read(self.pramin_address(offset), &mut bytes);
        u32::from_le_bytes(bytes)
    }

    fn write_pramin(&mut self, offset: u32, value: u32) {
        let address = self.pramin_address(offset);
        self.vram.write(address, &value.to_le_bytes());
    }

    fn read_falcon(&mut self, offset: u32) -> Option<u32> {
        if let Some(index) = element(offset, PgspMailbox::OFFSET, PgspMailbox::STRIDE) {
            if let Some(value) = self.state.pgsp_mailbox.get(index) {
                return Some(*value);
            }
        }
        let (engine, offset) = Engine::at(offset)?;
        self.state.falcon(engine).read(offset)
    }

    fn write_falcon(&mut self, offset: u32, value: u32) -> Option<()> {
        if let Some(index) = element(offset, PgspMailbox::OFFSET, PgspMailbox::STRIDE) {
            if let Some(mailbox) = self.state.pgsp_mailbox.get_mut(index) {
                *mailbox = value;
                return Some(());
            }
        }
        if offset == PgspQueueHead::OFFSET {
            self.schedule.after(COMMAND, Event::Commands);
            return Some(());
        }
        let (engine, offset) = Engine::at(offset)?;
        let before = self.state.falcon(engine).interrupts_to_cpu();
        let action = self.state.falcon(engine).write(offset, value)?;
        self.act(engine, action, before);
        Some(())
    }
}

fn element(offset: u32, first: u32, stride: u32) -> Option<usize> {
    Some((offset.checked_sub(first)? / stride) as usize)
}
