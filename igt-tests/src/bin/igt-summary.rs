// SPDX-License-Identifier: MIT

//! Judges the results of `igt_runner`, whose exit status does not depend on them.
//!
//! All results except `pass` and `skip` are failures, among them `dmesg-warn` and `incomplete`. So
//! are a binary whose subtests were all skipped, a kernel that was tainted by a warning or worse,
//! each report of the kernel, each leaked object, and a VM that was lost. Exits with 0 if nothing
//! failed.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::fs;
use std::ops::AddAssign;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use igt::kernel_report::{self, Report};
use regex::Regex;
use serde::Deserialize;

/// The most lines that are shown of a subtest's output and of the kernel's.
const MAX_LINES: usize = 12;

/// Judge the results of igt_runner, of cargo test, and of what prints TAP
#[derive(Debug, Parser)]
struct Args {
    /// Folders with the results.json and tainted of run-in-guest, and the VM's console.log;
    /// subfolders lost.1 and so on have the console of a VM that was lost
    results: Vec<PathBuf>,

    /// Count the results in this output of cargo test, too
    #[arg(long, value_name = "FILE")]
    cargo_log: Vec<PathBuf>,

    /// Count the lines `ok` and `not ok` of this file in TAP, too
    #[arg(long, value_name = "FILE")]
    tap: Vec<PathBuf>,

    /// List the tests that this file excludes, with the reasons
    #[arg(long, value_name = "FILE")]
    not_applicable: Vec<PathBuf>,
}

/// The used part of a `results.json`.
#[derive(Debug, Deserialize)]
struct Results {
    tests: BTreeMap<String, Test>,
}

#[derive(Debug, Deserialize)]
struct Test {
    result: String,
    #[serde(default)]
    out: String,
    #[serde(default)]
    err: String,
    #[serde(default, rename = "dmesg-warnings")]
    dmesg_warnings: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    passed: u64,
    failed: u64,
    skipped: u64,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            passed,
            failed,
            skipped,
        } = self;
        write!(f, "{passed} passed, {failed} failed, {skipped} skipped")
    }
}

impl Counts {
    const PASSED: Self = Self {
        passed: 1,
        failed: 0,
        skipped: 0,
    };
    const FAILED: Self = Self {
        passed: 0,
        failed: 1,
        skipped: 0,
    };
    const SKIPPED: Self = Self {
        passed: 0,
        failed: 0,
        skipped: 1,
    };

    fn of(result: &str) -> Self {
        match result {
            "pass" => Self::PASSED,
            "skip" => Self::SKIPPED,
            _ => Self::FAILED,
        }
    }
}

/// Counts for the table and the total, and remarks.
#[derive(Debug, Default)]
struct Summary {
    rows: Vec<(String, Counts)>,
    remarks: Vec<String>,
}

impl Summary {
    fn total(&self) -> Counts {
        let mut total = Counts::default();
        self.rows.iter().for_each(|(_, counts)| total += *counts);
        total
    }

    fn fail(&mut self, what: &str, why: String) {
        self.rows.push((what.to_owned(), Counts::FAILED));
        self.remarks.push(format!("FAIL {what}: {why}"));
    }

    fn add_results(&mut self, from: &str, folder: &Path) {
        let file = folder.join("results.json");
        let name = file.display().to_string();
        let text = match fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) => return self.fail(&name, format!("the runner did not finish: {error}")),
        };
        match serde_json::from_str::<Results>(&text) {
            Ok(results) if results.tests.is_empty() => self.fail(&name, "no test ran".into()),
            Ok(results) => self.add_tests(from, &results),
            Err(error) => self.fail(&name, error.to_string()),
        }
        match fs::read_to_string(folder.join("tainted")) {
            Ok(text) => self.add_taint(&text),
            Err(error) => self.fail("kernel", format!("the taint is unknown: {error}")),
        }
        self.add_reports(from, folder);
        for lost in (1..).map(|n| folder.join(format!("lost.{n}"))) {
            if !lost.is_dir() {
                break;
            }
            let why = format!(
                "the VM was lost, and the remaining tests ran in a new one: {}",
                lost.display()
            );
            self.fail(&format!("{from}VM"), why);
            self.add_reports(from, &lost);
        }
    }

    /// Adds the kernel's reports on the console and those of kmemleak.
    fn add_reports(&mut self, from: &str, folder: &Path) {
        let read = |name| fs::read(folder.join(name)).unwrap_or_default();
        let text = |name| String::from_utf8_lossy(&read(name)).into_owned();
        let console = kernel_report::of_console(&text("console.log"));
        let leaks = kernel_report::of_kmemleak(&text("kmemleak"));
        // A repeated report is one failure.
        let mut said = HashSet::new();
        for Report { headline, trace } in console.into_iter().chain(leaks) {
            if said.insert(headline.clone()) {
                let trace: Vec<_> = trace.into_iter().take(MAX_LINES).collect();
                let lines = [vec![headline], trace].concat();
                self.fail(&format!("{from}kernel"), lines.join("\n     "));
            }
        }
    }

    /// Adds a row for each binary, and a remark for each subtest that did not pass.
    fn add_tests(&mut self, from: &str, results: &Results) {
        let mut binaries: BTreeMap<&str, Counts> = BTreeMap::new();
        for (name, test) in &results.tests {
            let counts = Counts::of(&test.result);
            let binary = name.split('@').nth(1).unwrap_or(name);
            *binaries.entry(binary).or_default() += counts;
            if counts != Counts::PASSED {
                self.remarks.push(test.remark(from, name));
            }
        }
        for (binary, counts) in binaries {
            let binary = format!("{from}{binary}");
            self.rows.push((binary.clone(), counts));
            if counts.passed + counts.failed == 0 {
                self.fail(&binary, "all of its subtests were skipped".into());
            }
        }
    }

    /// Adds a failure for each bit of `/proc/sys/kernel/tainted` that means a broken kernel.
    /// Source: Documentation/admin-guide/tainted-kernels.rst of Linux.
    ///
    /// The bit of a soft lockup does not: fences of sw_sync set it, too (`sw_sync_ioctl_create_fence` in
    /// drivers/dma-buf/sw_sync.c). The console has the report of a soft lockup.
    fn add_taint(&mut self, text: &str) {
        const BROKEN: [(u64, &str); 3] = [
            (1 << 5, "a bad page"),
            (1 << 7, "an oops"),
            (1 << 9, "a warning"),
        ];
        let Ok(taint) = text.trim().parse::<u64>() else {
            return self.fail("kernel", format!("{text:?} is not a taint"));
        };
        for (_, what) in BROKEN.iter().filter(|(bit, _)| taint & bit != 0) {
            self.fail("kernel", format!("tainted by {what}"));
        }
    }

    /// Adds a row for all tests of a `cargo test`, and a remark for each that printed `SKIPPED`.
    fn add_cargo_log(&mut self, file: &Path) {
        let name = file.display().to_string();
        let text = match fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) => return self.fail(&name, error.to_string()),
        };
        let Some(mut counts) = cargo_counts(&text) else {
            return self.fail(&name, "no test ran".into());
        };
        for (_, reason) in text.lines().filter_map(|line| line.split_once("SKIPPED: ")) {
            // Cargo has no tests that skip at run time, and counts them as passed.
            counts.passed = counts.passed.saturating_sub(1);
            counts.skipped += 1;
            self.remarks.push(format!("SKIP cargo test: {reason}"));
        }
        self.rows.push(("cargo test".into(), counts));
    }

    /// Adds a row for the lines of a file in the form of TAP, and a remark for each `not ok`.
    fn add_tap(&mut self, file: &Path) {
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        let text = match fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) => return self.fail(&name, error.to_string()),
        };
        let planned = text.lines().find_map(|line| line.strip_prefix("1.."));
        let failed: Vec<_> = text
            .lines()
            .filter_map(|line| line.strip_prefix("not ok "))
            .collect();
        let counts = Counts {
            passed: text.lines().filter(|line| line.starts_with("ok ")).count() as u64,
            failed: failed.len() as u64,
            skipped: 0,
        };
        self.rows.push((name.to_string(), counts));
        self.remarks
            .extend(failed.iter().map(|line| format!("FAIL {name}: {line}")));
        let ran = counts.passed + counts.failed;
        if planned.and_then(|number| number.parse().ok()) != Some(ran) {
            self.fail(&name, "not all have run".into());
        }
    }
}

impl Test {
    fn remark(&self, from: &str, name: &str) -> String {
        let name = name.strip_prefix("igt@").unwrap_or(name);
        let name = format!("{from}{name}");
        if self.result == "skip" {
            return format!("SKIP {name}: {}", self.skip_reason());
        }
        let mut remark = format!("FAIL {name}: {}", self.result);
        // The log before the failure is in results.json.
        let said = self
            .err
            .lines()
            .take_while(|line| *line != "**** DEBUG ****");
        for lines in [
            said.collect::<Vec<_>>(),
            self.dmesg_warnings.lines().collect(),
        ] {
            for line in lines.iter().take(MAX_LINES) {
                remark.push_str("\n     ");
                remark.push_str(line);
            }
        }
        remark
    }

    /// The lines that the test printed, without those about results.
    fn skip_reason(&self) -> String {
        let is_frame = |line: &&str| {
            let frames = [
                "IGT-Version",
                "Starting ",
                "Subtest ",
                "Dynamic subtest ",
                "Opened ",
            ];
            !frames.iter().any(|frame| line.starts_with(frame)) && !line.trim().is_empty()
        };
        let lines: Vec<&str> = self.out.lines().filter(is_frame).map(str::trim).collect();
        match lines[..] {
            [] => "a fixture skipped".into(),
            _ => lines.join(" "),
        }
    }
}

/// Prefix for the names of a folder's tests, since the same tests may have run in several VMs.
fn from(folder: &Path, all: &[PathBuf]) -> String {
    match folder.file_name() {
        Some(name) if all.len() > 1 => format!("{}: ", name.to_string_lossy()),
        _ => String::new(),
    }
}

/// Sums the result lines of a `cargo test`; `None` if there are none.
fn cargo_counts(text: &str) -> Option<Counts> {
    let line =
        Regex::new(r"(?m)^test result: \S+ (\d+) passed; (\d+) failed; (\d+) ignored").ok()?;
    let mut total = None;
    for captures in line.captures_iter(text) {
        let number = |index| captures.get(index)?.as_str().parse().ok();
        *total.get_or_insert_with(Counts::default) += Counts {
            passed: number(1)?,
            failed: number(2)?,
            skipped: number(3)?,
        };
    }
    total
}

/// The expressions of a list for `igt_runner --blacklist`, each with the comment above it.
fn reasons(text: &str) -> Vec<(String, String)> {
    let mut reasons = Vec::new();
    let mut comment = Vec::new();
    for line in text.lines().map(str::trim) {
        match line.strip_prefix('#') {
            Some(words) => comment.push(words.trim()),
            None if line.is_empty() => comment.clear(),
            None => reasons.push((line.to_owned(), comment.join(" "))),
        }
    }
    reasons
}

fn print_table(rows: &[(String, Counts)]) {
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    println!("{:width$}  passed  failed  skipped", "");
    for (name, counts) in rows {
        let Counts {
            passed,
            failed,
            skipped,
        } = counts;
        println!("{name:width$}  {passed:>6}  {failed:>6}  {skipped:>7}");
    }
    println!();
}

fn main() -> ExitCode {
    let args = Args::parse();
    let mut summary = Summary::default();
    args.cargo_log
        .iter()
        .for_each(|file| summary.add_cargo_log(file));
    args.tap.iter().for_each(|file| summary.add_tap(file));
    args.results
        .iter()
        .for_each(|folder| summary.add_results(&from(folder, &args.results), folder));
    print_table(&summary.rows);
    for file in &args.not_applicable {
        match fs::read_to_string(file) {
            Ok(text) => reasons(&text)
                .iter()
                .for_each(|(expression, reason)| println!("NOT RUN {expression}: {reason}")),
            Err(error) => summary.fail(&file.display().to_string(), error.to_string()),
        }
    }
    summary
        .remarks
        .iter()
        .for_each(|remark| println!("{remark}"));
    let total = summary.total();
    println!("{total}");
    match total {
        Counts {
            failed: 0,
            passed: 1..,
            ..
        } => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(results: &str, tainted: &str) -> Summary {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("results.json"), results).unwrap();
        fs::write(folder.path().join("tainted"), tainted).unwrap();
        let mut summary = Summary::default();
        summary.add_results("", folder.path());
        summary
    }

    fn result(result: &str) -> Counts {
        let json = format!(r#"{{"tests": {{"igt@a@b": {{"result": "{result}"}}}}}}"#);
        summary(&json, "0\n").total()
    }

    #[test]
    fn only_passes_pass() {
        assert_eq!(result("pass"), Counts::PASSED);
        for bad in [
            "fail",
            "warn",
            "crash",
            "timeout",
            "incomplete",
            "dmesg-warn",
            "dmesg-fail",
            "abort",
            "notrun",
            "something-new",
        ] {
            assert_eq!(result(bad), Counts::FAILED, "{bad}");
        }
    }

    #[test]
    fn a_binary_that_only_skips_fails() {
        let json = |more| format!(r#"{{"tests": {{"igt@a@b": {{"result": "skip"}} {more}}}}}"#);
        assert_eq!(summary(&json(""), "0").total().failed, 1);
        let passed = json(r#", "igt@a@c": {"result": "pass"}"#);
        assert_eq!(
            summary(&passed, "0").total().to_string(),
            "1 passed, 0 failed, 1 skipped"
        );
    }

    #[test]
    fn a_broken_kernel_fails() {
        let passed = r#"{"tests": {"igt@a@b": {"result": "pass"}}}"#;
        // Bits 12 (out-of-tree module) and 13 (unsigned module) are set by Nova's modules.
        assert_eq!(summary(passed, "12288\n").total().failed, 0);
        assert_eq!(summary(passed, "12800\n").total().failed, 1);
        assert_eq!(summary(passed, "640\n").total().failed, 2);
        // Bit 14 (soft lockup) is set by sw_sync.
        assert_eq!(summary(passed, "16384\n").total().failed, 0);
        assert_eq!(summary(passed, "").total().failed, 1);
    }

    #[test]
    fn reports_and_leaks_fail() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name, text: &str| fs::write(folder.path().join(name), text).unwrap();
        let mut summary = Summary::default();
        summary.add_reports("", folder.path());
        assert_eq!(summary.total().failed, 0);
        let report = "[    1.0] UBSAN: shift-out-of-bounds in f.c:1:2\r\n[    1.0] shift\r\n";
        write("console.log", &report.repeat(2));
        write(
            "kmemleak",
            "unreferenced object 0x1 (size 8):\n  comm \"sh\", pid 7\n",
        );
        summary.add_reports("", folder.path());
        let remarks = [
            "FAIL kernel: UBSAN: shift-out-of-bounds in f.c:1:2\n     shift",
            "FAIL kernel: unreferenced object 0x1 (size 8):\n       comm \"sh\", pid 7",
        ];
        assert_eq!(summary.remarks, remarks);
        assert_eq!(summary.total().failed, 2);
    }

    #[test]
    fn a_lost_vm_fails() {
        let folder = tempfile::tempdir().unwrap();
        let passed = r#"{"tests": {"igt@a@b": {"result": "pass"}}}"#;
        fs::write(folder.path().join("results.json"), passed).unwrap();
        fs::write(folder.path().join("tainted"), "0").unwrap();
        for lost in ["lost.1", "lost.2"] {
            fs::create_dir(folder.path().join(lost)).unwrap();
        }
        let mut summary = Summary::default();
        summary.add_results("", folder.path());
        assert_eq!(summary.total().to_string(), "1 passed, 2 failed, 0 skipped");
    }

    #[test]
    fn missing_and_empty_results_fail() {
        let mut summary = Summary::default();
        summary.add_results("", Path::new("/nonexistent"));
        assert!(summary.total().failed > 0);
        assert_eq!(
            self::summary(r#"{"tests": {}}"#, "0").total(),
            Counts::FAILED
        );
        assert_eq!(self::summary("{", "0").total(), Counts::FAILED);
    }

    #[test]
    fn remarks_give_the_reason() {
        let json = r#"{"tests": {
            "igt@a@skips": {"result": "skip", "out": "Starting subtest: skips\nno GPU\nSubtest skips: SKIP\n"},
            "igt@a@warns": {"result": "dmesg-warn", "dmesg-warnings": "<4> [1.0] odd"}}}"#;
        let summary = summary(json, "0");
        let remarks = [
            "SKIP a@skips: no GPU",
            "FAIL a@warns: dmesg-warn\n     <4> [1.0] odd",
        ];
        assert_eq!(summary.remarks, remarks);
        let counts = Counts {
            passed: 0,
            failed: 1,
            skipped: 1,
        };
        assert_eq!(summary.rows, [("a".to_owned(), counts)]);
    }

    #[test]
    fn cargo_logs_are_summed() {
        let log = "running 2 tests\n\
            test result: ok. 10 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out\n\
            test result: FAILED. 5 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out\n";
        let expected = Counts {
            passed: 15,
            failed: 2,
            skipped: 1,
        };
        assert_eq!(cargo_counts(log), Some(expected));
        assert_eq!(cargo_counts("error: could not compile"), None);
        assert_eq!(expected.to_string(), "15 passed, 2 failed, 1 skipped");
    }

    #[test]
    fn lines_of_tap_are_counted() {
        let folder = tempfile::tempdir().unwrap();
        let summary = |text: &str| {
            let file = folder.path().join("judges.tap");
            fs::write(&file, text).unwrap();
            let mut summary = Summary::default();
            summary.add_tap(&file);
            summary
        };
        let good = summary("1..2\nok 1 - a on GA102\nok 2 - a on AD102\n");
        assert_eq!(good.rows[0].0, "judges");
        assert_eq!(good.total().to_string(), "2 passed, 0 failed, 0 skipped");
        let bad = summary("1..2\nok 1 - a on GA102\nnot ok 2 - a on AD102: why\n");
        assert_eq!(bad.total().to_string(), "1 passed, 1 failed, 0 skipped");
        assert_eq!(bad.remarks, ["FAIL judges: 2 - a on AD102: why"]);
        assert_eq!(summary("1..2\nok 1 - a on GA102\n").total().failed, 1);
        assert_eq!(summary("").total().failed, 1);
    }

    #[test]
    fn tests_that_print_skipped_are_skipped() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let text = "...SKIPPED: no compiler\ntest result: ok. 3 passed; 0 failed; 0 ignored;";
        fs::write(&log, text).unwrap();
        let mut summary = Summary::default();
        summary.add_cargo_log(&log);
        assert_eq!(summary.total().to_string(), "2 passed, 0 failed, 1 skipped");
        assert_eq!(summary.remarks, ["SKIP cargo test: no compiler"]);
    }

    #[test]
    fn the_comment_above_an_expression_is_its_reason() {
        let text = "# About this file.\n\n# No VT\n# in the guest.\nigt@a@b\nigt@a@c\n";
        let reason = "No VT in the guest.".to_owned();
        let expected = [
            ("igt@a@b".to_owned(), reason.clone()),
            ("igt@a@c".to_owned(), reason),
        ];
        assert_eq!(reasons(text), expected);
    }
}
