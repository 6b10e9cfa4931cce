// SPDX-License-Identifier: GPL-2.0

//! What the trace has of channels: a log of their methods.

use std::iter;

use super::Gpu;
use crate::bus::host::Host as Machine;
use crate::engines::host::channel::{ChannelId, Method};
use crate::engines::host::event::Stopped;
use crate::engines::host::Turn;
use crate::gsp_rm::payload;
use crate::trace::channel::ChannelName;

impl<H: Machine> Gpu<H> {
    /// A channel has had a turn, which ends now.
    pub(super) fn record_turn(&mut self, turn: &Turn) {
        let number = payload::ChannelId(turn.channel.channel);
        let Some(channel) = self.channels.made.get(&number) else {
            return;
        };
        let class = channel.class;
        if let Some(log) = self.trace.methods() {
            let name = name(turn.channel);
            for method in turn.report.methods() {
                let call = (method.method, method.data);
                log.method(name, class_of(method, class), method.subchannel, call);
            }
        }
    }

    /// A channel has stopped, with the others of its group.
    pub(super) fn record_stop(&mut self, channel: ChannelId, stopped: &Stopped) {
        for &channel in iter::once(&channel).chain(&stopped.others) {
            if let Some(log) = self.trace.methods() {
                log.stopped(name(channel), &stopped.cause);
            }
        }
    }
}

fn name(ChannelId { runlist, channel }: ChannelId) -> ChannelName {
    ChannelName { runlist, channel }
}

/// The class that has a method, on a channel of the class `channel`.
fn class_of(method: &Method, channel: u32) -> u32 {
    method.class.map_or(channel, u32::from)
}

#[cfg(test)]
mod tests;
