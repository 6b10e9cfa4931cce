// SPDX-License-Identifier: GPL-2.0

//! Firmware releases, and the differences between them as data.
//!
//! A release is a module with its structures and one [`Release`], which has the offsets of the
//! fields that are used. Other code reads and writes fields through the [`Release`], and so does
//! not depend on the release. A field that this release lacks and others have is `None`.

mod data;
pub mod r535_113_01;
pub mod r535_261_03;
pub mod r570_144;

pub use data::*;

/// The releases that the driver boots, the newest first.
pub static RELEASES: [&Release; 2] = [&r570_144::RELEASE, &r535_113_01::RELEASE];

/// The releases that only NVIDIA's own driver boots, of the same name. The mock knows them, too.
/// They are constants: the driver would link statics that it does not use.
pub const NVIDIAS_OWN: [&Release; 1] = [&r535_261_03::RELEASE];

impl Release {
    /// The release with this name that the driver boots.
    pub fn named(name: &str) -> Option<&'static Self> {
        RELEASES
            .iter()
            .find(|release| release.name == name)
            .copied()
    }

    /// Parameters of [`control::INTERNAL_FBSR_INIT`](crate::abi::control::INTERNAL_FBSR_INIT). They
    /// are not a field, so that a driver that does not suspend GSP-RM does not link them.
    #[inline]
    pub fn fbsr_init(&self) -> Option<&'static FbsrInitLayout> {
        match self.branch()? {
            570 => Some(&r570_144::FBSR_INIT),
            535 => Some(&r535_113_01::FBSR_INIT),
            _ => None,
        }
    }

    /// Name of a function or event, for logs and traces. This is not a field, so that a caller that
    /// needs no names does not link them.
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
        assert!(RELEASES.iter().all(|release| release.fbsr_init().is_some()));
    }

    #[test]
    fn the_driver_does_not_boot_nvidias_own() {
        for release in NVIDIAS_OWN {
            assert_eq!(Release::named(release.name), None);
            assert_eq!(release.message_name(72), Some("GSP_SET_SYSTEM_INFO"));
        }
    }

    #[test]
    fn the_newest_release_supports_all_chips() {
        assert!(Chipset::ALL.iter().all(|&chip| RELEASES[0].is_for(chip)));
        let r535 = Release::named("535.113.01").unwrap();
        assert!(r535.is_for(Chipset::TU102) && r535.is_for(Chipset::AD107));
        assert!(!r535.is_for(Chipset::GH100) && !r535.is_for(Chipset::GB207));
    }
}
