// SPDX-License-Identifier: GPL-2.0

//! `nova-fw info` beside `readelf -a`, on the same file.
//!
//! Neither reads the tens of megabytes in the middle of the file, so that with one file both take
//! the time that a program takes to start. What a file itself costs shows when it is given many times.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{ensure, Context, Result};

/// Runs of each program; the quickest one counts, as the one that was disturbed least.
const RUNS: usize = 7;

/// How often the file is given to see what it costs.
const FILES: u32 = 400;

/// What a program takes for a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Time {
    /// With one file, from start to end.
    pub(crate) whole: Duration,
    /// For each further file.
    pub(crate) each: Duration,
}

/// What `nova-fw info` and `readelf -a` take for `file`.
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
