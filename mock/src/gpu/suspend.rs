// SPDX-License-Identifier: GPL-2.0

//! A suspend of GSP-RM, and its resume: where its state is meanwhile.
//!
//! GSP-RM stops with its objects and channels in WPR2, and saves the rest of its memory. Booter unload
//! saves WPR2 to system memory, or the FMC on Hopper and later, and removes it; booter and the FMC put
//! it back. The state itself stays in the model, apart from the card: it comes back if what the driver
//! has kept for it is intact, and once.

use std::time::Duration;

use serde_json::{json, Value};

use super::{Gpu, Saved, Suspended};
use crate::block_id::BlockId;
use crate::bus::config::NO_BUS_MASTER;
use crate::bus::machine::Machine;
use crate::engines::mmu::Invalidation;
use crate::faults::Fault;
use crate::gsp_rm::libos;
use crate::gsp_rm::suspend::Suspend;
use crate::gsp_rm::State;
use crate::programs::booter::{self, refuse, Code, Refused};
use crate::programs::suspend::Image;
use crate::schedule::Event;

/// A step of a resume, of which there are at least two between the start of libos and GSP_INIT_DONE, and
/// the longest time that it waits for the driver; the model's own values.
///
/// nouveau has its interrupt on by then, and drops the message if it comes before the driver waits for
/// it (`r535_gsp_msgq_work`, `r535_gsp_rpc_poll`), so on cards it must come much later. A VM may be slow
/// beyond measure. So the model looks for the last thing that NVIDIA's driver and nouveau do before they
/// wait: they write `NV_PFALCON_FALCON_OS`.
const STEP: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(10);

impl<M: Machine> Gpu<M> {
    /// If the GSP-RM that ends was suspended, its memory outside of WPR2 is saved, and it stays in WPR2.
    pub(super) fn keep_if_suspended(&mut self) {
        let Some(rm) = self.programs.rm.take() else {
            return;
        };
        let Some(suspend) = &rm.suspend else {
            return;
        };
        if let Err(reason) = self.copy_frame_buffer(suspend, Self::save_piece) {
            return self.refuse(BlockId::Gsp, reason);
        }
        let mut channels = std::mem::take(&mut self.channels);
        // The times of their engines' switches begin anew.
        channels.overdue.clear();
        self.programs.suspended = Some(Suspended { rm, channels });
        self.note(BlockId::Gsp, "GSP-RM is kept for a resume", Value::Null);
    }

    /// Bus address of the metadata, if GSP-RM was suspended.
    pub(super) fn suspend_metadata(&self) -> Option<u64> {
        let suspend = self.programs.suspended.as_ref()?.rm.suspend.as_ref();
        suspend.map(|suspend| suspend.metadata)
    }

    fn copy_frame_buffer(
        &mut self,
        suspend: &Suspend,
        copy: fn(&mut Self, u64, u64, usize) -> Result<(), String>,
    ) -> Result<(), String> {
        if !self.config.is_bus_master() {
            return Err(NO_BUS_MASTER.into());
        }
        suspend
            .pieces()
            .try_for_each(|(video, system, len)| copy(self, video, system, len))
    }

    fn save_piece(&mut self, video: u64, system: u64, len: usize) -> Result<(), String> {
        let mut bytes = vec![0; len];
        self.vram.read(video, &mut bytes);
        let written = self.machine.write(system, &bytes);
        written.map_err(|error| format!("memory for the frame buffer: {error}"))
    }

    fn restore_piece(&mut self, video: u64, system: u64, len: usize) -> Result<(), String> {
        let bytes = self.machine.read_vec(system, len);
        let bytes = bytes.map_err(|error| format!("memory of the frame buffer: {error}"))?;
        self.vram.write(video, &bytes);
        Ok(())
    }

    /// Saves WPR2, with a suspended GSP-RM in it, as the metadata at `address` says.
    pub(super) fn save_wpr2(&mut self, address: u64) -> Result<(), Refused> {
        if !self.config.is_bus_master() {
            return refuse(Code::Metadata, NO_BUS_MASTER);
        }
        let (Some(meta), Some(wpr2)) = (self.programs.meta, self.blocks.pfb.wpr2.clone()) else {
            return refuse(Code::Saved, "there is no GSP-RM in WPR2");
        };
        let size = wpr2.end - wpr2.start;
        let image = Image::save(&mut self.machine, address, &meta, size, self.unloads)?;
        let Some(suspended) = self.programs.suspended.take() else {
            return refuse(Code::Saved, "GSP-RM was not suspended");
        };
        self.saved = Some(Saved {
            image,
            suspended,
            meta,
            wpr2,
        });
        self.note(BlockId::Pfb, "WPR2 saved", json!({"metadata": address}));
        Ok(())
    }

    /// Checks what was saved, with the metadata at `address`, and takes it.
    pub(super) fn restore_wpr2(&mut self, address: u64) -> Result<Saved, Refused> {
        if self.blocks.pfb.wpr2.is_some() {
            return refuse(Code::Frts, "WPR2 is up, and a resume sets it up by itself");
        }
        let Some(saved) = self.saved.take() else {
            return refuse(Code::Saved, "no suspended GSP-RM was saved");
        };
        match self.check_saved(&saved, address) {
            Ok(()) => Ok(saved),
            Err(refused) => {
                self.saved = Some(saved);
                Err(refused)
            }
        }
    }

    /// Checks that what was saved is for this GSP-RM, and is as it was.
    fn check_saved(&self, saved: &Saved, address: u64) -> Result<(), Refused> {
        let (old, new) = (saved.suspended.rm.release, self.firmware.gsp.release);
        if old != new {
            let reason = format!("GSP-RM {} was saved, not {}", old.name, new.name);
            return refuse(Code::Image, reason);
        }
        saved.image.verify(&self.machine, address)
    }

    /// WPR2 is as it was.
    pub(super) fn put_back(&mut self, saved: Saved) {
        let Saved {
            suspended,
            meta,
            wpr2,
            ..
        } = saved;
        self.vram
            .write(meta.gsp_fw_wpr_start, &booter::verified(&meta));
        let args = json!({"start": wpr2.start, "end": wpr2.end, "resume": true});
        self.note(BlockId::Pfb, "WPR2", args);
        self.blocks.pfb.wpr2 = Some(wpr2);
        self.programs.meta = Some(meta);
        self.programs.suspended = Some(suspended);
    }

    /// Booter has put WPR2 back, and starts GSP-RM. It resets the GSP by itself: NVIDIA's driver and
    /// nouveau do not after FWSEC-SB has run on it.
    pub(super) fn start_again(&mut self, saved: Saved) {
        self.put_back(saved);
        self.blocks.pgc6.handoff = true;
        self.blocks.gsp.falcon.boot_riscv();
        if !self.is_broken(Fault::RiscvNeverActive) {
            self.start_riscv();
            self.schedule_libos();
        }
    }

    /// Whether GSP-RM, which resumes, is not ready yet; then it looks again later.
    pub(super) fn must_still_resume(&mut self) -> bool {
        let now = self.schedule.now();
        let is_noted = self.blocks.gsp.falcon.os != 0;
        let state = self.programs.rm.as_mut().map(|rm| &mut rm.state);
        let Some(State::Resuming(resuming)) = state else {
            return false;
        };
        if resuming.driver_waits || now >= resuming.since + LONGEST {
            return false;
        }
        resuming.driver_waits = is_noted;
        self.schedule.after(STEP, Event::InitDone);
        true
    }

    /// GSP-RM continues with what it has known, once its memory is back.
    pub(super) fn try_resume(&mut self, suspended: Suspended) -> Result<(), String> {
        let Suspended { mut rm, channels } = suspended;
        let suspend = rm.suspend.take().ok_or("GSP-RM was not suspended")?;
        if !self.config.is_bus_master() {
            return Err(NO_BUS_MASTER.into());
        }
        let at = &rm.release.arguments;
        libos::check_resume(&self.machine, at, &rm.started, suspend.level)?;
        self.copy_frame_buffer(&suspend, Self::restore_piece)?;
        rm.resume(self.schedule.now());
        self.channels = channels;
        self.mmu.invalidate(Invalidation::ALL);
        self.programs.rm = Some(rm);
        self.note(BlockId::Gsp, "GSP-RM resumes", Value::Null);
        self.schedule.after(STEP, Event::InitDone);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
