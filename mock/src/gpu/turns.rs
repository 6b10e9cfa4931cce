// SPDX-License-Identifier: GPL-2.0

//! What the trace shows of channels: a log of their methods, and a track of the timeline for each.
//!
//! A turn is a slice of its channel's track. It consists of methods, and these of what they do:
//! copies and semaphores. Methods in a row for one object that only set something are one slice
//! together with the one that does something with them, and have the name of that.
//!
//! The model has a time for the turn alone, which its methods divide evenly.

use std::iter;
use std::time::Duration;

use nova_hw::class::method_name;
use serde_json::{json, Value};

use super::channels::TURN;
use super::Gpu;
use crate::bus::machine::Machine;
use crate::engines::engine::Work;
use crate::engines::host::channel::{ChannelId, Method};
use crate::engines::host::event::{Step, Stopped};
use crate::engines::host::Turn;
use crate::engines::memory::{Address, Aperture};
use crate::gsp_rm::resource;
use crate::trace::channel::ChannelName;
use crate::trace::timeline::Slice;

impl<M: Machine> Gpu<M> {
    /// There is a new channel.
    pub(super) fn record_channel(&mut self, channel: &resource::Channel) {
        if let Some(timeline) = self.trace.timeline() {
            let name = ChannelName {
                runlist: channel.runlist,
                channel: channel.number.0,
            };
            timeline.channel(name, &format!("{:?}", channel.engine));
        }
    }

    /// A channel has had a turn, which ends now.
    pub(super) fn record_turn(&mut self, turn: &Turn) {
        let number = resource::ChannelNumber(turn.channel.channel);
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
        let has_room = self.trace.timeline().is_some_and(|it| it.has_room());
        if has_room && !turn.report.steps.is_empty() {
            self.show_turn(turn.channel, &turn.report.steps, class);
        }
    }

    fn show_turn(&mut self, channel: ChannelId, steps: &[Step], class: u32) {
        let until = self.schedule.now();
        let since = until.saturating_sub(TURN);
        if steps.iter().any(is_acquire) {
            self.end_wait(channel, since);
        }
        if steps.iter().any(is_wait) {
            self.channels.waits.insert(channel, until);
        }
        if let Some(timeline) = self.trace.timeline() {
            timeline.channel_did(name(channel), since, until, &turn_slice(steps, class));
        }
    }

    /// A channel waits no longer for a semaphore, if it did.
    pub(super) fn end_wait(&mut self, channel: ChannelId, until: Duration) {
        let Some(since) = self.channels.waits.remove(&channel) else {
            return;
        };
        if let Some(timeline) = self.trace.timeline() {
            let slice = part("waits", Value::Null);
            timeline.channel_did(name(channel), since, until, &slice);
        }
    }

    /// A channel has stopped, with the others of its group.
    pub(super) fn record_stop(&mut self, channel: ChannelId, stopped: &Stopped) {
        let now = self.schedule.now();
        for &channel in iter::once(&channel).chain(&stopped.others) {
            self.end_wait(channel, now);
            if let Some(log) = self.trace.methods() {
                log.stopped(name(channel), &stopped.cause);
            }
            if let Some(timeline) = self.trace.timeline() {
                let args = json!({"error": stopped.cause.to_string(), "xid": stopped.exception});
                timeline.channel_stopped(name(channel), now, args);
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

fn is_acquire(step: &Step) -> bool {
    matches!(step, Step::Work(Work::Acquire { .. }))
}

fn is_wait(step: &Step) -> bool {
    matches!(step, Step::Work(Work::Wait { .. }))
}

/// The slice of a turn with these steps, on a channel of this class.
fn turn_slice(steps: &[Step], class: u32) -> Slice {
    let groups = steps.chunk_by(belong_together);
    let methods = steps.iter().filter_map(method).count();
    Slice {
        name: "turn".into(),
        args: json!({"methods": methods}),
        parts: groups.map(|group| group_slice(group, class)).collect(),
    }
}

/// The method that a step begins or goes on with.
fn method(step: &Step) -> Option<&Method> {
    match step {
        Step::Method(method) | Step::Proceeded(method) => Some(method),
        Step::Work(_) => None,
    }
}

/// Whether two steps in a row are of one slice: methods for one object that have done nothing yet,
/// and what a method does.
fn belong_together(step: &Step, next: &Step) -> bool {
    let object = |method: &Method| (method.class, method.subchannel);
    match (method(step), method(next)) {
        (Some(before), Some(method)) => object(before) == object(method),
        (None, Some(_)) => false,
        (_, None) => true,
    }
}

/// The slice of methods and of what the last one does.
fn group_slice(steps: &[Step], class: u32) -> Slice {
    let work = steps.iter().filter_map(|step| match step {
        Step::Work(work) => Some(work_slice(work)),
        Step::Method(_) | Step::Proceeded(_) => None,
    });
    let parts = work.collect();
    let Some(last) = steps.iter().rev().find_map(method) else {
        // The method is one of an earlier turn.
        return Slice {
            parts,
            ..part("waited", Value::Null)
        };
    };
    let class = class_of(last, class);
    let named = |method: &Method| match method_name(class, method.method) {
        Some(name) => name.to_owned(),
        None => format!("{:#x}", method.method),
    };
    let line = |step: &Step| match step {
        Step::Method(method) => Some(format!("{} {:#x}", named(method), method.data)),
        Step::Proceeded(method) => Some(format!("{} goes on", named(method))),
        Step::Work(_) => None,
    };
    let methods: Vec<_> = steps.iter().filter_map(line).collect();
    Slice {
        name: named(last).into(),
        args: json!({
            "class": format!("{class:#x}"),
            "subchannel": last.subchannel,
            "methods": methods,
        }),
        parts,
    }
}

fn work_slice(work: &Work) -> Slice {
    let semaphore = |name, at, payload| {
        let payload = format!("{payload:#x}");
        part(name, json!({"at": place(at), "payload": payload}))
    };
    match *work {
        Work::Copy {
            bytes,
            source,
            destination,
        } => {
            let from = source.map_or("no memory".into(), place);
            let args = json!({"bytes": bytes, "from": from, "to": place(destination)});
            part("copy", args)
        }
        Work::Launch { program, threads } => {
            let args = json!({ "program": format!("{program:#x}"), "threads": threads });
            part("launch", args)
        }
        Work::Release { at, payload } => semaphore("release", at, payload),
        Work::Reduce { at, payload } => semaphore("reduce", at, payload),
        Work::Acquire { at, payload } => semaphore("acquire", at, payload),
        Work::Wait { at, payload } => semaphore("wait", at, payload),
    }
}

/// A slice without parts.
fn part(name: &'static str, args: Value) -> Slice {
    Slice {
        name: name.into(),
        args,
        parts: Vec::new(),
    }
}

fn place(at: Address) -> String {
    match at {
        Address::Virtual(at) => format!("{at:#x}"),
        Address::Physical(Aperture::Vram, at) => format!("VRAM {at:#x}"),
        Address::Physical(Aperture::System, at) => format!("system memory {at:#x}"),
    }
}

#[cfg(test)]
mod tests;
