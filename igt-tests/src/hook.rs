// SPDX-License-Identifier: MIT

//! Shell commands that run as subtests start and end (`--hook`).

use std::process::Command;

use crate::report::{self, Level};
use crate::Outcome;

/// The text of `--help-hook`.
pub(crate) const HELP: &str = "\
--hook [EVENTS:]COMMAND runs COMMAND in a shell at EVENTS, a comma-separated list of
  pre-test, pre-subtest, pre-dyn-subtest, post-dyn-subtest, post-subtest, post-test
or, without EVENTS, at all of them. The command sees these variables:
  IGT_HOOK_EVENT          the event
  IGT_HOOK_TEST           name of the test binary
  IGT_HOOK_SUBTEST        name of the subtest, or empty
  IGT_HOOK_DYN_SUBTEST    name of the dynamic subtest, or empty
  IGT_HOOK_TEST_FULLNAME  igt@test[@subtest[@dynamic-subtest]]
  IGT_HOOK_RESULT         result of what ended, or empty";

/// Events at which hooks run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    PreTest,
    Pre(Level),
    Post(Level),
    PostTest,
}

impl Event {
    const ALL: [Self; 6] = [
        Self::PreTest,
        Self::Pre(Level::Subtest),
        Self::Pre(Level::Dynamic),
        Self::Post(Level::Dynamic),
        Self::Post(Level::Subtest),
        Self::PostTest,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::PreTest => "pre-test",
            Self::Pre(Level::Subtest) => "pre-subtest",
            Self::Pre(Level::Dynamic) => "pre-dyn-subtest",
            Self::Post(Level::Dynamic) => "post-dyn-subtest",
            Self::Post(Level::Subtest) => "post-subtest",
            Self::PostTest => "post-test",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.name() == name)
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Hook {
    events: Vec<Event>,
    command: String,
}

impl Hook {
    fn parse(argument: &str) -> Result<Self, String> {
        // A command may contain colons: the text before the first one is a list of events only if
        // it looks like one.
        let is_events = |list: &str| {
            list.chars()
                .all(|c| c.is_ascii_lowercase() || "-,".contains(c))
        };
        let (events, command) = match argument.split_once(':') {
            Some((list, command)) if is_events(list) => (Self::events(list)?, command),
            _ => (Event::ALL.to_vec(), argument),
        };
        Ok(Self {
            events,
            command: command.to_owned(),
        })
    }

    fn events(list: &str) -> Result<Vec<Event>, String> {
        if list.is_empty() || list == "*" {
            return Ok(Event::ALL.to_vec());
        }
        let event = |name| Event::from_name(name).ok_or(format!("--hook: no event {name:?}"));
        list.split(',').map(event).collect()
    }
}

/// The hooks of this run.
#[derive(Debug, Default)]
pub(crate) struct Hooks {
    hooks: Vec<Hook>,
    subtest: String,
    dynamic: String,
}

impl Hooks {
    /// Parses the arguments of `--hook`.
    ///
    /// # Errors
    ///
    /// A message about an invalid argument.
    pub(crate) fn parse(arguments: &[String]) -> Result<Self, String> {
        let hooks = arguments.iter().map(|argument| Hook::parse(argument));
        Ok(Self {
            hooks: hooks.collect::<Result<_, _>>()?,
            ..Self::default()
        })
    }

    /// Records the subtest's name, and runs the hooks of its start.
    pub(crate) fn begin(&mut self, level: Level, name: &str) {
        *self.name_of(level) = name.to_owned();
        self.run(Event::Pre(level), None);
    }

    /// Runs the hooks of a subtest's end.
    pub(crate) fn end(&mut self, level: Level, outcome: Outcome) {
        self.run(Event::Post(level), Some(outcome));
        self.name_of(level).clear();
    }

    fn name_of(&mut self, level: Level) -> &mut String {
        match level {
            Level::Subtest => &mut self.subtest,
            Level::Dynamic => &mut self.dynamic,
        }
    }

    /// Runs the hooks of `event`; a hook that fails is logged and changes no result.
    pub(crate) fn run(&self, event: Event, outcome: Option<Outcome>) {
        for hook in self
            .hooks
            .iter()
            .filter(|hook| hook.events.contains(&event))
        {
            let status = Command::new("sh")
                .args(["-c", &hook.command])
                .env("IGT_HOOK_EVENT", event.name())
                .env("IGT_HOOK_TEST", report::test_name())
                .env("IGT_HOOK_SUBTEST", &self.subtest)
                .env("IGT_HOOK_DYN_SUBTEST", &self.dynamic)
                .env("IGT_HOOK_TEST_FULLNAME", self.full_name())
                .env(
                    "IGT_HOOK_RESULT",
                    outcome.map_or(String::new(), |o| o.to_string()),
                )
                .status();
            if !status.as_ref().is_ok_and(|status| status.success()) {
                log::debug!("hook {:?} at {}: {status:?}", hook.command, event.name());
            }
        }
    }

    fn full_name(&self) -> String {
        let test = report::test_name();
        let parts = ["igt", &test, &self.subtest, &self.dynamic];
        let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        parts.join("@")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_optional() {
        let hook = Hook::parse("pre-subtest,post-test:echo a:b").unwrap();
        assert_eq!(hook.events, [Event::Pre(Level::Subtest), Event::PostTest]);
        assert_eq!(hook.command, "echo a:b");
        let hook = Hook::parse("echo 'a:b'").unwrap();
        assert_eq!(hook.events, Event::ALL);
        assert_eq!(hook.command, "echo 'a:b'");
    }

    #[test]
    fn unknown_events_are_refused() {
        assert!(Hook::parse("pre-tset:true")
            .unwrap_err()
            .contains("pre-tset"));
    }

    #[test]
    fn names_are_joined() {
        let hooks = Hooks {
            subtest: "reload".into(),
            ..Hooks::default()
        };
        assert!(hooks.full_name().ends_with("@reload"));
        assert!(hooks.full_name().starts_with("igt@"));
    }
}
