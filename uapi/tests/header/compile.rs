// SPDX-License-Identifier: MIT

//! The header as compilers see it.

use std::io::Write;
use std::path::Path;
use std::process::Command;

use crate::facts::{facts, Fact};
use crate::folder;

/// Prints that a test was skipped to stderr directly, since the test harness captures prints.
fn skipped(why: &str) {
    let line = format!("SKIPPED: {why}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

/// The C compiler, which also compiles C++; if there is none, prints that the test is skipped.
fn compiler() -> Option<Command> {
    let name = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
    let asked = Command::new(&name).arg("-print-multiarch").output();
    let Ok(machine) = asked else {
        skipped(&format!("no C compiler {name:?} for nova_drm.h"));
        return None;
    };
    let machine = String::from_utf8_lossy(&machine.stdout);
    let mut command = Command::new(name);
    command
        .args(["-Wall", "-Wextra", "-Werror", "-fsyntax-only"])
        .arg("-I")
        .arg(folder().join("tests/include"))
        .arg("-I")
        .arg(folder());
    if !machine.trim().is_empty() {
        // The kernel's headers for the machine, which are not found by themselves for 32 bits.
        let headers = Path::new("/usr/include").join(machine.trim());
        command.arg("-idirafter").arg(headers);
    }
    Some(command)
}

/// Compiles `source`; returns what the compiler has to say against it.
fn complaints(source: &Path, language: &str, bits: &str) -> Option<String> {
    let mut compiler = compiler()?;
    // There may be no C library for 32 bits.
    let arguments = ["-ffreestanding", bits, "-x", language];
    let output = compiler.args(arguments).arg(source).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if said.contains("cc1plus") {
        skipped("no C++ compiler for nova_drm.h");
        return None;
    }
    (!output.status.success()).then(|| format!("{language} {bits}: {said}"))
}

/// C and C++, for 64 and for 32 bits.
fn all_complaints(source: &Path) -> Vec<String> {
    let ways = [
        ("c", "-m64"),
        ("c", "-m32"),
        ("c++", "-m64"),
        ("c++", "-m32"),
    ];
    let complaints = ways.map(|(language, bits)| complaints(source, language, bits));
    complaints.into_iter().flatten().collect()
}

/// A program that compiles if all facts are true.
fn program(facts: &[Fact]) -> String {
    let asserts: String = facts
        .iter()
        .map(|Fact { expression, value }| {
            let claim = format!("(unsigned long long)({expression}) == {value}ULL");
            format!("ASSERT({claim}, \"{expression} is not {value:#x}\");\n")
        })
        .collect();
    format!(
        "#include <stddef.h>\n#include \"nova_drm.h\"\n\
         #ifdef __cplusplus\n#define ASSERT static_assert\n\
         #else\n#define ASSERT _Static_assert\n#endif\n{asserts}"
    )
}

#[test]
fn layouts_and_numbers_agree_with_the_header() {
    let work = tempfile::tempdir().unwrap();
    let source = work.path().join("facts.c");
    std::fs::write(&source, program(&facts())).unwrap();
    assert_eq!(all_complaints(&source), [""; 0]);
}

#[test]
fn a_wrong_fact_is_found() {
    let wrong = Fact {
        expression: "sizeof(struct drm_nova_query)".to_owned(),
        value: 16,
    };
    let work = tempfile::tempdir().unwrap();
    let source = work.path().join("facts.c");
    std::fs::write(&source, program(&[wrong])).unwrap();
    for complaint in all_complaints(&source) {
        let expected = "sizeof(struct drm_nova_query) is not 0x10";
        assert!(complaint.contains(expected), "{complaint}");
    }
}

#[test]
fn the_header_compiles_alone() {
    assert_eq!(all_complaints(&folder().join("nova_drm.h")), [""; 0]);
}
