// SPDX-License-Identifier: MIT

//! What the library does with the driver that the kernel names: `Driver::ask` reads the answer where the kernel has written it.

use nova_nvk::{Driver, Errno, Known, Table};
use nova_uapi::{DRIVER_MAJOR, DRIVER_MINOR};

/// A kernel that answers `DRM_IOCTL_VERSION` with this name and version; `struct drm_version`, `include/uapi/drm/drm.h`.
fn kernel(name: &[u8], major: u32, minor: u32) -> impl FnOnce(&mut [u8]) -> Result<(), Errno> + '_ {
    move |argument| {
        argument[..4].copy_from_slice(&major.to_ne_bytes());
        argument[4..8].copy_from_slice(&minor.to_ne_bytes());
        let [length, pointer] = [16, 24].map(|at| {
            let bytes = argument[at..at + 8].try_into().expect("8 bytes");
            usize::from_ne_bytes(bytes)
        });
        // SAFETY: The caller has so many bytes there, of which no more are written.
        unsafe { (pointer as *mut u8).copy_from(name.as_ptr(), name.len().min(length)) };
        argument[16..24].copy_from_slice(&name.len().to_ne_bytes());
        Ok(())
    }
}

/// Whether files of a driver are translated, and what the user is told of it.
fn adopted(name: &str, major: u32, minor: u32) -> (bool, Option<String>) {
    let driver = Driver::ask(kernel(name.as_bytes(), major, minor)).expect("an answer");
    assert_eq!(driver.name, name.as_bytes());
    let mut told = None;
    let known = Table::new().adopt(3, &driver, |why| told = Some(why.to_owned()));
    (matches!(known, Some(Known::Nova(_))), told)
}

#[test]
fn a_nova_of_this_interface_or_a_later_minor_one_is_translated() {
    for minor in [DRIVER_MINOR, DRIVER_MINOR + 1, DRIVER_MINOR + 9] {
        assert_eq!(adopted("nova", DRIVER_MAJOR, minor), (true, None));
    }
}

#[test]
fn an_older_nova_and_one_of_another_interface_are_left_alone_with_a_line() {
    for (major, minor) in [
        (DRIVER_MAJOR, DRIVER_MINOR - 1),
        (DRIVER_MAJOR - 1, DRIVER_MINOR),
        (DRIVER_MAJOR + 1, DRIVER_MINOR),
        (DRIVER_MAJOR + 1, 0),
    ] {
        let (is_translated, told) = adopted("nova", major, minor);
        let told = told.expect("a line");
        assert!(!is_translated, "{told}");
        assert!(
            told.contains(&format!("version {major}.{minor},")),
            "{told}"
        );
        assert_eq!(told.lines().count(), 1);
    }
}

#[test]
fn other_drivers_are_left_alone_without_a_word() {
    for name in ["nouveau", "nova-drm", "vgem", "i915", ""] {
        assert_eq!(adopted(name, DRIVER_MAJOR, DRIVER_MINOR), (false, None));
    }
}

/// Of a name that is longer than the room for it, the kernel says the length.
#[test]
fn a_long_name_is_no_name_of_nova() {
    let name = "nova".repeat(100);
    let driver = Driver::ask(kernel(name.as_bytes(), DRIVER_MAJOR, DRIVER_MINOR)).unwrap();
    assert_eq!(driver.name, &name.as_bytes()[..64]);
}

#[test]
fn a_kernel_that_refuses_names_no_driver() {
    let refused = Driver::ask(|_| Err(Errno::ACCESS));
    assert_eq!(
        refused.map_err(|error| error.raw_os_error()),
        Err(Errno::ACCESS.raw_os_error())
    );
}
