// SPDX-License-Identifier: MIT

//! Fixtures, groups, subtests and dynamic subtests.

use std::collections::HashSet;
use std::ops::Deref;
use std::process::ExitCode;

use crate::args::Args;
use crate::hook::{self, Event, Hooks};
use crate::outcome::Tally;
use crate::report::{self, Level};
use crate::{device, logging, signals, stop, wildmat, Exit, Outcome};

/// Longest name of a subtest, in bytes.
const MAX_NAME: usize = 255;

/// Mode of this run of the binary.
#[derive(Debug, PartialEq, Eq)]
enum Mode {
    /// Print the names of the subtests.
    List,
    /// Print the names in the format of a runner's test list.
    TestList,
    /// Print the descriptions of the subtests.
    Describe,
    /// Run the subtests.
    Run,
}

impl Mode {
    fn of(args: &Args) -> Self {
        match args {
            Args {
                describe: Some(_), ..
            } => Self::Describe,
            Args {
                list_subtests: true,
                ..
            } => Self::List,
            Args {
                show_testlist: true,
                ..
            } => Self::TestList,
            _ => Self::Run,
        }
    }
}

/// The value of a fixture.
///
/// Only subtests that run after the fixture has succeeded can access it.
#[derive(Debug)]
pub struct Fixture<T>(Option<T>);

impl<T> Deref for Fixture<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0
            .as_ref()
            .unwrap_or_else(|| panic!("a fixture is used outside of its subtests"))
    }
}

/// The context of a test's body: sets up fixtures and runs the subtests that the command line
/// selects.
#[derive(Debug)]
pub struct Tests {
    mode: Mode,
    /// Patterns of `--run-subtest`.
    subtests: Option<String>,
    /// Patterns of `--dynamic-subtest`.
    dynamic: Option<String>,
    hooks: Hooks,
    /// Result of all following subtests of the group, because a fixture has skipped or failed.
    verdict: Option<Outcome>,
    /// Descriptions of the open groups.
    groups: Vec<String>,
    names: HashSet<String>,
    selected: bool,
    tally: Tally,
}

impl Tests {
    fn new(args: &Args) -> Result<Self, String> {
        let described = args.describe.clone().flatten();
        Ok(Self {
            mode: Mode::of(args),
            subtests: args.run_subtest.clone().or(described),
            dynamic: args.dynamic_subtest.clone(),
            hooks: Hooks::parse(&args.hook)?,
            verdict: None,
            groups: Vec::new(),
            names: HashSet::new(),
            selected: false,
            tally: Tally::default(),
        })
    }

    /// Prepares something for the subtests that follow in this group.
    ///
    /// If `setup` skips or fails, so do they. It does not run while subtests are listed.
    pub fn fixture<T>(&mut self, setup: impl FnOnce() -> T) -> Fixture<T> {
        if self.mode != Mode::Run || self.verdict.is_some() {
            return Fixture(None);
        }
        match stop::catch(setup) {
            Ok(value) => Fixture(Some(value)),
            Err(outcome) => {
                self.verdict = Some(outcome);
                Fixture(None)
            }
        }
    }

    /// A group of subtests; its fixtures affect only this group.
    pub fn group(&mut self, about: &str, body: impl FnOnce(&mut Self)) {
        let verdict = self.verdict;
        self.groups.push(about.to_owned());
        body(self);
        self.groups.pop();
        self.verdict = verdict;
    }

    /// A subtest; `proves` is a sentence that is true when it passes.
    pub fn subtest(&mut self, name: impl Into<String>, proves: &str, body: impl FnOnce()) {
        let name = name.into();
        if self.enters(&name, proves) {
            let outcome = self.run(Level::Subtest, &name, |_| body());
            self.tally.add(outcome);
        }
    }

    /// A subtest whose dynamic subtests are determined when it runs. It fails if one of them fails,
    /// and is skipped if none ran.
    pub fn subtest_with_dynamic(
        &mut self,
        name: impl Into<String>,
        proves: &str,
        body: impl FnOnce(&mut Dynamic<'_>),
    ) {
        let name = name.into();
        if self.enters(&name, proves) {
            let outcome = self.run(Level::Subtest, &name, |tests| {
                let mut parts = Dynamic {
                    tests,
                    names: HashSet::new(),
                    tally: Tally::default(),
                };
                body(&mut parts);
                match parts.tally.exit() {
                    Exit::Success => {}
                    Exit::Skip => crate::skip!("No dynamic tests executed."),
                    _ => stop::part_failed(),
                }
            });
            self.tally.add(outcome);
        }
    }

    /// Whether a subtest is to be run now; prints it if subtests are listed.
    fn enters(&mut self, name: &str, proves: &str) -> bool {
        check_name(name);
        assert!(
            self.names.insert(name.to_owned()),
            "two subtests are named {name}"
        );
        let selects = |patterns: &String| wildmat::matches(patterns, name);
        if !self.subtests.as_ref().is_none_or(selects) {
            return false;
        }
        self.selected = true;
        match (&self.mode, self.verdict) {
            (Mode::List, _) => report::print(name),
            (Mode::TestList, _) => report::print(&format!("igt@{}@{name}", report::test_name())),
            (Mode::Describe, _) => self.describe(name, proves),
            (Mode::Run, Some(verdict)) => {
                report::not_started(name, verdict);
                self.tally.add(verdict);
            }
            (Mode::Run, None) => return true,
        }
        false
    }

    fn describe(&self, name: &str, proves: &str) {
        report::print(&format!("SUB {name}:"));
        for line in self.groups.iter().map(String::as_str).chain([proves]) {
            report::print(&format!("  {line}\n"));
        }
    }

    fn run(&mut self, level: Level, name: &str, body: impl FnOnce(&mut Self)) -> Outcome {
        logging::forget();
        report::begin(level, name);
        self.hooks.begin(level, name);
        let outcome = match stop::catch(|| body(self)) {
            Ok(()) => Outcome::Success,
            Err(outcome) => outcome,
        };
        self.hooks.end(level, outcome);
        report::end(outcome);
        logging::forget();
        outcome
    }

    fn exit(&self) -> Exit {
        match (&self.mode, &self.subtests) {
            (_, Some(patterns)) if !self.selected => {
                report::print_error(&format!("Unknown subtest: {patterns}"));
                Exit::Invalid
            }
            (_, None) if !self.selected => Exit::Invalid,
            (Mode::Run, _) => self.tally.exit(),
            _ => Exit::Success,
        }
    }
}

/// Runs the dynamic subtests of a subtest.
#[derive(Debug)]
pub struct Dynamic<'a> {
    tests: &'a mut Tests,
    names: HashSet<String>,
    tally: Tally,
}

impl Dynamic<'_> {
    /// Runs a dynamic subtest.
    pub fn dynamic(&mut self, name: impl Into<String>, body: impl FnOnce()) {
        let name = name.into();
        check_name(&name);
        assert!(
            self.names.insert(name.clone()),
            "two parts are named {name}"
        );
        let selects = |patterns: &String| wildmat::matches(patterns, &name);
        if self.tests.dynamic.as_ref().is_none_or(selects) {
            let outcome = self.tests.run(Level::Dynamic, &name, |_| body());
            self.tally.add(outcome);
        }
    }
}

/// Checks a name, which is used in file names and test lists.
fn check_name(name: &str) {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    assert!(
        !name.is_empty() && name.len() < MAX_NAME && name.chars().all(allowed),
        "{name:?} cannot be the name of a subtest"
    );
}

/// Runs a test binary; `main` returns the result.
///
/// `about` describes the test; `body` has its fixtures and subtests. Code of `body` outside of
/// these also runs while subtests are listed, and must not access any device.
pub fn run(about: &'static str, body: impl FnOnce(&mut Tests)) -> ExitCode {
    let exit = match Args::from_command_line(about) {
        Ok(args) => run_with(&args, about, body),
        Err(exit) => exit,
    };
    exit.into()
}

fn run_with(args: &Args, about: &str, body: impl FnOnce(&mut Tests)) -> Exit {
    logging::install(args.debug.clone());
    stop::log_panics();
    if args.version {
        report::version();
        return Exit::Success;
    }
    if args.help_description {
        report::print(about);
        return Exit::Success;
    }
    if args.help_hook {
        report::print(hook::HELP);
        return Exit::Success;
    }
    let ready = Tests::new(args).and_then(|tests| {
        device::set_filters(&args.device)?;
        Ok(tests)
    });
    let mut tests = match ready {
        Ok(tests) => tests,
        Err(error) => {
            report::print_error(&error);
            return Exit::Invalid;
        }
    };
    match tests.mode {
        Mode::Run => run_tests(&mut tests, body),
        Mode::Describe => {
            report::print(&format!("{about}\n"));
            body_alone(&mut tests, body)
        }
        Mode::List | Mode::TestList => body_alone(&mut tests, body),
    }
}

fn run_tests(tests: &mut Tests, body: impl FnOnce(&mut Tests)) -> Exit {
    if let Err(error) = signals::watch() {
        log::warn!("signals are not watched for: {error}");
    }
    report::version();
    tests.hooks.run(Event::PreTest, None);
    let exit = body_alone(tests, body);
    tests.hooks.run(
        Event::PostTest,
        Some(match exit {
            Exit::Success => Outcome::Success,
            Exit::Skip => Outcome::Skip,
            _ => Outcome::Fail,
        }),
    );
    report::exiting(exit as u8);
    exit
}

/// Runs the body; a panic outside of fixtures and subtests is a bug in the test.
fn body_alone(tests: &mut Tests, body: impl FnOnce(&mut Tests)) -> Exit {
    match stop::catch(|| body(tests)) {
        Ok(()) => tests.exit(),
        Err(_) => Exit::Invalid,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tests in list mode, which uses no global state that the test harness's threads would share.
    fn listing() -> Tests {
        let args = Args {
            list_subtests: true,
            ..Args::default()
        };
        Tests::new(&args).unwrap()
    }

    #[test]
    fn nothing_runs_while_listing() {
        let mut tests = listing();
        let fixture = tests.fixture(|| panic!("ran"));
        tests.subtest("a", "", || *fixture);
        assert_eq!(tests.exit(), Exit::Success);
    }

    #[test]
    fn a_test_without_subtests_is_invalid() {
        assert_eq!(listing().exit(), Exit::Invalid);
    }

    #[test]
    #[should_panic(expected = "two subtests are named a")]
    fn names_are_unique() {
        let mut tests = listing();
        tests.subtest("a", "", || {});
        tests.subtest("a", "", || {});
    }

    #[test]
    fn names_that_would_break_a_test_list_are_refused() {
        for name in ["", "a b", "a@b", "ä", &"a".repeat(255)] {
            assert!(
                std::panic::catch_unwind(|| check_name(name)).is_err(),
                "{name:?}"
            );
        }
        check_name("A-z_09");
    }
}
