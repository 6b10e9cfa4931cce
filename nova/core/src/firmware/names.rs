// SPDX-License-Identifier: GPL-2.0

//! The kinds and names of firmware files.

use core::fmt;

use nova_firmware::gsp::PackedGsp;
use nova_hw::chipset::Chipset;
use nova_hw::release::Release;

use crate::chip::{BootMethod, Chip, FalconKind};
use crate::text::Text;

/// The kinds of files that the boot of `chipset` needs.
pub const fn firmware_kinds(chipset: Chipset) -> &'static [&'static str] {
    let chip = Chip::of(chipset);
    match (chip.method, chip.falcon) {
        (BootMethod::Sec2, FalconKind::Tu102) => {
            &[GSP, BOOTLOADER, BOOTER_LOAD, BOOTER_UNLOAD, GEN_BOOTLOADER]
        }
        (BootMethod::Sec2, FalconKind::Ga102) => &[GSP, BOOTLOADER, BOOTER_LOAD, BOOTER_UNLOAD],
        (BootMethod::Fsp(_), _) => &[GSP, BOOTLOADER, FMC],
    }
}

pub(crate) const GSP: &str = "gsp";
pub(crate) const BOOTLOADER: &str = "bootloader";
pub(crate) const BOOTER_LOAD: &str = "booter_load";
pub(crate) const BOOTER_UNLOAD: &str = "booter_unload";
pub(crate) const GEN_BOOTLOADER: &str = "gen_bootloader";
pub(crate) const FMC: &str = "fmc";
pub(crate) const SCRUBBER: &str = "scrubber";

/// The files of a release for a chip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileSet {
    /// The chip that the files are for.
    pub chipset: Chipset,
    /// The release of the files.
    pub release: &'static Release,
    /// Packing of the files.
    pub packing: Packing,
}

/// Packing of firmware files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// The files that NVIDIA and distributions ship; several releases can be installed.
    Bin,
    /// The files of Linux 7.3's nova-core; only one release can be installed.
    Tlv,
}

impl FileSet {
    /// A file of the set.
    pub(crate) const fn file(self, kind: &'static str) -> File {
        File { set: self, kind }
    }
}

/// A firmware file; printed as its path below the firmware folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct File {
    /// The set that the file belongs to.
    pub set: FileSet,
    /// Kind of the file, one of [`firmware_kinds`].
    pub kind: &'static str,
}

impl fmt::Display for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { set, kind } = self;
        write!(f, "nvidia/{}/", set.chipset.name())?;
        match (set.packing, *kind) {
            (Packing::Bin, kind) => {
                let mut parts = name_parts(set.release, kind).into_iter();
                parts.try_for_each(|part| f.write_str(part))
            }
            (Packing::Tlv, BOOTLOADER) => f.write_str("gsp/gsp_bootloader.tlv"),
            (Packing::Tlv, kind) => write!(f, "gsp/{kind}.tlv"),
        }
    }
}

/// The path of a file of `release` below the chip's folder, in parts.
pub const fn name_parts(release: &'static Release, kind: &'static str) -> [&'static str; 5] {
    if same(kind, GEN_BOOTLOADER) {
        return [release.gen_bootloader, "", "", "", ""];
    }
    ["gsp/", kind, "-", release.name, ".bin"]
}

/// Whether both strings are equal; `==` cannot be used in constants.
const fn same(a: &str, b: &str) -> bool {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    while let ([first_a, rest_a @ ..], [first_b, rest_b @ ..]) = (a, b) {
        if *first_a != *first_b {
            return false;
        }
        (a, b) = (rest_a, rest_b);
    }
    a.is_empty() && b.is_empty()
}

/// The image file that `gsp.tlv` names; printed like [`File`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageFile {
    /// The chip that the file is for.
    pub chipset: Chipset,
    /// Name of the file.
    pub name: Text<{ PackedGsp::NAME_MAX }>,
}

impl fmt::Display for ImageFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { chipset, name } = self;
        write!(f, "nvidia/{}/gsp/{name}", chipset.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nova_hw::release::RELEASES;
    use std::string::ToString;

    fn name(packing: Packing, release: usize, kind: &'static str) -> std::string::String {
        let set = FileSet {
            chipset: Chipset::TU102,
            release: RELEASES[release],
            packing,
        };
        set.file(kind).to_string()
    }

    #[test]
    fn files_have_the_names_that_distributions_use() {
        use Packing::{Bin, Tlv};
        assert_eq!(name(Bin, 0, GSP), "nvidia/tu102/gsp/gsp-570.144.bin");
        assert_eq!(
            name(Bin, 1, BOOTER_LOAD),
            "nvidia/tu102/gsp/booter_load-535.113.01.bin"
        );
        assert_eq!(
            name(Bin, 0, GEN_BOOTLOADER),
            "nvidia/tu102/gsp/gen_bootloader-570.144.bin"
        );
        assert_eq!(name(Bin, 1, GEN_BOOTLOADER), "nvidia/tu102/acr/bl.bin");
        assert_eq!(name(Tlv, 0, GSP), "nvidia/tu102/gsp/gsp.tlv");
        assert_eq!(
            name(Tlv, 0, BOOTLOADER),
            "nvidia/tu102/gsp/gsp_bootloader.tlv"
        );
        assert_eq!(
            name(Tlv, 0, GEN_BOOTLOADER),
            "nvidia/tu102/gsp/gen_bootloader.tlv"
        );
    }
}
