// SPDX-License-Identifier: GPL-2.0

//! Counts before seconds, and ratios of programs that ran side by side, as one table.

mod boot;
mod inspect;
mod mock;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Parser;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};

/// The GSP's firmware for Turing, which the speed of `nova-fw info` is measured on.
const TURING_GSP: &str = "nvidia/tu102/gsp/gsp-570.144.bin";

/// Measures the driver beside Linux's own, and the tools beside binutils.
#[derive(Debug, Parser)]
struct Arguments {
    /// The repository.
    #[arg(long)]
    repo: PathBuf,
    /// Folder with nvidia/CHIP/gsp/*.bin.
    #[arg(long)]
    firmware: PathBuf,
    /// Folder with the programs of the workspace.
    #[arg(long)]
    programs: PathBuf,
    /// Folder with Linux's nova-core.ko and its firmware.
    #[arg(long)]
    upstream_files: PathBuf,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let mut table = Table::new();
    table.load_preset(UTF8_FULL_CONDENSED);
    table.set_header(["", "nova", "beside", "ratio"]);
    boots(&arguments, &mut table)?;
    inspection(&arguments, &mut table)?;
    accesses(&arguments, &mut table)?;
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    println!("{table}");
    Ok(())
}

/// Both drivers from bind to INIT_DONE.
fn boots(arguments: &Arguments, table: &mut Table) -> Result<()> {
    let repo = &arguments.repo;
    let path = |path: &std::path::Path| {
        path.to_str()
            .context("a path that is not UTF-8")
            .map(str::to_owned)
    };
    let modules = path(&repo.join("build/modules/vm"))?;
    let ours = boot::run(repo, "nova", &["--modules", &modules])?;
    let files = path(&arguments.upstream_files)?;
    let theirs = boot::run(repo, "upstream", &["--files", &files])?;
    let reached = |boot: &boot::Boot| match boot.init_done {
        true => "yes".to_owned(),
        false => "no".to_owned(),
    };
    table.add_row([
        "bind → INIT_DONE reached (beside: Linux 7.3's nova-core)".to_owned(),
        reached(&ours),
        reached(&theirs),
        String::new(),
    ]);
    for (name, ours, theirs) in [
        ("  register reads", ours.reads, theirs.reads),
        ("  register writes", ours.writes, theirs.writes),
        (
            "  register accesses",
            ours.reads + ours.writes,
            theirs.reads + theirs.writes,
        ),
    ] {
        table.add_row([
            name.to_owned(),
            ours.to_string(),
            theirs.to_string(),
            ratio(ours as f64, theirs as f64),
        ]);
    }
    table.add_row([
        "  time in the guest".to_owned(),
        format!("{:.0} ms", ours.millis),
        format!("{:.0} ms", theirs.millis),
        ratio(ours.millis, theirs.millis),
    ]);
    let copied = std::fs::read_to_string(repo.join("build/bench/nova/boot_report"))?
        .lines()
        .find(|line| line.contains("copied"))
        .unwrap_or("the boot report does not say")
        .trim()
        .to_owned();
    table.add_row([
        "  firmware bytes copied by the driver".to_owned(),
        copied,
        String::new(),
        String::new(),
    ]);
    table.add_row([
        "resident memory of the mock after boot".to_owned(),
        format!("{} KiB", ours.mock_kib),
        format!("{} KiB", theirs.mock_kib),
        String::new(),
    ]);
    Ok(())
}

/// `nova-fw info` beside `readelf -a`.
fn inspection(arguments: &Arguments, table: &mut Table) -> Result<()> {
    let file = arguments.firmware.join(TURING_GSP);
    let [info, readelf] = inspect::run(&arguments.programs.join("nova-fw"), &file)?;
    for (name, info, readelf) in [
        (
            "nova-fw info on a 28 MB GSP file, whole process (beside: readelf -a)",
            info.whole,
            readelf.whole,
        ),
        (
            "  each further file in the same process",
            info.each,
            readelf.each,
        ),
    ] {
        table.add_row([
            name.to_owned(),
            micros(info),
            micros(readelf),
            ratio(info.as_secs_f64(), readelf.as_secs_f64()),
        ]);
    }
    Ok(())
}

/// How fast the mock answers.
fn accesses(arguments: &Arguments, table: &mut Table) -> Result<()> {
    let in_process = mock::in_process(&arguments.firmware)?;
    let over_socket =
        mock::over_socket(&arguments.programs.join("nova-mock"), &arguments.firmware)?;
    table.add_row([
        "register reads per second, in process (beside: over vfio-user)".to_owned(),
        format!("{in_process:.0}"),
        format!("{over_socket:.0}"),
        ratio(in_process, over_socket),
    ]);
    Ok(())
}

fn micros(time: Duration) -> String {
    format!("{:.1} µs", time.as_secs_f64() * 1e6)
}

fn ratio(ours: f64, theirs: f64) -> String {
    if theirs > 0.0 {
        format!("{:.3}", ours / theirs)
    } else {
        String::new()
    }
}
