// SPDX-License-Identifier: GPL-2.0

//! The record of what the card did: a timeline in the trace event format of Perfetto and Chrome.
//!
//! One track per hardware block shows what the block did, one track shows the driver's register
//! accesses as slices per run of accesses to one block, and a counter per block counts them.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::Duration;

use serde_json::{json, Value};

use crate::block_id::BlockId;
use method_log::MethodLog;
use register_log::RegisterLog;

pub(crate) mod channel;
mod lines;
pub(crate) mod method_log;
mod register_log;

/// A refusal of the hardware.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Time since the card was made.
    pub time: Duration,
    /// The block that refused.
    pub block: BlockId,
    /// The reason.
    pub reason: String,
}

/// Number of accesses by the driver per block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accesses {
    reads: [u64; BlockId::ALL.len()],
    writes: [u64; BlockId::ALL.len()],
}

impl Accesses {
    /// Reads of `block`.
    pub fn reads(&self, block: BlockId) -> u64 {
        self.reads[block as usize]
    }

    /// Writes to `block`.
    pub fn writes(&self, block: BlockId) -> u64 {
        self.writes[block as usize]
    }

    /// Reads and writes of all blocks.
    pub fn total(&self) -> u64 {
        self.reads.iter().chain(&self.writes).sum()
    }
}

/// Consecutive accesses by the driver to one block.
#[derive(Debug)]
struct Run {
    block: BlockId,
    since: Duration,
    until: Duration,
    reads: u64,
    writes: u64,
}

/// The track of the driver; the tracks of the blocks follow in the order of [`BlockId::ALL`].
const DRIVER_TRACK: usize = 0;

/// The trace.
#[derive(Debug, Default)]
pub struct Trace {
    accesses: Accesses,
    refusals: Vec<Refusal>,
    run: Option<Run>,
    out: Option<BufWriter<File>>,
    registers: Option<RegisterLog>,
    methods: Option<MethodLog>,
}

impl Trace {
    /// The most refusals that are kept, so that a driver which repeats an error does not fill the
    /// memory; the model's own limit.
    const REFUSALS_MAX: usize = 1000;

    /// Also writes a timeline to `path`.
    pub fn to_file(path: &Path) -> io::Result<Self> {
        let mut out = BufWriter::new(File::create(path)?);
        let process =
            json!({"ph": "M", "pid": 1, "name": "process_name", "args": {"name": "nova-mock"}});
        write!(out, "[\n{process}")?;
        let names = std::iter::once("driver").chain(BlockId::ALL.iter().map(|block| block.name()));
        for (track, name) in names.enumerate() {
            let thread = json!({"ph": "M", "pid": 1, "tid": track, "name": "thread_name", "args": {"name": name}});
            let order = json!({"ph": "M", "pid": 1, "tid": track, "name": "thread_sort_index", "args": {"sort_index": track}});
            write!(out, ",\n{thread},\n{order}")?;
        }
        let mut trace = Self::default();
        trace.out = Some(out);
        Ok(trace)
    }

    /// Also writes every register access to `path`, in order.
    ///
    /// A line is `r OFFSET VALUE`, `w OFFSET VALUE` (both in hexadecimal), or `# BLOCK WHAT` for
    /// what a block did.
    pub fn log_registers(&mut self, path: &Path) -> io::Result<()> {
        self.registers = Some(RegisterLog::to_file(path)?);
        Ok(())
    }

    /// Also writes every method that a channel executes to `path`, in order.
    ///
    /// A line is `RUNLIST:CHANNEL CLASS SUBCHANNEL NAME(OFFSET) DATA`, or `# RUNLIST:CHANNEL stopped:
    /// WHY`.
    pub fn log_methods(&mut self, path: &Path) -> io::Result<()> {
        self.methods = Some(MethodLog::to_file(path)?);
        Ok(())
    }

    /// The log of methods, if there is one.
    pub(crate) fn methods(&mut self) -> Option<&mut MethodLog> {
        self.methods.as_mut()
    }

    /// Number of accesses so far.
    pub fn accesses(&self) -> &Accesses {
        &self.accesses
    }

    /// What was refused so far.
    pub fn refusals(&self) -> &[Refusal] {
        &self.refusals
    }

    /// Counts an access by the driver.
    pub(crate) fn access(&mut self, now: Duration, block: BlockId, write: bool) {
        let counter = match write {
            true => &mut self.accesses.writes,
            false => &mut self.accesses.reads,
        };
        counter[block as usize] += 1;
        if self.run.as_ref().is_none_or(|run| run.block != block) {
            self.end_run();
            self.run = Some(Run {
                block,
                since: now,
                until: now,
                reads: 0,
                writes: 0,
            });
        }
        if let Some(run) = &mut self.run {
            run.until = now;
            run.reads += u64::from(!write);
            run.writes += u64::from(write);
        }
    }

    /// Logs a read and its value.
    pub(crate) fn read(&mut self, offset: u32, value: u32) {
        if let Some(log) = &mut self.registers {
            log.read(offset, value);
        }
    }

    /// Logs a write.
    pub(crate) fn write(&mut self, offset: u32, value: u32) {
        if let Some(log) = &mut self.registers {
            log.write(offset, value);
        }
    }

    /// Records something that `block` did at once.
    pub(crate) fn instant(&mut self, now: Duration, block: BlockId, name: &str, args: Value) {
        tracing::debug!(block = block.name(), %args, "{name}");
        self.note(block, name);
        self.end_run();
        self.emit(json!({
            "ph": "i", "s": "t", "pid": 1, "tid": track(block), "ts": micros(now), "name": name, "args": args,
        }));
    }

    /// Records something that `block` did from `since` until now.
    pub(crate) fn slice(
        &mut self,
        since: Duration,
        now: Duration,
        block: BlockId,
        name: &str,
        args: Value,
    ) {
        tracing::debug!(block = block.name(), %args, "{name}");
        self.note(block, name);
        self.emit(json!({
            "ph": "X", "pid": 1, "tid": track(block), "ts": micros(since),
            "dur": micros(now.saturating_sub(since)), "name": name, "args": args,
        }));
    }

    /// Records that `block` refused something.
    pub(crate) fn refuse(&mut self, now: Duration, block: BlockId, reason: String) {
        tracing::warn!(block = block.name(), "{reason}");
        self.emit(json!({
            "ph": "i", "s": "t", "pid": 1, "tid": track(block), "ts": micros(now),
            "name": format!("refused: {reason}"),
        }));
        if self.refusals.len() < Self::REFUSALS_MAX {
            self.refusals.push(Refusal {
                time: now,
                block,
                reason,
            });
        }
    }

    /// Closes the timeline and the logs, and reports errors in writing their last lines.
    pub fn finish(&mut self) -> io::Result<()> {
        self.end_run();
        if let Some(log) = &mut self.registers {
            log.flush()?;
        }
        if let Some(log) = &mut self.methods {
            log.flush()?;
        }
        match self.out.take() {
            Some(mut out) => {
                writeln!(out, "\n]")?;
                out.flush()
            }
            None => Ok(()),
        }
    }

    fn note(&mut self, block: BlockId, what: &str) {
        if let Some(log) = &mut self.registers {
            log.note(block, what);
        }
    }

    fn end_run(&mut self) {
        let Some(run) = self.run.take() else {
            return;
        };
        if self.out.is_none() {
            return;
        }
        let name = run.block.name();
        self.emit(json!({
            "ph": "X", "pid": 1, "tid": DRIVER_TRACK, "ts": micros(run.since),
            "dur": micros(run.until - run.since), "name": name,
            "args": {"reads": run.reads, "writes": run.writes},
        }));
        let total = self.accesses.reads(run.block) + self.accesses.writes(run.block);
        self.emit(json!({
            "ph": "C", "pid": 1, "ts": micros(run.until), "name": format!("accesses of {name}"),
            "args": {"accesses": total},
        }));
    }

    fn emit(&mut self, mut event: Value) {
        let Some(out) = &mut self.out else {
            return;
        };
        if event["args"].is_null() {
            event["args"] = json!({});
        }
        if let Err(error) = write!(out, ",\n{event}") {
            tracing::error!("the trace ends here: {error}");
            self.out = None;
        }
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        if let Err(error) = self.finish() {
            tracing::error!("the trace is not complete: {error}");
        }
    }
}

fn track(block: BlockId) -> usize {
    block as usize + 1
}

fn micros(time: Duration) -> f64 {
    time.as_nanos() as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn accesses_are_counted_per_block() {
        let mut trace = Trace::default();
        trace.access(MS, BlockId::Pmc, false);
        trace.access(MS, BlockId::Pmc, true);
        trace.access(MS, BlockId::Gsp, false);
        assert_eq!(trace.accesses().reads(BlockId::Pmc), 1);
        assert_eq!(trace.accesses().writes(BlockId::Pmc), 1);
        assert_eq!(trace.accesses().total(), 3);
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri runs without files")]
    fn the_file_is_json_with_a_track_per_block_and_one_for_the_driver() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("trace.json");
        let mut trace = Trace::to_file(&path).unwrap();
        trace.access(MS, BlockId::Pmc, false);
        trace.access(2 * MS, BlockId::Gsp, true);
        trace.refuse(3 * MS, BlockId::Gsp, "because".into());
        trace.slice(MS, 2 * MS, BlockId::Sec2, "booter", json!({}));
        trace.finish().unwrap();

        let events: Vec<Value> =
            serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let named = |name: &str| {
            events
                .iter()
                .filter(|event| event["args"]["name"] == name)
                .count()
        };
        assert_eq!(named("driver"), 1);
        for block in BlockId::ALL {
            assert_eq!(named(block.name()), 1, "{block:?}");
        }
        let slices = |track: usize| {
            events
                .iter()
                .filter(move |event| event["ph"] == "X" && event["tid"] == track)
                .count()
        };
        assert_eq!(slices(DRIVER_TRACK), 2);
        assert_eq!(slices(track(BlockId::Sec2)), 1);
        assert!(events
            .iter()
            .any(|event| event["name"] == "refused: because"));
    }
}
