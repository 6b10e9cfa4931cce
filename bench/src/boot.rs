// SPDX-License-Identifier: GPL-2.0

//! A driver's boot in the VM, as the mocked GPU saw it.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{ensure, Context, Result};
use serde_json::Value;

/// What a boot took, from the first register access to the GSP's INIT_DONE.
#[derive(Debug)]
pub(crate) struct Boot {
    /// Register reads.
    pub(crate) reads: u64,
    /// Register writes.
    pub(crate) writes: u64,
    /// Milliseconds.
    pub(crate) millis: f64,
    /// Whether INIT_DONE came; where it did not, the numbers go as far as the driver went.
    pub(crate) init_done: bool,
    /// Resident memory of the mock afterwards, in KiB.
    pub(crate) mock_kib: u64,
}

/// Boots `driver` (`nova` or `upstream`) in a VM; `arguments` go to `vm/guest`.
pub(crate) fn run(repo: &Path, driver: &str, arguments: &[&str]) -> Result<Boot> {
    let out = repo.join("build/bench").join(driver);
    fs::create_dir_all(&out)?;
    let status = Command::new(repo.join("vm/guest"))
        .arg("--out")
        .arg(&out)
        .args(arguments)
        .arg(repo.join("bench/guest-boot"))
        .arg(driver)
        .status()
        .context("vm/guest")?;
    ensure!(
        status.success(),
        "the boot of {driver} failed; see {}",
        out.display()
    );
    let trace = fs::read(out.join("trace.json")).context("trace.json")?;
    let events: Vec<Value> = serde_json::from_slice(&trace).context("trace.json")?;
    let mut boot = measure(&events);
    boot.mock_kib = resident(&fs::read_to_string(out.join("mock.status"))?);
    Ok(boot)
}

/// Adds up the driver's accesses up to INIT_DONE.
fn measure(events: &[Value]) -> Boot {
    let time = |event: &Value| event["ts"].as_f64().unwrap_or_default();
    let init_done = events
        .iter()
        .find(|event| event["name"] == "GSP_INIT_DONE")
        .map(time);
    let runs = events.iter().filter(|event| {
        event["args"]["reads"].is_u64() && init_done.is_none_or(|done| time(event) <= done)
    });
    let mut boot = Boot {
        reads: 0,
        writes: 0,
        millis: 0.0,
        init_done: init_done.is_some(),
        mock_kib: 0,
    };
    let mut first = f64::INFINITY;
    let mut last = 0.0_f64;
    for run in runs {
        boot.reads += run["args"]["reads"].as_u64().unwrap_or_default();
        boot.writes += run["args"]["writes"].as_u64().unwrap_or_default();
        first = first.min(time(run));
        last = last.max(time(run) + run["dur"].as_f64().unwrap_or_default());
    }
    boot.millis = (init_done.unwrap_or(last) - first).max(0.0) / 1000.0;
    boot
}

/// The resident memory in a `/proc/PID/status`, in KiB.
fn resident(status: &str) -> u64 {
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|line| line.split_whitespace().next())
        .and_then(|number| number.parse().ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_comes_before_init_done_counts() {
        let events = [
            json!({"ph": "M", "name": "process_name"}),
            json!({"ph": "X", "ts": 1000.0, "dur": 500.0, "args": {"reads": 3, "writes": 1}}),
            json!({"ph": "X", "ts": 2000.0, "dur": 1.0, "args": {"reads": 2, "writes": 0}}),
            json!({"ph": "i", "ts": 5000.0, "name": "GSP_INIT_DONE"}),
            json!({"ph": "X", "ts": 6000.0, "dur": 1.0, "args": {"reads": 100, "writes": 100}}),
        ];
        let boot = measure(&events);
        assert_eq!((boot.reads, boot.writes), (5, 1));
        assert!((boot.millis - 4.0).abs() < 1e-9);
        assert!(boot.init_done);
    }

    #[test]
    fn a_boot_that_got_stuck_counts_as_far_as_it_got() {
        let events =
            [json!({"ph": "X", "ts": 1000.0, "dur": 500.0, "args": {"reads": 3, "writes": 1}})];
        let boot = measure(&events);
        assert_eq!((boot.reads, boot.writes), (3, 1));
        assert!((boot.millis - 0.5).abs() < 1e-9);
        assert!(!boot.init_done);
    }

    #[test]
    fn resident_memory_is_found() {
        assert_eq!(
            resident("Name:\tnova-mock\nVmRSS:\t    5120 kB\nThreads:\t3\n"),
            5120
        );
        assert_eq!(resident(""), 0);
    }
}
