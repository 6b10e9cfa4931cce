// SPDX-License-Identifier: GPL-2.0

//! The card: its blocks, how they reach each other, and what time does to them.

use std::time::Duration;

use nova_hw::abi::GspFwWprMeta;
use nova_hw::regs::gsp::PgspMailbox;
use nova_hw::regs::riscv::CoreSelect;
use serde_json::Value;

use crate::block::{Block, Engine};
use crate::blocks::falcon::Falcon;
use crate::blocks::fsp::Fsp;
use crate::blocks::fuse::Fuses;
use crate::blocks::intr::Intr;
use crate::blocks::pbus::Pbus;
use crate::blocks::pfb::Pfb;
use crate::blocks::pgc6::Pgc6;
use crate::blocks::prom::Prom;
use crate::bus::config::{ConfigSpace, Effect};
use crate::bus::host::Host;
use crate::chips::Chip;
use crate::faults::{Fault, Faults};
use crate::gsp_rm::sequencer;
use crate::gsp_rm::GspRm;
use crate::images::firmware::Firmwares;
use crate::images::ucode::Ucode;
use crate::images::vbios;
use crate::programs::chain_of_trust::Accepted;
use crate::programs::fwsec::Fwsec;
use crate::schedule::{Event, Schedule};
use crate::trace::Trace;
use crate::vram::Vram;

mod boot;
mod boot_fsp;
mod falcons;
mod loader;
mod registers;

/// How long things take: short, so that tests are, and long enough that a driver which does not
/// wait is caught.
const GFW: Duration = Duration::from_millis(20);
const SCRUBBING: Duration = Duration::from_micros(50);
const COMMAND: Duration = Duration::from_micros(20);
const PACKET: Duration = Duration::from_millis(5);

/// What is said of an access to the machine's memory that may not be.
pub(crate) const NO_BUS_MASTER: &str = "DMA while the card is no bus master";

/// What all registers give once the card is gone.
const GONE: u32 = u32::MAX;

/// What a falcon runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    /// Nothing that it could run.
    Nothing,
    /// FWSEC.
    Fwsec,
    /// Booter.
    BooterLoad,
    /// Booter unload.
    BooterUnload,
    /// The scrubber of the frame buffer.
    Scrubber,
    /// The program that GSP-RM has the sequencer run.
    Acr,
    /// SEC2's own firmware, which that program has prepared.
    Sec2Rtos,
}

/// What a card is made of.
pub struct Setup {
    /// The chip.
    pub chip: &'static Chip,
    /// The frame buffer.
    pub vram: Vram,
    /// Its signed firmware.
    pub firmware: Firmwares,
    /// What the ROM holds; a synthetic VBIOS where there is none.
    pub vbios: Option<Vec<u8>>,
    /// What was burnt into the chip.
    pub fuses: Fuses,
    /// Where to record what happens.
    pub trace: Trace,
}

/// A VBIOS is of no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the VBIOS has no FWSEC ucode for this chip")]
pub struct NoFwsec;

/// The card.
pub struct Gpu<H> {
    pub(crate) chip: &'static Chip,
    pub(crate) firmware: Firmwares,
    /// FWSEC, where the chip boots through it.
    pub(crate) fwsec: Option<Fwsec>,
    pub(crate) acr: Ucode,
    pub(crate) fuses: Fuses,
    pub(crate) host: H,
    pub(crate) vram: Vram,
    pub(crate) config: ConfigSpace,
    pub(crate) trace: Trace,
    pub(crate) faults: Faults,
    pub(crate) schedule: Schedule,
    pub(crate) prom: Prom,
    /// How often GSP-RM has ended because the driver unloaded it.
    pub(crate) unloads: u64,
    pub(crate) state: Volatile,
}

/// What a reset clears.
pub(crate) struct Volatile {
    pub(crate) pgc6: Pgc6,
    pub(crate) pbus: Pbus,
    pub(crate) pfb: Pfb,
    pub(crate) intr: Intr,
    pub(crate) gsp: Falcon,
    pub(crate) sec2: Falcon,
    pub(crate) pgsp_mailbox: [u32; PgspMailbox::COUNT as usize],
    /// What runs, per engine, and since when.
    pub(crate) running: [(Program, Duration); 2],
    /// SEC2 was prepared to resume GSP-RM.
    pub(crate) sec2_prepared: bool,
    /// What booter has accepted.
    pub(crate) meta: Option<GspFwWprMeta>,
    pub(crate) rm: Option<GspRm>,
    pub(crate) fsp: Fsp,
    /// What the FSP has started the FMC with, until that is through.
    pub(crate) accepted: Option<Accepted>,
    /// Bus address of libos' arguments, where the FMC has handed it on.
    pub(crate) libos_arguments: Option<u64>,
}

impl Volatile {
    fn new(chip: &Chip) -> Self {
        Self {
            pgc6: Pgc6::default(),
            pbus: Pbus::default(),
            pfb: Pfb::default(),
            intr: Intr::new(chip),
            gsp: Falcon::new(chip.falcons),
            sec2: Falcon::new(chip.falcons),
            pgsp_mailbox: [0; PgspMailbox::COUNT as usize],
            running: [(Program::Nothing, Duration::ZERO); 2],
            sec2_prepared: false,
            meta: None,
            rm: None,
            fsp: Fsp::default(),
            accepted: None,
            libos_arguments: None,
        }
    }

    fn falcon(&mut self, engine: Engine) -> &mut Falcon {
        match engine {
            Engine::Gsp => &mut self.gsp,
            Engine::Sec2 => &mut self.sec2,
        }
    }
}

impl<H: Host> Gpu<H> {
    /// A card that was just powered on, in a machine that has not enumerated it yet.
    pub fn new(setup: Setup, host: H) -> Result<Self, NoFwsec> {
        let rom = setup.vbios.unwrap_or_else(|| vbios::build(setup.chip));
        let prom = Prom::new(rom);
        let fwsec = Fwsec::find(prom.bytes()).filter(|fwsec| fwsec.is_for(setup.chip));
        if fwsec.is_none() && !setup.chip.boots_through_fsp() {
            return Err(NoFwsec);
        }
        for firmware in setup.firmware.all() {
            tracing::info!(version = firmware.gsp.release.name, "GSP-RM");
        }
        let mut gpu = Self {
            chip: setup.chip,
            firmware: setup.firmware,
            fwsec,
            acr: sequencer::ucode(setup.chip.falcons),
            fuses: setup.fuses,
            host,
            vram: setup.vram,
            config: ConfigSpace::new(setup.chip),
            trace: setup.trace,
            faults: Faults::default(),
            schedule: Schedule::default(),
            prom,
            unloads: 0,
            state: Volatile::new(setup.chip),
        };
        gpu.power_on();
        Ok(gpu)
    }

    fn power_on(&mut self) {
        self.state = Volatile::new(self.chip);
        self.leave_wpr2();
        self.schedule.cancel(|_| true);
        self.schedule.after(GFW, Event::GfwDone);
    }

    /// Resets the card: fundamental or function level. Configuration space starts afresh.
    pub fn reset(&mut self) {
        self.note(Block::Xve, "reset", Value::Null);
        self.config = ConfigSpace::new(self.chip);
        self.power_on();
    }

    /// Breaks the card.
    pub fn inject(&mut self, fault: Fault) {
        self.note(Block::Unknown, "fault", Value::from(format!("{fault:?}")));
        self.faults.add(match fault {
            Fault::CardGone { after } => Fault::CardGone {
                after: self.trace.accesses().total().saturating_add(after),
            },
            fault => fault,
        });
        self.leave_wpr2();
    }

    /// WPR2 is up as if a driver had left it, where that is the fault.
    fn leave_wpr2(&mut self) {
        const SIZE: u64 = 256 << 20;
        if self.is_broken(Fault::Wpr2Up) && self.state.pfb.wpr2.is_none() {
            let end = self.vram.size() & !(SIZE - 1);
            self.state.pfb.wpr2 = Some(end - 2 * SIZE..end - SIZE);
        }
    }

    /// The fuses, as they are or as the fault says.
    pub(crate) fn fuses(&self) -> Fuses {
        self.faults.fuse_version().map_or_else(
            || self.fuses.clone(),
            |version| self.fuses.with_version(version),
        )
    }

    /// Repairs the card.
    pub fn repair(&mut self) {
        self.faults.clear();
    }

    pub(crate) fn is_broken(&self, fault: Fault) -> bool {
        self.faults.has(fault)
    }

    /// The chip.
    pub fn chip(&self) -> &'static Chip {
        self.chip
    }

    /// The machine.
    pub fn host(&self) -> &H {
        &self.host
    }

    /// The machine.
    pub fn host_mut(&mut self) -> &mut H {
        &mut self.host
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

    /// Reads PCI configuration space as the CPU does.
    pub fn read_config(&self, offset: usize, into: &mut [u8]) {
        match self.is_gone() {
            true => into.fill(0xff),
            false => self.config.read(offset, into),
        }
    }

    /// Writes to PCI configuration space as the CPU does; says whether that reset the card.
    pub fn write_config(&mut self, offset: usize, bytes: &[u8]) -> Effect {
        if self.is_gone() {
            return Effect::None;
        }
        let effect = self.config.write(offset, bytes);
        if effect == Effect::Reset {
            self.reset();
        }
        effect
    }

    /// What happened so far.
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// What happened so far, to close it.
    pub fn trace_mut(&mut self) -> &mut Trace {
        &mut self.trace
    }

    /// The write-protected region, where it is up.
    pub fn wpr2(&self) -> Option<std::ops::Range<u64>> {
        self.state.pfb.wpr2.clone()
    }

    /// Address of the page for system memory flushes, 0 where none was given.
    pub fn flush_page(&self) -> u64 {
        self.state.pfb.flush_page()
    }

    /// How often GSP-RM has ended because the driver unloaded it.
    pub fn unloads(&self) -> u64 {
        self.unloads
    }

    /// Time since the card was made.
    pub fn now(&self) -> Duration {
        self.schedule.now()
    }

    /// When the card will next do something by itself.
    pub fn next_event(&self) -> Option<Duration> {
        self.schedule.next()
    }

    /// Lets time pass up to `until`.
    pub fn advance(&mut self, until: Duration) {
        while let Some(event) = self.schedule.advance(until) {
            self.happen(event);
        }
    }

    pub(crate) fn note(&mut self, block: Block, name: &str, args: Value) {
        self.trace.instant(self.schedule.now(), block, name, args);
    }

    /// Records that `block` has done something that took `time`.
    pub(crate) fn ended(&mut self, block: Block, name: &str, time: Duration) {
        let now = self.schedule.now();
        self.trace
            .slice(now.saturating_sub(time), now, block, name, Value::Null);
    }

    pub(crate) fn refuse(&mut self, block: Block, reason: impl Into<String>) {
        self.trace.refuse(self.schedule.now(), block, reason.into());
    }

    /// Whether `block` gets at the machine's memory; it is refused where the card is no bus master.
    pub(crate) fn reaches_memory(&mut self, block: Block) -> bool {
        let reaches = self.config.is_bus_master();
        if !reaches {
            self.refuse(block, NO_BUS_MASTER);
        }
        reaches
    }

    /// The GSP's RISC-V core runs.
    pub fn gsp_runs(&self) -> bool {
        self.state.gsp.riscv.active
    }

    /// A program runs on SEC2.
    pub fn sec2_runs(&self) -> bool {
        !self.state.sec2.halted
    }

    /// An interrupt gets from its leaf, or from a leaf's bit of the top, to the CPU.
    pub fn lets_interrupts_through(&self) -> bool {
        self.state.intr.is_any_enabled()
    }

    fn is_gone(&self) -> bool {
        let total = self.trace.accesses().total();
        self.faults.gone_after().is_some_and(|after| total > after)
    }

    /// Something that the card does by itself.
    fn happen(&mut self, event: Event) {
        match event {
            Event::GfwDone => {
                if !self.is_broken(Fault::GfwNeverDone) {
                    self.state.pgc6.gfw_done = true;
                    self.state.fsp.booted = true;
                    self.ended(Block::Pgc6, "GFW", GFW);
                }
            }
            Event::Scrubbed(engine) => {
                self.state.falcon(engine).scrubbing = false;
                self.ended(engine.block(), "scrubbing", SCRUBBING);
            }
            Event::CoreSelected(engine, is_riscv) => {
                let riscv = &mut self.state.falcon(engine).riscv;
                riscv.core_valid = true;
                riscv.core = match is_riscv {
                    true => CoreSelect::Riscv,
                    false => CoreSelect::Falcon,
                };
            }
            Event::Halt(engine) => self.halt(engine),
            Event::LibosStart => self.start_libos(),
            Event::Commands | Event::Room => self.serve_commands(),
            Event::RunSequencer => self.run_sequencer(),
            Event::InitDone => self.finish_init(),
            Event::Suspended => self.suspend(),
            Event::Announced => self.announce(),
            Event::FspLooks => self.serve_fsp(),
            Event::MaskReleased => self.release_mask(),
            Event::FmcDone => self.finish_fmc(),
            Event::FmcEnds => self.finish_unload(),
        }
    }
}

#[cfg(test)]
mod tests;
