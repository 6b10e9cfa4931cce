// SPDX-License-Identifier: GPL-2.0

//! What two drivers write to the registers of the same card, in order, and what explains the
//! differences.
//!
//! Writes are aligned by their registers and then compared by their values. Reads are only counted:
//! how often a driver looks whether something has happened depends on how long that takes.

mod accesses;
mod compare;
mod explain;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{fs, iter};

use anyhow::{Context, Result};
use clap::Parser;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};

use nova_hw::chipset::Chipset;
use nova_vm::chips::named;

use crate::accesses::Accesses;
use crate::compare::{compare, Comparison, Difference};
use crate::explain::Explanations;

/// Compares the register writes of two drivers.
///
/// Ends with 1 if there is a difference that nothing explains, or an explanation of nothing.
#[derive(Debug, Parser)]
struct Arguments {
    /// The chip, whose explanations apply.
    #[arg(long, value_parser = named)]
    chip: Chipset,
    /// Register log of our driver, written by `nova-mock --registers`.
    #[arg(long, value_name = "FILE")]
    ours: PathBuf,
    /// Register log of the other driver.
    #[arg(long, value_name = "FILE")]
    theirs: PathBuf,
    /// The document that explains the differences.
    #[arg(long, value_name = "FILE")]
    explanations: PathBuf,
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| path.display().to_string())
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let (ours, theirs) = (read(&arguments.ours)?, read(&arguments.theirs)?);
    let parse = |path: &Path, log| Accesses::parse(log).with_context(|| path.display().to_string());
    let ours = parse(&arguments.ours, &ours)?;
    let theirs = parse(&arguments.theirs, &theirs)?;
    let document = read(&arguments.explanations)?;
    let explanations = Explanations::parse(&document, arguments.chip);

    let Comparison { same, differences } = compare(&ours.writes, &theirs.writes);
    print_counts(&ours, &theirs);
    let unexplained = print_differences(&differences, &explanations);
    let stale = explanations.unused(&differences);
    for title in &stale {
        println!("\n{title}: explains a difference that is not there");
    }
    println!(
        "\n{}: {same} writes are the same; {} differences, {unexplained} unexplained",
        arguments.chip,
        differences.len(),
    );
    Ok(match unexplained == 0 && stale.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

/// Prints how often each driver reads and writes each block.
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

/// Prints the differences and what explains them; returns how many nothing explains.
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
