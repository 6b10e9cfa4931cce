// SPDX-License-Identifier: GPL-2.0

//! Measurements of a driver's boot in the VM, from the mocked GPU's trace.

use anyhow::Result;
use nova_hw::release::RELEASES;
use serde_json::Value;

use crate::guest::Run;

/// The event that ends a boot.
const INIT_DONE: &str = "GSP_INIT_DONE";

/// Upper bound of the numbers of RPC functions and events.
const MESSAGES: u32 = 0x1100;

/// Costs of a boot, from the first register access to GSP_INIT_DONE.
#[derive(Debug, Default)]
pub struct Boot {
    /// Register reads.
    pub reads: u64,
    /// Register writes.
    pub writes: u64,
    /// Time in milliseconds.
    pub millis: f64,
    /// Whether GSP_INIT_DONE came; if not, the numbers include all that the driver did.
    pub init_done: bool,
    /// Number of RPC messages in both directions.
    pub rpcs: usize,
    /// Resident memory of the mock afterwards, in KiB.
    pub mock_kib: u64,
}

impl Boot {
    /// The first boot of GPU number `gpu`.
    pub fn of(run: &Run, gpu: usize) -> Result<Self> {
        let mut boot = measure(&run.trace(gpu)?);
        boot.mock_kib = resident(&run.text(gpu, "mock", ".status")?);
        Ok(boot)
    }

    /// Number of register reads and writes.
    pub const fn accesses(&self) -> u64 {
        self.reads + self.writes
    }
}

/// Sums the driver's accesses and RPCs up to GSP_INIT_DONE.
fn measure(events: &[Value]) -> Boot {
    let time = |event: &Value| event["ts"].as_f64().unwrap_or_default();
    let init_done = events
        .iter()
        .find(|event| event["name"] == INIT_DONE)
        .map(time);
    let before = events
        .iter()
        .filter(|event| init_done.is_none_or(|done| time(event) <= done));
    let mut boot = Boot {
        init_done: init_done.is_some(),
        rpcs: before.clone().filter(|event| is_rpc(event)).count(),
        ..Boot::default()
    };
    let mut first = f64::INFINITY;
    let mut last = 0.0_f64;
    for run in before.filter(|event| event["args"]["reads"].is_u64()) {
        boot.reads += run["args"]["reads"].as_u64().unwrap_or_default();
        boot.writes += run["args"]["writes"].as_u64().unwrap_or_default();
        first = first.min(time(run));
        last = last.max(time(run) + run["dur"].as_f64().unwrap_or_default());
    }
    boot.millis = (init_done.unwrap_or(last) - first).max(0.0) / 1000.0;
    boot
}

/// Whether an entry of the timeline is a message to or from GSP-RM.
fn is_rpc(event: &Value) -> bool {
    let named =
        |name: &str| (0..MESSAGES).any(|number| RELEASES[0].message_name(number) == Some(name));
    event["ph"] == "i" && event["name"].as_str().is_some_and(named)
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
    fn only_events_before_init_done_count() {
        let events = [
            json!({"ph": "M", "name": "process_name"}),
            json!({"ph": "X", "ts": 1000.0, "dur": 500.0, "args": {"reads": 3, "writes": 1}}),
            json!({"ph": "X", "ts": 2000.0, "dur": 1.0, "args": {"reads": 2, "writes": 0}}),
            json!({"ph": "i", "ts": 3000.0, "name": "SET_REGISTRY"}),
            json!({"ph": "i", "ts": 3000.0, "name": "reset"}),
            json!({"ph": "i", "ts": 5000.0, "name": "GSP_INIT_DONE"}),
            json!({"ph": "i", "ts": 5001.0, "name": "GSP_RM_CONTROL"}),
            json!({"ph": "X", "ts": 6000.0, "dur": 1.0, "args": {"reads": 100, "writes": 100}}),
        ];
        let boot = measure(&events);
        assert_eq!((boot.reads, boot.writes), (5, 1));
        assert!((boot.millis - 4.0).abs() < 1e-9);
        assert_eq!(boot.rpcs, 2);
        assert!(boot.init_done);
    }

    #[test]
    fn a_boot_without_init_done_counts_all_events() {
        let events =
            [json!({"ph": "X", "ts": 1000.0, "dur": 500.0, "args": {"reads": 3, "writes": 1}})];
        let boot = measure(&events);
        assert_eq!((boot.reads, boot.writes), (3, 1));
        assert!((boot.millis - 0.5).abs() < 1e-9);
        assert!(!boot.init_done);
    }

    #[test]
    fn resident_memory_is_parsed() {
        assert_eq!(
            resident("Name:\tnova-mock\nVmRSS:\t    5120 kB\nThreads:\t3\n"),
            5120
        );
        assert_eq!(resident(""), 0);
    }
}
