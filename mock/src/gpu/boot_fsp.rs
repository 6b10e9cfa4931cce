// SPDX-License-Identifier: GPL-2.0

//! The effects of the FSP and the FMC on the card, in the order of a boot;
//! [`gsp_rm`](super::gsp_rm) continues where libos starts.
//!
//! When the FSP accepts the FMC, the target mask closes the GSP's registers to the CPU. The FMC
//! opens the mask; the boot ROM's lockdown still hides most registers, until the FMC has read its
//! arguments and lifts it. When GSP-RM has ended, the FMC removes WPR2 and halts, and the GPU can
//! be booted again. While GSP-RM runs, the FSP refuses to boot it, and only a reset helps.
//!
//! Source: open-gpu-kernel-modules 570,
//! src/nvidia/src/kernel/gpu/gsp/arch/hopper/kernel_gsp_gh100.c (`kgspBootstrap_GH100`,
//! `kgspTeardown_GH100`), kernel_gsp.c (WPR2 must not be set up before a boot); Linux 7.3,
//! drivers/gpu/nova-core/gsp/hal/gh100.rs.

use std::time::Duration;

use nova_hw::fsp::NvdmType;
use serde_json::{json, Value};

use super::{Gpu, Saved};
use crate::block_id::BlockId;
use crate::blocks::falcon::Lock;
use crate::blocks::fsp::Message;
use crate::bus::machine::Machine;
use crate::faults::Fault;
use crate::programs::booter;
use crate::programs::chain_of_trust::{self, Accepted, Refused, INVALID_STATE, NOT_SUPPORTED};
use crate::programs::fmc::{self, Booted, Inputs};
use crate::schedule::Event;

/// How long these steps take; the model's own values.
const MASK: Duration = Duration::from_millis(1);
const FMC: Duration = Duration::from_millis(3);

/// From the FMC's success in the mailboxes to the end of the lockdown, and how often that is put off
/// while the driver is between a look at the one and a look at the other; the model's own values.
///
/// nouveau takes arguments that it has seen in the mailboxes for an error if it then finds that the
/// lockdown has ended (`gh100_gsp_lockdown_released`), so on cards the two lie further apart than
/// these reads. In a VM, any time can pass between two reads: the lockdown ends only outside such a
/// pair, but for a driver that never completes it.
const RELEASE: Duration = Duration::from_millis(1);
const RELEASE_PUT_OFF: u32 = 60_000;

/// Errors of the faults that a reset ends: the one of the FSP's other fault, and that of
/// open-gpu-kernel-modules issues 974 and 935.
const FLAKY_FSP: u32 = 0x9e;
const FLAKY_FMC: u32 = 0xb;

/// What the FMC has done.
enum Ran {
    Booted(Box<Booted>),
    Restored(Box<Saved>),
}

impl<M: Machine> Gpu<M> {
    /// The FSP looks for a packet, and answers a message that is complete.
    pub(crate) fn serve_fsp(&mut self) {
        if !self.signals.gfw_done {
            return self.refuse(BlockId::Fsp, "a message before the FSP is up");
        }
        let message = match self.blocks.fsp.take() {
            Ok(Some(message)) => message,
            Ok(None) => return,
            Err(reason) => return self.refuse(BlockId::Fsp, reason),
        };
        self.note(
            BlockId::Fsp,
            "message",
            json!({"NVDM type": message.nvdm_type}),
        );
        let (error, data) = match self.obey(&message) {
            Ok(data) => (0, data),
            Err((code, reason)) => {
                self.refuse(BlockId::Fsp, reason);
                (code, Vec::new())
            }
        };
        let response = chain_of_trust::response(message.nvdm_type, error, &data);
        self.answer(response);
    }

    /// Puts the answer into the queue, changed as the faults say.
    fn answer(&mut self, mut response: Vec<u8>) {
        if self.is_broken(Fault::FspSilent) {
            return;
        }
        for fault in self.faults.iter() {
            let Fault::FspReplyAt { offset, xor } = fault else {
                continue;
            };
            if let Some(word) = response.get_mut(offset..offset + 4) {
                for (byte, xor) in word.iter_mut().zip(xor.to_le_bytes()) {
                    *byte ^= xor;
                }
            }
        }
        if let Some(len) = self.faults.fsp_reply_length() {
            response.resize(len, 0);
        }
        self.blocks.fsp.put(&response);
    }

    fn obey(&mut self, message: &Message) -> Result<Vec<u8>, Refused> {
        if let Some(code) = self.faults.fsp_error() {
            return Err((code, "fault: the FSP refuses".into()));
        }
        let is_cot = message.nvdm_type == NvdmType::Cot as u8;
        if is_cot && self.is_broken(Fault::FspFlaky) {
            return Err((FLAKY_FSP, "fault: the FSP refuses until a reset".into()));
        }
        match message.nvdm_type {
            kind if kind == NvdmType::Prc as u8 => chain_of_trust::read_knob(&message.payload),
            kind if kind == NvdmType::Cot as u8 => {
                let accepted = self.verify(&message.payload)?;
                self.start_fmc(accepted);
                Ok(Vec::new())
            }
            kind => Err((NOT_SUPPORTED, format!("an NVDM message of type {kind:#x}"))),
        }
    }

    fn verify(&mut self, payload: &[u8]) -> Result<Accepted, Refused> {
        let cot = chain_of_trust::parse(payload)?;
        if self.blocks.gsp.falcon.riscv.active || self.blocks.pfb.wpr2.is_some() {
            let reason = "the GSP runs, or WPR2 is up: the GPU needs a reset";
            return Err((INVALID_STATE, reason.into()));
        }
        if !self.config.is_bus_master() {
            return Err((INVALID_STATE, "the card is no bus master".into()));
        }
        self.firmware.select(|firmware| {
            let fmc = firmware.fmc.as_ref();
            fmc.is_some_and(|fmc| fmc.hash == cot.hash384)
        });
        let Some(fmc) = &self.firmware.fmc else {
            return Err((NOT_SUPPORTED, "there is no FMC for this chip".into()));
        };
        chain_of_trust::verify(&self.machine, self.parts.chip, self.vram.size(), fmc, cot)
    }

    /// The FSP resets the GSP and has its boot ROM start the FMC.
    pub(super) fn start_fmc(&mut self, accepted: Accepted) {
        let frts = match &accepted.frts {
            Some(frts) => json!({"start": frts.start, "end": frts.end}),
            None => json!({"resume": true}),
        };
        self.note(BlockId::Fsp, "FMC accepted", frts);
        let gsp = &mut self.blocks.gsp.falcon;
        gsp.boot_riscv();
        let arguments = accepted.arguments;
        gsp.mailbox = [arguments as u32, (arguments >> 32) as u32];
        gsp.lock = Lock::TargetMask;
        self.programs.rm = None;
        self.programs.accepted = Some(accepted);
        self.schedule.cancel(|event| {
            matches!(
                event,
                Event::TargetMaskReleased
                    | Event::FmcBooted
                    | Event::LockdownReleased(_)
                    | Event::LibosStart
            )
        });
        self.schedule.after(MASK, Event::TargetMaskReleased);
    }

    /// The target mask opens the GSP's registers to the CPU; the boot ROM's lockdown remains.
    pub(crate) fn release_mask(&mut self) {
        self.blocks.gsp.falcon.lock = Lock::Lockdown;
        self.start_riscv();
        if !self.is_broken(Fault::LockdownNeverReleased) {
            self.schedule.after(FMC, Event::FmcBooted);
        }
    }

    /// The FMC has completed or failed.
    pub(crate) fn finish_fmc(&mut self) {
        let Some(accepted) = self.programs.accepted.take() else {
            return;
        };
        let flaky = self.is_broken(Fault::FmcFlaky).then_some(FLAKY_FMC);
        let result = match self.faults.fmc_error().or(flaky) {
            Some(code) => Err((code, "fault: the FMC fails".to_string())),
            None => self
                .run_fmc(accepted)
                .map_err(|refused| (refused.code as u32, refused.reason)),
        };
        self.blocks.gsp.falcon.mailbox = [0; 2];
        match result {
            Ok(Ran::Booted(booted)) => self.hand_over(*booted),
            Ok(Ran::Restored(saved)) => {
                self.ended(BlockId::Gsp, "FMC", FMC);
                self.put_back(*saved);
                self.lift_lockdown();
            }
            Err((code, reason)) => {
                self.blocks.gsp.falcon.mailbox[0] = code;
                self.blocks.gsp.falcon.riscv.active = false;
                self.refuse(BlockId::Gsp, reason);
            }
        }
    }

    fn run_fmc(&mut self, accepted: Accepted) -> Result<Ran, booter::Refused> {
        let arguments = accepted.arguments;
        let Some(frts) = accepted.frts else {
            let metadata = fmc::resume(&self.machine, arguments)?;
            return Ok(Ran::Restored(Box::new(self.restore_wpr2(metadata)?)));
        };
        let inputs = Inputs {
            memory: &self.machine,
            chip: self.parts.chip,
            firmware: &self.firmware,
            vram: self.vram.size(),
            frts,
            arguments,
        };
        Ok(Ran::Booted(Box::new(inputs.run()?)))
    }

    /// WPR2 is set up, with GSP-RM in it.
    fn hand_over(&mut self, booted: Booted) {
        let Booted { meta, wpr2, libos } = booted;
        let verified = booter::verified(&meta);
        self.vram.write(meta.gsp_fw_wpr_start, &verified);
        self.ended(BlockId::Gsp, "FMC", FMC);
        self.note(
            BlockId::Pfb,
            "WPR2",
            json!({"start": wpr2.start, "end": wpr2.end}),
        );
        self.blocks.pfb.wpr2 = Some(wpr2);
        self.programs.meta = Some(meta);
        self.programs.suspended = None;
        self.saved = None;
        self.programs.libos_arguments = Some(libos);
        self.lift_lockdown();
    }

    /// GSP-RM is in WPR2, and the FMC lifts the lockdown.
    fn lift_lockdown(&mut self) {
        self.schedule
            .after(RELEASE, Event::LockdownReleased(RELEASE_PUT_OFF));
    }

    /// The FMC has lifted the lockdown and starts libos, unless that is put off once more.
    pub(crate) fn release_lockdown(&mut self, put_off: u32) {
        if put_off > 0 && self.blocks.gsp.falcon.is_mailbox_seen {
            let event = Event::LockdownReleased(put_off - 1);
            return self.schedule.after(RELEASE, event);
        }
        self.blocks.gsp.falcon.lock = Lock::Open;
        self.schedule_libos();
    }

    /// GSP-RM has ended: the FMC removes WPR2 and halts. Before that, it saves WPR2 if GSP-RM was
    /// suspended.
    pub(crate) fn finish_unload(&mut self) {
        if let Some(address) = self.suspend_metadata() {
            if let Err(refused) = self.save_wpr2(address) {
                self.refuse(BlockId::Gsp, refused.reason);
            }
        }
        self.programs.suspended = None;
        self.blocks.pfb.wpr2 = None;
        self.programs.meta = None;
        self.programs.libos_arguments = None;
        self.blocks.gsp.falcon.riscv.active = false;
        self.note(BlockId::Pfb, "WPR2 removed", Value::Null);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chips::by_name;
    use crate::images::synthetic;
    use crate::machine::in_process::InProcess;
    use nova_hw::fsp::Headers;
    use nova_hw::regs::falcon::{FalconHwcfg2, FalconMailbox0, FalconOs, GSP_BASE};
    use nova_hw::regs::fsp::{FspEmemc, FspEmemd, FspMsgqTail};
    use nova_hw::regs::pfb::Wpr2AddrHi;

    const SECOND: Duration = Duration::from_secs(1);
    const HWCFG2: u32 = GSP_BASE + FalconHwcfg2::OFFSET;

    fn machine() -> InProcess {
        let chip = by_name("gb202").unwrap();
        let machine = InProcess::with_firmware(chip, &synthetic::firmware(chip)).unwrap();
        machine.card().config_mut().set_bus_master(true);
        machine.sleep(SECOND);
        machine
    }

    #[test]
    fn the_gsp_is_locked_until_the_fmc_hands_over() {
        let machine = machine();
        let mut card = machine.card();
        card.start_fmc(Accepted {
            frts: Some(0..1),
            arguments: 0x12_3456_7800,
        });
        assert_eq!(card.read32(HWCFG2), 0xbadf_4100);
        drop(card);
        machine.sleep(MASK);
        let mut card = machine.card();
        assert!(FalconHwcfg2::from(card.read32(HWCFG2)).riscv_br_priv_lockdown());
        let mailbox0 = GSP_BASE + FalconMailbox0::OFFSET;
        assert_eq!(card.read32(mailbox0), 0x3456_7800);
        card.write32(GSP_BASE + FalconOs::OFFSET, 1);
        assert!(card
            .trace()
            .refusals()
            .last()
            .unwrap()
            .reason
            .contains("locked"));
        drop(card);
        // There is no memory at the address of the arguments.
        machine.sleep(SECOND);
        let mut card = machine.card();
        assert_eq!(card.read32(mailbox0), booter::Code::Arguments as u32);
        assert_eq!(card.read32(Wpr2AddrHi::OFFSET), 0);
    }

    fn booted() -> Booted {
        Booted {
            meta: Default::default(),
            wpr2: 0..0,
            libos: 0,
        }
    }

    #[test]
    fn the_lockdown_does_not_end_between_two_reads_of_a_driver() {
        let machine = machine();
        let is_locked = || {
            let hwcfg2 = FalconHwcfg2::from(machine.card().read32(HWCFG2));
            hwcfg2.riscv_br_priv_lockdown()
        };
        let see_arguments = || {
            let mut card = machine.card();
            card.blocks.gsp.falcon.lock = Lock::Lockdown;
            card.blocks.gsp.falcon.mailbox[0] = 0x1000;
            assert_eq!(card.read32(GSP_BASE + FalconMailbox0::OFFSET), 0x1000);
            card.blocks.gsp.falcon.mailbox[0] = 0;
            card.hand_over(booted());
        };
        see_arguments();
        machine.sleep(SECOND);
        assert!(is_locked(), "put off until here");
        machine.sleep(RELEASE);
        assert!(!is_locked());
        see_arguments();
        machine.sleep(RELEASE * (RELEASE_PUT_OFF + 1));
        assert!(!is_locked(), "a driver may never look");
    }

    #[test]
    fn the_fsp_does_not_boot_a_running_gsp() {
        let machine = machine();
        let mut card = machine.card();
        card.blocks.gsp.falcon.riscv.active = true;
        let refused = card.verify(&[0; 860]).unwrap_err();
        assert_eq!(refused.0, INVALID_STATE);
        card.finish_unload();
        let refused = card.verify(&[0; 860]).unwrap_err();
        assert_ne!(refused.0, INVALID_STATE, "after GSP-RM has ended");
    }

    #[test]
    fn faults_change_the_answers() {
        let machine = machine();
        let mut card = machine.card();
        let answer = || chain_of_trust::response(0x14, 0, &[]);
        card.inject(Fault::FspReplyAt {
            offset: size_of::<Headers>() + 4,
            xor: 1,
        });
        let port = FspEmemc::new().with_offs((size_of::<Headers>() / 4 + 1) as u8);
        card.answer(answer());
        card.write32(FspEmemc::OFFSET, port.into());
        assert_eq!(card.read32(FspEmemd::OFFSET), 0x15, "the command's type");
        assert_eq!(card.read32(FspMsgqTail::OFFSET), 16);
        card.repair();
        card.inject(Fault::FspReplyLength(12));
        card.answer(answer());
        assert_eq!(card.read32(FspMsgqTail::OFFSET), 8);
    }
}
