// SPDX-License-Identifier: GPL-2.0

//! `nova-fw info` beside `readelf -a`, on the same file.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{ensure, Context, Result};

/// Runs of each program; the quickest one counts, as the one that was disturbed least.
const RUNS: usize = 7;

/// The quickest run of `nova-fw info FILE` and of `readelf -a FILE`.
pub(crate) fn run(nova_fw: &Path, file: &Path) -> Result<[Duration; 2]> {
    let mut info = Command::new(nova_fw);
    info.arg("info").arg(file);
    let mut readelf = Command::new("readelf");
    readelf.arg("-a").arg(file);
    Ok([quickest(&mut info)?, quickest(&mut readelf)?])
}

fn quickest(command: &mut Command) -> Result<Duration> {
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut best = Duration::MAX;
    for _ in 0..RUNS {
        let start = Instant::now();
        let status = command.status().with_context(|| format!("{command:?}"))?;
        best = best.min(start.elapsed());
        ensure!(status.success(), "{command:?}: {status}");
    }
    Ok(best)
}
