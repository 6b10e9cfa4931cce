// SPDX-License-Identifier: MIT

//! How a subtest and how a whole test binary can end.

use std::fmt;

/// How a subtest ended, in the words that `igt_runner` looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Everything asserted was true.
    Success,
    /// Something required is not there, so nothing was tested.
    Skip,
    /// An assertion did not hold.
    Fail,
    /// A fatal signal hit the test.
    Crash,
    /// It took longer than the test allows.
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
    /// The machine is in no state to run more tests: the runner stops.
    Abort = 112,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Counts what happened, to find the exit status.
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
