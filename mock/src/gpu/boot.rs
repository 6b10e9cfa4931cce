// SPDX-License-Identifier: GPL-2.0

//! What the card's programs do to the card: FWSEC, booter, libos and GSP-RM, in the order of a boot.

use std::ops::Range;
use std::time::Duration;

use nova_hw::abi::{event, GspFwWprMeta};
use nova_hw::gsp::MAILBOX0_LIBOS_SUSPENDED;
use nova_hw::regs::falcon::FalconIrqstat;
use nova_hw::regs::riscv::CoreSelect;
use serde_json::{json, Value};

use super::Gpu;
use crate::block_id::BlockId;
use crate::bus::config::NO_BUS_MASTER;
use crate::bus::host::Host;
use crate::faults::Fault;
use crate::gsp_rm::libos::{check_heap, Libos};
use crate::gsp_rm::notice::Notice;
use crate::gsp_rm::queue::Queues;
use crate::gsp_rm::sequencer;
use crate::gsp_rm::{Card, GspRm, Next, State};
use crate::programs::booter::{self, FrameBuffer, Refused};
use crate::programs::fwsec::Command;
use crate::schedule::Event;

/// How long things take.
const LIBOS: Duration = Duration::from_millis(2);
const START: Duration = Duration::from_millis(5);
const FINISH: Duration = Duration::from_millis(5);
const SUSPEND: Duration = Duration::from_millis(2);
const TEARDOWN: Duration = Duration::from_millis(2);

/// Bytes at the end of the frame buffer that GFW scrubs.
///
/// Source: open-gpu-kernel-modules 570, `kgspGetPrescrubbedTopFbSize_TU102` in kernel_gsp_tu102.c.
const SCRUBBED_BY_GFW: u64 = 256 << 20;

/// Code that FWSEC leaves where it cannot do what it is told; the model's own, as the real ones
/// are not public.
const FWSEC_ERROR: u16 = 1;

impl<H: Host> Gpu<H> {
    pub(crate) fn run_fwsec(&mut self) {
        let Some(fwsec) = &self.fwsec else {
            return;
        };
        match fwsec.command(&self.blocks.gsp.falcon.dmem) {
            Ok(Command::Frts(region)) => self.run_frts(region),
            Ok(Command::Sb) => {
                let code = self.faults.sb_error().unwrap_or(0);
                self.blocks.pbus.set_sb_error(code);
            }
            Err(reason) => {
                self.blocks.pbus.set_frts_error(FWSEC_ERROR);
                self.blocks.pbus.set_sb_error(FWSEC_ERROR);
                self.refuse(BlockId::Gsp, reason);
            }
        }
    }

    fn run_frts(&mut self, region: Range<u64>) {
        let mut result = Ok(region.clone());
        if let Some(wpr2) = &self.blocks.pfb.wpr2 {
            result = Err((FWSEC_ERROR, format!("FRTS while WPR2 is up at {wpr2:#x?}")));
        } else if region.end > self.vram.size() {
            result = Err((
                FWSEC_ERROR,
                format!("FRTS at {region:#x?}, outside of the frame buffer"),
            ));
        }
        if let Some(code) = self.faults.frts_error() {
            result = Err((code, "fault: FRTS fails".into()));
        }
        if let Some(by) = self.faults.frts_misplaced() {
            let start = region.start.wrapping_add_signed(by);
            result = Ok(start..start + (region.end - region.start));
        }
        if self.is_broken(Fault::FrtsSilent) {
            return self.blocks.pbus.set_frts_error(0);
        }
        match result {
            Ok(wpr2) => {
                self.note(
                    BlockId::Pfb,
                    "WPR2 for FRTS",
                    json!({"start": wpr2.start, "end": wpr2.end}),
                );
                self.blocks.pfb.wpr2 = Some(wpr2);
                self.blocks.pbus.set_frts_error(0);
            }
            Err((code, reason)) => {
                self.blocks.pbus.set_frts_error(code);
                self.refuse(BlockId::Gsp, reason);
            }
        }
    }

    pub(crate) fn run_booter(&mut self) {
        let [low, high] = self.blocks.sec2.falcon.mailbox;
        let address = u64::from(high) << 32 | u64::from(low);
        let result = match self.gsp_is_fresh() {
            Err(reason) => booter::refuse(booter::Code::Busy, reason),
            Ok(()) if !self.config.is_bus_master() => {
                booter::refuse(booter::Code::Metadata, NO_BUS_MASTER)
            }
            Ok(()) => booter::load(&self.host, address, &self.firmware, &self.frame_buffer()),
        };
        match (result, self.faults.booter_error()) {
            (_, Some(code)) => self.blocks.sec2.falcon.mailbox = [code, 0],
            (Ok(meta), None) => {
                self.blocks.sec2.falcon.mailbox = [0; 2];
                self.accept(&meta);
            }
            (Err(Refused { code, reason }), None) => {
                self.blocks.sec2.falcon.mailbox = [code as u32, 0];
                self.refuse(BlockId::Sec2, reason);
            }
        }
    }

    /// Whether the GSP is as its reset leaves it, which is how GSP-RM is to be started and resumed.
    ///
    /// Which core is selected does not matter, though nvidia.ko and nouveau select RISC-V: Linux'
    /// nova-core selects the falcon, and GSP-RM starts.
    ///
    /// Source: open-gpu-kernel-modules 595.45, `kgspBootstrap_TU102` in kernel_gsp_tu102.c and
    /// `kgspExecuteCoreResume_TU102` in kernel_gsp_falcon_tu102.c; Linux 7.3,
    /// drivers/gpu/nova-core/gsp/hal/tu102.rs and gsp/sequencer.rs. All reset the GSP first.
    fn gsp_is_fresh(&self) -> Result<(), &'static str> {
        match &self.blocks.gsp.falcon {
            gsp if gsp.riscv.active => Err("the GSP's RISC-V core is running"),
            gsp if gsp.used => Err("the GSP was not reset after the program that ran on it"),
            _ => Ok(()),
        }
    }

    fn frame_buffer(&self) -> FrameBuffer {
        let size = self.vram.size();
        let scrubbed = match self.parts.chip.has_scrubber() && !self.blocks.pgc6.scrubbed {
            true => SCRUBBED_BY_GFW,
            false => size,
        };
        FrameBuffer {
            size,
            scrubbed,
            has_frts: self.parts.chip.has_frts(),
            wpr2: self.blocks.pfb.wpr2.clone(),
        }
    }

    /// The scrubber clears all of the frame buffer.
    pub(crate) fn run_scrubber(&mut self) {
        self.blocks.pgc6.scrubbed = true;
        self.blocks.sec2.falcon.mailbox[0] = 0;
    }

    /// Booter has found all in order.
    fn accept(&mut self, meta: &GspFwWprMeta) {
        let wpr2 = meta.gsp_fw_wpr_start..meta.gsp_fw_wpr_end;
        self.vram.write(wpr2.start, &booter::verified(meta));
        self.note(
            BlockId::Pfb,
            "WPR2",
            json!({"start": wpr2.start, "end": wpr2.end}),
        );
        self.blocks.pfb.wpr2 = Some(wpr2);
        self.programs.meta = Some(*meta);
        self.blocks.pgc6.handoff = false;
        if !self.is_broken(Fault::RiscvNeverActive) {
            self.start_riscv();
            self.schedule_libos();
        }
    }

    pub(crate) fn schedule_libos(&mut self) {
        self.schedule.after(LIBOS, Event::LibosStart);
    }

    pub(crate) fn start_riscv(&mut self) {
        let riscv = &mut self.blocks.gsp.falcon.riscv;
        riscv.core = CoreSelect::Riscv;
        riscv.core_valid = true;
        riscv.active = true;
        riscv.irqmask = FalconIrqstat::new()
            .with_halt(true)
            .with_swgen0(true)
            .into();
        self.note(BlockId::Gsp, "RISC-V active", Value::Null);
    }

    pub(crate) fn run_booter_unload(&mut self) {
        let is_active = self.blocks.gsp.falcon.riscv.active;
        let mailbox = self.blocks.sec2.falcon.mailbox;
        let result = booter::unload(mailbox, self.blocks.pfb.wpr2.as_ref(), is_active);
        if let Some(code) = self.faults.booter_unload_error() {
            self.blocks.sec2.falcon.mailbox = [code, 0];
            return;
        }
        if self.is_broken(Fault::BooterUnloadSilent) {
            self.blocks.sec2.falcon.mailbox = [0; 2];
            return;
        }
        match result {
            Ok(()) => {
                self.blocks.sec2.falcon.mailbox = [0; 2];
                self.blocks.pfb.wpr2 = None;
                self.programs.meta = None;
                self.programs.rm = None;
                self.note(BlockId::Pfb, "WPR2 removed", Value::Null);
            }
            Err(Refused { code, reason }) => {
                self.blocks.sec2.falcon.mailbox = [code as u32, 0];
                self.refuse(BlockId::Sec2, reason);
            }
        }
    }

    /// The program that GSP-RM has the sequencer run: it prepares SEC2.
    pub(crate) fn run_acr(&mut self) {
        if !self.is_sequencing() {
            self.refuse(BlockId::Gsp, "GSP-RM has not asked for this program");
            return;
        }
        self.blocks.gsp.falcon.mailbox[0] = 0;
        self.programs.sec2_prepared = true;
        self.blocks.sec2.falcon.alias_en = true;
    }

    /// SEC2 resumes GSP-RM.
    pub(crate) fn run_sec2_rtos(&mut self) {
        let [low, high] = self.blocks.gsp.falcon.mailbox;
        let address = u64::from(high) << 32 | u64::from(low);
        let expected = self.programs.rm.as_ref().map(|rm| rm.libos_address);
        let mut error = match expected {
            Some(expected) if !self.is_sequencing() => {
                Some((1, format!("GSP-RM is not to be resumed at {expected:#x}")))
            }
            Some(expected) if expected != address => Some((
                1,
                format!("the GSP's mailboxes are {address:#x}, not {expected:#x}"),
            )),
            Some(_) => self.gsp_is_fresh().err().map(|reason| (1, reason.into())),
            None => Some((1, "there is no GSP-RM to resume".into())),
        };
        if self.is_broken(Fault::ResumeNeverDone) {
            return;
        }
        if let Some(code) = self.faults.resume_error() {
            error = Some((code, "fault: resume fails".into()));
        }
        self.blocks.sec2.falcon.mailbox[0] = 0;
        self.blocks.pgc6.handoff = true;
        if let Some((code, reason)) = error {
            self.blocks.sec2.falcon.mailbox[0] = code;
            self.refuse(BlockId::Sec2, reason);
            return;
        }
        self.start_riscv();
        if let Some(rm) = &mut self.programs.rm {
            rm.state = State::Resumed;
        }
        self.schedule.after(FINISH, Event::InitDone);
    }

    /// libos reads its arguments and starts GSP-RM.
    pub(crate) fn start_libos(&mut self) {
        if let Err(reason) = self.try_start_libos() {
            self.refuse(BlockId::Gsp, reason);
        }
    }

    fn try_start_libos(&mut self) -> Result<(), String> {
        let meta = self.programs.meta.ok_or("there is no GSP-RM in WPR2")?;
        if !self.config.is_bus_master() {
            return Err(NO_BUS_MASTER.into());
        }
        let release = self.firmware.gsp.release;
        check_heap(self.parts.chip, release, &meta)?;
        let [low, high] = self.blocks.gsp.falcon.mailbox;
        let in_mailboxes = u64::from(high) << 32 | u64::from(low);
        let address = self.programs.libos_arguments.unwrap_or(in_mailboxes);
        let libos = Libos::start(&self.host, &release.arguments, address)?;
        libos.write_logs(&mut self.host, self.schedule.now())?;
        if libos.resumes {
            return Err("RMARGS ask for a resume, but nothing was suspended".into());
        }
        let queues = Queues::link(&mut self.host, &libos.queues)?;
        self.programs.rm = Some(GspRm::new(release, queues, address));
        self.ended(BlockId::Gsp, "bootloader and libos", LIBOS);
        self.note(
            BlockId::Gsp,
            "GSP-RM started",
            json!({"libos arguments": address}),
        );
        self.serve_commands();
        Ok(())
    }

    /// GSP-RM takes what the driver has sent. What it has to say must be in its queue before it
    /// takes the next command.
    pub(crate) fn serve_commands(&mut self) {
        while self.flush_queue() && self.serve_command() {}
    }

    /// GSP-RM takes a command. Tells whether there was one.
    fn serve_command(&mut self) -> bool {
        let Some(rm) = self
            .programs
            .rm
            .as_mut()
            .filter(|rm| rm.state != State::Dead)
        else {
            return false;
        };
        let Some(message) = rm.queues.receive(&mut self.host, &self.faults) else {
            return false;
        };
        let result = message.and_then(|message| {
            let name = (rm.release.message_name)(message.function).unwrap_or("unknown");
            self.trace.instant(
                self.schedule.now(),
                BlockId::Gsp,
                name,
                json!({"bytes": message.payload.len(), "sequence": message.sequence}),
            );
            let meta = self.programs.meta.unwrap_or_default();
            let card = Card {
                chip: self.parts.chip,
                config: &self.config,
                meta: &meta,
                faults: &self.faults,
            };
            rm.handle(&card, message)
        });
        match result {
            Ok(Next::Wait) => {}
            Ok(Next::Start) if self.parts.chip.boots_through_fsp() => {
                self.schedule.after(START, Event::InitDone);
            }
            Ok(Next::Start) if self.is_broken(Fault::NoSequencer) => {}
            Ok(Next::Start) => self.schedule.after(START, Event::RunSequencer),
            Ok(Next::Suspend) if self.is_broken(Fault::NeverSuspends) => {}
            Ok(Next::Suspend) => self.schedule.after(SUSPEND, Event::Suspended),
            Ok(Next::Crash) => self.crash(),
            Err(reason) => self.refuse(BlockId::Gsp, reason),
        }
        true
    }

    /// GSP-RM comes upon something that it does not survive: its processor halts.
    fn crash(&mut self) {
        self.blocks.gsp.falcon.riscv.active = false;
        self.raise(FalconIrqstat::new().with_halt(true));
        self.note(BlockId::Gsp, "GSP-RM crashes", Value::Null);
    }

    /// The objects of GSP-RM, a line for each; `None` where it does not run.
    pub fn objects(&self) -> Option<String> {
        let runs = self.blocks.gsp.falcon.riscv.active;
        let rm = self.programs.rm.as_ref().filter(|_| runs)?;
        (rm.state == State::Ready).then(|| rm.objects.to_string())
    }

    /// Has GSP-RM report something. Tells whether it runs.
    pub fn report(&mut self, notice: &Notice) -> bool {
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

    /// GSP-RM writes what it has to say and there is room for, and announces it. Tells whether that
    /// was all, and it runs.
    fn flush_queue(&mut self) -> bool {
        if self.programs.rm.is_none() || !self.gsp_runs() || !self.reaches_memory(BlockId::Gsp) {
            return false;
        }
        let Some(rm) = &mut self.programs.rm else {
            return false;
        };
        let written = match rm.queues.flush(&mut self.host, &self.faults) {
            Ok(written) => written,
            Err(reason) => {
                self.refuse(BlockId::Gsp, reason);
                return false;
            }
        };
        // Nobody tells when the driver has read.
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

    pub(crate) fn run_sequencer(&mut self) {
        let (Some(rm), Some(meta)) = (&mut self.programs.rm, &self.programs.meta) else {
            return;
        };
        let address = meta.non_wpr_heap_offset;
        self.vram.write(address, &sequencer::image(&self.acr));
        rm.state = State::Sequencer;
        let payload = sequencer::payload(&self.acr, address, &self.faults);
        rm.notify(event::GSP_RUN_CPU_SEQUENCER, 0, payload);
        self.ended(BlockId::Gsp, "GSP-RM starts", START);
        self.note(BlockId::Gsp, "GSP_RUN_CPU_SEQUENCER", Value::Null);
        self.flush_queue();
    }

    pub(crate) fn finish_init(&mut self) {
        if self.is_broken(Fault::NoInitDone) {
            return;
        }
        if let Some(rm) = &mut self.programs.rm {
            rm.init_done(&self.faults);
            let (noted, version) = (
                self.blocks.gsp.falcon.os,
                self.firmware.bootloader.app_version,
            );
            let args = json!({"FALCON_OS": noted, "version of the bootloader": version});
            self.ended(BlockId::Gsp, "GSP-RM finishes", FINISH);
            self.note(BlockId::Gsp, "GSP_INIT_DONE", args);
            self.serve_commands();
        }
    }

    pub(crate) fn suspend(&mut self) {
        self.blocks.gsp.falcon.mailbox[0] = MAILBOX0_LIBOS_SUSPENDED;
        self.programs.rm = None;
        self.unloads += 1;
        match self.parts.chip.boots_through_fsp() {
            true => self.schedule.after(TEARDOWN, Event::FmcEnds),
            false => self.blocks.gsp.falcon.riscv.active = false,
        }
        self.ended(BlockId::Gsp, "GSP-RM suspends", SUSPEND);
    }
}
