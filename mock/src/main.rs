// SPDX-License-Identifier: GPL-2.0

//! Serves a mocked GPU to QEMU over vfio-user.

use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use nova_hw::chipset::Chipset;
use nova_hw::release::RELEASES;
use nova_mock::chips::{self, Chip, CHIPS};
use nova_mock::config::BAR1_MIN;
use nova_mock::firmware::{Firmwares, Folder};
use nova_mock::vfio::{self, Guest};
use nova_mock::{faults, vbios, Accesses, BlockId, Fault, Fuses, Gpu, Setup, Trace, Vram};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tracing_subscriber::EnvFilter;

/// Serves a mocked GPU to QEMU over vfio-user.
///
/// It serves one client, and exits when the client disconnects or on SIGTERM or SIGINT.
/// RUST_LOG=debug shows what happens.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// List the chips and exit.
    #[arg(long)]
    list_chips: bool,

    /// The chip.
    #[arg(long, value_name = "NAME", default_value = "ga102", value_parser = chip)]
    chip: &'static Chip,

    /// Size of the frame buffer, such as 24G; by default that of the card as sold.
    #[arg(long, value_name = "SIZE", value_parser = size)]
    vram: Option<u64>,

    /// Size of the BAR that shows the frame buffer, a power of two, such as 64M, or 32G for all of a
    /// large one; by default 256M. One that is too large for the machine, such as 64T, gets no
    /// addresses.
    #[arg(long, value_name = "SIZE", value_parser = bar_size)]
    bar1: Option<u64>,

    /// List the faults and exit.
    #[arg(long)]
    list_faults: bool,

    /// Break the card, for example stage=booter,kind=timeout (may be repeated).
    #[arg(long, value_name = "FAULT")]
    fault: Vec<Fault>,

    /// How the TLBs work: they keep whatever hardware might keep until it is invalidated, so that a
    /// driver that forgets to invalidate fails, or they keep nothing.
    #[arg(long, value_enum, value_name = "MODE", default_value_t)]
    tlb: Tlb,

    /// Control socket for commands that break and repair the card; see docs/faults.md.
    #[arg(long, value_name = "PATH")]
    control: Option<PathBuf>,

    /// Socket on which to wait for QEMU.
    #[arg(long, value_name = "PATH", required_unless_present_any = ["list_chips", "list_faults"])]
    socket: Option<PathBuf>,

    /// Folder with the signed firmware, which has nvidia/CHIP/gsp in it.
    #[arg(long, value_name = "DIR", default_value = "/lib/firmware")]
    firmware: PathBuf,

    /// Write a timeline of what happens, for https://ui.perfetto.dev.
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,

    /// Write every register access, in order.
    #[arg(long, value_name = "FILE")]
    registers: Option<PathBuf>,

    /// Write every method that channels execute, in order.
    #[arg(long, value_name = "FILE")]
    methods: Option<PathBuf>,

    /// Serve this VBIOS instead of a synthetic one.
    #[arg(long, value_name = "FILE")]
    vbios: Option<PathBuf>,

    /// Serve it even if it is broken, or has no FWSEC for this chip.
    #[arg(long, requires = "vbios")]
    any_vbios: bool,

    /// Length of what is only padding in the synthetic VBIOS: as on cards, or as short as possible.
    #[arg(
        long,
        value_enum,
        value_name = "SIZE",
        default_value_t,
        conflicts_with = "vbios"
    )]
    vbios_size: vbios::Size,
}

/// How the TLBs work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Tlb {
    #[default]
    Strict,
    Lax,
}

fn chip(name: &str) -> Result<&'static Chip, String> {
    chips::by_name(name).ok_or_else(|| {
        let known: Vec<_> = CHIPS.iter().map(|chip| chip.chipset.name()).collect();
        format!("the chips are {}", known.join(", "))
    })
}

/// Reads a number with an optional unit; `None` if it is too large.
fn bytes(text: &str) -> Result<Option<u64>, String> {
    let (number, shift) = match text.to_ascii_uppercase().chars().last() {
        Some('M') => (&text[..text.len() - 1], 20),
        Some('G') => (&text[..text.len() - 1], 30),
        Some('T') => (&text[..text.len() - 1], 40),
        _ => (text, 0),
    };
    let number: u64 = number
        .parse()
        .map_err(|_| "a number with the unit M, G or T is expected".to_string())?;
    Ok(number.checked_mul(1 << shift))
}

/// Reads the size of a frame buffer.
fn size(text: &str) -> Result<u64, String> {
    const SMALLEST: u64 = 512 << 20;
    const LARGEST: u64 = 1 << 40;
    const STEP: u64 = 1 << 20;
    bytes(text)?
        .filter(|size| (SMALLEST..=LARGEST).contains(size) && size % STEP == 0)
        .ok_or_else(|| "whole mebibytes from 512M to 1024G are expected".into())
}

/// Reads the size of a BAR.
fn bar_size(text: &str) -> Result<u64, String> {
    const LARGEST: u64 = 1 << 50;
    bytes(text)?
        .filter(|size| (BAR1_MIN..=LARGEST).contains(size) && size.is_power_of_two())
        .ok_or_else(|| "a power of two from 1M to 1024T is expected".into())
}

/// A line about each chip.
fn chip_list() -> String {
    let line = |chip: &str, family: &str, path: &str, firmware: &str, card: &str| {
        format!("{chip:7}{family:8}{path:17}{firmware:21}{card}\n")
    };
    let mut list = line("chip", "family", "boot path", "firmware", "card");
    for &chipset in Chipset::ALL {
        let releases = RELEASES.iter().filter(|release| release.is_for(chipset));
        let releases: Vec<_> = releases.map(|release| release.name).collect();
        let card = match chips::by_name(chipset.name()) {
            Some(chip) => format!("{} ({} GiB)", chip.marketing_name, chip.vram >> 30),
            None => "not mocked".to_owned(),
        };
        let path = match chipset.arch().boots_through_fsp() {
            true => "FMC through FSP",
            false => "booter on SEC2",
        };
        list += &line(
            chipset.name(),
            chipset.family(),
            path,
            &releases.join(", "),
            &card,
        );
    }
    list
}

/// Creates the card.
fn card(arguments: &Arguments) -> Result<Gpu<Guest>, String> {
    let chip = arguments.chip;
    let at = |path: &Path, error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let firmware = Firmwares::load(chip, &Folder(arguments.firmware.clone()))
        .map_err(|error| at(&arguments.firmware, &error))?;
    let vbios = match &arguments.vbios {
        Some(path) => std::fs::read(path).map_err(|error| at(path, &error))?,
        None => vbios::build_with(chip, arguments.vbios_size),
    };
    let mut trace = match &arguments.trace {
        Some(path) => Trace::to_file(path).map_err(|error| at(path, &error))?,
        None => Trace::default(),
    };
    if let Some(path) = &arguments.registers {
        trace
            .log_registers(path)
            .map_err(|error| at(path, &error))?;
    }
    if let Some(path) = &arguments.methods {
        trace.log_methods(path).map_err(|error| at(path, &error))?;
    }
    let vram = Vram::in_memfd(arguments.vram.unwrap_or(chip.vram))
        .map_err(|error| format!("no frame buffer: {error}"))?;
    let setup = Setup {
        chip,
        vram,
        bar1: arguments.bar1,
        firmware,
        vbios: Some(vbios),
        fuses: Fuses::default(),
        trace,
    };
    let mut card = match (arguments.any_vbios, &arguments.vbios) {
        (true, _) => Gpu::with_any_vbios(setup, Guest::default()),
        (false, path) => Gpu::new(setup, Guest::default()).map_err(|error| match path {
            Some(path) => format!("{}; --any-vbios serves it", at(path, &error)),
            None => error.to_string(),
        })?,
    };
    card.set_tlb(arguments.tlb == Tlb::Strict);
    for fault in &arguments.fault {
        card.inject(*fault);
    }
    Ok(card)
}

fn print_accesses(accesses: &Accesses) {
    println!("accesses: {}", accesses.total());
    for block in BlockId::ALL {
        let (reads, writes) = (accesses.reads(block), accesses.writes(block));
        if reads + writes != 0 {
            println!("  {:8}{reads:8} reads{writes:8} writes", block.name());
        }
    }
}

fn run(arguments: &Arguments, socket: &Path) -> Result<(), String> {
    let card = card(arguments)?;
    let control = match &arguments.control {
        Some(path) => {
            let listener = UnixListener::bind(path);
            Some(listener.map_err(|error| format!("{}: {error}", path.display()))?)
        }
        None => None,
    };
    let mut signals = Signals::new([SIGINT, SIGTERM]).map_err(|error| error.to_string())?;
    let stop = move || {
        let _ = signals.forever().next();
    };
    vfio::serve(card, socket, control, stop, |card| {
        print_accesses(card.trace().accesses());
        if let Err(error) = card.trace_mut().finish() {
            tracing::error!("the trace is not complete: {error}");
        }
    })
    .map_err(|error| format!("{}: {error}", socket.display()))
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    let result = match &arguments.socket {
        _ if arguments.list_chips => {
            print!("{}", chip_list());
            Ok(())
        }
        Some(socket) if !arguments.list_faults => run(&arguments, socket),
        _ => {
            print!("{}", faults::list());
            Ok(())
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("nova-mock: {error}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_arguments_are_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn sizes_are_parsed_with_units_and_bounds() {
        assert_eq!(size("24G"), Ok(24 << 30));
        assert_eq!(size("512m"), Ok(512 << 20));
        assert_eq!(size("1073741824"), Ok(1 << 30));
        for wrong in [
            "",
            "G",
            "-1G",
            "511M",
            "1025G",
            "99999999999999G",
            "1073741825",
        ] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_bar_has_a_power_of_two() {
        assert_eq!(bar_size("64M"), Ok(64 << 20));
        assert_eq!(bar_size("32g"), Ok(32 << 30));
        assert_eq!(bar_size("64T"), Ok(64 << 40));
        for wrong in ["0", "512", "24G", "2048T", "99999999999T", "T"] {
            assert!(bar_size(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_chip_is_listed() {
        let list = chip_list();
        assert_eq!(list.lines().count(), 1 + Chipset::ALL.len());
        let line = |name| list.lines().find(|line| line.starts_with(name)).unwrap();
        assert!(line("ga102").contains("booter on SEC2   570.144, 535.113.01  NVIDIA"));
        assert!(line("gb202").contains("gb20x   FMC through FSP  570.144   "));
    }

    #[test]
    fn the_socket_is_required() {
        assert!(Arguments::try_parse_from(["nova-mock"]).is_err());
        assert!(Arguments::try_parse_from(["nova-mock", "--list-chips"]).is_ok());
        assert!(Arguments::try_parse_from(["nova-mock", "--list-faults"]).is_ok());
        let wrong = ["nova-mock", "--socket", "s", "--chip", "gv100"];
        assert!(Arguments::try_parse_from(wrong).is_err());
    }

    #[test]
    fn the_synthetic_vbios_has_a_size() {
        let size = |arguments: &[&str]| {
            let all = ["nova-mock", "--socket", "s"].iter().chain(arguments);
            Some(Arguments::try_parse_from(all).ok()?.vbios_size)
        };
        assert_eq!(size(&[]), Some(vbios::Size::Small));
        assert_eq!(size(&["--vbios-size", "real"]), Some(vbios::Size::Real));
        assert_eq!(size(&["--vbios-size", "real", "--vbios", "f"]), None);
    }
}
