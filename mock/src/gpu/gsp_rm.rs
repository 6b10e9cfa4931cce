// SPDX-License-Identifier: GPL-2.0

//! The effects of libos and GSP-RM on the card, from start to unload.

use std::time::Duration;

use nova_hw::abi::{event, function};
use nova_hw::gsp::MAILBOX0_LIBOS_SUSPENDED;
use nova_hw::regs::falcon::FalconIrqstat;
use serde_json::{json, Value};

use super::{Gpu, Windows};
use crate::block_id::BlockId;
use crate::bus::config::NO_BUS_MASTER;
use crate::bus::machine::Machine;
use crate::faults::Fault;
use crate::gsp_rm::libos::{check_heap, Libos};
use crate::gsp_rm::notice::{self, Notice};
use crate::gsp_rm::queue::{Message, Queues};
use crate::gsp_rm::suspend::Started;
use crate::gsp_rm::{sequencer, Card, GspRm, Next, State};
use crate::schedule::Event;

/// How long these steps take; the model's own values.
const LIBOS: Duration = Duration::from_millis(2);
const START: Duration = Duration::from_millis(5);
const FINISH: Duration = Duration::from_millis(5);
const END: Duration = Duration::from_millis(2);
const TEARDOWN: Duration = Duration::from_millis(2);

impl<M: Machine> Gpu<M> {
    /// The RISC-V core runs: libos starts next.
    pub(crate) fn schedule_libos(&mut self) {
        self.schedule.after(LIBOS, Event::LibosStart);
    }

    /// libos reads its arguments and starts GSP-RM.
    pub(crate) fn start_libos(&mut self) {
        if let Err(reason) = self.try_start_libos() {
            self.refuse(BlockId::Gsp, reason);
        }
    }

    fn try_start_libos(&mut self) -> Result<(), String> {
        if let Some(suspended) = self.programs.suspended.take() {
            return self.try_resume(suspended);
        }
        let meta = self.programs.meta.ok_or("there is no GSP-RM in WPR2")?;
        if !self.config.is_bus_master() {
            return Err(NO_BUS_MASTER.into());
        }
        let release = self.firmware.gsp.release;
        check_heap(self.parts.chip, release, &meta)?;
        let [low, high] = self.blocks.gsp.falcon.mailbox;
        let in_mailboxes = u64::from(high) << 32 | u64::from(low);
        let address = self.programs.libos_arguments.unwrap_or(in_mailboxes);
        let libos = Libos::start(&self.machine, &release.arguments, address)?;
        libos.write_logs(&mut self.machine, self.schedule.now())?;
        if !libos.unlisted.is_empty() {
            self.note(
                BlockId::Gsp,
                "logs without page list",
                json!({"logs": libos.unlisted}),
            );
        }
        if libos.resumes {
            return Err("RMARGS ask for a resume, but nothing was suspended".into());
        }
        let queues = Queues::link(&mut self.machine, &libos.queues)?;
        // Those of a GSP-RM that has crashed are gone.
        self.forget_channels();
        self.windows = Windows::default();
        let mut rm = GspRm::new(release, queues, address);
        rm.started = Started {
            arguments: libos.arguments,
            queues: libos.queues,
        };
        self.programs.rm = Some(rm);
        self.ended(BlockId::Gsp, "bootloader and libos", LIBOS);
        self.note(
            BlockId::Gsp,
            "GSP-RM started",
            json!({"libos arguments": address}),
        );
        self.serve_commands();
        Ok(())
    }

    /// GSP-RM handles the driver's commands. Its messages must be in the status queue before it
    /// takes the next command.
    pub(crate) fn serve_commands(&mut self) {
        while self.flush_queue() && self.serve_command() {}
    }

    /// GSP-RM handles one command. Returns whether there was one.
    fn serve_command(&mut self) -> bool {
        let Some(rm) = self
            .programs
            .rm
            .as_mut()
            .filter(|rm| rm.state != State::Dead)
        else {
            return false;
        };
        match rm.queues.receive(&mut self.machine, &self.faults) {
            Ok(Some(message)) => self.serve_message(message),
            Ok(None) => return false,
            Err(reason) => {
                self.refuse(BlockId::Gsp, reason);
                return false;
            }
        }
        true
    }

    /// GSP-RM handles a command, or what was none.
    pub(crate) fn serve_message(&mut self, message: Result<Message, String>) {
        let Some(rm) = &mut self.programs.rm else {
            return;
        };
        let mut effects = Vec::new();
        let result = message.and_then(|message| {
            let name = rm
                .release
                .message_name(message.function)
                .unwrap_or("unknown");
            self.trace.instant(
                self.schedule.now(),
                BlockId::Gsp,
                name,
                json!({"bytes": message.payload.len(), "sequence": message.sequence}),
            );
            if message.function == function::FREE && self.faults.has(Fault::ListBeforeFree) {
                self.faults.end(Fault::ListBeforeFree);
                rm.notify(event::GSP_RUN_CPU_SEQUENCER, 0, sequencer::pause());
            }
            let meta = self.programs.meta.unwrap_or_default();
            let card = Card {
                chip: self.parts.chip,
                config: &self.config,
                meta: &meta,
                faults: &self.faults,
            };
            let next = rm.handle(&card, message);
            if let Some(by) = rm.lateness() {
                self.schedule.after(by, Event::LateReply);
            }
            effects = rm.take_effects();
            self.faults.end_alloc_refused(rm.allocations);
            next
        });
        // The answer has not been written yet.
        for effect in effects {
            self.apply(effect);
        }
        match result {
            Ok(Next::Wait) => {}
            Ok(Next::Start) if self.parts.chip.boots_through_fsp() => {
                self.schedule.after(START, Event::InitDone);
            }
            Ok(Next::Start) if self.is_broken(Fault::NoSequencer) => {}
            Ok(Next::Start) => self.schedule.after(START, Event::RunSequencer),
            Ok(Next::End) if self.is_broken(Fault::NeverEnds) => {}
            Ok(Next::End) => self.schedule.after(END, Event::GspRmEnd),
            Ok(Next::Crash) => self.crash(),
            Err(reason) => self.refuse(BlockId::Gsp, reason),
        }
    }

    /// GSP-RM crashes: its processor halts, and the falcon says so.
    fn crash(&mut self) {
        self.stop_gsp();
        self.raise(FalconIrqstat::new().with_halt(true));
    }

    /// The GSP's processor stops.
    pub(super) fn stop_gsp(&mut self) {
        self.blocks.gsp.falcon.riscv.active = false;
        self.note(BlockId::Gsp, "the GSP stops", Value::Null);
    }

    /// GSP-RM sends the delayed answer.
    pub(crate) fn answer_late(&mut self) {
        if let Some(rm) = &mut self.programs.rm {
            rm.answer_late();
            self.flush_queue();
        }
    }

    /// Number of allocations that GSP-RM was asked for since its start.
    pub(super) fn allocations(&self) -> u64 {
        self.programs.rm.as_ref().map_or(0, |rm| rm.allocations)
    }

    /// The objects of GSP-RM, a line for each; `None` if GSP-RM does not run.
    pub fn objects(&self) -> Option<String> {
        let runs = self.blocks.gsp.falcon.riscv.active;
        let rm = self.programs.rm.as_ref().filter(|_| runs)?;
        (rm.state == State::Ready).then(|| rm.objects.to_string())
    }

    /// Has GSP-RM send an event; a channel that it reports is stopped. Returns whether GSP-RM runs.
    pub fn report(&mut self, notice: &Notice) -> bool {
        if let &Notice::RcTriggered { xid, channel, .. } = notice {
            self.stop_channel(channel, xid);
        }
        let runs = self.blocks.gsp.falcon.riscv.active;
        match self.programs.rm.as_mut().filter(|_| runs) {
            Some(rm) if rm.state == State::Ready => {
                let (function, payload) = notice.message(rm.release);
                rm.notify(function, 0, payload);
                self.flush_queue();
                true
            }
            _ => false,
        }
    }

    /// GSP-RM writes the waiting messages that fit into the status queue, and interrupts the CPU.
    /// Returns whether GSP-RM runs and no message is left waiting.
    fn flush_queue(&mut self) -> bool {
        if self.programs.rm.is_none() || !self.gsp_runs() || !self.reaches_memory(BlockId::Gsp) {
            return false;
        }
        let Some(rm) = &mut self.programs.rm else {
            return false;
        };
        let written = match rm.queues.flush(&mut self.machine, &self.faults) {
            Ok(written) => written,
            Err(reason) => {
                self.refuse(BlockId::Gsp, reason);
                return false;
            }
        };
        // GSP-RM is not notified when the driver has read messages, so it polls.
        self.schedule.cancel(|event| event == Event::Room);
        let pause = rm.pause(written);
        if let Some(pause) = pause {
            self.schedule.after(pause, Event::Room);
        }
        if written {
            self.raise(FalconIrqstat::new().with_swgen0(true));
        }
        pause.is_none()
    }

    /// SEC2 has started GSP-RM's core again.
    pub(super) fn finish_core_resume(&mut self) {
        if let Some(rm) = &mut self.programs.rm {
            rm.state = State::Finishing;
        }
        self.schedule.after(FINISH, Event::InitDone);
    }

    pub(crate) fn run_sequencer(&mut self) {
        let (Some(rm), Some(meta)) = (&mut self.programs.rm, &self.programs.meta) else {
            return;
        };
        let address = meta.non_wpr_heap_offset;
        self.vram.write(address, &sequencer::image(&self.acr));
        rm.state = State::Sequencer;
        rm.notify_all(notice::lockdown(rm.release));
        let payload = sequencer::payload(&self.acr, address, &self.faults);
        rm.notify(event::GSP_RUN_CPU_SEQUENCER, 0, payload);
        self.ended(BlockId::Gsp, "GSP-RM starts", START);
        self.note(BlockId::Gsp, "GSP_RUN_CPU_SEQUENCER", Value::Null);
        self.flush_queue();
    }

    pub(crate) fn finish_init(&mut self) {
        let state = self.programs.rm.as_ref().map(|rm| rm.state);
        let resumes = matches!(state, Some(State::Resuming(_)));
        if resumes && self.must_still_resume() {
            return;
        }
        let now = self.schedule.now();
        if let Some(rm) = &mut self.programs.rm {
            rm.notify_all(notice::before_init_done(rm.release, now));
        }
        if self.is_broken(Fault::InitCrash) {
            self.flush_queue();
            return self.crash();
        }
        if self.is_broken(Fault::NoInitDone) {
            self.flush_queue();
            return;
        }
        match self.programs.meta {
            Some(meta) if resumes => self.bind_windows_again(&meta),
            Some(meta) => self.bind_windows(&meta),
            None => {}
        }
        if let Some(rm) = &mut self.programs.rm {
            rm.init_done(&self.faults);
            let (noted, version) = (
                self.blocks.gsp.falcon.os,
                self.firmware.bootloader.app_version,
            );
            let args = json!({"FALCON_OS": noted, "version of the bootloader": version});
            if !resumes {
                self.ended(BlockId::Gsp, "GSP-RM finishes", FINISH);
            }
            self.note(BlockId::Gsp, "GSP_INIT_DONE", args);
            self.fail_after_boot();
            self.serve_commands();
            self.schedule_turn();
        }
    }

    /// GSP-RM ends: after an unload, or after a suspend, which keeps it.
    pub(crate) fn end_gsp_rm(&mut self) {
        self.blocks.gsp.falcon.mailbox[0] = MAILBOX0_LIBOS_SUSPENDED;
        self.keep_if_suspended();
        self.programs.rm = None;
        self.forget_channels();
        self.windows = Windows::default();
        self.unloads += 1;
        match self.parts.chip.boots_through_fsp() {
            true => self.schedule.after(TEARDOWN, Event::FmcUnloaded),
            false => self.blocks.gsp.falcon.riscv.active = false,
        }
        self.ended(BlockId::Gsp, "GSP-RM ends", END);
    }
}
