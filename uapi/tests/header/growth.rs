// SPDX-License-Identifier: MIT

//! Later headers only grow: `abi.txt` has what has been promised.

use std::collections::BTreeMap;

use crate::facts::{constants, first_sizes, fixed_sizes, ioctls, structures};
use crate::folder;

/// The size of its argument in the number of an ioctl (include/uapi/asm-generic/ioctl.h).
const SIZE: u64 = 0x3fff << 16;

/// The lines of `abi.txt` that the crate stands for: what it is, and its value.
fn promised() -> Vec<(String, String)> {
    let mut lines = Vec::new();
    for structure in structures() {
        for member in structure.members {
            let what = format!("member {}.{}", structure.name, member.name);
            lines.push((what, format!("{} {}", member.offset, member.size)));
        }
    }
    for (name, size) in first_sizes() {
        lines.push((format!("first {name}"), size.to_string()));
    }
    for (name, size) in fixed_sizes() {
        lines.push((format!("size {name}"), size.to_string()));
    }
    for constant in constants() {
        let what = format!("constant {}", constant.name);
        lines.push((what, format!("{:#x}", constant.value)));
    }
    for ioctl in ioctls() {
        let what = format!("ioctl {}", ioctl.name);
        lines.push((what, format!("{:#x}", ioctl.value & !SIZE)));
    }
    lines
}

/// The lines of a table, without comments.
fn recorded(table: &str) -> BTreeMap<String, String> {
    let lines = table
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    let split = |line: &str| {
        let mut words = line.splitn(3, ' ');
        let mut word = || words.next().unwrap_or_default().to_owned();
        (format!("{} {}", word(), word()), word())
    };
    lines.map(split).collect()
}

/// What is wrong with the table.
fn complaints(table: &str, promised: Vec<(String, String)>) -> Vec<String> {
    let mut recorded = recorded(table);
    let mut complaints = Vec::new();
    for (what, value) in promised {
        match recorded.remove(&what) {
            None => complaints.push(format!(
                "new, add this line to uapi/abi.txt: {what} {value}"
            )),
            Some(old) if old == value => {}
            Some(old) => complaints.push(format!(
                "{what} was promised as {old}, and is {value}: programs rely on it"
            )),
        }
    }
    let gone = recorded.into_iter();
    complaints.extend(gone.map(|(what, value)| {
        format!("{what} {value} was promised, and is not there: programs rely on it")
    }));
    complaints
}

#[test]
fn what_was_promised_is_still_there() {
    let table = std::fs::read_to_string(folder().join("abi.txt")).unwrap();
    let complaints = complaints(&table, promised());
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn changes_are_found() {
    let line = |what: &str, value: &str| (what.to_owned(), value.to_owned());
    let table = "# A comment\n\nmember a.b 0 4\nconstant C 0x1\nfirst a 8\n";
    let all = [
        line("member a.b", "0 4"),
        line("constant C", "0x1"),
        line("first a", "8"),
    ];
    assert_eq!(complaints(table, all.to_vec()), [""; 0]);
    let [member, constant, first] = all;
    let moved = line("member a.b", "8 4");
    for (promised, expected) in [
        (
            vec![member.clone(), constant.clone()],
            "first a 8 was promised, and is not there",
        ),
        (
            vec![moved, constant.clone(), first.clone()],
            "member a.b was promised as 0 4, and is 8 4",
        ),
        (
            vec![member, constant, first, line("member a.c", "4 4")],
            "add this line to uapi/abi.txt: member a.c 4 4",
        ),
    ] {
        let [complaint] = &*complaints(table, promised) else {
            panic!("one complaint for {expected}");
        };
        assert!(complaint.contains(expected), "{complaint}");
    }
}
