// SPDX-License-Identifier: MIT

//! What something costs: accesses of the card, as the mock counts them, and time.
//!
//! Counts are means. They include what the driver does afterwards, until it is quiet: interrupts, and workers of the
//! kernel. Of the times, `wall_us` and `cpu_us` are medians, the latter of the time that the calling process has had a CPU,
//! and `machine_us` is the mean of the time that any process or worker has had one (`/proc/schedstat`).

use std::collections::BTreeMap;
use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use igt::mock::Mock;
use nix::time::{clock_gettime, ClockId};
use serde_json::{json, Map, Value};

/// How long the driver must not have accessed the card to be quiet.
const QUIET: Duration = Duration::from_millis(100);

/// Time in which workers that are already queued come to run.
const MOMENT: Duration = Duration::from_millis(10);

/// Counts by their names, as the mock tells them.
type Counts = BTreeMap<String, u64>;

/// The cost of something that was done several times.
#[derive(Debug, Default)]
struct Cost {
    /// How often it was done.
    times: u64,
    counts: Counts,
    wall: Vec<Duration>,
    cpu: Vec<Duration>,
    machine: Duration,
}

/// Measures, and keeps the results.
#[derive(Debug)]
pub(crate) struct Meter {
    mock: Mock,
    costs: BTreeMap<String, Cost>,
    others: Map<String, Value>,
}

impl Meter {
    pub(crate) fn new(mock: Mock) -> Self {
        Self {
            mock,
            costs: BTreeMap::new(),
            others: Map::new(),
        }
    }

    /// Measures `act`, which is done `times` times. A name may come again.
    pub(crate) fn measure(&mut self, name: &str, times: u32, mut act: impl FnMut(u32)) {
        self.measure_parts(name, times, 1, &mut act);
    }

    /// Measures `act`, which does `parts` things at once.
    pub(crate) fn measure_whole(&mut self, name: &str, parts: u32, mut act: impl FnMut()) {
        self.measure_parts(name, 1, parts, &mut |_| act());
    }

    fn measure_parts(&mut self, name: &str, times: u32, parts: u32, act: &mut dyn FnMut(u32)) {
        let before = self.quiet();
        let machine = machine_time();
        let cost = self.costs.entry(name.to_owned()).or_default();
        for number in 0..times {
            let (start, cpu) = (Instant::now(), cpu_time());
            act(number);
            let (wall, cpu) = (start.elapsed(), cpu_time().saturating_sub(cpu));
            cost.wall.push(wall / parts);
            cost.cpu.push(cpu / parts);
        }
        cost.machine += machine_time().saturating_sub(machine);
        cost.times += u64::from(times * parts);
        let after = self.quiet();
        let cost = self.costs.entry(name.to_owned()).or_default();
        for (count, value) in after {
            *cost.counts.entry(count.clone()).or_default() += value - before[&count];
        }
    }

    /// Notes a result of another kind.
    pub(crate) fn note(&mut self, name: &str, value: Value) {
        self.others.insert(name.to_owned(), value);
    }

    /// All results.
    pub(crate) fn results(self) -> Value {
        let mut results = self.others;
        for (name, cost) in self.costs {
            results.insert(name, cost.result());
        }
        Value::Object(results)
    }

    /// Waits until the driver does not access the card, and returns the counts.
    fn quiet(&self) -> Counts {
        let mut last = self.mock.accesses();
        loop {
            sleep(QUIET);
            let now = self.mock.accesses();
            if now == last {
                return now;
            }
            last = now;
        }
    }
}

impl Cost {
    fn result(mut self) -> Value {
        let times = self.times as f64;
        let mut result = Map::new();
        for (name, count) in &self.counts {
            result.insert(name.clone(), json!(*count as f64 / times));
        }
        result.insert("wall_us".into(), json!(median_us(&mut self.wall)));
        result.insert("cpu_us".into(), json!(median_us(&mut self.cpu)));
        let machine = self.machine.as_secs_f64() * 1e6 / times;
        result.insert("machine_us".into(), json!(machine));
        Value::Object(result)
    }
}

/// The median in microseconds.
pub(crate) fn median_us(times: &mut [Duration]) -> f64 {
    times.sort_unstable();
    let median = times.get(times.len() / 2).copied().unwrap_or_default();
    median.as_secs_f64() * 1e6
}

/// The time that this process has had a CPU.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID);
    time.expect("processes have a clock").into()
}

/// The time that all processes and workers have had a CPU, after a moment for the workers. What runs counts only when it
/// stops, so this process stops, too.
///
/// Source: `Documentation/scheduler/sched-stats.rst` of Linux: the seventh number of a CPU.
fn machine_time() -> Duration {
    sleep(MOMENT);
    let text = fs::read_to_string("/proc/schedstat").expect("the kernel has schedstat");
    let cpus = text.lines().filter_map(|line| {
        let mut fields = line.strip_prefix("cpu")?.split(' ');
        fields.nth(7)?.parse::<u64>().ok()
    });
    Duration::from_nanos(cpus.sum())
}
