// SPDX-License-Identifier: GPL-2.0

//! Compares the register writes of two drivers on the same card, in order, and matches the
//! differences with their explanations.
//!
//! Writes are aligned by their registers and then compared by their values. Reads are only counted,
//! since the number of polls depends on timing.

mod accesses;
mod compare;
mod explain;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::{fs, iter};

use anyhow::{ensure, Context, Result};
use clap::{Parser, ValueEnum};
use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};

use nova_bench::guest::{self, Boots, Driver, Run};
use nova_hw::chipset::Chipset;
use nova_hw::release::r535_113_01;
use nova_vm::chips::Selection;
use nova_vm::{fresh, nvidia, Guest, Host};

use crate::accesses::{Accesses, Part};
use crate::compare::{compare, Comparison, Difference};
use crate::explain::Explanations;

/// The folder of the results, relative to the working tree.
const WORK: &str = "build/trace-diff";

/// Runs Nova and another driver on the same mocked GPUs, and compares their register writes on
/// each.
///
/// Exits with 1 if there is an unexplained difference, or an explanation without a difference.
#[derive(Debug, Parser)]
struct Arguments {
    /// A chip; `families` for the first one of each family; `all`.
    #[arg(long)]
    chip: Selection,
    /// The other driver.
    #[arg(long, value_enum, default_value_t)]
    against: Against,
}

/// The drivers that Nova is compared with.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Against {
    /// Linux's own nova-core: from loading it to unloading it.
    #[default]
    Linux,
    /// NVIDIA's nvidia.ko: until GSP-RM has started.
    Nvidia,
}

impl Against {
    /// The document that explains the differences.
    const fn document(self) -> &'static str {
        match self {
            Self::Linux => "docs/trace-differences.md",
            Self::Nvidia => "docs/trace-differences-nvidia.md",
        }
    }

    /// What of the logs is compared.
    const fn part(self) -> Part {
        match self {
            Self::Linux => Part::All,
            Self::Nvidia => Part::Boot,
        }
    }

    /// Whether the other driver knows the chip.
    fn runs_on(self, chip: Chipset) -> bool {
        match self {
            Self::Linux => true,
            Self::Nvidia => r535_113_01::RELEASE.is_for(chip),
        }
    }

    /// Runs both drivers on the chips, and returns their register logs for each chip.
    fn logs(self, host: &Host, chips: &[Chipset]) -> Result<Vec<[String; 2]>> {
        match self {
            Self::Linux => linux(host, chips),
            Self::Nvidia => nvidia(host, chips),
        }
    }
}

fn main() -> Result<ExitCode> {
    let Arguments { chip, against } = Arguments::parse();
    let (mut chips, _) = chip.split();
    chips.retain(|&chip| {
        let runs = against.runs_on(chip);
        if !runs {
            eprintln!("{chip}: the other driver does not know it");
        }
        runs
    });
    ensure!(
        !chips.is_empty(),
        "the other driver does not know this chip"
    );
    let host = Host::find()?;
    let logs = against.logs(&host, &chips)?;
    let document = host.repo.join(against.document());
    let document = fs::read_to_string(&document).with_context(|| document.display().to_string())?;
    let mut same = true;
    for (&chip, [ours, theirs]) in chips.iter().zip(&logs) {
        same &= diff(chip, ours, theirs, against.part(), &document)?;
    }
    Ok(match same {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

const fn boots<'a>(chips: &'a [Chipset]) -> Boots<'a> {
    Boots {
        work: WORK,
        chips,
        times: 1,
        registers: true,
        vbios: None,
        firmware: None,
    }
}

/// The log of a GPU's registers.
fn log(run: &Run, gpu: usize) -> Result<String> {
    run.text(gpu, "registers", ".log")
}

fn linux(host: &Host, chips: &[Chipset]) -> Result<Vec<[String; 2]>> {
    let boot = |driver| guest::run(host, boots(chips), driver);
    let (ours, theirs) = (boot(Driver::Nova)?, boot(Driver::Upstream)?);
    let logs = (0..chips.len()).map(|gpu| Ok([log(&ours, gpu)?, log(&theirs, gpu)?]));
    logs.collect()
}

/// Nova boots the oldest release that it knows, which is of the same branch as nvidia.ko, but with
/// the booters and bootloaders of nvidia.ko.
fn nvidia(host: &Host, chips: &[Chipset]) -> Result<Vec<[String; 2]>> {
    let release = &r535_113_01::RELEASE;
    let firmware = tempfile::Builder::new().prefix("nova.").tempdir()?;
    for &chip in chips {
        nvidia::firmware::make(host, chip, release, firmware.path())?;
    }
    let boots = Boots {
        firmware: Some((firmware.path(), release)),
        ..boots(chips)
    };
    let ours = guest::run(host, boots, Driver::Nova)?;
    let log_of = |(gpu, &chip): (usize, &Chipset)| -> Result<[String; 2]> {
        let out = fresh(host.repo.join(WORK).join("nvidia").join(chip.name()))?;
        fs::create_dir_all(&out)?;
        let mut guest = Guest::new(&out);
        guest.chips = vec![chip];
        guest.registers = true;
        let said = nvidia::boot(host, guest).with_context(|| format!("nvidia.ko on {chip}"))?;
        println!("nvidia.ko on {chip}: {said}");
        let theirs = fs::read_to_string(out.join("registers.log")).context("registers.log")?;
        Ok([log(&ours, gpu)?, theirs])
    };
    chips.iter().enumerate().map(log_of).collect()
}

/// Compares the register logs of both drivers; returns whether the document explains exactly the
/// differences.
fn diff(chip: Chipset, ours: &str, theirs: &str, part: Part, document: &str) -> Result<bool> {
    let ours = Accesses::parse(ours, part).context("our driver's accesses")?;
    let theirs = Accesses::parse(theirs, part).context("the other driver's accesses")?;
    let explanations = Explanations::parse(document, chip);
    let Comparison { same, differences } = compare(&ours.writes, &theirs.writes);
    print_counts(&ours, &theirs);
    let unexplained = print_differences(&differences, &explanations);
    let stale = explanations.unused(&differences);
    for title in &stale {
        println!("\n{title}: explains a difference that does not exist");
    }
    println!(
        "\n{chip}: {same} writes are the same; {} differences, {unexplained} unexplained",
        differences.len(),
    );
    Ok(unexplained == 0 && stale.is_empty())
}

/// Prints the number of reads and writes of each block by each driver.
fn print_counts(ours: &Accesses<'_>, theirs: &Accesses<'_>) {
    let mut blocks: BTreeMap<&str, [usize; 4]> = BTreeMap::new();
    for (side, accesses) in [ours, theirs].into_iter().enumerate() {
        for (block, reads) in &accesses.reads {
            blocks.entry(block).or_default()[side] += reads;
        }
        for write in &accesses.writes {
            blocks.entry(write.block).or_default()[2 + side] += 1;
        }
    }
    let mut table = Table::new();
    table.load_preset(UTF8_FULL_CONDENSED);
    table.set_header(["", "our reads", "their reads", "our writes", "their writes"]);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    for (block, counts) in blocks {
        table.add_row(iter::once(block.to_owned()).chain(counts.map(|count| count.to_string())));
    }
    println!("{table}");
}

/// Prints the differences and their explanations; returns the number of unexplained ones.
fn print_differences(differences: &[Difference<'_>], explanations: &Explanations) -> usize {
    let mut unexplained = 0;
    for difference in differences {
        let title = explanations.title(difference).unwrap_or_else(|| {
            unexplained += 1;
            "UNEXPLAINED"
        });
        println!("\nafter {}: {title}", difference.after);
        for line in &difference.lines {
            match line.count {
                1 => println!("  {line}"),
                count => println!("  {line}   ({count} times)"),
            }
        }
    }
    unexplained
}
