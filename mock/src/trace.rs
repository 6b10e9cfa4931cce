// SPDX-License-Identifier: GPL-2.0

//! The record of what the card did: a timeline, and logs of register accesses and of methods.
//!
//! In the timeline, one track per hardware block shows what the block did, one track shows the
//! driver's register accesses as slices per run of accesses to one block, and a counter per block
//! counts them. A track per channel shows its turns.

use std::io;
use std::path::Path;
use std::time::Duration;

use serde_json::{json, Value};

use crate::block_id::BlockId;
use method_log::MethodLog;
use register_log::RegisterLog;
use timeline::{Timeline, Track};

pub(crate) mod channel;
mod lines;
pub(crate) mod method_log;
mod register_log;
pub(crate) mod timeline;

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

/// The trace.
#[derive(Debug, Default)]
pub struct Trace {
    accesses: Accesses,
    refusals: Vec<Refusal>,
    run: Option<Run>,
    timeline: Option<Timeline>,
    registers: Option<RegisterLog>,
    methods: Option<MethodLog>,
}

impl Trace {
    /// The most refusals that are kept, so that a driver which repeats an error does not fill the
    /// memory; the model's own limit.
    const REFUSALS_MAX: usize = 1000;

    /// Also writes a timeline to `path`.
    pub fn to_file(path: &Path) -> io::Result<Self> {
        let mut trace = Self::default();
        trace.timeline = Some(Timeline::to_file(path)?);
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

    /// The timeline, if there is one.
    pub(crate) fn timeline(&mut self) -> Option<&mut Timeline> {
        self.timeline.as_mut()
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
        if let Some(timeline) = &mut self.timeline {
            timeline.instant(Track::Block(block), now, name, args);
        }
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
        if let Some(timeline) = &mut self.timeline {
            timeline.slice(Track::Block(block), (since, now), name, args);
        }
    }

    /// Records that `block` refused something.
    pub(crate) fn refuse(&mut self, now: Duration, block: BlockId, reason: String) {
        tracing::warn!(block = block.name(), "{reason}");
        if let Some(timeline) = &mut self.timeline {
            let name = format!("refused: {reason}");
            timeline.instant(Track::Block(block), now, &name, Value::Null);
        }
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
        self.timeline.take().map_or(Ok(()), Timeline::finish)
    }

    fn note(&mut self, block: BlockId, what: &str) {
        if let Some(log) = &mut self.registers {
            log.note(block, what);
        }
    }

    fn end_run(&mut self) {
        let (Some(run), Some(timeline)) = (self.run.take(), &mut self.timeline) else {
            return;
        };
        let name = run.block.name();
        let args = json!({"reads": run.reads, "writes": run.writes});
        timeline.slice(Track::Driver, (run.since, run.until), name, args);
        let total = self.accesses.reads(run.block) + self.accesses.writes(run.block);
        let counter = format!("accesses of {name}");
        timeline.count(run.until, &counter, json!({"accesses": total}));
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        if let Err(error) = self.finish() {
            tracing::error!("the trace is not complete: {error}");
        }
    }
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
        assert_eq!(slices(0), 2);
        assert_eq!(slices(BlockId::Sec2 as usize + 1), 1);
        assert!(events
            .iter()
            .any(|event| event["name"] == "refused: because"));
    }
}
