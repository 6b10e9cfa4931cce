// SPDX-License-Identifier: GPL-2.0

//! `nova-fw`: shows the contents of NVIDIA firmware files and VBIOS images, and checks firmware
//! folders.

mod check;
mod failure;
mod file;
mod folder;
mod report;
mod set;
mod table;
mod tlv;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use nova_firmware::Format;

use crate::failure::Failure;
use crate::file::File;
use crate::report::Report;
use crate::set::{Chip, Release};

/// Shows the contents of NVIDIA firmware files and VBIOS images, and checks firmware folders.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Shows the format and the contents of files, as `vbios` does for VBIOS images.
    Info {
        /// Firmware files or VBIOS images.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Print JSON, one object per file.
        #[arg(long)]
        json: bool,
    },
    /// Checks that the driver would boot a GPU with the files in a folder.
    Check {
        /// The folder that holds `nvidia/`, such as /lib/firmware.
        folder: PathBuf,
        /// The GPU; by default all that Nova supports.
        #[arg(long)]
        chip: Option<Chip>,
        /// The release; by default the one that the driver chooses.
        #[arg(long)]
        release: Option<Release>,
    },
    /// Lists a VBIOS image's parts, its BIOS information table and its falcon ucode, as far as the
    /// file has them. Exits with 1 unless the file is a whole ROM with FWSEC, and says what is
    /// missing and what that means.
    Vbios {
        /// The image: of the GPU's ROM, of its flash, or what there is of them.
        file: PathBuf,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Repacks a GPU's firmware for Linux 7.3's own nova-core, which supports 570.144.
    Tlv {
        /// The GPU.
        #[arg(long)]
        chip: Chip,
        /// The folder that holds `nvidia/`.
        #[arg(long, value_name = "DIR")]
        from: PathBuf,
        /// The folder to put `nvidia/` in.
        #[arg(long, value_name = "DIR")]
        to: PathBuf,
        /// The firmware's release.
        #[arg(long, default_value_t = Release::newest())]
        release: Release,
    },
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Info { files, json } => info(&files, None, json),
        Command::Vbios { file, json } => info(&[file], Some(Format::Vbios), json),
        Command::Check {
            folder,
            chip,
            release,
        } => check::folder(&folder, chip, release),
        Command::Tlv {
            chip,
            from,
            to,
            release,
        } => tlv::repack(chip, &from, &to, release).map_err(print_failure),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Printed) => ExitCode::FAILURE,
    }
}

/// A failure that has been printed.
struct Printed;

/// Prints a failure.
fn print_failure(failure: Failure) -> Printed {
    eprintln!("nova-fw: {failure}");
    Printed
}

/// Reports on each file, even if others are malformed or lack something.
fn info(paths: &[PathBuf], format: Option<Format>, json: bool) -> Result<(), Printed> {
    let mut done = Ok(());
    for path in paths {
        let printed = File::open(path).and_then(|file| {
            let report = Report::on(&file, format)?;
            let text = if json {
                table::json(&report)
            } else {
                table::text(&report)
            };
            file::print(&text)?;
            match report.missing() {
                Some(missing) => Err(Failure::Incomplete {
                    path: path.clone(),
                    missing: missing.to_owned(),
                }),
                None => Ok(()),
            }
        });
        if let Err(failure) = printed {
            done = Err(print_failure(failure));
        }
    }
    done
}
