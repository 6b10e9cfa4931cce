// SPDX-License-Identifier: MIT

//! Logging: messages are shown according to their level, and kept in a ring that is shown when a
//! subtest fails.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use log::{Level, LevelFilter, Log, Metadata, Record};

use crate::report;

/// Number of lines that the ring keeps.
const RING_LINES: usize = 256;

/// The last lines of the log.
#[derive(Debug, Default)]
struct Ring(VecDeque<String>);

impl Ring {
    fn push(&mut self, line: String) {
        if self.0.len() == RING_LINES {
            self.0.pop_front();
        }
        self.0.push_back(line);
    }
}

static RING: Mutex<Ring> = Mutex::new(Ring(VecDeque::new()));

fn ring() -> MutexGuard<'static, Ring> {
    RING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The filter for messages that are shown at once; the ring keeps all.
struct Logger {
    shown: LevelFilter,
    /// The argument of `--debug=domain`: prefix of the module paths whose debug messages are shown.
    domain: Option<String>,
}

impl Logger {
    fn shows(&self, record: &Record<'_>) -> bool {
        let in_domain = || match &self.domain {
            Some(domain) => record.target().starts_with(domain.as_str()),
            None => true,
        };
        record.level() <= self.shown && (record.level() < Level::Debug || in_domain())
    }
}

impl Log for Logger {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let line = line(record);
        if self.shows(record) {
            match record.level() {
                Level::Error | Level::Warn => report::print_error(&line),
                Level::Info => report::print(&record.args().to_string()),
                Level::Debug | Level::Trace => report::print(&line),
            }
        }
        ring().push(line);
    }

    fn flush(&self) {}
}

fn line(record: &Record<'_>) -> String {
    let level = match record.level() {
        Level::Error => "CRITICAL",
        Level::Warn => "WARNING",
        Level::Info => "INFO",
        Level::Debug | Level::Trace => "DEBUG",
    };
    let pid = std::process::id();
    let test = report::test_name();
    format!(
        "({test}:{pid}) {}-{level}: {}",
        record.target(),
        record.args()
    )
}

/// Starts logging; `debug` is the argument of `--debug`: not given, given, or given with a domain.
pub(crate) fn install(debug: Option<Option<String>>) {
    let shown = match std::env::var("IGT_LOG_LEVEL").as_deref() {
        _ if debug.is_some() => LevelFilter::Debug,
        Ok("debug") => LevelFilter::Debug,
        Ok("warn") => LevelFilter::Warn,
        Ok("none") => LevelFilter::Off,
        _ => LevelFilter::Info,
    };
    let domain = debug.flatten();
    // There is a logger already if the library is used twice in a process, as in its tests.
    if log::set_boxed_logger(Box::new(Logger { shown, domain })).is_ok() {
        log::set_max_level(LevelFilter::Debug);
    }
}

/// Clears the ring when a subtest starts.
pub(crate) fn forget() {
    ring().0.clear();
}

/// Prints the log since the start of the subtest to stderr.
pub(crate) fn show_ring() {
    let lines: Vec<String> = ring().0.drain(..).collect();
    if lines.is_empty() {
        report::print_error("No log.");
        return;
    }
    report::print_error(&format!(
        "**** DEBUG ****\n{}\n****  END  ****",
        lines.join("\n")
    ));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shows(logger: &Logger, level: Level, target: &str) -> bool {
        let record = Record::builder().level(level).target(target).build();
        logger.shows(&record)
    }

    #[test]
    fn debug_lines_are_shown_on_demand_and_by_domain() {
        let quiet = Logger {
            shown: LevelFilter::Info,
            domain: None,
        };
        assert!(shows(&quiet, Level::Info, "a"));
        assert!(!shows(&quiet, Level::Debug, "a"));
        let domain = Logger {
            shown: LevelFilter::Debug,
            domain: Some("igt::module".into()),
        };
        assert!(shows(&domain, Level::Debug, "igt::module::load"));
        assert!(!shows(&domain, Level::Debug, "igt::device"));
        assert!(shows(&domain, Level::Info, "igt::device"));
    }

    #[test]
    fn the_ring_keeps_the_last_lines() {
        let mut ring = Ring::default();
        for number in 0..RING_LINES + 3 {
            ring.push(format!("line {number}"));
        }
        assert_eq!(ring.0.len(), RING_LINES);
        assert_eq!(ring.0.front().unwrap(), "line 3");
    }
}
