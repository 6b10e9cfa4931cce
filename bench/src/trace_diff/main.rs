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

use anyhow::{Context, Result};
use clap::Parser;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};

use nova_bench::guest::{self, Driver, Run};
use nova_hw::chipset::Chipset;
use nova_vm::chips::Selection;
use nova_vm::Host;

use crate::accesses::Accesses;
use crate::compare::{compare, Comparison, Difference};
use crate::explain::Explanations;

/// Loads and unloads Nova and Linux's own nova-core on the same mocked GPUs, and compares their
/// register writes on each.
///
/// Exits with 1 if there is an unexplained difference, or an explanation without a difference.
#[derive(Debug, Parser)]
struct Arguments {
    /// A chip; `families` for the first one of each family; `all`.
    #[arg(long)]
    chip: Selection,
}

fn main() -> Result<ExitCode> {
    let (chips, _) = Arguments::parse().chip.split();
    let host = Host::find()?;
    let boots = guest::Boots {
        work: "build/trace-diff",
        chips: &chips,
        times: 1,
        registers: true,
        vbios: None,
    };
    let boot = |driver| guest::run(&host, boots, driver);
    let (ours, theirs) = (boot(Driver::Nova)?, boot(Driver::Upstream)?);
    let document = host.repo.join("docs/trace-differences.md");
    let document = fs::read_to_string(&document).with_context(|| document.display().to_string())?;
    let mut same = true;
    for (gpu, &chip) in chips.iter().enumerate() {
        let log = |run: &Run| run.text(gpu, "registers", ".log");
        same &= diff(chip, &log(&ours)?, &log(&theirs)?, &document)?;
    }
    Ok(match same {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

/// Compares the register logs of both drivers; returns whether the document explains exactly the
/// differences.
fn diff(chip: Chipset, ours: &str, theirs: &str, document: &str) -> Result<bool> {
    let ours = Accesses::parse(ours).context("our driver's accesses")?;
    let theirs = Accesses::parse(theirs).context("the accesses of Linux's driver")?;
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
