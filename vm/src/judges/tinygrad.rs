// SPDX-License-Identifier: GPL-2.0

//! tinygrad's driver for NVIDIA's GPUs, from PyPI. It runs on this machine, and reaches the mocked
//! GPU at its socket; see vm/judges/tinygrad.

use std::fs::File;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{ensure, Context, Result};
use nova_hw::chipset::Chipset;
use nova_vm::mock::{self, Mock, ANSWER_LIMIT};
use nova_vm::process::{Child, Group};
use nova_vm::{tail, Guest, Host};

use super::{Judge, Stage};

/// A chip of each architecture that tinygrad knows.
pub(super) static JUDGE: Judge = Judge {
    name: "tinygrad",
    needs_vm: false,
    stages: &[
        (Chipset::GA102, COPIES),
        (Chipset::AD102, COPIES),
        (Chipset::GB202, COPIES),
    ],
    run,
};

/// Its device is complete, with a channel for compute and one for copies; judge.py has it copy
/// buffers, and it unloads GSP-RM.
const COPIES: Stage = Stage {
    boots: 2,
    calls: 32,
    refused: &[],
    says: "copied 3 buffers",
};

/// Time limit for a run, far above the seconds that it takes. tinygrad itself waits at most 10 s for
/// each register and answer.
const LIMIT: Duration = Duration::from_secs(600);

fn run(host: &Host, guest: Guest) -> Result<String> {
    let run = tempfile::Builder::new().prefix("nova.").tempdir()?;
    let mut mock = Mock::start(host, &guest, run.path(), 0)?;
    mock.wait_until_open(host, ANSWER_LIMIT)?;

    let log = guest.out.join("tinygrad.log");
    let file = File::create(&log).with_context(|| log.display().to_string())?;
    let mut command = Command::new("python3");
    // No files beside the script, and the log in its order.
    command.args(["-B", "-u"]);
    command.arg(host.repo.join("vm/judges/tinygrad/judge.py"));
    command.arg(mock::socket(run.path(), 0));
    command.env("PYTHONPATH", host.tinygrad.join("packages"));
    command.env("XDG_CACHE_HOME", host.tinygrad.join("cache"));
    command.envs([("DEV", "PCI+NV"), ("DEBUG", "3")]);
    command.stdin(Stdio::null());
    command.stdout(file.try_clone()?).stderr(file);
    let mut judge = Child::start(&mut command, Group::Own)?;
    let start = Instant::now();
    while !judge.wait_for(Duration::from_secs(1))? {
        host.interrupt.check()?;
        let limit = LIMIT.as_secs();
        ensure!(start.elapsed() < LIMIT, "it did not end within {limit} s");
    }
    let said = tail(&log, 1);
    // judge.py catches the errors of tinygrad.
    let is_right = judge.ended()?.is_some_and(|status| status.success());
    ensure!(is_right, "judge.py failed: {said}");
    mock.wait_until_ended(host, ANSWER_LIMIT)?;
    Ok(said)
}
