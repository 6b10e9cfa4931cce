// SPDX-License-Identifier: GPL-2.0

//! Drivers that nobody here wrote judge the mocked GPU. Each runs unmodified, and must get exactly
//! as far on each chip as is recorded beside it: less is a mistake of the mock, and a driver that
//! gets further moves the record.
//!
//! Prints a line for each judge and chip in the form of TAP (<https://testanything.org>), also to
//! build/results/judges.tap.

mod nvidia;
mod seen;
mod tinygrad;

use std::fmt::Display;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{ensure, Context, Result};
use nova_hw::chipset::Chipset;
use nova_vm::chips::named;
use nova_vm::{fresh, Guest, Host};

use crate::{code, results};
use seen::Seen;

/// A driver that judges the mocked GPU.
#[derive(Debug)]
struct Judge {
    name: &'static str,
    /// Whether it runs in a VM; one that does not is a part of `make check-unit`.
    needs_vm: bool,
    /// How far it gets on each chip on which it runs.
    stages: &'static [(Chipset, Stage)],
    /// Has it drive the guest's GPU, and returns its last words. The guest has a chip, a folder for
    /// all logs, which gets the mock's trace.json, and the user's arguments for the mock.
    run: fn(&Host, Guest) -> Result<String>,
}

/// The judges.
static JUDGES: &[&Judge] = &[&tinygrad::JUDGE, &nvidia::JUDGE];

/// How far a driver gets.
#[derive(Debug)]
struct Stage {
    /// How often it starts GSP-RM.
    boots: usize,
    /// How many messages it sends to GSP-RM after the last start.
    calls: usize,
    /// What is refused: a part of each reason.
    refused: &'static [&'static str],
    /// Its last words, or a part of them.
    says: &'static str,
}

/// The file with the verdicts, in the folder of the results.
pub(crate) const VERDICTS: &str = "judges.tap";

#[derive(Debug, Default, clap::Args)]
pub(crate) struct Arguments {
    /// A chip; by default all on which a judge runs.
    #[arg(long, value_parser = named)]
    chip: Option<Chipset>,
    /// One more argument for every nova-mock (may be repeated).
    #[arg(long, value_name = "ARGUMENT", allow_hyphen_values = true)]
    mock: Vec<String>,
    /// Names of judges; all of them by default.
    names: Vec<String>,
}

/// Runs the judges that the user has named.
pub(crate) fn run(host: &Host, arguments: &Arguments) -> Result<ExitCode> {
    let named = arguments.names.iter().map(|name| {
        let found = JUDGES.iter().find(|judge| judge.name == name);
        let names: Vec<_> = JUDGES.iter().map(|judge| judge.name).collect();
        let unknown = || format!("there is no judge {name}; there are {}", names.join(", "));
        found.copied().with_context(unknown)
    });
    let judges = match arguments.names.is_empty() {
        true => JUDGES.to_vec(),
        false => named.collect::<Result<_>>()?,
    };
    // The lock is held until the end of the run.
    let (results, _lock) = results::lock(host)?;
    Ok(code(hear(host, &results, &judges, arguments)?))
}

/// Runs the judges that need no VM, on all their chips. Returns whether all verdicts are good.
pub(crate) fn run_without_vm(host: &Host, results: &Path) -> Result<bool> {
    let judges: Vec<_> = JUDGES
        .iter()
        .copied()
        .filter(|judge| !judge.needs_vm)
        .collect();
    hear(host, results, &judges, &Arguments::default())
}

/// Runs judges on their chips, prints the verdicts, and returns whether all are good.
fn hear(host: &Host, results: &Path, judges: &[&Judge], arguments: &Arguments) -> Result<bool> {
    let is_chosen = |chip| arguments.chip.is_none_or(|chosen| chosen == chip);
    let mut cases = Vec::new();
    for judge in judges {
        let stages = judge.stages.iter().filter(|(chip, _)| is_chosen(*chip));
        cases.extend(stages.map(|(chip, stage)| (judge, *chip, stage)));
    }
    ensure!(!cases.is_empty(), "no judge runs on this chip");

    let mut file = File::create(results.join(VERDICTS))?;
    let mut tell = |line: String| -> Result<()> {
        println!("{line}");
        Ok(writeln!(file, "{line}")?)
    };
    tell(format!("1..{}", cases.len()))?;
    let mut success = true;
    for (number, (judge, chip, stage)) in (1..).zip(cases) {
        let out = fresh(results.join(format!("{}-{}", judge.name, chip.name())))?;
        fs::create_dir_all(&out)?;
        let mut guest = Guest::new(&out);
        guest.chips = vec![chip];
        guest.mock_arguments.clone_from(&arguments.mock);
        let start = Instant::now();
        let said = (judge.run)(host, guest);
        host.interrupt.check()?;
        let verdict = said
            .and_then(|said| Seen::read(&out, said))
            .map_err(|error| format!("{error:#}"))
            .and_then(|seen| stage.judge(&seen));
        success &= verdict.is_ok();
        let (ok, what) = match verdict {
            Ok(what) => ("ok", what),
            Err(what) => ("not ok", what),
        };
        let took = start.elapsed().as_secs_f32();
        let name = judge.name;
        tell(format!(
            "{ok} {number} - {name} on {chip}: {what} ({took:.1} s)"
        ))?;
    }
    Ok(success)
}

impl Stage {
    /// Says how far a driver got if that is this stage, and otherwise what differs.
    fn judge(&self, seen: &Seen) -> Result<String, String> {
        let differs = |how: &dyn Display| Err(format!("{how}: {seen}"));
        let (expected, found) = ((self.boots, self.calls), (seen.boots, seen.calls.len()));
        if found != expected {
            let way = match found < expected {
                true => "not as far as",
                false => "further than",
            };
            let (boots, calls) = expected;
            return differs(&format!("{way} {boots} boots and {calls} calls"));
        }
        let is_known = |reason: &&String| self.refused.iter().any(|part| reason.contains(part));
        if let Some(reason) = seen.refused.iter().find(|reason| !is_known(reason)) {
            return differs(&format!("a new refusal ({reason})"));
        }
        let is_seen = |part: &&&str| seen.refused.iter().any(|reason| reason.contains(**part));
        if let Some(part) = self.refused.iter().find(|part| !is_seen(part)) {
            return differs(&format!("no refusal of {part:?}"));
        }
        if !seen.said.contains(self.says) {
            return differs(&format!("it does not say {:?}", self.says));
        }
        Ok(seen.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAGE: Stage = Stage {
        boots: 1,
        calls: 2,
        refused: &["class 0x90f1"],
        says: "result 34",
    };

    fn seen(boots: usize, calls: usize, refused: &[&str]) -> Seen {
        Seen {
            boots,
            calls: vec!["GSP_RM_ALLOC".into(); calls],
            refused: refused.iter().map(|&reason| reason.into()).collect(),
            said: "failed with result 34".into(),
        }
    }

    fn why(seen: &Seen) -> String {
        STAGE.judge(seen).unwrap_err()
    }

    #[test]
    fn a_driver_gets_as_far_as_is_on_record() {
        let known = ["class 0x90f1 is not known"];
        assert!(STAGE.judge(&seen(1, 2, &known)).is_ok());
        assert!(why(&seen(0, 0, &known)).starts_with("not as far as 1 boots and 2 calls"));
        assert!(why(&seen(1, 1, &known)).starts_with("not as far as 1 boots and 2 calls"));
        assert!(why(&seen(1, 3, &known)).starts_with("further than 1 boots and 2 calls"));
    }

    #[test]
    fn what_is_refused_is_on_record() {
        let found = why(&seen(1, 2, &["class 0x90f1", "read of 0x1704"]));
        assert!(
            found.starts_with("a new refusal (read of 0x1704)"),
            "{found}"
        );
        assert!(why(&seen(1, 2, &[])).starts_with("no refusal of \"class 0x90f1\""));
    }

    #[test]
    fn the_last_words_are_on_record() {
        let mut seen = seen(1, 2, &["class 0x90f1"]);
        seen.said = "timed out".into();
        assert!(why(&seen).starts_with("it does not say \"result 34\""));
    }
}
