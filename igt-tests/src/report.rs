// SPDX-License-Identifier: MIT

//! The lines that `igt_runner` parses: on stdout, on stderr, and in the kernel log.

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

/// The subtest that is running, followed by the dynamic subtest.
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

/// What is running, for messages: the dynamic subtest, the subtest, or the test itself.
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

/// Prints the version of the test and of the kernel.
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

/// Reports the start of a subtest.
pub(crate) fn begin(level: Level, name: &str) {
    running().push(Running {
        level,
        name: name.to_owned(),
        since: Instant::now(),
    });
    kmsg::info(&format!("{}: starting {level} {name}", test_name()));
    announce(&format!("Starting {level}: {name}"));
}

/// Reports the end of what was started last.
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

/// Reports the end of everything that is running, because the process is about to end.
pub(crate) fn end_all(outcome: Outcome) {
    while !running().is_empty() {
        end(outcome);
    }
}

/// Reports a subtest that never started.
pub(crate) fn not_started(name: &str, outcome: Outcome) {
    result(Level::Subtest, name, outcome, 0.0);
}

/// Reports that the binary exits.
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

/// Prints a line on stdout, and on stderr if the runner wants it there, too
/// (`IGT_SENTINEL_ON_STDERR`).
fn announce(line: &str) {
    print(line);
    if std::env::var_os("IGT_SENTINEL_ON_STDERR").is_some() {
        print_error(line);
    }
}

/// Prints one line on stdout, in one write; a closed stdout is not an error.
pub(crate) fn print(line: &str) {
    let _ = std::io::stdout().write_all(format!("{line}\n").as_bytes());
}

/// Prints one line on stderr, in one write.
pub(crate) fn print_error(line: &str) {
    let _ = std::io::stderr().write_all(format!("{line}\n").as_bytes());
}
