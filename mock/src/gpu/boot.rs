// SPDX-License-Identifier: GPL-2.0

//! The effects on the card of the programs on falcons, once their checks have passed: FWSEC, booter
//! and the programs of the CPU sequencer. [`gsp_rm`](super::gsp_rm) continues where libos starts.

use std::ops::Range;

use nova_hw::abi::GspFwWprMeta;
use nova_hw::regs::falcon::FalconIrqstat;
use nova_hw::regs::riscv::CoreSelect;
use serde_json::{json, Value};

use super::Gpu;
use crate::block_id::BlockId;
use crate::bus::config::NO_BUS_MASTER;
use crate::bus::machine::Machine;
use crate::faults::Fault;
use crate::programs::booter::{self, FrameBuffer, Refused, Unload};
use crate::programs::fwsec::Command;
use crate::programs::suspend;

/// Bytes at the end of the frame buffer that GFW scrubs.
///
/// Source: open-gpu-kernel-modules 570, `kgspGetPrescrubbedTopFbSize_TU102` in kernel_gsp_tu102.c.
const SCRUBBED_BY_GFW: u64 = 256 << 20;

/// Error code of FWSEC when it refuses its command; the model's own value, as the real ones are not
/// public.
const FWSEC_ERROR: u16 = 1;

impl<M: Machine> Gpu<M> {
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
        // "unexpected WPR2 already up, cannot proceed with booting GSP": nvidia.ko and users' logs
        // (open-gpu-kernel-modules issues 876 and 1230).
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
        if let Some(code) = self.faults.booter_error() {
            self.blocks.sec2.falcon.mailbox = [code, 0];
            return;
        }
        if self.config.is_bus_master() && suspend::is_metadata(&self.machine, address) {
            let result = self.restore_wpr2(address);
            return self.end_booter(result, Self::start_again);
        }
        let result = match self.gsp_is_fresh() {
            Err(reason) => booter::refuse(booter::Code::Busy, reason),
            Ok(()) if !self.config.is_bus_master() => {
                booter::refuse(booter::Code::Metadata, NO_BUS_MASTER)
            }
            Ok(()) => booter::load(&self.machine, address, &self.firmware, &self.frame_buffer()),
        };
        self.end_booter(result, |card, meta| card.accept(&meta));
    }

    /// Booter ends with its result in the mailbox, and `succeed` follows if it has succeeded.
    fn end_booter<T>(&mut self, result: Result<T, Refused>, succeed: impl FnOnce(&mut Self, T)) {
        match result {
            Ok(done) => {
                self.blocks.sec2.falcon.mailbox = [0; 2];
                succeed(self, done);
            }
            Err(Refused { code, reason }) => {
                self.blocks.sec2.falcon.mailbox = [code as u32, 0];
                self.refuse(BlockId::Sec2, reason);
            }
        }
    }

    /// Checks that the GSP has run nothing since its reset, which starting GSP-RM and `CORE_RESUME`
    /// require.
    ///
    /// The selected core is not checked: nvidia.ko and nouveau select RISC-V, Linux' nova-core
    /// selects the falcon, and GSP-RM starts with either.
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

    /// Booter's checks have passed.
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
        self.programs.suspended = None;
        self.saved = None;
        self.blocks.pgc6.handoff = false;
        if !self.is_broken(Fault::RiscvNeverActive) {
            self.start_riscv();
            self.schedule_libos();
        }
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
        let is_suspended = self.programs.suspended.is_some();
        let wpr2 = self.blocks.pfb.wpr2.as_ref();
        let result = booter::unload(mailbox, wpr2, is_active, is_suspended);
        if let Some(code) = self.faults.booter_unload_error() {
            self.blocks.sec2.falcon.mailbox = [code, 0];
            return;
        }
        if self.is_broken(Fault::BooterUnloadSilent) {
            self.blocks.sec2.falcon.mailbox = [0; 2];
            return;
        }
        let result = result.and_then(|unload| match unload {
            Unload::Remove => Ok(()),
            Unload::Save(address) => self.save_wpr2(address),
        });
        match result {
            Ok(()) => {
                self.blocks.sec2.falcon.mailbox = [0; 2];
                self.blocks.pfb.wpr2 = None;
                self.programs.meta = None;
                self.programs.rm = None;
                self.programs.suspended = None;
                self.note(BlockId::Pfb, "WPR2 removed", Value::Null);
            }
            Err(Refused { code, reason }) => {
                self.blocks.sec2.falcon.mailbox = [code as u32, 0];
                self.refuse(BlockId::Sec2, reason);
            }
        }
    }

    /// The program that the CPU sequencer runs for GSP-RM prepares SEC2.
    pub(crate) fn run_acr(&mut self) {
        if !self.is_sequencing() {
            self.refuse(BlockId::Gsp, "GSP-RM has not asked for this program");
            return;
        }
        self.blocks.gsp.falcon.mailbox[0] = 0;
        self.programs.sec2_prepared = true;
        self.blocks.sec2.falcon.alias_en = true;
    }

    /// SEC2 starts GSP-RM's core again, as `CORE_RESUME` of the CPU sequencer wants it.
    pub(crate) fn run_sec2_rtos(&mut self) {
        let [low, high] = self.blocks.gsp.falcon.mailbox;
        let address = u64::from(high) << 32 | u64::from(low);
        let expected = self.programs.rm.as_ref().map(|rm| rm.libos_address);
        let mut error = match expected {
            Some(expected) if !self.is_sequencing() => Some((
                1,
                format!("GSP-RM at {expected:#x} has not asked for CORE_RESUME"),
            )),
            Some(expected) if expected != address => Some((
                1,
                format!("the GSP's mailboxes are {address:#x}, not {expected:#x}"),
            )),
            Some(_) => self.gsp_is_fresh().err().map(|reason| (1, reason.into())),
            None => Some((1, "CORE_RESUME without GSP-RM".into())),
        };
        if self.is_broken(Fault::CoreResumeNeverDone) {
            return;
        }
        if let Some(code) = self.faults.core_resume_error() {
            error = Some((code, "fault: CORE_RESUME fails".into()));
        }
        self.blocks.sec2.falcon.mailbox[0] = 0;
        self.blocks.pgc6.handoff = true;
        if let Some((code, reason)) = error {
            self.blocks.sec2.falcon.mailbox[0] = code;
            self.refuse(BlockId::Sec2, reason);
            return;
        }
        self.start_riscv();
        self.finish_core_resume();
    }
}
