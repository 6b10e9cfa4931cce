// SPDX-License-Identifier: MIT

//! What dynamic debug shows.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use igt::kmsg::{self, Follow};
use igt::nova::client::{Client, PAGE};
use igt::nova::wrong::OF_STOPPED;
use igt::nova::Gpu;
use igt::syncobj::assert_ended;
use igt::{sysfs, ExitHandler};
use nix::errno::Errno;

/// The functions that write messages, and how the messages begin.
const KINDS: [(&str, &str); 3] = [
    ("nova_helper_debug_bind", ": bind: address space "),
    ("nova_helper_debug_exec", ": exec: queue "),
    ("nova_helper_debug_fault", ": fault: queue "),
];

fn main() -> ExitCode {
    igt::run("Messages of dynamic debug.", |tests| {
        let gpu = tests.fixture(Gpu::require);
        let _running = tests.fixture(|| gpu.keep_running());

        tests.subtest(
            "kinds",
            "Binds, jobs and faults are shown, each if it is switched on.",
            || kinds(&gpu),
        );
    })
}

/// Where dynamic debug is told what to do.
fn control() -> PathBuf {
    Path::new(sysfs::DEBUGFS).join("dynamic_debug/control")
}

/// Has dynamic debug do something.
fn tell(command: &str) {
    let control = control();
    let told = sysfs::write(&control, command);
    told.unwrap_or_else(|error| panic!("{command}: {error}"));
}

/// Which messages there are of a job that faults.
fn shown(gpu: &Gpu) -> [bool; 3] {
    let mut log = Follow::from_now().expect("the log can be read");
    let client = Client::new(gpu);
    let queue = client.queue();
    let work = queue.start(&queue.push().fill(client.reserve(PAGE), 1, 1));
    assert_ended(&work, Err(Errno::ECANCELED));
    let records = log.records().expect("the log can be read");
    let is_shown = |start| records.iter().any(|record| record.text.contains(start));
    KINDS.map(|(_, start)| is_shown(start))
}

fn kinds(gpu: &Gpu) {
    igt::require!(control().exists(), "The kernel has no dynamic debug.");
    kmsg::expect(&OF_STOPPED);
    let _off = ExitHandler::new(|| tell("module nova_drm -p"));
    tell("module nova_drm -p");
    assert_eq!(shown(gpu), [false; 3]);
    for (function, _) in KINDS {
        tell(&format!("func {function} +p"));
        assert_eq!(shown(gpu), KINDS.map(|(name, _)| name == function));
        tell(&format!("func {function} -p"));
    }
    tell("module nova_drm +p");
    assert_eq!(shown(gpu), [true; 3]);
}
