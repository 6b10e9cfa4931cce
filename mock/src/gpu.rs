// SPDX-License-Identifier: GPL-2.0

//! The card: its blocks, how they reach each other, and what time does to them.

use std::time::Duration;

use nova_hw::abi::GspFwWprMeta;
use nova_hw::regs::fbif::FbifTarget;
use nova_hw::regs::gsp::{PgspMailbox, PgspQueueHead};
use nova_hw::regs::intr::MsiRearm;
use nova_hw::regs::riscv::CoreSelect;
use serde_json::{json, Value};

use crate::block::{Block, Engine};
use crate::brom::Ucode;
use crate::chips::Chip;
use crate::config::{ConfigSpace, Effect, MIRROR_BASE};
use crate::falcon::{Action, Falcon, Transfer, PRIV_ERROR};
use crate::fault::Fault;
use crate::firmware::Firmwares;
use crate::fuse::Fuses;
use crate::fwsec::Fwsec;
use crate::gsp_rm::{GspRm, State, GSP_VECTOR};
use crate::host::Host;
use crate::intr::Intr;
use crate::pbus::Pbus;
use crate::pfb::Pfb;
use crate::pgc6::Pgc6;
use crate::prom::Prom;
use crate::schedule::{Event, Schedule};
use crate::trace::Trace;
use crate::vram::Vram;
use crate::{pdisp, pmc, ptimer, sequencer, vbios};

/// How long things take: short, so that tests are, and long enough that a driver which does not
/// wait is caught.
const GFW: Duration = Duration::from_millis(20);
const SCRUBBING: Duration = Duration::from_micros(50);
const CORE_SWITCH: Duration = Duration::from_micros(20);
const NO_CODE: Duration = Duration::from_micros(10);
const FWSEC: Duration = Duration::from_millis(2);
const BOOTER: Duration = Duration::from_millis(5);
const ACR: Duration = Duration::from_millis(1);
const RESUME: Duration = Duration::from_millis(2);
const COMMAND: Duration = Duration::from_micros(20);

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
#[error("the VBIOS has no FWSEC ucode with a version 3 descriptor")]
pub struct NoFwsec;

/// The card.
pub struct Gpu<H> {
    pub(crate) chip: &'static Chip,
    pub(crate) firmware: Firmwares,
    pub(crate) fwsec: Fwsec,
    pub(crate) acr: Ucode,
    pub(crate) fuses: Fuses,
    pub(crate) host: H,
    pub(crate) vram: Vram,
    pub(crate) config: ConfigSpace,
    pub(crate) trace: Trace,
    pub(crate) faults: Vec<Fault>,
    pub(crate) schedule: Schedule,
    pub(crate) prom: Prom,
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
}

impl Volatile {
    fn new() -> Self {
        Self {
            pgc6: Pgc6::default(),
            pbus: Pbus::default(),
            pfb: Pfb::default(),
            intr: Intr::default(),
            gsp: Falcon::new(),
            sec2: Falcon::new(),
            pgsp_mailbox: [0; PgspMailbox::COUNT as usize],
            running: [(Program::Nothing, Duration::ZERO); 2],
            sec2_prepared: false,
            meta: None,
            rm: None,
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
        let fwsec = Fwsec::find(prom.bytes()).ok_or(NoFwsec)?;
        for firmware in setup.firmware.all() {
            tracing::info!(version = firmware.gsp.release.name, "GSP-RM");
        }
        let mut gpu = Self {
            chip: setup.chip,
            firmware: setup.firmware,
            fwsec,
            acr: sequencer::ucode(),
            fuses: setup.fuses,
            host,
            vram: setup.vram,
            config: ConfigSpace::new(setup.chip),
            trace: setup.trace,
            faults: Vec::new(),
            schedule: Schedule::default(),
            prom,
            state: Volatile::new(),
        };
        gpu.power_on();
        Ok(gpu)
    }

    fn power_on(&mut self) {
        self.state = Volatile::new();
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
        self.faults.push(fault);
    }

    /// Repairs the card.
    pub fn repair(&mut self) {
        self.faults.clear();
    }

    pub(crate) fn is_broken(&self, fault: Fault) -> bool {
        self.faults.contains(&fault)
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

    /// Writes to PCI configuration space as the CPU does.
    pub fn write_config(&mut self, offset: usize, bytes: &[u8]) {
        if self.config.write(offset, bytes) == Effect::Reset {
            self.reset();
        }
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

    fn is_gone(&self) -> bool {
        let total = self.trace.accesses().total();
        self.faults
            .iter()
            .any(|fault| matches!(fault, Fault::CardGone { after } if total > *after))
    }

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
            Block::Xve => Some(self.config.read_u32((offset - MIRROR_BASE) as usize)),
            Block::Pfb => self.state.pfb.read(vram, offset),
            Block::Pgc6 => self.state.pgc6.read(vram, offset),
            Block::Prom => self.prom.read(offset),
            Block::Pdisp => pdisp::read(vram, offset),
            Block::Pramin => Some(self.read_pramin(offset)),
            Block::Fuse => self.fuses.read(offset),
            Block::Gsp | Block::Sec2 => self.read_falcon(offset),
            Block::Intr => self.state.intr.read(offset),
            Block::Unknown => None,
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
            Block::Xve => {
                self.write_mirror(offset, value);
                Some(())
            }
            Block::Pfb => self.state.pfb.write(offset, value),
            Block::Pramin => {
                self.write_pramin(offset, value);
                Some(())
            }
            Block::Gsp | Block::Sec2 => self.write_falcon(offset, value),
            Block::Intr => self.state.intr.write(offset, value),
            Block::Pmc
            | Block::Pgc6
            | Block::Prom
            | Block::Pdisp
            | Block::Fuse
            | Block::Unknown => None,
        };
        if done.is_none() {
            let name = nova_hw::regs::name(offset).unwrap_or("nothing that is modelled");
            self.refuse(block, format!("write of {value:#x} to {offset:#x}, {name}"));
        }
        self.send_msi();
    }

    fn write_mirror(&mut self, offset: u32, value: u32) {
        match offset {
            MsiRearm::OFFSET => self.state.intr.rearm(),
            _ => self.write_config((offset - MIRROR_BASE) as usize, &value.to_le_bytes()),
        }
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

    /// Does what a write to a falcon's register has set going.
    fn act(&mut self, engine: Engine, action: Action, interrupts_before: u32) {
        match action {
            Action::None => {}
            Action::Refused(reason) => self.refuse(engine.block(), reason),
            Action::Reset => self.reset_falcon(engine),
            Action::Start => self.start_falcon(engine),
            Action::SelectCore(core) => self.select_core(engine, core),
            Action::Dma(transfer) => self.transfer(engine, &transfer),
            Action::Retrigger => {
                if self.state.falcon(engine).interrupts_to_cpu() != 0 {
                    self.pulse(engine);
                }
            }
            Action::Interrupts => self.update_interrupts(engine, interrupts_before),
        }
    }

    /// Announces an engine's interrupts where there were none before.
    pub(crate) fn update_interrupts(&mut self, engine: Engine, before: u32) {
        if before == 0 && self.state.falcon(engine).interrupts_to_cpu() != 0 {
            self.pulse(engine);
        }
    }

    fn pulse(&mut self, engine: Engine) {
        // Only the GSP's vector is told to the driver.
        if engine == Engine::Gsp && !self.is_broken(Fault::NoInterrupt) {
            self.state.intr.pulse(GSP_VECTOR);
            self.send_msi();
        }
    }

    fn send_msi(&mut self) {
        if self.state.intr.take_msi() {
            self.note(Block::Intr, "MSI", Value::Null);
            self.host.interrupt();
        }
    }

    fn reset_falcon(&mut self, engine: Engine) {
        self.note(engine.block(), "reset", Value::Null);
        let is_sequencing = self.is_sequencing();
        self.schedule.cancel(|event| match event {
            Event::Scrubbed(other) | Event::CoreSelected(other, _) | Event::Halt(other) => {
                other == engine
            }
            Event::LibosStart | Event::RunSequencer | Event::InitDone | Event::Suspended => {
                engine == Engine::Gsp && !is_sequencing
            }
            Event::GfwDone | Event::Commands => false,
        });
        self.state.running[engine as usize].0 = Program::Nothing;
        match engine {
            Engine::Sec2 => self.state.sec2_prepared = false,
            // GSP-RM lives through the resets that it asks for itself.
            Engine::Gsp if !is_sequencing => self.state.rm = None,
            Engine::Gsp => {}
        }
        if !self.is_broken(Fault::ScrubbingNeverDone(engine)) {
            self.schedule.after(SCRUBBING, Event::Scrubbed(engine));
        }
    }

    pub(crate) fn is_sequencing(&self) -> bool {
        self.rm_state() == Some(State::Sequencer)
    }

    fn rm_state(&self) -> Option<State> {
        self.state.rm.as_ref().map(|rm| rm.state)
    }

    fn select_core(&mut self, engine: Engine, core: CoreSelect) {
        if !self.is_broken(Fault::CoreNeverSelected(engine)) {
            self.schedule.after(
                CORE_SWITCH,
                Event::CoreSelected(engine, core == CoreSelect::Riscv),
            );
        }
    }

    fn transfer(&mut self, engine: Engine, transfer: &Transfer) {
        let mut bytes = vec![0; transfer.len];
        match transfer.target {
            FbifTarget::LocalFb => self.vram.read(transfer.address, &mut bytes),
            _ if !self.config.is_bus_master() => {
                bytes.fill(0xff);
                self.refuse(engine.block(), "DMA while the card is no bus master");
            }
            _ => {
                if let Err(error) = self.host.read(transfer.address, &mut bytes) {
                    bytes.fill(0xff);
                    self.refuse(engine.block(), format!("DMA: {error}"));
                }
            }
        }
        let stuck = self.is_broken(Fault::DmaNeverIdle(engine));
        let falcon = self.state.falcon(engine);
        falcon.load(transfer, &bytes);
        falcon.dma_stuck = stuck;
    }

    /// Starts what is loaded in a falcon.
    fn start_falcon(&mut self, engine: Engine) {
        let program = match self.identify(engine) {
            Ok(program) => program,
            Err(reason) => {
                self.refuse(engine.block(), reason);
                Program::Nothing
            }
        };
        let time = match program {
            Program::Nothing => NO_CODE,
            Program::Fwsec => FWSEC,
            Program::BooterLoad | Program::BooterUnload => BOOTER,
            Program::Acr => ACR,
            Program::Sec2Rtos => RESUME,
        };
        self.state.running[engine as usize] = (program, self.schedule.now());
        if !self.is_broken(Fault::NeverHalts(engine)) || program == Program::Nothing {
            self.schedule.after(time, Event::Halt(engine));
        }
    }

    /// Finds out what is loaded in a falcon, as far as the boot ROM lets it run.
    fn identify(&mut self, engine: Engine) -> Result<Program, String> {
        if engine == Engine::Sec2 && self.state.sec2_prepared {
            return Ok(Program::Sec2Rtos);
        }
        let falcon = match engine {
            Engine::Gsp => &self.state.gsp,
            Engine::Sec2 => &self.state.sec2,
        };
        if falcon.block_at(falcon.bootvec).is_none() {
            return Err(format!(
                "no code is loaded at BOOTVEC {:#x}",
                falcon.bootvec
            ));
        }
        let booters = self
            .firmware
            .all()
            .iter()
            .enumerate()
            .flat_map(|(of, firmware)| {
                [
                    (Program::BooterLoad, of, &firmware.booter_load),
                    (Program::BooterUnload, of, &firmware.booter_unload),
                ]
            });
        let signed = [
            (Program::Fwsec, 0, &self.fwsec.ucode),
            (Program::Acr, 0, &self.acr),
        ];
        let known = signed
            .into_iter()
            .chain(booters)
            .find(|(.., ucode)| ucode.is_code_of(falcon));
        let Some((program, of, ucode)) = known else {
            return Err("the code that is loaded is not signed".into());
        };
        ucode
            .verify(falcon, engine, &self.fuses)
            .map_err(|reason| format!("{program:?}: {reason}"))?;
        if program == Program::BooterLoad {
            self.firmware.set_current(of);
        }
        Ok(program)
    }

    /// Something that the card does by itself.
    fn happen(&mut self, event: Event) {
        match event {
            Event::GfwDone => {
                if !self.is_broken(Fault::GfwNeverDone) {
                    self.state.pgc6.gfw_done = true;
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
            Event::Commands => self.serve_commands(),
            Event::RunSequencer => self.run_sequencer(),
            Event::InitDone => self.finish_init(),
            Event::Suspended => self.suspend(),
        }
    }

    /// A falcon's program comes to its end.
    fn halt(&mut self, engine: Engine) {
        let (program, since) = self.state.running[engine as usize];
        self.state.falcon(engine).halted = program != Program::Sec2Rtos;
        match program {
            Program::Nothing => {}
            Program::Fwsec => self.run_fwsec(),
            Program::BooterLoad => self.run_booter(),
            Program::BooterUnload => self.run_booter_unload(),
            Program::Acr => self.run_acr(),
            Program::Sec2Rtos => self.run_sec2_rtos(),
        }
        let now = self.schedule.now();
        let mailboxes = self.state.falcon(engine).mailbox;
        self.trace.slice(
            since,
            now,
            engine.block(),
            &format!("{program:?}"),
            json!({"mailboxes": mailboxes}),
        );
    }
}

fn element(offset: u32, first: u32, stride: u32) -> Option<usize> {
    Some((offset.checked_sub(first)? / stride) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chips::CHIPS;
    use crate::host::GuestMemory;
    use crate::in_process::Arena;
    use crate::synthetic;
    use nova_hw::regs::falcon as reg;
    use nova_hw::regs::falcon::{GSP_BASE, SEC2_BASE};
    use nova_hw::regs::fbif::{FbifCtl, FbifTranscfg};
    use nova_hw::regs::intr::{CpuIntrLeafEnSet, CpuIntrLeafTrigger, CpuIntrTopEnSet};
    use nova_hw::regs::pgc6::GfwBootPrivLevelMask;
    use nova_hw::regs::pmc::PmcBoot0;

    const SECOND: Duration = Duration::from_secs(1);

    fn card() -> Gpu<Arena> {
        let chip = &CHIPS[0];
        let setup = Setup {
            chip,
            vram: Vram::in_process(chip.vram),
            firmware: Firmwares::load(chip, &synthetic::firmware(chip)).unwrap(),
            vbios: None,
            fuses: Fuses::default(),
            trace: Trace::default(),
        };
        let mut card = Gpu::new(setup, Arena::new()).unwrap();
        card.config_mut()
            .enumerate([0xf000_0000, 0x40_0000_0000, 0x40_1000_0000]);
        card
    }

    fn pass(card: &mut Gpu<Arena>, time: Duration) {
        let until = card.now() + time;
        card.advance(until);
    }

    fn last_refusal(card: &Gpu<Arena>) -> &str {
        card.trace()
            .refusals()
            .last()
            .map_or("", |refusal| &refusal.reason)
    }

    #[test]
    fn a_vbios_without_fwsec_is_of_no_use() {
        let chip = &CHIPS[0];
        let setup = Setup {
            chip,
            vram: Vram::in_process(chip.vram),
            firmware: Firmwares::load(chip, &synthetic::firmware(chip)).unwrap(),
            vbios: Some(vec![0x55, 0xaa]),
            fuses: Fuses::default(),
            trace: Trace::default(),
        };
        assert_eq!(Gpu::new(setup, Arena::new()).err(), Some(NoFwsec));
    }

    #[test]
    fn what_is_not_there_answers_with_an_error_and_a_note() {
        let mut card = card();
        assert_eq!(card.read32(0x50_0000), PRIV_ERROR);
        assert!(last_refusal(&card).contains("0x500000"));
        card.write32(PmcBoot0::OFFSET, 0);
        assert!(last_refusal(&card).contains("NV_PMC_BOOT_0"));
        for offset in (0..16 << 20).step_by(0x404) {
            card.read32(offset & !3);
            card.write32(offset & !3, u32::MAX);
        }
        pass(&mut card, SECOND);
    }

    #[test]
    fn the_gfw_takes_its_time_after_each_reset() {
        let mut card = card();
        for _ in 0..2 {
            assert_eq!(card.read32(GfwBootPrivLevelMask::OFFSET), 0);
            pass(&mut card, GFW);
            assert_eq!(card.read32(GfwBootPrivLevelMask::OFFSET), 1);
            card.reset();
        }
        card.inject(Fault::GfwNeverDone);
        pass(&mut card, SECOND);
        assert_eq!(card.read32(GfwBootPrivLevelMask::OFFSET), 0);
    }

    #[test]
    fn a_card_that_is_gone_gives_all_ones() {
        let mut card = card();
        card.inject(Fault::CardGone { after: 2 });
        assert_ne!(card.read32(PmcBoot0::OFFSET), u32::MAX);
        assert_ne!(card.read32(PmcBoot0::OFFSET), u32::MAX);
        assert_eq!(card.read32(PmcBoot0::OFFSET), u32::MAX);
        card.repair();
        assert_ne!(card.read32(PmcBoot0::OFFSET), u32::MAX);
    }

    #[test]
    fn configuration_space_is_mirrored() {
        let mut card = card();
        assert_eq!(card.read32(MIRROR_BASE), 0x2204_10de);
        assert_eq!(card.read32(MIRROR_BASE + 0x10), 0xf000_0000);
    }

    #[test]
    fn pramin_shows_the_frame_buffer() {
        let mut card = card();
        card.write32(0x1700, 0x12);
        card.write32(0x70_0010, 0xcafe_f00d);
        let mut bytes = [0; 4];
        card.vram().read(0x12_0010, &mut bytes);
        assert_eq!(u32::from_le_bytes(bytes), 0xcafe_f00d);
        assert_eq!(card.read32(0x70_0010), 0xcafe_f00d);
    }

    #[test]
    fn an_interrupt_becomes_an_msi() {
        let mut card = card();
        card.write32(CpuIntrLeafEnSet::OFFSET, 1 << 5);
        card.write32(CpuIntrTopEnSet::OFFSET, 1);
        card.write32(CpuIntrLeafTrigger::OFFSET, 5);
        assert_eq!(card.host().interrupts(), 1);
        card.write32(MsiRearm::OFFSET, 0);
        assert_eq!(card.host().interrupts(), 2, "the vector is still pending");
    }

    /// Prepares a falcon for DMA and loads a block of its data memory from `address`.
    fn load_block(card: &mut Gpu<Arena>, base: u32, target: u32, address: u64) {
        card.write32(base + FbifCtl::OFFSET, 0x80);
        card.write32(base + reg::FalconDmactl::OFFSET, 0);
        card.write32(base + FbifTranscfg::OFFSET, 0x4 | target);
        card.write32(base + reg::FalconDmatrfbase::OFFSET, (address >> 8) as u32);
        card.write32(base + reg::FalconDmatrfcmd::OFFSET, 0x600);
    }

    #[test]
    fn dma_brings_what_is_at_the_target() {
        let mut card = card();
        let address = card.host_mut().place(&[0x11; 256]);
        card.vram_mut().write(address, &[0x22; 256]);
        load_block(&mut card, SEC2_BASE, 1, address);
        assert_eq!(card.state.sec2.dmem[..256], [0x11; 256]);
        load_block(&mut card, SEC2_BASE, 0, address);
        assert_eq!(card.state.sec2.dmem[..256], [0x22; 256], "the frame buffer");
        load_block(&mut card, SEC2_BASE, 1, 0xdead_0000);
        assert_eq!(card.state.sec2.dmem[..256], [0xff; 256], "nothing");
        assert!(last_refusal(&card).contains("no memory"));
    }

    #[test]
    fn a_card_that_is_no_bus_master_reaches_nothing() {
        let mut card = card();
        let address = card.host_mut().place(&[0x11; 256]);
        card.write_config(4, &[0x02]);
        load_block(&mut card, GSP_BASE, 1, address);
        assert_eq!(card.state.gsp.dmem[..256], [0xff; 256]);
        assert!(last_refusal(&card).contains("bus master"));
    }

    #[test]
    fn a_falcon_without_signed_code_halts_and_leaves_its_mailboxes() {
        let mut card = card();
        let cpuctl = SEC2_BASE + reg::FalconCpuctl::OFFSET;
        card.write32(SEC2_BASE + reg::FalconMailbox0::OFFSET, 7);
        card.write32(cpuctl, 2);
        assert!(last_refusal(&card).contains("no code"));
        pass(&mut card, SECOND);
        assert_eq!(card.read32(cpuctl), 1 << 4);
        assert_eq!(card.read32(SEC2_BASE + reg::FalconMailbox0::OFFSET), 7);

        let address = card.host_mut().place(&[0x11; 256]);
        load_block(&mut card, SEC2_BASE, 1, address);
        card.write32(SEC2_BASE + reg::FalconDmatrfcmd::OFFSET, 0x614);
        card.write32(cpuctl, 2);
        assert!(last_refusal(&card).contains("not signed"));
        pass(&mut card, SECOND);
        assert_eq!(card.wpr2(), None);
    }

    #[test]
    fn a_falcon_is_scrubbed_after_its_reset() {
        let mut card = card();
        let hwcfg2 = GSP_BASE + reg::FalconHwcfg2::OFFSET;
        let is_scrubbing =
            |card: &mut Gpu<Arena>| reg::FalconHwcfg2::from(card.read32(hwcfg2)).mem_scrubbing();
        for fault in [None, Some(Fault::ScrubbingNeverDone(Engine::Gsp))] {
            card.faults = fault.into_iter().collect();
            card.write32(GSP_BASE + reg::FalconEngine::OFFSET, 1);
            card.write32(GSP_BASE + reg::FalconEngine::OFFSET, 0);
            assert!(is_scrubbing(&mut card));
            pass(&mut card, SECOND);
            assert_eq!(is_scrubbing(&mut card), fault.is_some());
        }
    }

    #[test]
    fn a_doorbell_without_gsp_rm_does_nothing() {
        let mut card = card();
        card.write32(PgspQueueHead::OFFSET, 0);
        pass(&mut card, SECOND);
        assert!(card.trace().refusals().is_empty());
        assert_eq!(card.host().read_u32(0).ok(), None);
    }
}
