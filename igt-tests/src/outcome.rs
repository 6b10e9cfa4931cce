// SPDX-License-Identifier: MIT

//! Results of subtests and of test binaries.

use std::fmt;

/// Result of a subtest, as `igt_runner` expects it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All assertions held.
    Success,
    /// A requirement was not met, so nothing was tested.
    Skip,
    /// An assertion did not hold.
    Fail,
    /// The test got a fatal signal.
    Crash,
    /// The test took longer than its time-out.
    Timeout,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Success => "SUCCESS",
            Self::Skip => "SKIP",
            Self::Fail => "FAIL",
            Self::Crash => "CRASH",
            Self::Timeout => "TIMEOUT",
        })
    }
}

/// Exit statuses of a test binary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// At least one subtest succeeded and none failed.
    Success = 0,
    /// All subtests were skipped.
    Skip = 77,
    /// Wrong command line, or no such subtest.
    Invalid = 79,
    /// At least one subtest failed.
    Failure = 98,
    /// The machine cannot run more tests: the runner stops.
    Abort = 112,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Counts the results, for the exit status.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    succeeded: bool,
    failed: bool,
}

impl Tally {
    pub(crate) fn add(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Success => self.succeeded = true,
            Outcome::Skip => {}
            Outcome::Fail | Outcome::Crash | Outcome::Timeout => self.failed = true,
        }
    }

    pub(crate) fn exit(self) -> Exit {
        match self {
            Self { failed: true, .. } => Exit::Failure,
            Self {
                succeeded: true, ..
            } => Exit::Success,
            _ => Exit::Skip,
        }
    }
}
