// SPDX-License-Identifier: GPL-2.0

//! `nova-fw check`: whether a folder has what a GPU needs, and whether it is any good.

use std::path::{Path, PathBuf};

use nova_firmware::{Booter, Bootloader, Fmc, GenBootloader, Gsp};

use crate::failure::Failure;
use crate::file::{print, File};
use crate::set::{Chip, Part};
use crate::{tell, Told};

/// Suffixes of compressed files that the kernel's loader reads too.
const COMPRESSED: [&str; 2] = ["xz", "zst"];

/// How a file was found.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    /// It is there and sound.
    Sound,
    /// It is there, compressed, and was not looked into.
    Compressed,
    /// It is not there.
    Missing,
}

/// Checks `root` for `chip`, or for every chip, and prints a line for each file.
pub(crate) fn folder(root: &Path, chip: Option<Chip>, release: &str) -> Result<(), Told> {
    let all = || Chip::all().filter(|chip| chip.is_in(release)).collect();
    let chips: Vec<_> = chip.map_or_else(all, |chip| vec![chip]);
    let mut done = Ok(());
    for chip in chips {
        if !chip.is_in(release) {
            done = Err(Told);
            print(&format!(
                "{chip}: there is no firmware of {release} for it\n"
            ))
            .map_err(tell)?;
            continue;
        }
        for part in chip.parts() {
            let path = chip.path(root, *part, release);
            let line = match look(&path, chip, *part, release) {
                Ok(Found::Sound) => format!("{chip}: {}: ok\n", path.display()),
                Ok(Found::Compressed) => {
                    format!("{chip}: {}: there, compressed\n", path.display())
                }
                Ok(Found::Missing) => {
                    done = Err(Told);
                    format!("{chip}: {}: missing\n", path.display())
                }
                Err(failure) => {
                    done = Err(Told);
                    format!("{chip}: {failure}\n")
                }
            };
            print(&line).map_err(tell)?;
        }
    }
    done
}

/// Looks for the file at `path` and into it.
fn look(path: &Path, chip: Chip, part: Part, release: &str) -> Result<Found, Failure> {
    if !path.exists() {
        let compressed = COMPRESSED
            .iter()
            .any(|suffix| with_suffix(path, suffix).exists());
        return Ok(if compressed {
            Found::Compressed
        } else {
            Found::Missing
        });
    }
    let file = File::open(path)?;
    match part {
        Part::Gsp => check_gsp(&file, chip, release)?,
        Part::Bootloader => drop(file.parse(Bootloader::parse)?),
        Part::BooterLoad | Part::BooterUnload => drop(file.parse(Booter::parse)?),
        Part::GenBootloader => drop(file.parse(GenBootloader::parse)?),
        Part::Fmc => drop(file.parse(Fmc::parse)?),
    }
    Ok(Found::Sound)
}

/// The file must be of the release that its name says and have a signature for the chip.
fn check_gsp(file: &File, chip: Chip, release: &str) -> Result<(), Failure> {
    let gsp = file.parse(Gsp::parse)?;
    if gsp.version() != release {
        return Err(Failure::Release {
            path: file.path.clone(),
            expected: release.to_owned(),
            found: gsp.version().to_owned(),
        });
    }
    file.parse(|_| gsp.signature(chip.signature()))?;
    Ok(())
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    name.into()
}
