// SPDX-License-Identifier: GPL-2.0

//! The time-out of context switches: an engine that hangs is not given to the next channel.
//!
//! The hardware tells GSP-RM when an engine was to be given to another group and was not for some
//! time. GSP-RM then stops the group that has the engine, resets the engine, and reports the error
//! (Xid 109). Nothing is timed while no other group wants the engine. A channel that waits for a
//! semaphore is not stopped so, since it gives its engine up.
//!
//! Source: open-gpu-kernel-modules 570, kernel-open/nvidia-uvm/hwref/ampere/ga100/dev_runlist.h
//! (`NV_RUNLIST_INTR_0_CTXSW_TIMEOUT_ENG`), and issue 1146 there for a card's report. How GSP-RM sets
//! the time is not public.

use std::collections::BTreeSet;
use std::time::Duration;

use nova_hw::class::host::exception;

use crate::bus::machine::Machine;
use crate::engines::host::channel::ChannelId;
use crate::engines::host::error::{Cause, Stop};
use crate::gpu::Gpu;
use crate::schedule::Event;

/// How long a switch may take; the model's own value.
pub(super) const SWITCH: Duration = Duration::from_secs(1);

impl<M: Machine> Gpu<M> {
    /// Starts the time of the switches that have begun, and ends that of those that are over.
    pub(super) fn watch_switches(&mut self) {
        let overdue: BTreeSet<ChannelId> = self.channels.host.overdue().collect();
        self.schedule.cancel(|event| match event {
            Event::SwitchTimeout { runlist, channel } => {
                !overdue.contains(&ChannelId { runlist, channel })
            }
            _ => false,
        });
        for &ChannelId { runlist, channel } in overdue.difference(&self.channels.overdue) {
            let event = Event::SwitchTimeout { runlist, channel };
            self.schedule.after(SWITCH, event);
        }
        self.channels.overdue = overdue;
    }

    /// The engine of a channel was not given to another one in time.
    pub(in crate::gpu) fn time_out(&mut self, runlist: u8, channel: u16) {
        if !self.gsp_runs() {
            return;
        }
        let id = ChannelId { runlist, channel };
        let stop = Stop {
            cause: Cause::SwitchTimeout,
            engine: None,
            exception: exception::CTXSW_TIMEOUT_ERROR,
        };
        if let Some(stopped) = self.channels.host.stop(id, stop) {
            self.stopped(id, &stopped);
        }
        self.schedule_turn();
    }
}
