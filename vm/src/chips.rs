// SPDX-License-Identifier: GPL-2.0

//! Selection of the chips to boot.

use std::str::FromStr;

use nova_hw::chipset::Chipset;
use nova_mock::chips;

/// Chips, from a user's selection: `all`, `families` for one of each family, or names separated by
/// commas or spaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection(pub Vec<Chipset>);

impl Selection {
    /// The first chip of each family.
    pub fn families() -> Self {
        let mut first: Vec<Chipset> = Vec::new();
        for &chip in Chipset::ALL {
            if first.iter().all(|known| known.family() != chip.family()) {
                first.push(chip);
            }
        }
        Self(first)
    }

    /// The chips that are mocked, and those that are not.
    pub fn split(self) -> (Vec<Chipset>, Vec<Chipset>) {
        self.0
            .into_iter()
            .partition(|chip| chips::by_name(chip.name()).is_some())
    }
}

impl FromStr for Selection {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "all" => return Ok(Self(Chipset::ALL.to_vec())),
            "families" => return Ok(Self::families()),
            _ => {}
        }
        let names = text.split([',', ' ']).filter(|name| !name.is_empty());
        let chips: Result<Vec<_>, _> = names.map(named).collect();
        chips.and_then(|chips| match chips.is_empty() {
            true => Err("no chip is named".into()),
            false => Ok(Self(chips)),
        })
    }
}

/// The chip of this name.
///
/// # Errors
///
/// A sentence that says how to get the names.
pub fn named(name: &str) -> Result<Chipset, String> {
    let found = Chipset::ALL.iter().find(|chip| chip.name() == name);
    found.copied().ok_or_else(|| {
        format!("there is no chip {name:?}; `make run CHIP=list` names them, `all` and `families` are groups")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_eight_families() {
        let names: Vec<_> = Selection::families().0.iter().map(|c| c.name()).collect();
        assert_eq!(
            names,
            ["tu102", "tu117", "ga100", "ga102", "gh100", "ad102", "gb100", "gb202"]
        );
        assert_eq!("families".parse(), Ok(Selection::families()));
    }

    #[test]
    fn chips_are_selected_by_name() {
        let two = Selection(vec![Chipset::GA104, Chipset::TU116]);
        assert_eq!("ga104,tu116".parse(), Ok(two.clone()));
        assert_eq!(" ga104 tu116 ".parse(), Ok(two));
        assert_eq!("all".parse::<Selection>().unwrap().0.len(), 24);
        for wrong in ["", ",", "gv100", "ga102,all"] {
            assert!(wrong.parse::<Selection>().is_err(), "{wrong}");
        }
    }
}
