// SPDX-License-Identifier: GPL-2.0

//! Faults of the card that strike channels. Each of them happens once.

use nova_hw::chipset::Architecture;
use nova_hw::class::host::exception;
use serde_json::json;

use super::id;
use crate::block_id::BlockId;
use crate::bus::machine::Machine;
use crate::chips::engines::Engine;
use crate::engines::host::channel::{ChannelId, Status};
use crate::engines::host::error::{Cause, Stop};
use crate::faults::Fault;
use crate::gpu::Gpu;
use crate::gsp_rm::resource;

impl<M: Machine> Gpu<M> {
    /// Has a fault strike the channel whose turn it is, instead of its work.
    pub(super) fn strike(&mut self) {
        let host = &self.channels.host;
        let has_work = |&id: &ChannelId| host.status(id) == Some(Status::Runnable);
        let Some(channel) = host.next().filter(has_work) else {
            return;
        };
        let strikes = |fault: &Fault| {
            matches!(
                fault,
                Fault::ChannelError(_) | Fault::EccContained | Fault::EccUncontained
            )
        };
        let Some(fault) = self.faults.iter().find(strikes) else {
            return;
        };
        self.faults.end(fault);
        match fault {
            Fault::ChannelError(xid) => self.stop_all(&[channel], Cause::Requested, xid),
            Fault::EccContained => {
                let with_it = self.channels_in_space_of(channel);
                self.stop_all(&with_it, Cause::Ecc, self.ecc(exception::CONTAINED_ERROR));
            }
            _ => {
                let mut all: Vec<_> = self.channels.made.values().map(id).collect();
                all.sort_by_key(|&other| other != channel);
                self.stop_all(&all, Cause::Ecc, self.ecc(exception::UNCONTAINED_ERROR));
            }
        }
    }

    /// The number of an uncorrectable error of memory. Which channels stop for it is as in
    /// `g_errContStateTable_GA100` for `E12A_CE_POISON_IN_USER_CHANNEL` (contained: those of the
    /// address space) and `E07_LTC_ECC_TSTG` (uncontained: all), but for channels of all engines
    /// alike. Before Ampere nothing is contained, and the number is another one.
    ///
    /// Source: open-gpu-kernel-modules 570,
    /// src/nvidia/src/kernel/gpu/arch/ampere/kern_gpu_error_cont_ga100.c. What GSP-RM does on Turing
    /// is not public; the model stops the same channels there.
    fn ecc(&self, since_ampere: u32) -> u32 {
        match self.parts.chip.chipset.arch() {
            Architecture::Turing => exception::GPU_ECC_DBE,
            _ => since_ampere,
        }
    }

    /// A channel, and all others of its address space.
    fn channels_in_space_of(&self, channel: ChannelId) -> Vec<ChannelId> {
        let made = &self.channels.made;
        let space = made
            .get(&resource::ChannelNumber(channel.channel))
            .and_then(|channel| channel.space);
        let others = made
            .values()
            .filter(|other| space.is_some() && other.space == space)
            .map(id)
            .filter(|&other| other != channel);
        [channel].into_iter().chain(others).collect()
    }

    /// GSP-RM stops these channels, and their groups, for an error of the first one.
    fn stop_all(&mut self, channels: &[ChannelId], cause: Cause, xid: u32) {
        if let Some(&first) = channels.first() {
            self.log_error(first, &cause, xid);
        }
        for &channel in channels {
            let stop = Stop {
                cause: cause.clone(),
                engine: None,
                exception: xid,
            };
            if let Some(stopped) = self.channels.host.stop(channel, stop) {
                self.report_stopped(channel, &stopped);
            }
        }
    }

    /// An engine hangs in a method of a channel.
    pub(super) fn hangs(&mut self, channel: ChannelId) {
        if let Some(method) = self.faults.engine_hangs() {
            self.faults.end(Fault::EngineHangs(method));
            let args = json!({"channel": channel.channel, "method": method});
            self.note(BlockId::Usermode, "the engine hangs", args);
        }
    }

    /// Whether the non-stall interrupt of an engine is lost.
    pub(super) fn loses_nonstall(&mut self, engine: Engine) -> bool {
        let is_lost = self.is_broken(Fault::NoNonStall);
        if is_lost {
            self.faults.end(Fault::NoNonStall);
            let args = json!({"engine": engine.number()});
            self.note(BlockId::Usermode, "a non-stall interrupt is lost", args);
        }
        is_lost
    }
}
