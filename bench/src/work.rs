// SPDX-License-Identifier: GPL-2.0

//! Measures what the calls of programs cost, with Nova and with Linux's nouveau, on the same mocked GPU.
//!
//! `nova-bench-jobs` measures in each VM (igt-tests/src/bin/nova-bench-jobs); its `meter.rs` says what the numbers are.

use std::fmt;
use std::fs;

use anyhow::{Context, Result};
use nova_bench::guest;
use nova_hw::chipset::Chipset;
use nova_hw::release::RELEASES;
use nova_vm::{fresh, Guest, Host, Kernel, Script};
use serde_json::{Map, Value};

/// A line of the table: both drivers' numbers.
pub(crate) struct Row {
    pub(crate) title: String,
    pub(crate) values: [f64; 2],
    pub(crate) unit: Unit,
    pub(crate) aim: Option<Aim>,
}

/// What a number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// How often something was done, for each call.
    Times,
    Micros,
    PerSecond,
    /// Bytes, shown in KiB.
    Bytes,
}

/// What Nova's number is to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Aim {
    Exactly(f64),
    /// As many times nouveau's number at most.
    Ratio(f64),
}

impl Aim {
    /// Whether the numbers are as they are to be. Counts are means, which something else may have changed by a little.
    pub(crate) fn is_met(self, [nova, nouveau]: [f64; 2]) -> bool {
        match self {
            Self::Exactly(aim) => (nova - aim).abs() < 0.05,
            Self::Ratio(aim) => nova <= aim * nouveau,
        }
    }
}

impl fmt::Display for Aim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly(aim) => write!(f, "{aim}"),
            Self::Ratio(aim) => write!(f, "ratio ≤ {aim}"),
        }
    }
}

impl Unit {
    /// A number with its unit.
    pub(crate) fn show(self, value: f64) -> String {
        match self {
            Self::Times => format!("{value:.2}"),
            Self::Micros => format!("{value:.1} µs"),
            Self::PerSecond => format!("{value:.0}"),
            Self::Bytes => format!("{:.1} KiB", value / 1024.0),
        }
    }
}

/// How much less than nouveau Nova is to need.
const LESS: Option<Aim> = Some(Aim::Ratio(0.8));

/// As much, where a library is between the program and Nova.
const NOT_MORE: Option<Aim> = Some(Aim::Ratio(1.0));

/// Measures in a VM with each driver, and returns the lines below their titles.
pub(crate) fn run(host: &Host) -> Result<Vec<(&'static str, Vec<Row>)>> {
    let results = ["nova", "nouveau"].map(|driver| in_guest(host, driver));
    let [nova, nouveau] = results;
    Results([nova?, nouveau?]).sections()
}

/// What `nova-bench-jobs` has printed in a VM: of the driver, and of Vulkan.
fn in_guest(host: &Host, driver: &str) -> Result<Value> {
    let out = host.repo.join("build/bench/work").join(driver);
    let mut guest = Guest::new(fresh(out)?);
    guest.chips = vec![Chipset::GA102];
    match driver {
        "nova" => guest.modules = Some(Kernel::Stock.modules(host)),
        _ => guest.nouveau = Some(RELEASES[0]),
    }
    guest.files = Some(host.programs.clone());
    let script = Script::new(host.repo.join("bench/guest/work"));
    guest.script = Some(script.args([driver]));
    let mut results: Map<_, _> = serde_json::from_str(&guest::output(host, &guest, "work")?)?;
    let vulkan: Map<_, _> = serde_json::from_slice(&fs::read(guest.out.join("vulkan"))?)?;
    results.extend(vulkan);
    Ok(Value::Object(results))
}

/// What was printed in the VM of Nova and in that of nouveau.
struct Results([Value; 2]);

impl Results {
    /// The sum of some numbers of what was measured under a name.
    fn values(&self, name: &str, numbers: &[&str]) -> Result<[f64; 2]> {
        let of = |result: &Value| {
            let number = |number: &&str| {
                let value = result[name][number].as_f64();
                value.with_context(|| format!("{name} has no {number}"))
            };
            numbers.iter().map(number).sum::<Result<f64>>()
        };
        let [nova, nouveau] = self.0.each_ref().map(of);
        Ok([nova?, nouveau?])
    }

    fn row(
        &self,
        title: &str,
        name: &str,
        numbers: &[&str],
        unit: Unit,
        aim: Option<Aim>,
    ) -> Result<Row> {
        Ok(Row {
            title: title.to_owned(),
            values: self.values(name, numbers)?,
            unit,
            aim,
        })
    }

    fn sections(&self) -> Result<Vec<(&'static str, Vec<Row>)>> {
        let mut sections = Vec::new();
        for (title, name) in [
            ("EXEC of one push", "exec"),
            (
                "EXEC of one push, with points to wait for and to signal",
                "exec-syncs",
            ),
        ] {
            sections.push((title, self.call(name)?));
        }
        for (title, name) in [
            ("EXEC, until a process knows that the job is done", "job"),
            (
                "EXEC of 64 jobs, each of which waits for the one before, for each",
                "chain",
            ),
        ] {
            sections.push((title, self.job(name, LESS, None)?));
        }
        sections.push((
            "vkQueueSubmit of a fill of 4 bytes, until vkWaitForFences",
            self.job("submit", NOT_MORE, NOT_MORE)?,
        ));
        sections.push(("fences", self.fences()?));
        for (title, [map, remap, unmap]) in [
            (
                "VM_BIND of 4 KiB beside another mapping",
                ["map-4k", "remap-4k", "unmap-4k"],
            ),
            (
                "VM_BIND of 4 KiB alone",
                ["map-4k-alone", "remap-4k-alone", "unmap-4k-alone"],
            ),
            (
                "VM_BIND of 64 MiB in pages of 2 MiB",
                ["map-64m-2m", "remap-64m-2m", "unmap-64m-2m"],
            ),
            (
                "VM_BIND of 64 MiB in pages of 4 KiB",
                ["map-64m-4k", "remap-64m-4k", "unmap-64m-4k"],
            ),
        ] {
            let mut rows = Vec::new();
            for (what, name) in [("map", map), ("map again", remap), ("unmap", unmap)] {
                rows.extend(self.bind(what, name)?);
            }
            sections.push((title, rows));
        }
        sections.push(("objects", self.objects()?));
        sections.push(("memory of the machine, and VRAM", self.memory()?));
        Ok(sections)
    }

    /// An EXEC alone.
    fn call(&self, name: &str) -> Result<Vec<Row>> {
        let row = |title, numbers, unit, aim| self.row(title, name, numbers, unit, aim);
        Ok(vec![
            row(
                "register reads",
                &["register_reads"],
                Unit::Times,
                Some(Aim::Exactly(0.0)),
            )?,
            row(
                "register writes",
                &["register_writes"],
                Unit::Times,
                Some(Aim::Exactly(1.0)),
            )?,
            row(
                "reads of VRAM",
                &["bar1_reads", "bar2_reads"],
                Unit::Times,
                Some(Aim::Exactly(0.0)),
            )?,
            row(
                "writes to VRAM",
                &["bar1_writes", "bar2_writes"],
                Unit::Times,
                None,
            )?,
            row("CPU time of the caller", &["cpu_us"], Unit::Micros, None)?,
            row("CPU time of all", &["machine_us"], Unit::Micros, LESS)?,
        ])
    }

    /// An EXEC and the end of its job.
    fn job(&self, name: &str, aim: Option<Aim>, time: Option<Aim>) -> Result<Vec<Row>> {
        let row = |title, numbers, unit, aim| self.row(title, name, numbers, unit, aim);
        Ok(vec![
            row(
                "register accesses",
                &["register_reads", "register_writes"],
                Unit::Times,
                aim,
            )?,
            row(
                "accesses of VRAM",
                &["bar1_reads", "bar1_writes", "bar2_reads", "bar2_writes"],
                Unit::Times,
                aim,
            )?,
            row("CPU time of all", &["machine_us"], Unit::Micros, aim)?,
            row("time", &["wall_us"], Unit::Micros, time)?,
        ])
    }

    fn fences(&self) -> Result<Vec<Row>> {
        let rate = |title, name| {
            let mut row = self.row(title, name, &["wall_us"], Unit::PerSecond, None)?;
            row.values = row.values.map(|micros| 1e6 / micros);
            anyhow::Ok(row)
        };
        Ok(vec![
            rate("for each second, 1 queue", "fences-1")?,
            rate("for each second, 8 queues", "fences-8")?,
            self.row(
                "from the job's end to a process that waits, and reads the GPU's clock",
                "wake",
                &["wall_us"],
                Unit::Micros,
                None,
            )?,
            self.row(
                "to read the GPU's clock",
                "wake",
                &["clock_us"],
                Unit::Micros,
                None,
            )?,
        ])
    }

    fn bind(&self, what: &str, name: &str) -> Result<Vec<Row>> {
        let row = |title: &str, numbers, unit, aim| {
            self.row(&format!("{what}: {title}"), name, numbers, unit, aim)
        };
        Ok(vec![
            row(
                "writes to tables",
                &["bar1_writes", "bar2_writes"],
                Unit::Times,
                LESS,
            )?,
            row(
                "reads of VRAM",
                &["bar1_reads", "bar2_reads"],
                Unit::Times,
                None,
            )?,
            row(
                "register accesses",
                &["register_reads", "register_writes"],
                Unit::Times,
                None,
            )?,
            row(
                "invalidations",
                &["invalidations"],
                Unit::Times,
                Some(Aim::Exactly(1.0)),
            )?,
            row("time", &["wall_us"], Unit::Micros, LESS)?,
        ])
    }

    fn objects(&self) -> Result<Vec<Row>> {
        let time = |title, name| self.row(title, name, &["wall_us"], Unit::Micros, None);
        Ok(vec![
            time("create and free 2 MiB of system memory", "create-system")?,
            time("create and free 2 MiB of VRAM", "create-vram")?,
            time(
                "map 2 MiB of system memory and touch each page",
                "touch-system",
            )?,
            time("map 2 MiB of VRAM and touch each page", "touch-vram")?,
            time("copy of 64 MiB by a copy engine", "copy")?,
        ])
    }

    fn memory(&self) -> Result<Vec<Row>> {
        let mut rows = Vec::new();
        for (what, name) in [
            ("a file with an address space", "space"),
            ("a queue", "queue"),
            ("a GiB that is mapped in pages of 2 MiB", "gib-2m"),
            ("a GiB that is mapped in pages of 4 KiB", "gib-4k"),
        ] {
            for (of, number) in [
                ("memory that is not free", "machine"),
                ("charged to the cgroup", "charged"),
                ("VRAM", "vram"),
            ] {
                let title = format!("{what}: {of}");
                rows.push(self.row(&title, name, &[number], Unit::Bytes, None)?);
            }
        }
        Ok(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn aims_are_met_or_not() {
        assert!(Aim::Exactly(1.0).is_met([1.0, 9.0]));
        assert!(!Aim::Exactly(1.0).is_met([2.0, 9.0]));
        assert!(!Aim::Exactly(1.0).is_met([0.0, 9.0]));
        assert!(Aim::Ratio(0.8).is_met([8.0, 10.0]));
        assert!(!Aim::Ratio(0.8).is_met([9.0, 10.0]));
    }

    #[test]
    fn numbers_of_both_drivers_are_added_up() {
        let results = Results([
            json!({"exec": {"bar1_reads": 1, "bar2_reads": 2.5}}),
            json!({"exec": {"bar1_reads": 4, "bar2_reads": 0}}),
        ]);
        let values = results.values("exec", &["bar1_reads", "bar2_reads"]);
        assert_eq!(values.unwrap(), [3.5, 4.0]);
        assert!(results.values("exec", &["time"]).is_err());
        assert!(results.values("job", &["bar1_reads"]).is_err());
    }
}
