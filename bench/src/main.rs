// SPDX-License-Identifier: GPL-2.0

//! Prints a table of measurements: counts, times, and ratios of compared programs.

mod allocations;
mod engines;
mod inspect;
mod mock;
mod modules;
mod nouveau;
mod nvk;
mod rate;
mod work;

use std::time::Duration;

use anyhow::Result;
use clap::{Parser, ValueEnum};
use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};
use nova_bench::boot::Boot;
use nova_bench::guest::{self, Driver};
use nova_hw::chipset::Chipset;
use nova_vm::chips::Selection;
use nova_vm::Host;

/// The GSP's firmware for Turing, on which `nova-fw info` is measured.
const TURING_GSP: &str = "nvidia/tu102/gsp/gsp-570.144.bin";

/// Compares the driver with Linux's own, and the tools with binutils.
///
/// From the root of the working tree, after `make programs vm-modules`.
#[derive(Debug, Parser)]
struct Arguments {
    /// What to measure; by default all
    parts: Vec<Part>,
}

/// Measurements that belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    Boots,
    Calls,
    Stacks,
    Sizes,
    Inspection,
    Accesses,
    Engines,
    Nvk,
    Nouveau,
    Work,
}

fn main() -> Result<()> {
    let Arguments { parts } = Arguments::parse();
    let host = Host::find()?;
    let mut table = Table::new();
    table.load_preset(UTF8_FULL_CONDENSED);
    table.set_header(["", "nova", "reference", "ratio", "aim"]);
    let wanted = |part: &Part| parts.is_empty() || parts.contains(part);
    let mut parts = Part::value_variants().iter().filter(|part| wanted(part));
    // What was measured before an error is shown.
    let measured = parts.try_for_each(|part| part.measure(&host, &mut table));
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    println!("{table}");
    measured
}

impl Part {
    /// Adds the measurements to the table.
    fn measure(self, host: &Host, table: &mut Table) -> Result<()> {
        match self {
            Self::Boots => boots(host, table),
            Self::Calls => calls(host, table),
            Self::Stacks => stacks(host, table),
            Self::Sizes => sizes(host, table),
            Self::Inspection => inspection(host, table),
            Self::Accesses => accesses(host, table),
            Self::Engines => engines(table),
            Self::Nvk => nvk(table),
            Self::Nouveau => nouveau(host, table),
            Self::Work => work(host, table),
        }
    }
}

/// Measures both drivers from bind to GSP_INIT_DONE, on a chip of each family.
fn boots(host: &Host, table: &mut Table) -> Result<()> {
    let (chips, _) = Selection::families().split();
    let boots = guest::Boots {
        work: "build/bench",
        chips: &chips,
        times: 1,
        registers: false,
        vbios: None,
        firmware: None,
    };
    let [ours, theirs] =
        [Driver::Nova, Driver::Upstream].map(|driver| guest::run(host, boots, driver));
    let (ours, theirs) = (ours?, theirs?);
    for (gpu, chip) in chips.iter().enumerate() {
        let boots = [Boot::of(&ours, gpu)?, Boot::of(&theirs, gpu)?];
        let reached = boots.each_ref().map(|boot| match boot.init_done {
            true => "yes",
            false => "no",
        });
        let title = format!("{chip}: bind → INIT_DONE (reference: Linux 7.3's nova-core)");
        table.add_row([&title, reached[0], reached[1], ""]);
        boot_rows(&boots, table);
    }
    let report = ours.text(0, "boot_report", "")?;
    let copied = report.lines().find(|line| line.contains("copied"));
    let copied = copied.unwrap_or("not in the boot report");
    table.add_row(["firmware of the first one", copied.trim(), "", ""]);
    Ok(())
}

/// Adds the measurements of the boots by Nova and by the other driver.
fn boot_rows(boots: &[Boot; 2], table: &mut Table) {
    let mut row = |name: &str, value: fn(&Boot) -> f64, unit: &str| {
        let [ours, theirs] = boots.each_ref().map(value);
        table.add_row([
            format!("  {name}"),
            format!("{ours:.0}{unit}"),
            format!("{theirs:.0}{unit}"),
            ratio(ours, theirs),
        ]);
    };
    row("register reads", |boot| boot.reads as f64, "");
    row("register writes", |boot| boot.writes as f64, "");
    row("register accesses", |boot| boot.accesses() as f64, "");
    row("RPCs", |boot| boot.rpcs as f64, "");
    row("time in the guest", |boot| boot.millis, " ms");
    row("memory of the mock", |boot| boot.mock_kib as f64, " KiB");
}

/// Measures calls of GSP-RM by Nova; upstream's driver has no interface for callers.
fn calls(host: &Host, table: &mut Table) -> Result<()> {
    for rate in rate::run(host)? {
        let callers = rate.callers;
        table.add_row([
            format!("RPC round trips per second, callers: {callers}"),
            format!("{:.0}", rate.per_second),
            String::new(),
            String::new(),
        ]);
        table.add_row([
            "  interrupts per RPC".to_owned(),
            format!("{:.2}", rate.interrupts),
            String::new(),
            String::new(),
        ]);
    }
    let recovery = guest::measure(host, Chipset::GA102, "recovery")?;
    table.add_row(["recovery from a crash of the GSP", recovery.trim(), "", ""]);
    Ok(())
}

/// Measures the depth of kernel stacks, of which each has 16 KiB, for both ways to boot.
fn stacks(host: &Host, table: &mut Table) -> Result<()> {
    for chip in [Chipset::GA102, Chipset::GH100] {
        let depth = guest::measure(host, chip, "stack")?;
        let title = format!("{chip}: deepest kernel stack, bind to unbind");
        table.add_row([&title, depth.trim(), "", ""]);
    }
    Ok(())
}

/// Compares the sizes of the modules.
fn sizes(host: &Host, table: &mut Table) -> Result<()> {
    let build = host.repo.join("build");
    let [ours, theirs] = ["modules/vm/nova-core.ko", "upstream/nova-core.ko"]
        .map(|module| modules::size(&build.join(module)));
    let (ours, theirs) = (ours?, theirs?);
    for (name, ours, theirs) in [
        ("nova-core.ko, text", ours.text, theirs.text),
        ("nova-core.ko, data", ours.data, theirs.data),
    ] {
        table.add_row([
            format!("{name} (reference: Linux 7.3's)"),
            ours.to_string(),
            theirs.to_string(),
            ratio(ours as f64, theirs as f64),
        ]);
    }
    let size = modules::size(&build.join("modules/vm/nova-drm.ko"))?;
    for (name, bytes) in [
        ("nova-drm.ko, text", size.text),
        ("nova-drm.ko, data", size.data),
    ] {
        table.add_row([name, &bytes.to_string(), "", ""]);
    }
    Ok(())
}

/// Compares `nova-fw info` with `readelf -a`.
fn inspection(host: &Host, table: &mut Table) -> Result<()> {
    let file = host.firmware.join(TURING_GSP);
    let [info, readelf] = inspect::run(&host.programs.join("nova-fw"), &file)?;
    for (name, info, readelf) in [
        (
            "nova-fw info on a 28 MB GSP file, whole process (reference: readelf -a)",
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

/// Measures the speed of the mock.
fn accesses(host: &Host, table: &mut Table) -> Result<()> {
    let in_process = mock::in_process(&host.firmware)?;
    let over_socket = mock::over_socket(host)?;
    table.add_row([
        "register reads per second, in process (reference: over vfio-user)".to_owned(),
        format!("{in_process:.0}"),
        format!("{over_socket:.0}"),
        ratio(in_process, over_socket),
    ]);
    Ok(())
}

/// Measures what executes in the mock.
fn engines(table: &mut Table) -> Result<()> {
    let copy = engines::copy();
    table.add_row([
        "copy of 64 MiB by a copy engine, in process (reference: memcpy)".to_owned(),
        micros(copy.engine),
        micros(copy.memcpy),
        ratio(copy.engine.as_secs_f64(), copy.memcpy.as_secs_f64()),
    ]);
    table.add_row(["  turns", &copy.turns.to_string(), "", ""]);
    let [hits, misses] = [true, false].map(engines::lookups_per_second);
    table.add_row([
        "lookups of the MMU per second, in the TLB (reference: in memory)".to_owned(),
        format!("{hits:.0}"),
        format!("{misses:.0}"),
        ratio(hits, misses),
    ]);
    let methods = engines::methods_per_second();
    table.add_row(["methods per second", &format!("{methods:.0}"), "", ""]);
    let instructions = engines::instructions_per_second();
    let instructions = format!("{instructions:.0}");
    table.add_row(["instructions of a warp per second", &instructions, "", ""]);
    let memory = engines::memory()?;
    let mib = |kib: u64| format!("{} MiB", kib / 1024);
    table.add_row([
        "memory after copies through 4 GiB of frame buffer (reference: after their channel is freed)"
            .to_owned(),
        mib(memory.after_copies),
        mib(memory.after_free),
        ratio(memory.after_copies as f64, memory.after_free as f64),
    ]);
    Ok(())
}

/// Measures what the library by which NVK runs on Nova adds to a call. It must not allocate for a job.
fn nvk(table: &mut Table) -> Result<()> {
    let nvk::Measured { exec, bind, ioctl } = nvk::run()?;
    let nanos = |time: Duration| format!("{} ns", time.as_nanos());
    let verdict = match exec.allocations == 0.0 {
        true => "0: met",
        false => "0: not met",
    };
    for (call, cost, aim) in [("EXEC", exec, verdict), ("VM_BIND", bind, "")] {
        table.add_row([
            format!("{call} in nova-nvk, without the kernel (reference: an ioctl of a socket)"),
            nanos(cost.time),
            nanos(ioctl),
            ratio(cost.time.as_secs_f64(), ioctl.as_secs_f64()),
        ]);
        let allocations = cost.allocations.to_string();
        table.add_row(["  allocations of memory", &allocations, "", "", aim]);
    }
    Ok(())
}

/// Measures nouveau in a VM. The memory of the machine and of the frame buffer is the mock's, so that the
/// CPU's copy is the reference for a copy engine's.
fn nouveau(host: &Host, table: &mut Table) -> Result<()> {
    let nouveau::Measured {
        load,
        accesses,
        copies: [copy, memcpy],
        bar1,
    } = nouveau::run(host)?;
    let nouveau::Accesses {
        registers,
        bar1: through_bar1,
        bar2: through_bar2,
    } = accesses;
    table.add_row(["modprobe nouveau", &format!("{load:.0} ms"), "", ""]);
    for (name, count) in [
        ("  accesses of registers", registers),
        ("  accesses through BAR1", through_bar1),
        ("  accesses through BAR2", through_bar2),
    ] {
        table.add_row([name, &count.to_string(), "", ""]);
    }
    table.add_row([
        "copy of 64 MiB in the VM (reference: memcpy there)",
        &format!("{copy:.0} ms"),
        &format!("{memcpy:.0} ms"),
        &ratio(copy, memcpy),
    ]);
    let bar1 = format!("{bar1:.0} KiB/s");
    table.add_row(["writes of 4 bytes through BAR1", &bar1, "", ""]);
    Ok(())
}

/// Compares the work of programs with Nova and with nouveau. A number that is not as it is to be is no failure.
fn work(host: &Host, table: &mut Table) -> Result<()> {
    for (title, rows) in work::run(host)? {
        table.add_row([format!("{title} (reference: nouveau)")]);
        for row in rows {
            let [nova, nouveau] = row.values;
            let aim = row.aim.map_or(String::new(), |aim| {
                let verdict = match aim.is_met(row.values) {
                    true => "met",
                    false => "not met",
                };
                format!("{aim}: {verdict}")
            });
            table.add_row([
                format!("  {}", row.title),
                row.unit.show(nova),
                row.unit.show(nouveau),
                ratio(nova, nouveau),
                aim,
            ]);
        }
    }
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
