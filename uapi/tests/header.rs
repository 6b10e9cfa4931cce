// SPDX-License-Identifier: MIT

//! Tests that this crate agrees with `nova_drm.h`, as compiled by the C compiler.

use std::collections::BTreeMap;
use std::io::Write;
use std::mem::{offset_of, size_of};
use std::path::Path;
use std::process::Command;

use nova_uapi as uapi;

/// C expressions, and their values in Rust.
type Facts = Vec<(String, u64)>;

fn size_of_member<S, M>(_: fn(&S) -> &M) -> usize {
    size_of::<M>()
}

/// The size of a structure, and the offset and size of each of its members.
///
/// A structure without holes has the same layout on machines that align 64-bit members to 4 bytes.
macro_rules! layout {
    ($facts:ident, $rust:ident is $c:literal { $($member:ident),+ $(,)? }) => {{
        $facts.push((concat!("sizeof(struct ", $c, ")").into(), size_of::<uapi::$rust>() as u64));
        let mut end = 0;
        $(
            let offset = offset_of!(uapi::$rust, $member);
            let size = size_of_member(|s: &uapi::$rust| &s.$member);
            assert_eq!(offset, end, concat!("hole in front of ", $c, ".", stringify!($member)));
            end = offset + size;
            $facts.push((
                concat!("offsetof(struct ", $c, ", ", stringify!($member), ")").into(),
                offset as u64,
            ));
            $facts.push((
                concat!("sizeof(((struct ", $c, " *)0)->", stringify!($member), ")").into(),
                size as u64,
            ));
        )+
        assert_eq!(size_of::<uapi::$rust>(), end, concat!("hole at the end of ", $c));
        assert_eq!(end % 8, 0, concat!("32-bit user space would see another size of ", $c));
    }};
}

fn layouts() -> Facts {
    let mut facts = Facts::new();
    layout!(facts, GetParam is "drm_nova_getparam" { param, value });
    layout!(facts, GemCreate is "drm_nova_gem_create" { handle, pad, size });
    layout!(facts, GemInfo is "drm_nova_gem_info" { handle, pad, size });
    layout!(facts, Query is "drm_nova_query" { query, flags, size, data });
    layout!(facts, QueryDevice is "drm_nova_query_device" {
        chipset, architecture, revision_major, revision_minor, vram_size, vram_usable, bar_size,
        name,
    });
    layout!(facts, QueryFirmware is "drm_nova_query_firmware" { release });
    facts
}

fn constants() -> Facts {
    [
        ("NOVA_GETPARAM_VRAM_BAR_SIZE", uapi::GETPARAM_VRAM_BAR_SIZE),
        ("DRM_NOVA_QUERY_DEVICE", uapi::QUERY_DEVICE.into()),
        ("DRM_NOVA_QUERY_FIRMWARE", uapi::QUERY_FIRMWARE.into()),
        (
            "DRM_NOVA_ARCHITECTURE_TURING",
            uapi::ARCHITECTURE_TURING.into(),
        ),
        (
            "DRM_NOVA_ARCHITECTURE_AMPERE",
            uapi::ARCHITECTURE_AMPERE.into(),
        ),
        (
            "DRM_NOVA_ARCHITECTURE_HOPPER",
            uapi::ARCHITECTURE_HOPPER.into(),
        ),
        ("DRM_NOVA_ARCHITECTURE_ADA", uapi::ARCHITECTURE_ADA.into()),
        (
            "DRM_NOVA_ARCHITECTURE_BLACKWELL_GB10X",
            uapi::ARCHITECTURE_BLACKWELL_GB10X.into(),
        ),
        (
            "DRM_NOVA_ARCHITECTURE_BLACKWELL_GB20X",
            uapi::ARCHITECTURE_BLACKWELL_GB20X.into(),
        ),
        ("DRM_NOVA_GETPARAM", uapi::GETPARAM.into()),
        ("DRM_NOVA_GEM_CREATE", uapi::GEM_CREATE.into()),
        ("DRM_NOVA_GEM_INFO", uapi::GEM_INFO.into()),
        ("DRM_NOVA_QUERY", uapi::QUERY.into()),
        ("DRM_IOCTL_NOVA_GETPARAM", uapi::IOCTL_GETPARAM.into()),
        ("DRM_IOCTL_NOVA_GEM_CREATE", uapi::IOCTL_GEM_CREATE.into()),
        ("DRM_IOCTL_NOVA_GEM_INFO", uapi::IOCTL_GEM_INFO.into()),
        ("DRM_IOCTL_NOVA_QUERY", uapi::IOCTL_QUERY.into()),
        ("DRM_COMMAND_BASE", uapi::DRM_COMMAND_BASE.into()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn header() -> String {
    std::fs::read_to_string(folder().join("nova_drm.h")).unwrap()
}

/// Prints that a test was skipped to stderr directly, since the test harness captures prints.
fn skipped(why: &str) {
    let line = format!("SKIPPED: {why}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

/// A C compiler with the include paths of the header; if there is none, prints that the test is
/// skipped.
fn compiler() -> Option<Command> {
    let name = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
    if Command::new(&name).arg("--version").output().is_err() {
        skipped(&format!("no C compiler {name:?} for nova_drm.h"));
        return None;
    }
    let mut command = Command::new(name);
    command
        .args(["-Wall", "-Wextra", "-Werror"])
        .arg("-I")
        .arg(folder().join("tests/include"))
        .arg("-I")
        .arg(folder());
    Some(command)
}

/// The values of `expressions` in C.
fn values_in_c(mut compiler: Command, expressions: &Facts) -> BTreeMap<String, u64> {
    let work = tempfile::tempdir().unwrap();
    let source = work.path().join("facts.c");
    let program = work.path().join("facts");
    let prints: String = expressions
        .iter()
        .map(|(expression, _)| {
            format!("\tprintf(\"%s\\t%llu\\n\", \"{expression}\", (unsigned long long)({expression}));\n")
        })
        .collect();
    std::fs::write(
        &source,
        format!(
            "#include <stddef.h>\n#include <stdio.h>\n#include \"nova_drm.h\"\n\
             int main(void)\n{{\n{prints}\treturn 0;\n}}\n"
        ),
    )
    .unwrap();
    let status = compiler.arg(&source).arg("-o").arg(&program).status();
    assert!(
        status.unwrap().success(),
        "the C compiler does not accept the header"
    );
    let output = Command::new(&program).output().unwrap();
    let output = String::from_utf8(output.stdout).unwrap();
    let pair = |line: &str| {
        let (expression, value) = line.split_once('\t').unwrap();
        (expression.to_owned(), value.parse().unwrap())
    };
    output.lines().map(pair).collect()
}

#[test]
fn layouts_and_numbers_agree_with_the_header() {
    let facts = [layouts(), constants()].concat();
    let Some(compiler) = compiler() else { return };
    let in_c = values_in_c(compiler, &facts);
    let in_rust: BTreeMap<_, _> = facts.into_iter().collect();
    assert_eq!(in_c, in_rust);
}

#[test]
fn the_header_compiles_alone_and_as_cplusplus() {
    for language in ["c", "c++"] {
        let Some(mut compiler) = compiler() else {
            return;
        };
        let header = folder().join("nova_drm.h");
        let arguments = ["-fsyntax-only", "-x", language];
        let output = compiler.args(arguments).arg(header).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        if said.contains("cc1plus") {
            skipped("no C++ compiler for nova_drm.h");
            continue;
        }
        assert!(output.status.success(), "{language}: {said}");
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
    let constants = constants();
    let known: Vec<&str> = constants.iter().map(|(name, _)| name.as_str()).collect();
    let missing: Vec<&str> = defined(&header)
        .into_iter()
        .filter(|name| !known.contains(name))
        .collect();
    assert!(
        defined(&header).len() > 10,
        "the header could not be parsed"
    );
    assert_eq!(missing, [""; 0]);
}

#[test]
fn all_structures_of_the_header_are_defined() {
    let header = header();
    let facts = layouts();
    for line in header.lines() {
        let Some(name) = line
            .strip_prefix("struct ")
            .and_then(|l| l.strip_suffix(" {"))
        else {
            continue;
        };
        let size = format!("sizeof(struct {name})");
        assert!(
            facts.iter().any(|(fact, _)| *fact == size),
            "{name} has no definition in Rust"
        );
    }
}

/// The crate refuses other values. (The padding of Linux 7.3's calls is not reserved.)
#[test]
fn reserved_members_must_be_zero() {
    let header = header();
    let named = |line: &&str| {
        let names = ["@flags:", "@reserved:"];
        names.iter().any(|name| line.contains(name))
    };
    let documented: Vec<&str> = header.lines().filter(named).collect();
    assert!(!documented.is_empty(), "the header could not be parsed");
    for line in documented {
        assert!(line.contains("must be zero"), "{line}");
    }
}

/// The ioctl numbers of Linux 7.3's header: DRM_IOWR of 0x00 to 0x02 with 16 bytes each.
#[test]
fn ioctl_numbers_are_those_of_linux_7_3() {
    assert_eq!(uapi::IOCTL_GETPARAM, 0xc010_6440);
    assert_eq!(uapi::IOCTL_GEM_CREATE, 0xc010_6441);
    assert_eq!(uapi::IOCTL_GEM_INFO, 0xc010_6442);
    assert_eq!(uapi::GETPARAM_VRAM_BAR_SIZE, 1);
}
