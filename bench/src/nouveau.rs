// SPDX-License-Identifier: GPL-2.0

//! Measures Linux's nouveau on the mock.

use anyhow::{Context, Result};
use nova_bench::guest;
use nova_hw::chipset::Chipset;
use nova_hw::release::RELEASES;
use nova_vm::{Guest, Host, Script};
use serde_json::Value;

/// How many accesses of the driver the mock has answered.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Accesses {
    pub(crate) registers: u64,
    pub(crate) bar1: u64,
    pub(crate) bar2: u64,
}

/// What was measured; times are in milliseconds.
#[derive(Debug)]
pub(crate) struct Measured {
    /// Loading the module.
    pub(crate) load: f64,
    pub(crate) accesses: Accesses,
    /// A copy of 64 MiB by a copy engine, and by the CPU in the VM.
    pub(crate) copies: [f64; 2],
    /// Writes through BAR1, in KiB per second.
    pub(crate) bar1: f64,
}

/// Measures in a VM that loads nouveau and no more, and in one with work.
pub(crate) fn run(host: &Host) -> Result<Measured> {
    let (took, trace) = in_guest(host, &["load"])?;
    let load = millis(&took, "load")?;
    let accesses = accesses(&trace);
    let (took, _) = in_guest(host, &[])?;
    Ok(Measured {
        load,
        accesses,
        copies: [millis(&took, "copy")?, millis(&took, "memcpy")?],
        bar1: 256.0 * 1e3 / millis(&took, "bar1")?,
    })
}

fn millis(took: &Value, name: &str) -> Result<f64> {
    let value = took[name].as_f64();
    value.with_context(|| format!("{took} has no time for {name}"))
}

/// What `nouveau-speed` has printed, and the timeline.
fn in_guest(host: &Host, arguments: &[&str]) -> Result<(Value, Vec<Value>)> {
    let mut guest = Guest::new(host.repo.join("build/bench/nouveau"));
    guest.chips = vec![Chipset::GA102];
    guest.nouveau = Some(RELEASES[0]);
    guest.files = Some(host.programs.clone());
    let script = Script::new(host.repo.join("bench/guest/nouveau"));
    guest.script = Some(script.args(arguments));
    let took = guest::output(host, &guest, "nouveau")?;
    let trace = std::fs::read(guest.out.join("trace.json"))?;
    Ok((
        serde_json::from_str(&took)?,
        serde_json::from_slice(&trace)?,
    ))
}

/// Sums the driver's accesses.
fn accesses(events: &[Value]) -> Accesses {
    let mut sum = Accesses::default();
    for event in events {
        let [Some(reads), Some(writes)] = ["reads", "writes"].map(|it| event["args"][it].as_u64())
        else {
            continue;
        };
        *match event["name"].as_str() {
            Some("BAR1") => &mut sum.bar1,
            Some("BAR2") => &mut sum.bar2,
            _ => &mut sum.registers,
        } += reads + writes;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn accesses_are_summed_by_bar() {
        let events = [
            json!({"ph": "M", "name": "process_name"}),
            json!({"name": "PMC", "args": {"reads": 3, "writes": 1}}),
            json!({"name": "BAR2", "args": {"reads": 0, "writes": 7}}),
            json!({"name": "GSP", "args": {"reads": 1, "writes": 0}}),
        ];
        let expected = Accesses {
            registers: 5,
            bar1: 0,
            bar2: 7,
        };
        assert_eq!(accesses(&events), expected);
    }
}
