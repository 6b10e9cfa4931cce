// SPDX-License-Identifier: GPL-2.0

//! Measures what executes in the mock, in this process.

use std::fs;
use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nova_mock::measure::{Lookups, Work};

/// Bytes of the copy that is measured, and of each of those through the frame buffer.
const LEN: u32 = 64 << 20;

/// Where copies are in the frame buffer: each of the regions is one of 4 GiB.
const SOURCE: u64 = 4 << 30;
const DESTINATION: u64 = 8 << 30;
const THROUGH: u64 = 4 << 30;

/// How often a copy is made; the fastest counts.
const TIMES: usize = 5;

/// Duration of a measurement.
const TIME: Duration = Duration::from_millis(500);

/// The time of a copy.
pub(crate) struct Copied {
    pub(crate) engine: Duration,
    pub(crate) memcpy: Duration,
    /// Turns of the channel.
    pub(crate) turns: u32,
}

/// Copies by a copy engine, and as a program copies. The memory has been written before.
pub(crate) fn copy() -> Copied {
    let mut work = Work::copies();
    work.copy(DESTINATION, SOURCE, LEN);
    let turns = work.copy(SOURCE, DESTINATION, LEN);
    let engine = fastest(|| {
        work.copy(SOURCE, DESTINATION, LEN);
    });
    let from = vec![1_u8; LEN as usize];
    let mut to = vec![2_u8; LEN as usize];
    let memcpy = fastest(|| {
        to.copy_from_slice(black_box(&from));
        black_box(&mut to);
    });
    Copied {
        engine,
        memcpy,
        turns,
    }
}

fn fastest(mut act: impl FnMut()) -> Duration {
    let times = (0..TIMES).map(|_| {
        let start = Instant::now();
        act();
        start.elapsed()
    });
    times.min().unwrap_or_default()
}

/// Addresses per second that the MMU finds, in its TLBs or by a walk through five levels of tables.
pub(crate) fn lookups_per_second(has_tlb: bool) -> f64 {
    const COUNT: u64 = 10_000;
    let mut lookups = Lookups::new(has_tlb);
    lookups.run(COUNT);
    per_second(COUNT, || lookups.run(COUNT))
}

/// Methods per second that a channel gives to a copy engine.
pub(crate) fn methods_per_second() -> f64 {
    const COUNT: u32 = 8_000;
    let mut work = Work::copies();
    per_second(COUNT.into(), || {
        work.methods(COUNT);
    })
}

/// Instructions of a warp per second that a compute channel executes.
pub(crate) fn instructions_per_second() -> f64 {
    const FROM: u32 = 100_000;
    let mut work = Work::computes();
    let count = work.count_down(FROM);
    per_second(count, || {
        work.count_down(FROM);
    })
}

/// Does `count` things again and again, and returns how many were done per second.
fn per_second(count: u64, mut act: impl FnMut()) -> f64 {
    let start = Instant::now();
    let mut done = 0;
    while start.elapsed() < TIME {
        act();
        done += count;
    }
    done as f64 / start.elapsed().as_secs_f64()
}

/// The memory of this process in KiB, beyond what it had before.
pub(crate) struct Memory {
    pub(crate) after_copies: u64,
    pub(crate) after_free: u64,
}

/// Copies through the frame buffer, and frees the channel that has done so.
pub(crate) fn memory() -> Result<Memory> {
    let before = resident()?;
    let mut work = Work::copies();
    for at in (0..THROUGH).step_by(LEN as usize) {
        work.copy(SOURCE, DESTINATION + at, LEN);
    }
    let after_copies = resident()?.saturating_sub(before);
    work.free();
    Ok(Memory {
        after_copies,
        after_free: resident()?.saturating_sub(before),
    })
}

/// KiB of this process that are in memory.
fn resident() -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let size = line.and_then(|line| line.trim().strip_suffix(" kB"));
    let size = size.context("no VmRSS in /proc/self/status")?;
    Ok(size.parse()?)
}
