// SPDX-License-Identifier: GPL-2.0

//! The GPU and the release that a user names. What files they have is known to the driver.

use std::fmt;
use std::str::FromStr;

use nova_hw::chipset::Chipset;
use nova_hw::release::RELEASES;

/// A GPU by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chip(pub(crate) Chipset);

/// A release by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Release(pub(crate) &'static nova_hw::release::Release);

impl Chip {
    /// All GPUs that Nova supports.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        Chipset::ALL.iter().copied().map(Self)
    }
}

impl Release {
    /// The newest release that the driver supports.
    pub(crate) fn newest() -> Self {
        Self(RELEASES[0])
    }

    /// Whether it has firmware for `chip`.
    pub(crate) fn is_for(self, chip: Chip) -> bool {
        self.0.is_for(chip.0)
    }
}

impl fmt::Display for Chip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name())
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name)
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

impl FromStr for Release {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = nova_hw::release::Release::named(name).map(Self);
        found.ok_or_else(|| {
            let known = RELEASES.map(|release| release.name);
            format!("known releases are {}", known.join(", "))
        })
    }
}
