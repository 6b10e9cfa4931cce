// SPDX-License-Identifier: GPL-2.0

//! Start, halt and reset of the programs on falcons; and the GSP's interrupts to the CPU.

use std::time::Duration;

use nova_hw::falcon::BLOCK_SIZE;
use nova_hw::regs::falcon::FalconIrqstat;
use serde_json::{json, Value};

use super::{Gpu, Program};
use crate::block_id::{BlockId, FalconId};
use crate::blocks::falcon::Falcon;
use crate::bus::machine::Machine;
use crate::faults::Fault;
use crate::fuses::Fuses;
use crate::gsp_rm::controls::GSP_VECTOR;
use crate::gsp_rm::State;
use crate::images::ucode::Ucode;
use crate::programs::loader;
use crate::schedule::Event;

/// How long these steps take; the model's own values.
const NO_CODE: Duration = Duration::from_micros(10);
const FWSEC: Duration = Duration::from_millis(2);
const BOOTER: Duration = Duration::from_millis(5);
const ACR: Duration = Duration::from_millis(1);
const CORE_RESUME: Duration = Duration::from_millis(2);

impl<M: Machine> Gpu<M> {
    /// The GSP raises interrupts, and interrupts the CPU if none was pending.
    pub(super) fn raise(&mut self, interrupts: FalconIrqstat) {
        let gsp = &mut self.blocks.gsp.falcon;
        let before = gsp.interrupts_to_cpu();
        gsp.irqstat |= u32::from(interrupts);
        if before == 0 && gsp.interrupts_to_cpu() != 0 {
            self.interrupt();
        }
    }

    /// The GSP sends its interrupt to the tree, which a fault may delay or drop.
    pub(super) fn interrupt(&mut self) {
        if self.is_broken(Fault::NoInterrupt) {
            return;
        }
        match self.faults.interrupt_delay() {
            Some(by) => self.schedule.after(by, Event::DelayedInterrupt),
            None => self.announce(),
        }
    }

    /// The GSP's interrupt arrives in the tree.
    pub(super) fn announce(&mut self) {
        self.blocks.intr.pulse(GSP_VECTOR);
        self.announce_tree();
    }

    /// The interrupt tree, or what configuration space makes of it, may have changed: sends an MSI
    /// that is due, or drives the pin.
    pub(super) fn announce_tree(&mut self) {
        if self.config.has_msi() && self.blocks.intr.take_msi() {
            self.note(BlockId::Intr, "MSI", Value::Null);
            // An MSI is a write to memory, which needs bus mastering.
            if self.config.is_bus_master() {
                self.machine.interrupt();
            }
        }
        self.config.show_interrupt(self.blocks.intr.is_asserted());
        // The pin is a message on the link, and of a card that is gone the machine's end lets go.
        let pin = self.config.is_pin_asserted() && !self.is_gone();
        if pin != self.pin {
            self.pin = pin;
            self.note(BlockId::Intr, "INTx", json!({"asserted": pin}));
            self.machine.set_pin(pin);
        }
    }

    /// A falcon was reset, which ends its program.
    pub(super) fn end_program(&mut self, engine: FalconId) {
        let is_sequencing = self.is_sequencing();
        self.schedule.cancel(|event| match event {
            Event::Halt(other) => other == engine,
            Event::LibosStart
            | Event::LateReply
            | Event::RunSequencer
            | Event::InitDone
            | Event::GspRmEnd
            | Event::DelayedInterrupt
            | Event::SwitchTimeout { .. } => engine == FalconId::Gsp && !is_sequencing,
            Event::TargetMaskReleased
            | Event::FmcBooted
            | Event::LockdownReleased(_)
            | Event::FmcUnloaded => engine == FalconId::Gsp,
            Event::Timer(..) | Event::Turn | Event::Commands | Event::Room | Event::FspPacket => {
                false
            }
        });
        self.programs.running[engine as usize].0 = Program::Nothing;
        match engine {
            FalconId::Sec2 => self.programs.sec2_prepared = false,
            // GSP-RM survives the resets that its sequencer list asks for.
            FalconId::Gsp if !is_sequencing => self.programs.rm = None,
            FalconId::Gsp => {}
        }
    }

    pub(crate) fn is_sequencing(&self) -> bool {
        let state = self.programs.rm.as_ref().map(|rm| rm.state);
        state == Some(State::Sequencer)
    }

    /// Starts the program that is loaded in a falcon.
    pub(super) fn start_program(&mut self, engine: FalconId) {
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
            Program::Sec2Rtos => CORE_RESUME,
        };
        self.programs.running[engine as usize] = (program, self.schedule.now());
        let falcon = self.blocks.falcon_mut(engine);
        falcon.used |= program != Program::Nothing;
        let hangs = falcon.dma_stuck || self.is_broken(Fault::NeverHalts(engine));
        if !hangs || program == Program::Nothing {
            self.schedule.after(time, Event::Halt(engine));
        }
    }

    /// Identifies the program that is loaded in a falcon; an error says why it may not run.
    fn identify(&mut self, engine: FalconId) -> Result<Program, String> {
        if engine == FalconId::Sec2 && self.programs.sec2_prepared {
            return Ok(Program::Sec2Rtos);
        }
        let falcon = self.blocks.falcon(engine);
        let Some(block) = falcon.block_at(falcon.bootvec) else {
            let bootvec = falcon.bootvec;
            return Err(format!("no code is loaded at BOOTVEC {bootvec:#x}"));
        };
        if let Some(descriptor) = loader::find(falcon, &self.firmware, block * BLOCK_SIZE) {
            let (blocks, mut wires) = self.wired(engine.block());
            loader::run(blocks.falcon_mut(engine), &mut wires, engine, descriptor)?;
            return self.known_program(engine, Ucode::verify_loaded);
        }
        self.known_program(engine, Ucode::verify)
    }

    /// The signed program whose code is loaded, if it passes `verify`.
    fn known_program(
        &mut self,
        engine: FalconId,
        verify: fn(&Ucode, &Falcon, FalconId, &Fuses) -> Result<(), String>,
    ) -> Result<Program, String> {
        let falcon = self.blocks.falcon(engine);
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
        verify(ucode, falcon, engine, &self.blocks.fuse.burnt(&self.faults))
            .map_err(|reason| format!("{program:?}: {reason}"))?;
        if program == Program::BooterLoad {
            self.firmware.set_current(of);
        }
        Ok(program)
    }

    /// A falcon's program comes to its end.
    pub(super) fn halt(&mut self, engine: FalconId) {
        let (program, since) = self.programs.running[engine as usize];
        self.blocks.falcon_mut(engine).halted = program != Program::Sec2Rtos;
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
        let mailboxes = self.blocks.falcon_mut(engine).mailbox;
        self.trace.slice(
            since,
            now,
            engine.block(),
            &format!("{program:?}"),
            json!({"mailboxes": mailboxes}),
        );
    }
}
