// SPDX-License-Identifier: GPL-2.0

//! Errors of channels, and how GSP-RM reports them.
//!
//! One error stops all channels of a group. GSP-RM logs it once (`OS_ERROR_LOG`), and reports it once
//! (`RC_TRIGGERED`) with the channel at fault and a scope, the group: the driver then tells each
//! channel of the group. Cards report this scope also for channels that are alone: nouveau logs
//! "scope:1" for its own, which have no groups.
//!
//! Source: open-gpu-kernel-modules 570, `_kgspRpcRCTriggered` in
//! src/nvidia/src/kernel/gpu/gsp/kernel_gsp.c and `krcErrorSendEventNotificationsCtxDma_FWCLIENT` in
//! src/nvidia/src/kernel/gpu/rc/kernel_rc_notification.c.

use serde_json::json;

use super::id;
use crate::block_id::BlockId;
use crate::bus::machine::Machine;
use crate::engines::host::channel::ChannelId;
use crate::engines::host::error::{Cause, Stop};
use crate::engines::host::event::Stopped;
use crate::engines::memory::Address;
use crate::gpu::Gpu;
use crate::gsp_rm::notice::Notice;
use crate::gsp_rm::resource;

impl<M: Machine> Gpu<M> {
    /// A channel has stopped, and its group with it: GSP-RM logs it, and tells the driver.
    pub(super) fn stopped(&mut self, channel: ChannelId, stopped: &Stopped) {
        self.log_error(channel, &stopped.cause, stopped.exception);
        self.report_stopped(channel, stopped);
    }

    /// GSP-RM logs an error of a channel.
    pub(super) fn log_error(&mut self, channel: ChannelId, cause: &Cause, xid: u32) {
        let text = format!("Ch {:08x}, {cause}", channel.channel);
        self.refuse(BlockId::Usermode, text.clone());
        self.report(&Notice::OsError { xid, text });
    }

    /// GSP-RM tells the driver which channel has stopped.
    pub(super) fn report_stopped(&mut self, channel: ChannelId, stopped: &Stopped) {
        self.record_stop(channel, stopped);
        if !stopped.others.is_empty() {
            let others: Vec<u16> = stopped.others.iter().map(|id| id.channel).collect();
            let args = json!({"channels": others});
            self.note(BlockId::Usermode, "stopped with the group", args);
        }
        let (fault_address, fault_type) = match &stopped.cause {
            Cause::Fault(fault) => match fault.address {
                Address::Virtual(at) | Address::Physical(_, at) => (at, fault.reason as u32),
            },
            _ => (0, 0),
        };
        self.report(&Notice::RcTriggered {
            xid: stopped.exception,
            engine: stopped.engine,
            channel: channel.channel.into(),
            fault_address,
            fault_type,
        });
    }

    /// GSP-RM stops a channel and its group by itself, and reports it.
    pub(in crate::gpu) fn stop_channel(&mut self, number: u32, xid: u32) {
        let number = u16::try_from(number).ok().map(resource::ChannelNumber);
        let Some(channel) = number.and_then(|number| self.channels.made.get(&number)) else {
            return;
        };
        let stop = Stop {
            cause: Cause::Requested,
            engine: None,
            exception: xid,
        };
        let id = id(channel);
        if let Some(stopped) = self.channels.host.stop(id, stop) {
            self.record_stop(id, &stopped);
        }
        self.schedule_turn();
    }
}
