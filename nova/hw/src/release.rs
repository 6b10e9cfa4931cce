// SPDX-License-Identifier: GPL-2.0

//! Firmware releases: what differs between them, as data.
//!
//! A release is a module with its structures and one [`Release`], which says where in them the
//! fields are that matter. Whoever talks to the firmware asks the release for the field, so that
//! nothing but the release itself knows which one it is. A field that other releases have and this
//! one has not is `None`.

mod data;
pub mod r535_113_01;
pub mod r570_144;

pub use data::*;

/// All releases, the newest first.
pub static RELEASES: [&Release; 2] = [&r570_144::RELEASE, &r535_113_01::RELEASE];

impl Release {
    /// The release with this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        RELEASES
            .iter()
            .find(|release| release.name == name)
            .copied()
    }

    /// Name of a function or event, for logs and traces. Not a field, so that who wants no names has none linked in.
    pub fn message_name(&self, number: u32) -> Option<&'static str> {
        match *self == r570_144::RELEASE {
            true => r570_144::numbers::message_name(number),
            false => r535_113_01::numbers::message_name(number),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chipset::Chipset;
    use std::string::ToString;

    #[test]
    fn releases_are_found_by_name() {
        for release in RELEASES {
            assert_eq!(Release::named(release.name), Some(release));
            let branch = release.branch().unwrap().to_string();
            assert!(release.name.starts_with(&branch));
        }
        assert_eq!(Release::named("570"), None);
    }

    #[test]
    fn the_newest_is_for_all_chips() {
        assert!(Chipset::ALL.iter().all(|&chip| RELEASES[0].is_for(chip)));
        let r535 = Release::named("535.113.01").unwrap();
        assert!(r535.is_for(Chipset::TU102) && r535.is_for(Chipset::AD107));
        assert!(!r535.is_for(Chipset::GH100) && !r535.is_for(Chipset::GB207));
    }
}
