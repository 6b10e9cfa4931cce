// SPDX-License-Identifier: MIT

//! A process without a DRM device sees nothing of the library.

use std::path::PathBuf;
use std::process::{Command, Output};

fn library() -> PathBuf {
    let test = std::env::current_exe().expect("a test has a path");
    let library = test.with_file_name("libnova_nvk_preload.so");
    assert!(library.exists(), "{} is missing", library.display());
    library
}

/// Runs a script of the shell, which forks, copies and closes descriptors.
fn shell(script: &str, preloaded: bool) -> Output {
    let mut command = Command::new("bash");
    command.args(["-c", script]);
    if preloaded {
        command.env("LD_PRELOAD", library());
    }
    command.output().expect("there is a shell")
}

#[test]
fn descriptors_forks_and_terminals_are_as_without_it() {
    for script in [
        "exec 3</etc/passwd 4<&3; read -r a <&3; read -r b <&4; exec 3<&- 4<&-; echo \"$a$b\"",
        "read -r line <&9; echo $?",
        "(echo one; (echo two | cat) ; exec 5>&1; echo three >&5) | sort",
        "for i in 1 2 3; do (exec 7</dev/null; cat <&7; echo $i) & done; wait",
        "stty -a </dev/null; echo $?",
        "cat /nowhere",
        "exec bash -c 'echo again'",
    ] {
        let [with, without] = [true, false].map(|preloaded| shell(script, preloaded));
        let sorted = |output: &Output| {
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
            lines.sort();
            lines
        };
        assert_eq!(sorted(&with), sorted(&without), "{script}");
        assert_eq!(with.status, without.status, "{script}");
        assert_eq!(
            String::from_utf8_lossy(&with.stderr),
            String::from_utf8_lossy(&without.stderr),
            "{script}"
        );
    }
}
