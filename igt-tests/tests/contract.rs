// SPDX-License-Identifier: MIT

//! Tests that a test binary's output and exit status are what `igt_runner` expects: first directly,
//! and then with the runner itself if it is installed.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// Folder of the example binaries, next to that of this test.
fn examples() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent()
        .and_then(Path::parent)
        .unwrap()
        .join("examples")
}

fn contract() -> Command {
    let mut command = Command::new(examples().join("contract"));
    for variable in ["IGT_DEVICE", "IGT_LOG_LEVEL", "IGT_SENTINEL_ON_STDERR"] {
        command.env_remove(variable);
    }
    command
}

fn output(arguments: &[&str]) -> Output {
    contract().args(arguments).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// The lines about results, without their times.
fn results(text: &str) -> Vec<String> {
    let is_result = |line: &&str| {
        let starts = ["Starting ", "Subtest ", "Dynamic subtest "];
        starts.iter().any(|start| line.starts_with(start)) && !line.ends_with("failed.")
    };
    let without_time = |line: &str| line.split(" (").next().unwrap_or_default().to_owned();
    text.lines().filter(is_result).map(without_time).collect()
}

#[track_caller]
fn expect(subtest: &str, lines: &[&str], status: i32) -> Output {
    let output = output(&["--run-subtest", subtest]);
    assert_eq!(results(&stdout(&output)), lines);
    assert_eq!(output.status.code(), Some(status), "{subtest}");
    output
}

#[test]
fn only_names_are_listed() {
    let output = output(&["--list-subtests"]);
    let listed = stdout(&output);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(stderr(&output), "");
    assert_eq!(listed.lines().next(), Some("pass"));
    assert_eq!(listed.lines().last(), Some("after-fail"));
    assert!(!listed.contains(' '));
}

#[test]
fn test_lists_name_the_binary() {
    let output = output(&["--show-testlist", "--run-subtest", "p*"]);
    assert_eq!(stdout(&output), "igt@contract@pass\nigt@contract@panic\n");
}

#[test]
fn a_pass_is_a_success() {
    let output = expect(
        "pass",
        &["Starting subtest: pass", "Subtest pass: SUCCESS"],
        0,
    );
    assert!(stdout(&output).starts_with("IGT-Version: "));
}

#[test]
fn a_requirement_that_is_not_met_skips() {
    let output = expect(
        "skip",
        &["Starting subtest: skip", "Subtest skip: SKIP"],
        77,
    );
    assert!(stdout(&output).contains("Test requirement not met: *two == 3\n"));
}

#[test]
fn a_failure_shows_the_log() {
    let output = expect(
        "fail",
        &["Starting subtest: fail", "Subtest fail: FAIL"],
        98,
    );
    let said = stderr(&output);
    assert!(
        said.contains("Subtest fail failed.\n**** DEBUG ****\n"),
        "{said}"
    );
    assert!(said.contains("DEBUG: said before failing\n"), "{said}");
    assert!(said.contains("two is not three"), "{said}");
}

#[test]
fn a_panic_fails_the_subtest() {
    expect(
        "panic",
        &["Starting subtest: panic", "Subtest panic: FAIL"],
        98,
    );
}

#[test]
fn fatal_signals_crash_and_run_exit_handlers() {
    let output = output(&["--run-subtest", "crash"]);
    let lines = ["Starting subtest: crash", "Subtest crash: CRASH"];
    assert_eq!(results(&stdout(&output)), lines);
    assert!(stdout(&output).contains("put right\n"));
    assert_eq!(output.status.code(), None, "the parent sees the signal");
}

#[test]
fn sigquit_ends_a_hang_and_runs_exit_handlers() {
    use std::io::{BufRead, BufReader, Read};
    let mut child = contract()
        .args(["--run-subtest", "hang"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while line != "hanging\n" {
        line.clear();
        assert_ne!(stdout.read_line(&mut line).unwrap(), 0);
    }
    let pid = nix::unistd::Pid::from_raw(child.id().try_into().unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGQUIT).unwrap();
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "put right\n");
    assert_eq!(child.wait().unwrap().code(), None);
}

#[test]
fn timeouts_end_a_hang() {
    let output = expect(
        "timeout",
        &["Starting subtest: timeout", "Subtest timeout: TIMEOUT"],
        98,
    );
    assert!(stderr(&output).contains("sleeping took longer than 50ms"));
}

#[test]
fn abort_ends_the_process() {
    let output = expect(
        "abort",
        &["Starting subtest: abort", "Subtest abort: FAIL"],
        112,
    );
    assert!(stderr(&output).contains("machine is broken"));
}

#[test]
fn dynamic_subtests() {
    let lines = [
        "Starting subtest: dynamic",
        "Starting dynamic subtest: one",
        "Dynamic subtest one: SUCCESS",
        "Starting dynamic subtest: two",
        "Dynamic subtest two: SKIP",
        "Subtest dynamic: SUCCESS",
    ];
    expect("dynamic", &lines, 0);
    let lines = [
        "Starting subtest: dynamic-fail",
        "Starting dynamic subtest: one",
        "Dynamic subtest one: FAIL",
        "Starting dynamic subtest: two",
        "Dynamic subtest two: SUCCESS",
        "Subtest dynamic-fail: FAIL",
    ];
    expect("dynamic-fail", &lines, 98);
    let selected = output(&["--run-subtest", "dynamic-fail", "--dynamic-subtest", "two"]);
    assert_eq!(selected.status.code(), Some(0));
}

#[test]
fn dynamic_subtests_without_parts_are_skipped() {
    let selected = output(&["--run-subtest", "dynamic", "--dynamic-subtest", "none"]);
    let lines = ["Starting subtest: dynamic", "Subtest dynamic: SKIP"];
    assert_eq!(results(&stdout(&selected)), lines);
    assert_eq!(selected.status.code(), Some(77));
}

#[test]
fn children() {
    expect(
        "children",
        &["Starting subtest: children", "Subtest children: SUCCESS"],
        0,
    );
    let lines = ["Starting subtest: child-fails", "Subtest child-fails: FAIL"];
    let output = expect("child-fails", &lines, 98);
    assert!(stderr(&output).contains("child one"));
}

#[test]
fn fixtures_affect_their_group_only() {
    expect("after-skip", &["Subtest after-skip: SKIP"], 77);
    expect("after-fail", &["Subtest after-fail: FAIL"], 98);
    expect(
        "last",
        &["Starting subtest: last", "Subtest last: SUCCESS"],
        0,
    );
}

#[test]
fn patterns_exclude() {
    let output = output(&["--list-subtests", "--run-subtest", "*,!*a*"]);
    assert_eq!(stdout(&output), "skip\ntimeout\nchildren\n");
}

#[test]
fn sentinels_are_repeated_on_stderr() {
    let mut command = contract();
    let command = command.args(["--run-subtest", "pass,dynamic"]);
    let output = command.env("IGT_SENTINEL_ON_STDERR", "1").output().unwrap();
    assert_eq!(results(&stderr(&output)), results(&stdout(&output)));
    assert_eq!(results(&stderr(&output)).len(), 8);
}

#[test]
fn wrong_command_lines_are_refused() {
    for arguments in [
        &["--no-such-option"][..],
        &["stray"],
        &["--run-subtest", "no-such-subtest"],
        &["--hook", "no-such-event:true"],
        &["--device", "nonsense"],
    ] {
        let output = output(arguments);
        assert_eq!(output.status.code(), Some(79), "{arguments:?}");
        assert_ne!(stderr(&output), "", "{arguments:?}");
    }
}

#[test]
fn help_and_descriptions() {
    let help = output(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
    assert!(stdout(&help).contains("--run-subtest <PATTERN>"));
    let description = output(&["--describe=pass"]);
    assert!(stdout(&description).contains("SUB pass:\n  Passing passes.\n"));
    let group = output(&["--describe=after-skip"]);
    assert!(stdout(&group).contains("  What a skipping fixture skips.\n\n  Never runs.\n"));
}

#[test]
fn debug_messages_are_shown_on_demand() {
    let debug = |option| stdout(&output(&["--run-subtest", "fail", option]));
    assert!(debug("--debug").contains("said before failing"));
    assert!(debug("--debug=contract").contains("said before failing"));
    assert!(!debug("--debug=elsewhere").contains("said before failing"));
}

#[test]
fn hooks_get_the_events() {
    let hook = "pre-subtest,post-subtest:echo hook $IGT_HOOK_EVENT $IGT_HOOK_TEST_FULLNAME $IGT_HOOK_RESULT";
    let output = output(&["--run-subtest", "pass", "--hook", hook]);
    let said = stdout(&output);
    assert!(
        said.contains("hook pre-subtest igt@contract@pass\n"),
        "{said}"
    );
    assert!(
        said.contains("hook post-subtest igt@contract@pass SUCCESS\n"),
        "{said}"
    );
}

/// The verdicts of `igt_runner`, run with these options, on the subtests, the dynamic ones included.
fn runner_verdicts(options: &[&str]) -> BTreeMap<String, String> {
    let folder = tempfile::tempdir().unwrap();
    let list = "TESTLIST\ncontract\nEND TESTLIST\n";
    let tests = folder.path().join("tests");
    let results = folder.path().join("results");
    std::fs::create_dir(&tests).unwrap();
    std::fs::write(tests.join("test-list.txt"), list).unwrap();
    std::fs::copy(examples().join("contract"), tests.join("contract")).unwrap();
    let status = Command::new("igt_runner")
        .args(["--allow-non-root", "--overwrite"])
        .args(options)
        .arg(&tests)
        .arg(&results)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    assert!(status.is_ok());
    let json = std::fs::read_to_string(results.join("results.json")).unwrap();
    let json: Value = serde_json::from_str(&json).unwrap();
    let tests = json["tests"].as_object().unwrap().iter();
    tests
        .map(|(name, test)| {
            let name = name.strip_prefix("igt@contract@").unwrap_or(name);
            (name.to_owned(), test["result"].as_str().unwrap().to_owned())
        })
        .collect()
}

#[test]
fn igt_runner_agrees() {
    if Command::new("igt_runner").arg("--help").output().is_err() {
        // Writes to stderr directly, since the test harness captures prints.
        let said = writeln!(std::io::stderr(), "SKIPPED: no igt_runner on this machine");
        return said.unwrap();
    }
    // Only one subtest needs the runner's timeout, since others may be slow on a slow machine.
    let hanging = runner_verdicts(&["--per-test-timeout", "2", "-t", "@hang$"]);
    assert_eq!(hanging, verdicts([("hang", "timeout")]));
    let (warned, expected_warning) = match std::fs::OpenOptions::new().write(true).open("/dev/kmsg")
    {
        Ok(_) => ("dmesg-warn", "pass"),
        Err(_) => ("skip", "skip"),
    };
    let expected = verdicts([
        ("after-fail", "fail"),
        ("after-skip", "skip"),
        ("child-fails", "fail"),
        ("children", "pass"),
        ("crash", "crash"),
        ("dynamic", "pass"),
        ("dynamic-fail", "fail"),
        ("dynamic-fail@one", "fail"),
        ("dynamic-fail@two", "pass"),
        ("dynamic@one", "pass"),
        ("dynamic@two", "skip"),
        ("fail", "fail"),
        ("kernel-warns", warned),
        ("kernel-warns-twice", expected_warning),
        ("last", "pass"),
        ("panic", "fail"),
        ("pass", "pass"),
        ("skip", "skip"),
        ("timeout", "timeout"),
        ("warn", "warn"),
    ]);
    let others = runner_verdicts(&["-x", "@abort$", "-x", "@hang$"]);
    assert_eq!(others, expected);
}

fn verdicts<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    let owned = |(name, verdict): (&str, &str)| (name.to_owned(), verdict.to_owned());
    BTreeMap::from(pairs.map(owned))
}
