// SPDX-License-Identifier: GPL-2.0

//! `nova-fw check`: whether GPUs would boot with the firmware in a folder. The driver's own code
//! chooses the release and checks the files.

use std::path::Path;

use nova_core::platform::LoadError;
use nova_core::{choose_firmware, File, FileSet, FirmwareError, Packing};

use crate::failure::said;
use crate::file::print;
use crate::folder::Folder;
use crate::set::{Chip, Release};
use crate::{print_failure, Printed};

/// How to get the files that Nova needs.
const GET_LINUX_FIRMWARE: &str =
    "Nova needs the files of linux-firmware: Debian's package firmware-nvidia-graphics, \
     linux-firmware of other distributions, or the folder nvidia/ of \
     https://gitlab.com/kernel-firmware/linux-firmware";

/// What was found of a set of files.
struct Checked {
    set: FileSet,
    /// A line for each file.
    lines: Vec<String>,
    /// Whether any of them is there.
    any: bool,
}

/// Checks `root` for `chip`, or for every chip, and prints a line for each file and each chip.
pub(crate) fn folder(
    root: &Path,
    chip: Option<Chip>,
    release: Option<Release>,
) -> Result<(), Printed> {
    let folder = Folder(root);
    let is_for = |chip: Chip| release.is_none_or(|release| release.is_for(chip));
    let chips: Vec<_> = match chip {
        Some(chip) => vec![chip],
        None => Chip::all().filter(|chip| is_for(*chip)).collect(),
    };
    let mut done = Ok(());
    for chip in chips {
        let (boots, lines) = match release {
            Some(release) if !release.is_for(chip) => {
                (false, format!("there is no firmware of {release} for it"))
            }
            _ => chip_in(folder, chip, release),
        };
        if !boots {
            done = Err(Printed);
        }
        for line in lines.lines() {
            print(&format!("{chip}: {line}\n")).map_err(print_failure)?;
        }
    }
    if done.is_err() {
        let root = root.display();
        let why = match folder.nvidias_own() {
            Some(path) => format!(
                "{} is of NVIDIA's own packing, which has GSP-RM alone",
                path.display()
            ),
            None if !folder.0.join("nvidia").exists() => format!("{root} has no folder nvidia/"),
            None => return done,
        };
        print(&format!("{why}; {GET_LINUX_FIRMWARE}\n")).map_err(print_failure)?;
    }
    done
}

/// Whether `chip` boots, and lines about that and about its files.
fn chip_in(folder: Folder<'_>, chip: Chip, release: Option<Release>) -> (bool, String) {
    let mut sets: Vec<Checked> = Vec::new();
    let branch = release.and_then(|release| release.0.branch());
    let chosen = choose_firmware(&folder, chip.0, branch, |file| {
        let (checked, line) = check(folder, file);
        if sets.last().is_none_or(|last| last.set != file.set) {
            sets.push(Checked {
                set: file.set,
                lines: Vec::new(),
                any: false,
            });
        }
        if let Some(last) = sets.last_mut() {
            last.lines.push(line);
            // Turing's acr/bl.bin is there for other drivers, too.
            last.any |= !is_missing(&checked) && file.to_string().contains("/gsp/");
        }
        checked
    });
    // Releases that are not there at all matter only if there is no other.
    if sets.iter().any(|set| set.any) {
        sets.retain(|set| set.any);
    } else {
        sets.truncate(1);
    }
    let mut lines: Vec<_> = sets.iter().flat_map(|set| set.lines.clone()).collect();
    match &chosen {
        Ok(set) => {
            let packed = match set.packing {
                Packing::Bin => "",
                Packing::Tlv => ", in the packing of Linux's nova-core",
            };
            lines.push(format!("complete: boots {}{packed}", set.release.name));
        }
        Err(error) => {
            let set = set_of(error);
            if set.is_some_and(|set| sets.iter().all(|checked| checked.set != set)) {
                lines.push(error.to_string());
            }
            lines.push("not complete: does not boot".to_owned());
        }
    }
    (chosen.is_ok(), lines.join("\n"))
}

/// Checks a file, and says in a line what it is like.
fn check(folder: Folder<'_>, file: File) -> (Result<(), FirmwareError>, String) {
    let name = file.to_string();
    if folder.is_compressed(&name) {
        return (Ok(()), format!("{name}: there, compressed"));
    }
    let checked = file.check(&folder);
    let line = match &checked {
        Ok(()) => format!("{name}: ok"),
        Err(FirmwareError::LoadImage {
            file,
            error: LoadError::NotFound,
        }) => format!("{file}: missing"),
        Err(FirmwareError::Malformed { error, .. }) => {
            format!("{name}: {}", said(error, folder.len(&name)))
        }
        Err(_) if is_missing(&checked) => format!("{name}: missing"),
        Err(error) => error.to_string(),
    };
    (checked, line)
}

/// Whether a file is not there.
fn is_missing(checked: &Result<(), FirmwareError>) -> bool {
    let missing = LoadError::NotFound;
    matches!(checked, Err(FirmwareError::Load { error, .. }) if *error == missing)
}

/// The files that an error of [`choose_firmware`] is about, which may be none of those that it has
/// checked.
fn set_of(error: &FirmwareError) -> Option<FileSet> {
    match error {
        FirmwareError::Load { file, .. }
        | FirmwareError::Malformed { file, .. }
        | FirmwareError::Release { file, .. } => Some(file.set),
        _ => None,
    }
}
