// SPDX-License-Identifier: MIT

//! Tests that this crate agrees with `nova_drm.h`, as compiled for C and C++, and that what was
//! promised once stays.

use std::path::Path;

use facts::{constants, ioctls, structures};
use nova_uapi as uapi;

mod compile;
mod facts;
mod growth;

fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn header() -> String {
    std::fs::read_to_string(folder().join("nova_drm.h")).unwrap()
}

/// Members follow each other without holes, so that machines that align 64-bit members to 4 bytes
/// have the same layout.
#[test]
fn structures_have_no_holes() {
    for structure in structures() {
        let mut end = 0;
        for member in structure.members {
            let name = format!("{}.{}", structure.name, member.name);
            assert_eq!(member.offset, end, "hole in front of {name}");
            end += member.size;
        }
        assert_eq!(structure.size, end, "hole at the end of {}", structure.name);
        assert_eq!(
            end % 8,
            0,
            "32-bit programs see another size of {}",
            structure.name
        );
    }
}

/// The macros and enumerators of the header.
fn defined(header: &str) -> Vec<&str> {
    header
        .lines()
        .filter_map(|line| {
            let line = line.trim_start();
            match line.strip_prefix("#define ") {
                Some(rest) => rest.split_whitespace().next(),
                None => line.split_once('=').map(|(name, _)| name.trim()),
            }
        })
        .filter(|name| name.contains("NOVA_") && !name.starts_with("__"))
        .collect()
}

#[test]
fn all_constants_of_the_header_are_defined() {
    let header = header();
    let constants = constants().into_iter().chain(ioctls());
    let known: Vec<&str> = constants.map(|constant| constant.name).collect();
    let mut missing = defined(&header);
    assert!(missing.len() > 80, "the header could not be parsed");
    missing.retain(|name| !known.contains(name));
    assert_eq!(missing, [""; 0]);
}

#[test]
fn all_structures_of_the_header_are_defined() {
    let header = header();
    let known: Vec<&str> = structures()
        .iter()
        .map(|structure| structure.name)
        .collect();
    for line in header.lines() {
        let name = line.strip_prefix("struct ");
        let Some(name) = name.and_then(|line| line.strip_suffix(" {")) else {
            continue;
        };
        assert!(known.contains(&name), "{name} has no definition in Rust");
    }
}

/// The crate refuses other values. (The padding of Linux 7.3's calls is not reserved.)
#[test]
fn reserved_members_must_be_zero() {
    let header = header();
    let reserved = |line: &&str| line.contains("@reserved: ") || line.contains("@flags: Reserved");
    let documented: Vec<&str> = header.lines().filter(reserved).collect();
    assert!(documented.len() > 5, "the header could not be parsed");
    for line in documented {
        let is_said = line.contains("must be zero") || line.contains("Always zero");
        assert!(is_said, "{line}");
    }
}

/// Linux 7.3's header has DRM_IOWR of 0x00 to 0x02 with 16 bytes each, which DRM takes for the same
/// calls: it looks at the number without the size.
#[test]
fn ioctl_numbers_are_those_of_linux_7_3() {
    const SIZE: u32 = 0x3fff << 16;
    assert_eq!(uapi::IOCTL_GETPARAM, 0xc010_6440);
    assert_eq!(uapi::IOCTL_GEM_CREATE & !SIZE, 0xc000_6441);
    assert_eq!(uapi::IOCTL_GEM_INFO & !SIZE, 0xc000_6442);
    assert_eq!(uapi::GETPARAM_VRAM_BAR_SIZE, 1);
}
