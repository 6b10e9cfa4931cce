// SPDX-License-Identifier: MIT

//! `DRM_IOCTL_VERSION`: which driver a file has, and what NVK is told.

use nova_uapi::{DRIVER_MAJOR, DRIVER_MINOR, DRIVER_NAME};
use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout};

use crate::argument;
use crate::device::{Device, Result};

/// The version of nouveau whose interface is answered. From 1.4.2 on, NVK uses compressed memory,
/// which nova does not have.
const CLAIMED: [u32; 3] = [1, 4, 1];

/// `struct drm_version`, `include/uapi/drm/drm.h`, of a 64-bit program.
#[repr(C)]
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable)]
struct Version {
    numbers: [u32; 3],
    pad: u32,
    name_len: u64,
    name: u64,
    date_len: u64,
    date: u64,
    desc_len: u64,
    desc: u64,
}

/// Answers `DRM_IOCTL_VERSION` with nouveau's name. As in DRM, as much of it is written as there is
/// room for, and its length is told.
pub(crate) fn version(device: &impl Device, bytes: &mut [u8]) -> Result {
    let asked: Version = argument::read(bytes);
    device.pass_on(bytes)?;
    let name = nouveau_uapi::DRIVER_NAME.as_bytes();
    let room = usize::try_from(asked.name_len).unwrap_or(usize::MAX);
    let written = name.get(..room).unwrap_or(name);
    if !written.is_empty() {
        device.write(asked.name, written)?;
    }
    let mut answer: Version = argument::read(bytes);
    answer.numbers = CLAIMED;
    answer.name_len = name.len() as u64;
    argument::write(&answer, bytes);
    Ok(())
}

/// What the kernel says of a file's driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Driver {
    /// Its name.
    pub name: Vec<u8>,
    /// Its major version.
    pub major: u32,
    /// Its minor version.
    pub minor: u32,
}

/// Whether the calls on a driver's files are translated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// They are.
    Translated,
    /// They are not: it is another driver.
    Foreign,
    /// They are not, and the user should know why.
    Unsuitable(String),
}

impl Driver {
    /// The driver of a file, on which `version` calls `DRM_IOCTL_VERSION` with this argument.
    ///
    /// # Errors
    ///
    /// That of the call.
    pub fn ask(version: impl FnOnce(&mut [u8]) -> Result) -> Result<Self> {
        let mut name = vec![0_u8; 64];
        let mut asked = Version::new_zeroed();
        asked.name_len = name.len() as u64;
        asked.name = name.as_mut_ptr() as u64;
        version(asked.as_mut_bytes())?;
        name.truncate(usize::try_from(asked.name_len).unwrap_or(0));
        let [major, minor, _] = asked.numbers;
        Ok(Self { name, major, minor })
    }

    /// Whether calls are translated. Minor versions only add to nova's interface, so a newer one
    /// is right, too.
    pub fn verdict(&self) -> Verdict {
        let Self { name, major, minor } = self;
        if name != DRIVER_NAME.as_bytes() {
            return Verdict::Foreign;
        }
        if (*major, *minor >= DRIVER_MINOR) == (DRIVER_MAJOR, true) {
            return Verdict::Translated;
        }
        Verdict::Unsuitable(format!(
            "nova-nvk: the kernel's nova has version {major}.{minor}, but NVK needs \
             {DRIVER_MAJOR}.{DRIVER_MINOR}, or a later {DRIVER_MAJOR}.x; NVK will not find this GPU"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Fake;

    fn driver(name: &str, major: u32, minor: u32) -> Driver {
        Driver {
            name: name.into(),
            major,
            minor,
        }
    }

    #[test]
    fn only_a_nova_of_this_interface_is_translated() {
        let translated = |minor| driver("nova", DRIVER_MAJOR, minor).verdict();
        assert_eq!(translated(DRIVER_MINOR), Verdict::Translated);
        assert_eq!(translated(DRIVER_MINOR + 1), Verdict::Translated);
        for name in ["nouveau", "nova-drm", "nov", "novae", ""] {
            assert_eq!(driver(name, 1, 9).verdict(), Verdict::Foreign, "{name}");
        }
        for (major, minor) in [(DRIVER_MAJOR, 0), (0, 9), (DRIVER_MAJOR + 1, 0), (2, 9)] {
            match driver("nova", major, minor).verdict() {
                Verdict::Unsuitable(why) => {
                    assert!(why.contains(&format!(" {major}.{minor},")), "{why}");
                }
                other => panic!("{major}.{minor}: {other:?}"),
            }
        }
    }

    fn ask(fake: &Fake, room: u64, pointer: u64) -> Version {
        let mut bytes = [0; size_of::<Version>()];
        let mut asked = Version::new_zeroed();
        (asked.name_len, asked.name) = (room, pointer);
        argument::write(&asked, &mut bytes);
        version(fake, &mut bytes).unwrap();
        argument::read(&bytes)
    }

    #[test]
    fn the_name_is_nouveau_as_far_as_there_is_room() {
        let fake = Fake::new();
        for (room, written) in [(0, ""), (4, "nouv"), (7, "nouveau"), (64, "nouveau")] {
            let pointer = fake.place(&[0_u8; 64]);
            let answer = ask(&fake, room, pointer);
            assert_eq!((answer.numbers, answer.name_len), (CLAIMED, 7));
            let mut name = [0; 64];
            fake.read(pointer, &mut name).unwrap();
            assert_eq!(
                String::from_utf8_lossy(&name).trim_end_matches('\0'),
                written
            );
        }
    }
}
