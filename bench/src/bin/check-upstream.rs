// SPDX-License-Identifier: GPL-2.0

//! Boots and unloads every chip twice, with Linux's own nova-core and with Nova, and prints a table
//! of the results.

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::Table;
use nova_bench::guest::{self, Driver};
use nova_bench::verdict::{self, Verdict};
use nova_hw::chipset::Chipset;
use nova_vm::chips::Selection;
use nova_vm::Host;

/// Number of times that a driver is loaded and unloaded.
const TIMES: u32 = 2;

/// The drivers, in the order of the columns.
const DRIVERS: [Driver; 2] = [Driver::Nova, Driver::Upstream];

/// Boots chips twice each with Linux's own nova-core and with Nova. Exits with 1 if a boot fails.
#[derive(Debug, Parser)]
struct Arguments {
    /// `all`, `families` for one chip of each family, or names.
    #[arg(long)]
    chips: Selection,
    /// A VBIOS for all of them, such as the dump of a card, instead of synthetic ones.
    #[arg(long, value_name = "FILE")]
    vbios: Option<String>,
}

/// The verdict on each chip with `driver`.
fn boot(
    host: &Host,
    driver: Driver,
    chips: &[Chipset],
    vbios: Option<&str>,
) -> Result<Vec<Verdict>> {
    let boots = guest::Boots {
        work: "build/check-upstream",
        chips,
        times: TIMES,
        registers: false,
        vbios,
        firmware: None,
    };
    let run = guest::run(host, boots, driver)?;
    let judge = |(gpu, &chip)| verdict::judge(&run, driver, gpu, chip, TIMES as usize);
    chips.iter().enumerate().map(judge).collect()
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let (chips, not_mocked) = arguments.chips.split();
    let vbios = arguments.vbios.as_deref();
    let host = Host::find()?;
    let mut columns = Vec::new();
    for driver in DRIVERS {
        let mut column = match chips.is_empty() {
            true => Vec::new(),
            false => boot(&host, driver, &chips, vbios)?,
        };
        column.extend(not_mocked.iter().map(|_| Verdict::NotMocked));
        columns.push(column);
    }
    let mut table = Table::new();
    table.load_preset(UTF8_FULL_CONDENSED);
    let titles = DRIVERS.map(|driver| driver.to_string());
    table.set_header(
        ["chip", "family"]
            .map(str::to_owned)
            .into_iter()
            .chain(titles),
    );
    for (row, chip) in chips.iter().chain(&not_mocked).enumerate() {
        let verdicts = columns.iter().map(|column| column[row].to_string());
        let names = [chip.to_string(), chip.family().to_owned()];
        table.add_row(names.into_iter().chain(verdicts));
    }
    println!("{table}");
    let failed = columns
        .iter()
        .flatten()
        .filter(|verdict| **verdict != Verdict::Passed)
        .count();
    println!("{} boots failed", failed);
    Ok(match failed {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}
