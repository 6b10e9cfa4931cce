// SPDX-License-Identifier: GPL-2.0

//! The set of files that a GPU needs.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use nova_hw::chipset::{Architecture, Chipset};
use nova_hw::release::Release;

/// A GPU by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chip(Chipset);

/// A file that a GPU needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Component {
    /// GSP-RM.
    Gsp,
    /// The program that starts GSP-RM.
    Bootloader,
    /// Booter, which sets up the GSP's protected memory.
    BooterLoad,
    /// Booter unload, which removes the GSP's protected memory.
    BooterUnload,
    /// The generic bootloader, which loads FWSEC on Turing and GA100.
    GenBootloader,
    /// The FMC, which the FSP starts on Hopper and later in place of booters.
    Fmc,
}

impl Chip {
    /// All GPUs that Nova supports.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        Chipset::ALL.iter().copied().map(Self)
    }

    /// The section of GSP-RM's file that holds its signature for this GPU.
    pub(crate) const fn signature(self) -> &'static str {
        self.0.fwsignature_section()
    }

    /// The files that this GPU needs.
    pub(crate) fn components(self) -> &'static [Component] {
        use Component::{BooterLoad, BooterUnload, Bootloader, Fmc, GenBootloader, Gsp};
        match self.0.arch() {
            Architecture::Ampere | Architecture::Ada if self.0 != Chipset::GA100 => {
                &[Gsp, Bootloader, BooterLoad, BooterUnload]
            }
            Architecture::Turing | Architecture::Ampere | Architecture::Ada => {
                &[Gsp, Bootloader, BooterLoad, BooterUnload, GenBootloader]
            }
            Architecture::Hopper | Architecture::BlackwellGb10x | Architecture::BlackwellGb20x => {
                &[Gsp, Bootloader, Fmc]
            }
        }
    }

    /// The GPU's folder in `root`, which is the folder that has `nvidia/`.
    pub(crate) fn folder(self, root: &Path) -> PathBuf {
        root.join("nvidia").join(self.0.name()).join("gsp")
    }

    /// Whether a release has firmware for this GPU; unknown releases are assumed to.
    pub(crate) fn is_in(self, release: &str) -> bool {
        Release::named(release).is_none_or(|release| release.is_for(self.0))
    }

    /// Path of a file of `release` in `root`.
    pub(crate) fn path(self, root: &Path, component: Component, release: &str) -> PathBuf {
        match (component, Release::named(release)) {
            (Component::GenBootloader, Some(release)) => root
                .join("nvidia")
                .join(self.0.name())
                .join(release.gen_bootloader),
            _ => self
                .folder(root)
                .join(format!("{}-{release}.bin", component.name())),
        }
    }
}

impl fmt::Display for Chip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name())
    }
}

impl FromStr for Chip {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::all().find(|chip| chip.0.name().eq_ignore_ascii_case(name));
        found.ok_or_else(|| {
            let known: Vec<_> = Self::all().map(|chip| chip.to_string()).collect();
            format!("known chips are {}", known.join(", "))
        })
    }
}

impl Component {
    /// Prefix of the file's name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Gsp => "gsp",
            Self::Bootloader => "bootloader",
            Self::BooterLoad => "booter_load",
            Self::BooterUnload => "booter_unload",
            Self::GenBootloader => "gen_bootloader",
            Self::Fmc => "fmc",
        }
    }
}
