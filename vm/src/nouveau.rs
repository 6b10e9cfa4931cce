// SPDX-License-Identifier: GPL-2.0

//! Linux's nouveau, as Debian has it, drives the mocked GPU in VMs, and tests use what it offers to
//! programs. Nothing of it is changed, so that what fails is a mistake of the mock, unless it is
//! one of nouveau.
//!
//! Prints a summary, also to build/results/summary; its last line is `N passed, N failed, N
//! skipped`.

use std::process::ExitCode;
use std::str::FromStr;

use anyhow::Result;
use nova_hw::chipset::Chipset;
use nova_vm::chips::Selection;
use nova_vm::{Host, Kernel};

use crate::check::{summarize, Driver, Guests, TestFolder};
use crate::{code, matrix, results};

/// A chip of each combination of address spaces and classes. Turing to Ada have one format of page
/// tables, Hopper and later another; AD102 has GA102's copy engine, but graphics of its own.
const GENERATIONS: [Chipset; 7] = [
    Chipset::TU102,
    Chipset::GA100,
    Chipset::GA102,
    Chipset::AD102,
    Chipset::GH100,
    Chipset::GB100,
    Chipset::GB202,
];

/// The chips that the user has chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Chips(Vec<Chipset>);

impl FromStr for Chips {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "generations" => Ok(Self(GENERATIONS.to_vec())),
            text => text
                .parse::<Selection>()
                .map(|selection| Self(selection.split().0)),
        }
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// A chip; `generations` for one of each combination of page tables and classes; `families`;
    /// or `all`.
    #[arg(long, default_value = "generations")]
    chip: Chips,
    /// Run only these tests: regular expressions, such as igt@nouveau_exec@copy.
    #[arg(long, value_delimiter = ' ')]
    tests: Vec<String>,
    /// Number of sleeps in each test of nouveau_pm.
    #[arg(long, value_name = "NUMBER")]
    pm_rounds: Option<u32>,
}

pub(crate) fn run(host: &Host, arguments: &Arguments) -> Result<ExitCode> {
    // The lock is held until the end of the run.
    let (results, _lock) = results::lock(host)?;
    let jobs = matrix::nouveau(&arguments.chip.0, &arguments.tests);
    let guests = Guests {
        host,
        results: &results,
        driver: Driver::Nouveau,
        kernel: Kernel::Stock,
        pm_rounds: arguments.pm_rounds,
        tests: TestFolder::make(host, Driver::Nouveau, Kernel::Stock)?,
    };
    let ran = guests.run(&jobs)?;
    let folders: Vec<_> = jobs.iter().map(|job| results.join(&job.name)).collect();
    let passed = summarize(host, &results, &folders)?;
    Ok(code(ran && passed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generations_are_among_the_families() {
        let generations: Chips = "generations".parse().unwrap();
        assert_eq!(generations.0.len(), 7);
        let families = Selection::families().0;
        assert!(generations.0.iter().all(|chip| families.contains(chip)));
        assert_eq!("ga104".parse(), Ok(Chips(vec![Chipset::GA104])));
        assert!("gv100".parse::<Chips>().is_err());
    }
}
