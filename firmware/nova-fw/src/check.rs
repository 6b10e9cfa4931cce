// SPDX-License-Identifier: GPL-2.0

//! `nova-fw check`: checks that a folder has the files that a GPU needs, and that they are valid.

use std::path::{Path, PathBuf};

use nova_firmware::{Booter, Bootloader, Fmc, GenBootloader, Gsp};

use crate::failure::Failure;
use crate::file::{print, File};
use crate::set::{Chip, Component};
use crate::{print_failure, Printed};

/// Suffixes of compressed files that the kernel's loader reads too.
const COMPRESSED: [&str; 2] = ["xz", "zst"];

/// Result of looking for a file.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    /// The file exists and is valid.
    Valid,
    /// The file exists in compressed form, and was not parsed.
    Compressed,
    /// The file does not exist.
    Missing,
}

/// Checks `root` for `chip`, or for every chip, and prints a line for each file.
pub(crate) fn folder(root: &Path, chip: Option<Chip>, release: &str) -> Result<(), Printed> {
    let all = || Chip::all().filter(|chip| chip.is_in(release)).collect();
    let chips: Vec<_> = chip.map_or_else(all, |chip| vec![chip]);
    let mut done = Ok(());
    for chip in chips {
        if !chip.is_in(release) {
            done = Err(Printed);
            print(&format!(
                "{chip}: there is no firmware of {release} for it\n"
            ))
            .map_err(print_failure)?;
            continue;
        }
        for component in chip.components() {
            let path = chip.path(root, *component, release);
            let line = match check_file(&path, chip, *component, release) {
                Ok(Found::Valid) => format!("{chip}: {}: ok\n", path.display()),
                Ok(Found::Compressed) => {
                    format!("{chip}: {}: there, compressed\n", path.display())
                }
                Ok(Found::Missing) => {
                    done = Err(Printed);
                    format!("{chip}: {}: missing\n", path.display())
                }
                Err(failure) => {
                    done = Err(Printed);
                    format!("{chip}: {failure}\n")
                }
            };
            print(&line).map_err(print_failure)?;
        }
    }
    done
}

/// Looks for the file at `path` and parses it.
fn check_file(
    path: &Path,
    chip: Chip,
    component: Component,
    release: &str,
) -> Result<Found, Failure> {
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
    match component {
        Component::Gsp => check_gsp(&file, chip, release)?,
        Component::Bootloader => drop(file.parse(Bootloader::parse)?),
        Component::BooterLoad | Component::BooterUnload => drop(file.parse(Booter::parse)?),
        Component::GenBootloader => drop(file.parse(GenBootloader::parse)?),
        Component::Fmc => drop(file.parse(Fmc::parse)?),
    }
    Ok(Found::Valid)
}

/// Checks that the file is of the release in its name and has a signature for the chip.
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
