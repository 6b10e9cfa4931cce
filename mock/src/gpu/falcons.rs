// SPDX-License-Identifier: GPL-2.0

//! What falcons do when they are told to: DMA, resets, core switches, and programs that start and
//! halt.

use std::time::Duration;

use nova_hw::falcon::BLOCK_SIZE;
use nova_hw::regs::fbif::FbifTarget;
use nova_hw::regs::riscv::CoreSelect;
use serde_json::{json, Value};

use super::{Gpu, Program, SCRUBBING};
use crate::block::{Block, Engine};
use crate::blocks::falcon::{Action, Falcon, Transfer};
use crate::blocks::fuse::Fuses;
use crate::bus::host::Host;
use crate::faults::Fault;
use crate::gsp_rm::controls::GSP_VECTOR;
use crate::gsp_rm::State;
use crate::images::ucode::Ucode;
use crate::schedule::Event;

/// How long things take; see [`gpu`](super).
const CORE_SWITCH: Duration = Duration::from_micros(20);
const NO_CODE: Duration = Duration::from_micros(10);
const FWSEC: Duration = Duration::from_millis(2);
const BOOTER: Duration = Duration::from_millis(5);
const ACR: Duration = Duration::from_millis(1);
const RESUME: Duration = Duration::from_millis(2);

impl<H: Host> Gpu<H> {
    /// Does what a write to a falcon's register has set going.
    pub(super) fn act(&mut self, engine: Engine, action: Action, interrupts_before: u32) {
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
        if engine == Engine::Sec2 || self.is_broken(Fault::NoInterrupt) {
            return;
        }
        match self.faults.interrupt_delay() {
            Some(by) => self.schedule.after(by, Event::Announced),
            None => self.announce(),
        }
    }

    /// The GSP's interrupt arrives in the tree.
    pub(super) fn announce(&mut self) {
        self.state.intr.pulse(GSP_VECTOR);
        self.send_msi();
    }

    pub(super) fn send_msi(&mut self) {
        if self.state.intr.take_msi() {
            self.note(Block::Intr, "MSI", Value::Null);
            // It is a write to memory like others.
            if self.config.is_bus_master() {
                self.host.interrupt();
            }
        }
    }

    fn reset_falcon(&mut self, engine: Engine) {
        self.note(engine.block(), "reset", Value::Null);
        let is_sequencing = self.is_sequencing();
        self.schedule.cancel(|event| match event {
            Event::Scrubbed(other) | Event::CoreSelected(other, _) | Event::Halt(other) => {
                other == engine
            }
            Event::LibosStart
            | Event::RunSequencer
            | Event::InitDone
            | Event::Suspended
            | Event::Announced => engine == Engine::Gsp && !is_sequencing,
            Event::MaskReleased | Event::FmcDone | Event::FmcEnds => engine == Engine::Gsp,
            Event::GfwDone | Event::Commands | Event::Room | Event::FspLooks => false,
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

    /// Reads what a falcon's DMA finds; all ones where it finds nothing.
    pub(super) fn read_bus(
        &mut self,
        engine: Engine,
        target: FbifTarget,
        address: u64,
        len: usize,
    ) -> Vec<u8> {
        let mut bytes = vec![0; len];
        match target {
            FbifTarget::LocalFb => self.vram.read(address, &mut bytes),
            _ if !self.reaches_memory(engine.block()) => bytes.fill(0xff),
            _ => {
                if let Err(error) = self.host.read(address, &mut bytes) {
                    bytes.fill(0xff);
                    self.refuse(engine.block(), format!("DMA: {error}"));
                }
            }
        }
        bytes
    }

    fn transfer(&mut self, engine: Engine, transfer: &Transfer) {
        let bytes = self.read_bus(engine, transfer.target, transfer.address, transfer.len);
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
            Program::BooterLoad | Program::BooterUnload | Program::Scrubber => BOOTER,
            Program::Acr => ACR,
            Program::Sec2Rtos => RESUME,
        };
        self.state.running[engine as usize] = (program, self.schedule.now());
        let falcon = self.state.falcon(engine);
        falcon.used |= program != Program::Nothing;
        let hangs = falcon.dma_stuck || self.is_broken(Fault::NeverHalts(engine));
        if !hangs || program == Program::Nothing {
            self.schedule.after(time, Event::Halt(engine));
        }
    }

    /// Finds out what is loaded in a falcon, as far as it is allowed to run.
    fn identify(&mut self, engine: Engine) -> Result<Program, String> {
        if engine == Engine::Sec2 && self.state.sec2_prepared {
            return Ok(Program::Sec2Rtos);
        }
        let falcon = self.state.falcon(engine);
        let Some(block) = falcon.block_at(falcon.bootvec) else {
            let bootvec = falcon.bootvec;
            return Err(format!("no code is loaded at BOOTVEC {bootvec:#x}"));
        };
        if let Some(loader) = self.loader_at(engine, block * BLOCK_SIZE) {
            self.fetch(engine, loader)?;
            return self.known_program(engine, Ucode::verify_loaded);
        }
        self.known_program(engine, Ucode::verify)
    }

    /// The signed program whose code is loaded, if it passes `verify`.
    fn known_program(
        &mut self,
        engine: Engine,
        verify: fn(&Ucode, &Falcon, Engine, &Fuses) -> Result<(), String>,
    ) -> Result<Program, String> {
        let falcon = match engine {
            Engine::Gsp => &self.state.gsp,
            Engine::Sec2 => &self.state.sec2,
        };
        let released = self.firmware.all().iter().enumerate();
        let released = released.flat_map(|(of, firmware)| {
            let scrubber = firmware.scrubber.as_ref();
            let load = firmware.booter_load.as_ref();
            let unload = firmware.booter_unload.as_ref();
            [
                load.map(|load| (Program::BooterLoad, of, load)),
                unload.map(|unload| (Program::BooterUnload, of, unload)),
                scrubber.map(|scrubber| (Program::Scrubber, of, scrubber)),
            ]
        });
        let fwsec = self.fwsec.as_ref();
        let signed = [
            fwsec.map(|fwsec| (Program::Fwsec, 0, &fwsec.ucode)),
            Some((Program::Acr, 0, &self.acr)),
        ];
        let known = signed
            .into_iter()
            .chain(released)
            .flatten()
            .find(|(.., ucode)| ucode.is_code_of(falcon));
        let Some((program, of, ucode)) = known else {
            return Err("the code that is loaded is not signed".into());
        };
        verify(ucode, falcon, engine, &self.fuses())
            .map_err(|reason| format!("{program:?}: {reason}"))?;
        if program == Program::BooterLoad {
            self.firmware.set_current(of);
        }
        Ok(program)
    }

    /// A falcon's program comes to its end.
    pub(super) fn halt(&mut self, engine: Engine) {
        let (program, since) = self.state.running[engine as usize];
        self.state.falcon(engine).halted = program != Program::Sec2Rtos;
        match program {
            Program::Nothing => {}
            Program::Fwsec => self.run_fwsec(),
            Program::BooterLoad => self.run_booter(),
            Program::BooterUnload => self.run_booter_unload(),
            Program::Scrubber => self.run_scrubber(),
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
