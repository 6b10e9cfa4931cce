// SPDX-License-Identifier: GPL-2.0

//! Compares `nova-fw info` with `readelf -a` on the same file.
//!
//! Neither reads the tens of megabytes in the middle of the file, so with one file both take about
//! the start-up time of a program. The time per file is measured by passing the file many times.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{ensure, Context, Result};

/// Number of runs of each program; the fastest one counts, as the one with the least disturbance.
const RUNS: usize = 7;

/// Number of times that the file is passed, for measuring the time per file.
const FILES: u32 = 400;

/// Times of a program.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Time {
    /// Time of the whole process with one file.
    pub(crate) whole: Duration,
    /// Time for each further file.
    pub(crate) each: Duration,
}

/// Measures `nova-fw info` and `readelf -a` on `file`.
pub(crate) fn run(nova_fw: &Path, file: &Path) -> Result<[Time; 2]> {
    Ok([
        measure(nova_fw, "info", file)?,
        measure(Path::new("readelf"), "-a", file)?,
    ])
}

fn measure(program: &Path, argument: &str, file: &Path) -> Result<Time> {
    let quickest = |files: u32| {
        let mut command = Command::new(program);
        command.arg(argument).args((0..files).map(|_| file));
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut best = Duration::MAX;
        for _ in 0..RUNS {
            let start = Instant::now();
            let status = command.status().with_context(|| format!("{program:?}"))?;
            best = best.min(start.elapsed());
            ensure!(status.success(), "{program:?}: {status}");
        }
        anyhow::Ok(best)
    };
    let whole = quickest(1)?;
    let each = quickest(1 + FILES)?.saturating_sub(whole) / FILES;
    Ok(Time { whole, each })
}
