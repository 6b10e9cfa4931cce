// SPDX-License-Identifier: GPL-2.0

//! The choice of a firmware release: the newest one that is completely installed, or else files in
//! the packing of Linux 7.3's nova-core.

use core::fmt::Write;

use nova_firmware::tlv::Tlv;
use nova_hw::chipset::Chipset;
use nova_hw::release::{Release, RELEASES};

use super::error::FirmwareError;
use super::names::{File, FileSet, Packing, GSP};
use crate::platform::{FirmwareFiles, LoadError};
use crate::text::Text;

/// An error that may contain a firmware error.
pub(crate) trait WrapsFirmware: From<FirmwareError> {
    /// The firmware error, if this is one.
    fn firmware(&self) -> Option<&FirmwareError>;
}

/// The chosen release.
pub(crate) struct Chosen<T> {
    /// Its loaded files.
    pub(crate) files: T,
    /// The first missing file of a newer release, if a newer release was passed over.
    pub(crate) passed_over: Option<File>,
}

/// Loads a release with `load`: the newest one that has firmware for `chipset` and is complete, or
/// only that of the branch `pinned`.
///
/// # Errors
///
/// The error of `load`, or that no such release exists; if all releases are incomplete, the first
/// missing file of the newest one.
pub(crate) fn newest<F: FirmwareFiles, T, E: WrapsFirmware>(
    files: &F,
    chipset: Chipset,
    pinned: Option<u32>,
    mut load: impl FnMut(FileSet) -> Result<T, E>,
) -> Result<Chosen<T>, E> {
    let mut passed_over = None;
    for release in releases(chipset, pinned) {
        let set = FileSet {
            chipset,
            release,
            packing: Packing::Bin,
        };
        match load(set) {
            Ok(files) => return Ok(Chosen { files, passed_over }),
            Err(error) => match error.firmware() {
                Some(&FirmwareError::Load {
                    file,
                    error: LoadError::NotFound,
                }) => {
                    passed_over.get_or_insert(file);
                }
                _ => return Err(error),
            },
        }
    }
    let Some(first_missing) = passed_over else {
        return Err(no_release(chipset, pinned.unwrap_or_default()).into());
    };
    let set = tlv_set(files, first_missing, pinned)?;
    Ok(Chosen {
        files: load(set)?,
        passed_over: passed_over.filter(|file| file.set.release != set.release),
    })
}

/// Error for a `branch` that has no release for `chipset`.
pub(crate) fn no_release(chipset: Chipset, branch: u32) -> FirmwareError {
    let mut expected = Text::EMPTY;
    for (n, release) in releases(chipset, None).enumerate() {
        let or = if n == 0 { "" } else { " or " };
        // Branches beyond the capacity are left out.
        let _ = write!(expected, "{or}{}", release.branch().unwrap_or_default());
    }
    FirmwareError::NoRelease {
        chipset,
        expected,
        branch,
    }
}

/// The set that is packed as TLV, of any release. If it does not exist, the error names
/// `first_missing`.
fn tlv_set<F: FirmwareFiles>(
    files: &F,
    first_missing: File,
    pinned: Option<u32>,
) -> Result<FileSet, FirmwareError> {
    let set = FileSet {
        packing: Packing::Tlv,
        ..first_missing.set
    };
    let file = set.file(GSP);
    let bytes = file.load(files).map_err(|error| match error {
        FirmwareError::Load { error, .. } if error == LoadError::NotFound => FirmwareError::Load {
            file: first_missing,
            error,
        },
        error => error,
    })?;
    let version = Tlv::parse(bytes.as_ref()).and_then(|tlv| tlv.version());
    let version = version.map_err(|error| file.malformed(error))?;
    match releases(set.chipset, pinned).find(|release| release.name == version) {
        Some(release) => Ok(FileSet { release, ..set }),
        None => Err(file.of_release(version)),
    }
}

/// The releases for `chipset`, the newest first; only those of the branch `pinned`, if there is
/// one.
fn releases(chipset: Chipset, pinned: Option<u32>) -> impl Iterator<Item = &'static Release> {
    RELEASES.iter().copied().filter(move |release| {
        release.is_for(chipset) && pinned.is_none_or(|branch| release.branch() == Some(branch))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::NoFiles;
    use std::string::ToString;
    use std::vec::Vec;

    /// Chooses a release while the releases `missing` lack a file.
    fn choose(
        chipset: Chipset,
        pinned: Option<u32>,
        missing: &[&str],
    ) -> Result<Chosen<&'static str>, FirmwareError> {
        newest(&NoFiles, chipset, pinned, |set| {
            if missing.contains(&set.release.name) {
                let file = set.file(GSP);
                let error = LoadError::NotFound;
                return Err(FirmwareError::Load { file, error });
            }
            Ok(set.release.name)
        })
    }

    #[test]
    fn the_newest_complete_release_is_chosen() {
        let chosen = choose(Chipset::GA102, None, &[]).unwrap();
        assert_eq!((chosen.files, chosen.passed_over), ("570.144", None));
        let chosen = choose(Chipset::GA102, None, &["570.144"]).unwrap();
        assert_eq!(chosen.files, "535.113.01");
        let passed_over = chosen.passed_over.unwrap().to_string();
        assert_eq!(passed_over, "nvidia/ga102/gsp/gsp-570.144.bin");
    }

    #[test]
    fn only_a_pinned_release_is_chosen() {
        let chosen = choose(Chipset::GA102, Some(535), &[]).unwrap();
        assert_eq!((chosen.files, chosen.passed_over), ("535.113.01", None));
        let error = choose(Chipset::GA102, Some(570), &["570.144"])
            .err()
            .unwrap();
        assert_eq!(
            error.to_string(),
            "nvidia/ga102/gsp/gsp-570.144.bin: not found"
        );
    }

    #[test]
    fn the_error_has_the_branches_for_the_chip() {
        let error_line = |chipset, branch| {
            let error = choose(chipset, Some(branch), &[]).err().unwrap();
            error.to_string()
        };
        assert_eq!(
            error_line(Chipset::GA102, 1),
            "firmware release: expected 570 or 535 for ga102, found 1"
        );
        assert_eq!(
            error_line(Chipset::GB202, 535),
            "firmware release: expected 570 for gb202, found 535"
        );
        assert_eq!(releases(Chipset::GH100, None).collect::<Vec<_>>().len(), 1);
    }
}
