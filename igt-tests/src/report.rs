// SPDX-License-Identifier: MIT

//! The lines by which `igt_runner` follows a test: on stdout, on stderr, and in the kernel log.

use std::fmt;
use std::io::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::{kmsg, Outcome};

/// The two levels at which results are reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    Subtest,
    Dynamic,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Subtest => "subtest",
            Self::Dynamic => "dynamic subtest",
        })
    }
}

struct Running {
    level: Level,
    name: String,
    since: Instant,
}

/// The subtest that runs now, and above it the dynamic subtest.
static RUNNING: Mutex<Vec<Running>> = Mutex::new(Vec::new());

fn running() -> MutexGuard<'static, Vec<Running>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The name of this test binary.
pub fn test_name() -> String {
    let path = std::env::args_os().next().unwrap_or_default();
    std::path::Path::new(&path).file_name().map_or_else(
        || "unknown".into(),
        |name| name.to_string_lossy().into_owned(),
    )
}

/// What runs now, for messages: the dynamic subtest, the subtest, or the test itself.
pub(crate) fn what_runs() -> String {
    match running().last() {
        Some(Running {
            level: Level::Dynamic,
            name,
            ..
        }) => format!("Dynamic subtest {name}"),
        Some(Running { name, .. }) => format!("Subtest {name}"),
        None => format!("Test {}", test_name()),
    }
}

/// Says who is speaking and on which kernel.
pub(crate) fn version() {
    let (release, machine) = match nix::sys::utsname::uname() {
        Ok(uts) => (
            uts.release().to_string_lossy().into_owned(),
            uts.machine().to_string_lossy().into_owned(),
        ),
        Err(_) => ("unknown".to_owned(), "unknown".to_owned()),
    };
    let version = env!("CARGO_PKG_VERSION");
    let line = format!("IGT-Version: {version}-nova ({machine}) (Linux: {release} {machine})");
    print(&line);
    kmsg::info(&format!("{}: executing", test_name()));
}

/// A subtest starts.
pub(crate) fn begin(level: Level, name: &str) {
    running().push(Running {
        level,
        name: name.to_owned(),
        since: Instant::now(),
    });
    kmsg::info(&format!("{}: starting {level} {name}", test_name()));
    announce(&format!("Starting {level}: {name}"));
}

/// What was started last has ended.
pub(crate) fn end(outcome: Outcome) {
    let Some(ended) = running().pop() else {
        return;
    };
    let seconds = ended.since.elapsed().as_secs_f64();
    result(ended.level, &ended.name, outcome, seconds);
    let name = &ended.name;
    kmsg::info(&format!(
        "{}: finished subtest {name}, {outcome}",
        test_name()
    ));
}

/// Everything that runs has ended, because the process is about to.
pub(crate) fn end_all(outcome: Outcome) {
    while !running().is_empty() {
        end(outcome);
    }
}

/// A subtest that never started.
pub(crate) fn not_started(name: &str, outcome: Outcome) {
    result(Level::Subtest, name, outcome, 0.0);
}

/// The binary is done.
pub(crate) fn exiting(status: u8) {
    kmsg::info(&format!("{}: exiting, ret={status}", test_name()));
}

fn result(level: Level, name: &str, outcome: Outcome, seconds: f64) {
    let level = match level {
        Level::Subtest => "Subtest",
        Level::Dynamic => "Dynamic subtest",
    };
    announce(&format!("{level} {name}: {outcome} ({seconds:.3}s)"));
}

/// A line for stdout, repeated on stderr where the runner wants to find its place there too.
fn announce(line: &str) {
    print(line);
    if std::env::var_os("IGT_SENTINEL_ON_STDERR").is_some() {
        print_error(line);
    }
}

/// One line on stdout, all at once; a closed stdout is no reason to fail.
pub(crate) fn print(line: &str) {
    let _ = std::io::stdout().write_all(format!("{line}\n").as_bytes());
}

/// One line on stderr, all at once.
pub(crate) fn print_error(line: &str) {
    let _ = std::io::stderr().write_all(format!("{line}\n").as_bytes());
}
