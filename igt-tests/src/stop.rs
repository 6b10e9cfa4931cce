// SPDX-License-Identifier: MIT

//! Leaving a subtest early: skip, fail, abort, and panic.

use std::any::Any;
use std::panic::{self, AssertUnwindSafe};

use crate::{exit_handler, logging, report, Exit, Outcome};

/// Unwinds to the end of the subtest or fixture; raised without the panic hook, which would print
/// it.
struct Skip(String);

/// Unwinds out of a subtest with a failed dynamic subtest, which has printed the reason.
struct PartFailed;

/// Ends the subtest as skipped; see [`skip!`](crate::skip).
pub fn skip(reason: String) -> ! {
    panic::resume_unwind(Box::new(Skip(reason)))
}

/// Ends the subtest as failed, without a message.
pub(crate) fn part_failed() -> ! {
    panic::resume_unwind(Box::new(PartFailed))
}

/// Logs why no more tests can run on this machine, runs the exit handlers and ends the process with
/// [`Exit::Abort`]. See [`abort!`](crate::abort).
pub fn abort(reason: String) -> ! {
    log::error!("{reason}");
    show_failure();
    report::end_all(Outcome::Fail);
    exit_handler::run_all();
    report::exiting(Exit::Abort as u8);
    std::process::exit(i32::from(Exit::Abort as u8))
}

/// Ends the subtest or fixture as skipped, with a reason formatted as by `format!`.
#[macro_export]
macro_rules! skip {
    ($($reason:tt)+) => {
        $crate::stop::skip(format!($($reason)+))
    };
}

/// Skips the subtest or fixture if a requirement is not met.
#[macro_export]
macro_rules! require {
    ($condition:expr $(,)?) => {
        $crate::require!($condition, "{}", stringify!($condition))
    };
    ($condition:expr, $($reason:tt)+) => {
        if !$condition {
            $crate::skip!("Test requirement not met: {}", format!($($reason)+))
        }
    };
}

/// Stops the whole run, because the machine cannot run more tests.
#[macro_export]
macro_rules! abort {
    ($($reason:tt)+) => {
        $crate::stop::abort(format!($($reason)+))
    };
}

/// Runs `body` and returns its value or result; a panic is a failed assertion, and shows the log.
pub(crate) fn catch<T>(body: impl FnOnce() -> T) -> Result<T, Outcome> {
    panic::catch_unwind(AssertUnwindSafe(body)).map_err(|payload| outcome(payload.as_ref()))
}

fn outcome(payload: &(dyn Any + Send)) -> Outcome {
    if let Some(Skip(reason)) = payload.downcast_ref() {
        report::print(reason);
        return Outcome::Skip;
    }
    if !payload.is::<PartFailed>() {
        show_failure();
    }
    Outcome::Fail
}

/// Logs panics in one line with their location.
pub(crate) fn log_panics() {
    panic::set_hook(Box::new(|info| {
        let said = info.payload();
        let said = match (said.downcast_ref::<&str>(), said.downcast_ref::<String>()) {
            (Some(text), _) => text,
            (None, Some(text)) => text.as_str(),
            (None, None) => "panicked",
        };
        match info.location() {
            Some(place) => log::error!("{}:{}: {said}", place.file(), place.line()),
            None => log::error!("{said}"),
        }
    }));
}

fn show_failure() {
    report::print_error(&format!("{} failed.", report::what_runs()));
    logging::show_ring();
}
