// SPDX-License-Identifier: MIT

//! The kernel's reports of bugs: oopses, warnings, and those of a debug kernel's checks (KASAN,
//! lockdep, DMA-API, ODEBUG, ...), read from the console or from kmemleak.

use std::sync::LazyLock;

use regex::Regex;

/// First lines of reports without a `cut here` line. RCU stalls and hung tasks begin with `INFO:`.
static HEADLINE: LazyLock<Regex> = LazyLock::new(|| {
    let headline = r"^((watchdog: )?BUG[: ]|(rcu: )?INFO: |WARNING: |UBSAN: |Oops: |kernel BUG at |general protection fault|Kernel panic|rust_kernel: panicked)";
    Regex::new(headline).expect("the expression is constant")
});

/// The time and the thread in front of the kernel's message.
static PREFIX: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^\[ *\d+\.\d+\](\[ *[TC]\d+\])? ").expect("the expression is constant")
});

/// Whether this line begins a report. Messages of DMA-API, ODEBUG and refcount checks do not, but
/// are followed by a line that does.
pub fn begins(line: &str) -> bool {
    HEADLINE.is_match(line)
}

/// A report: its headline and what follows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The first line of the report.
    pub headline: String,
    /// The lines after it, to the end of the report or the next one.
    pub trace: Vec<String>,
}

impl Report {
    fn new(headline: String) -> Self {
        Self {
            headline,
            trace: Vec::new(),
        }
    }
}

/// The reports of the last kernel that booted on this console.
pub fn of_console(console: &str) -> Vec<Report> {
    let last = console.rfind("] Linux version ").unwrap_or(0);
    let lines = console[last..].lines();
    let lines = lines.map(|line| PREFIX.replace(line.trim_end(), "").into_owned());
    split(lines, &HEADLINE)
}

/// The reports in kmemleak's file, one for each leaked object.
pub fn of_kmemleak(file: &str) -> Vec<Report> {
    let headline = Regex::new("^unreferenced object ").expect("the expression is constant");
    split(file.lines().map(str::to_owned), &headline)
}

/// A report begins with a headline, or with the line after `cut here`, and ends with `end trace`, or
/// where the next one begins.
fn split(lines: impl Iterator<Item = String>, headline: &Regex) -> Vec<Report> {
    enum At {
        Outside,
        Beginning,
        Trace,
        CutHere,
    }
    let mut reports: Vec<Report> = Vec::new();
    let mut at = At::Outside;
    for line in lines {
        at = match at {
            _ if line.contains("[ cut here ]") => At::Beginning,
            _ if line.contains("[ end trace ") => At::Outside,
            At::Beginning => {
                reports.push(Report::new(line));
                At::CutHere
            }
            At::Outside | At::Trace if headline.is_match(&line) => {
                reports.push(Report::new(line));
                At::Trace
            }
            At::Trace | At::CutHere => {
                if let Some(report) = reports.last_mut() {
                    report.trace.push(line);
                }
                at
            }
            At::Outside => at,
        };
    }
    reports
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONSOLE: &str = "\
[    0.000000] Linux version 7.3.4 (one that died)\r
[    9.000000] Kernel panic - not syncing: sysrq triggered crash\r
[    0.000000] Linux version 7.3.4\r
[    0.100000] DMA-API: preallocated 65536 debug entries\r
[   10.000000][  T123] BUG: KASAN: slab-use-after-free in f+0x1/0x2\r
[   10.000001][  T123] Read of size 8\r
[   11.000000] ------------[ cut here ]------------\r
[   11.000000] DMA-API: nova-core 0000:00:03.0: mapping sg segment longer\r
[   11.000000] WARNING: kernel/dma/debug.c:1 at check+0x1/0x2\r
[   11.000001]  g+0x3/0x4\r
[   11.000002] ---[ end trace 0000000000000000 ]---\r
[   12.000000] nova-core 0000:00:03.0: GPU: NVIDIA\r
[   12.100000] ------------[ cut here ]------------\r
[   12.100001] WARNING: f.c:1 at h+0x1/0x2\r
[   12.100002] ---[ end trace 0000000000000000 ]---\r
[   13.000000] rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:\r
[   14.000000] watchdog: BUG: soft lockup - CPU#0 stuck for 22s!\r
";

    #[test]
    fn reports_of_the_last_kernel_are_found() {
        let reports = of_console(CONSOLE);
        let headlines: Vec<_> = reports
            .iter()
            .map(|report| report.headline.as_str())
            .collect();
        let expected = [
            "BUG: KASAN: slab-use-after-free in f+0x1/0x2",
            "DMA-API: nova-core 0000:00:03.0: mapping sg segment longer",
            "WARNING: f.c:1 at h+0x1/0x2",
            "rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:",
            "watchdog: BUG: soft lockup - CPU#0 stuck for 22s!",
        ];
        assert_eq!(headlines, expected);
        assert_eq!(reports[0].trace[0], "Read of size 8");
        let trace = [
            "WARNING: kernel/dma/debug.c:1 at check+0x1/0x2",
            " g+0x3/0x4",
        ];
        assert_eq!(reports[1].trace, trace);
    }

    #[test]
    fn every_kind_of_report_is_known() {
        for line in [
            "BUG: sleeping function called from invalid context at f.c:1",
            "BUG kmalloc-64 (Not tainted): Redzone overwritten",
            "WARNING: possible circular locking dependency detected",
            "WARNING: bad unlock balance detected!",
            "INFO: task nova_load:77 blocked for more than 600 seconds.",
            "UBSAN: array-index-out-of-bounds in f.c:1:2",
            "Oops: general protection fault, 0000 [#1] SMP",
            "rust_kernel: panicked at f.rs:1:2:",
        ] {
            assert_eq!(
                of_console(&format!("[    1.000000] {line}\n")).len(),
                1,
                "{line}"
            );
        }
    }

    #[test]
    fn messages_of_drivers_are_not_reports() {
        assert!(!begins(
            "nova-core 0000:00:04.0: the GSP is lost: waited 5s"
        ));
        assert!(!begins("ACPI: bus type drm_connector registered"));
    }

    #[test]
    fn leaks_are_found() {
        let file = "\
unreferenced object 0xffff888012345678 (size 64):
  comm \"modprobe\", pid 70, jiffies 4294900000
  backtrace (crc 0):
    kmalloc_noprof+0x1/0x2
unreferenced object 0xffff888012345679 (size 8):
  comm \"sh\", pid 71, jiffies 4294900000
";
        let reports = of_kmemleak(file);
        assert_eq!(reports.len(), 2);
        assert_eq!(reports[0].trace.len(), 3);
        assert!(of_kmemleak("").is_empty());
    }
}
