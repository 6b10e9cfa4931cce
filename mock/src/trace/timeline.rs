// SPDX-License-Identifier: GPL-2.0

//! The timeline, a file in the trace event format of Perfetto and Chrome.
//!
//! One process has tracks for the driver and the blocks, another one for channels. Events are
//! written as they come, and nothing of them is kept.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::slice;
use std::time::Duration;

use serde_json::{json, Value};

use super::channel::ChannelName;
use crate::block_id::BlockId;

/// The process that has the driver and the blocks, and the one that has channels.
const CARD: u32 = 1;
const CHANNELS: u32 = 2;

/// How far slices of a channel are apart. Perfetto reads times as numbers of microseconds with
/// fractions and cuts off to nanoseconds, so that slices which only touch may overlap, and it shows
/// no slices that overlap (`slice_drop_overlapping_complete_event` in its
/// src/trace_processor/importers/common/slice_tracker.cc).
const GAP: Duration = Duration::from_nanos(2);

/// A track of the timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Track {
    Driver,
    Block(BlockId),
    Channel(ChannelName),
}

impl Track {
    /// The process and the thread that stand for it. The driver comes first; the blocks follow in
    /// the order of [`BlockId::ALL`].
    const fn ids(self) -> (u32, u32) {
        match self {
            Self::Driver => (CARD, 0),
            Self::Block(block) => (CARD, block as u32 + 1),
            Self::Channel(ChannelName { runlist, channel }) => {
                (CHANNELS, (runlist as u32 + 1) << 16 | channel as u32)
            }
        }
    }

    /// An event of this track.
    fn event(self, phase: &str, name: &str, args: Value) -> Value {
        let (pid, tid) = self.ids();
        let args = match args {
            Value::Null => json!({}),
            args => args,
        };
        json!({"ph": phase, "pid": pid, "tid": tid, "name": name, "args": args})
    }
}

/// What a channel has done in some time, and what that consists of.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Slice {
    pub(crate) name: Cow<'static, str>,
    pub(crate) args: Value,
    pub(crate) parts: Vec<Slice>,
}

/// The file, until an error in writing it ends it.
#[derive(Debug)]
pub(crate) struct Timeline {
    out: Option<BufWriter<File>>,
    /// Bytes that the slices of channels may still take.
    left: usize,
}

impl Timeline {
    /// The most bytes that the slices of channels take, so that Perfetto can open the file of a guest
    /// that never stops to push methods; the model's own limit. Channels that come and stop are shown
    /// without a limit.
    const CHANNELS_MAX: usize = 64 << 20;

    pub(super) fn to_file(path: &Path) -> io::Result<Self> {
        let mut out = BufWriter::new(File::create(path)?);
        write!(out, "[\n{}", process(CARD, "nova-mock"))?;
        let mut timeline = Self {
            out: Some(out),
            left: Self::CHANNELS_MAX,
        };
        timeline.emit(&process(CHANNELS, "channels"));
        timeline.name(Track::Driver, "driver");
        for block in BlockId::ALL {
            timeline.name(Track::Block(block), block.name());
        }
        Ok(timeline)
    }

    /// Names a track, and puts it in its place among the others.
    fn name(&mut self, track: Track, name: &str) {
        let (_, order) = track.ids();
        self.emit(&track.event("M", "thread_name", json!({"name": name})));
        self.emit(&track.event("M", "thread_sort_index", json!({"sort_index": order})));
    }

    /// There is a channel with this name, which is for an engine.
    pub(crate) fn channel(&mut self, channel: ChannelName, engine: &str) {
        self.name(Track::Channel(channel), &format!("{channel} {engine}"));
    }

    /// Something has happened at once.
    pub(super) fn instant(&mut self, track: Track, at: Duration, name: &str, args: Value) {
        let mut event = track.event("i", name, args);
        event["s"] = "t".into();
        event["ts"] = micros(at).into();
        self.emit(&event);
    }

    /// Something has taken time; returns the bytes that this takes.
    pub(super) fn slice(
        &mut self,
        track: Track,
        (since, until): (Duration, Duration),
        name: &str,
        args: Value,
    ) -> usize {
        let mut event = track.event("X", name, args);
        event["ts"] = micros(since).into();
        event["dur"] = micros(until.saturating_sub(since)).into();
        self.emit(&event)
    }

    /// A counter has a value.
    pub(super) fn count(&mut self, at: Duration, name: &str, args: Value) {
        self.emit(&json!({"ph": "C", "pid": CARD, "ts": micros(at), "name": name, "args": args}));
    }

    /// What channels do is still shown.
    pub(crate) fn has_room(&self) -> bool {
        self.left > 0
    }

    /// A channel has done something. The parts of a slice divide its time evenly, since the model
    /// has no times for them.
    pub(crate) fn channel_did(
        &mut self,
        channel: ChannelName,
        since: Duration,
        until: Duration,
        slice: &Slice,
    ) {
        if !self.has_room() {
            return;
        }
        let track = Track::Channel(channel);
        let bytes = self.divide(track, (since, until), slice::from_ref(slice));
        self.left = self.left.saturating_sub(bytes);
        if !self.has_room() {
            self.instant(track, until, "no more turns are shown", Value::Null);
        }
    }

    /// A channel has stopped.
    pub(crate) fn channel_stopped(&mut self, channel: ChannelName, at: Duration, args: Value) {
        self.instant(Track::Channel(channel), at, "stopped", args);
    }

    /// Divides a time evenly among slices, each of which comes before its parts; returns the bytes
    /// that this takes.
    fn divide(
        &mut self,
        track: Track,
        (since, until): (Duration, Duration),
        slices: &[Slice],
    ) -> usize {
        let count = u32::try_from(slices.len()).unwrap_or(u32::MAX).max(1);
        let step = until.saturating_sub(since) / count;
        let mut bytes = 0;
        for (index, slice) in (0..).zip(slices) {
            let start = since + step * index;
            let time = (start + GAP, (start + step).saturating_sub(GAP));
            bytes += self.slice(track, time, &slice.name, slice.args.clone());
            bytes += self.divide(track, time, &slice.parts);
        }
        bytes
    }

    /// Writes the end.
    pub(super) fn finish(self) -> io::Result<()> {
        match self.out {
            Some(mut out) => {
                writeln!(out, "\n]")?;
                out.flush()
            }
            None => Ok(()),
        }
    }

    /// Writes an event; returns its length.
    fn emit(&mut self, event: &Value) -> usize {
        let Some(out) = &mut self.out else {
            return 0;
        };
        let event = event.to_string();
        if let Err(error) = write!(out, ",\n{event}") {
            tracing::error!("the timeline ends here: {error}");
            self.out = None;
        }
        event.len()
    }
}

fn process(number: u32, name: &str) -> Value {
    json!({"ph": "M", "pid": number, "name": "process_name", "args": {"name": name}})
}

fn micros(time: Duration) -> f64 {
    time.as_nanos() as f64 / 1000.0
}

#[cfg(test)]
mod tests;
