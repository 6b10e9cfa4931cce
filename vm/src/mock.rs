// SPDX-License-Identifier: GPL-2.0

//! A mocked GPU: a `nova-mock` process that serves one VM.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{bail, Context, Result};
use nova_hw::chipset::Chipset;

use crate::process::{Child, Group, POLL};
use crate::{file_of, say, tail, Guest, Host};

/// QEMU's time-out for an answer of the mock, after which it gives the device up. QEMU's default of
/// 5 s is too short for a busy machine. A mock that hangs is ended with the VM, at the VM's time
/// limit.
pub const ANSWER_LIMIT: Duration = Duration::from_secs(600);

/// The socket on which the mock waits for QEMU, or another client.
pub fn socket(run: &Path, gpu: usize) -> PathBuf {
    run.join(file_of(gpu, "gpu", ""))
}

/// The mock's control socket.
pub(crate) fn control(run: &Path, gpu: usize) -> PathBuf {
    run.join(file_of(gpu, "control", ""))
}

fn arguments(host: &Host, guest: &Guest, run: &Path, gpu: usize) -> Vec<OsString> {
    let out = |name, extension| guest.out.join(file_of(gpu, name, extension));
    let mut arguments: Vec<OsString> = Vec::new();
    let mut option = |name: &str, value: OsString| arguments.extend([name.into(), value]);
    option("--chip", guest.chips[gpu].name().into());
    option("--socket", socket(run, gpu).into());
    option("--control", control(run, gpu).into());
    let firmware = guest.firmware.as_ref().unwrap_or(&host.firmware);
    option("--firmware", firmware.clone().into());
    option("--trace", out("trace", ".json").into());
    if guest.registers {
        option("--registers", out("registers", ".log").into());
    }
    arguments.extend(guest.mock_arguments.iter().map(OsString::from));
    arguments
}

/// A running mock.
#[derive(Debug)]
pub struct Mock {
    child: Child,
    chip: Chipset,
    sockets: [PathBuf; 2],
    log: PathBuf,
    status: PathBuf,
}

impl Mock {
    /// Starts the mock of one of the guest's GPUs.
    pub fn start(host: &Host, guest: &Guest, run: &Path, gpu: usize) -> Result<Self> {
        let log = guest.out.join(file_of(gpu, "mock", ".log"));
        let file = File::create(&log).with_context(|| log.display().to_string())?;
        let mut command = Command::new(&host.mock);
        command.args(arguments(host, guest, run, gpu));
        command.stdin(Stdio::null());
        command.stdout(file.try_clone()?).stderr(file);
        Ok(Self {
            child: Child::start(&mut command, Group::Own)?,
            chip: guest.chips[gpu],
            sockets: [socket(run, gpu), control(run, gpu)],
            status: guest.out.join(file_of(gpu, "mock", ".status")),
            log,
        })
    }

    /// Waits until QEMU can be started.
    pub fn wait_until_open(&mut self, host: &Host, limit: Duration) -> Result<()> {
        let chip = self.chip.name();
        let start = Instant::now();
        while !self.sockets.iter().all(|socket| socket.exists()) {
            host.interrupt.check()?;
            if self.child.ended()?.is_some() {
                bail!("nova-mock of {chip} ended: {}", tail(&self.log, 3));
            }
            if start.elapsed() >= limit {
                let limit = limit.as_secs();
                bail!("nova-mock of {chip} opened no socket within {limit} s");
            }
            thread::sleep(POLL);
        }
        Ok(())
    }

    /// Saves the mock's /proc/PID/status, for its use of memory.
    pub(crate) fn save_status(&self) {
        if let Err(error) = fs::copy(format!("/proc/{}/status", self.child.id()), &self.status) {
            say(format_args!("{}: {error}", self.status.display()));
        }
    }

    /// Waits until it has ended, which it does after its client has disconnected and the timeline
    /// is written. A mock that hangs is killed, since it may ignore SIGTERM.
    pub fn wait_until_ended(&mut self, host: &Host, limit: Duration) -> Result<()> {
        let start = Instant::now();
        while self.child.ended()?.is_none() {
            host.interrupt.check()?;
            if start.elapsed() >= limit {
                let (chip, limit) = (self.chip.name(), limit.as_secs());
                say(format_args!(
                    "nova-mock of {chip} did not end within {limit} s of the VM"
                ));
                return self.child.kill();
            }
            thread::sleep(POLL);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{host, is_running, script};
    use crate::Interrupted;

    #[test]
    fn arguments_name_the_files_of_each_gpu() {
        let mut guest = Guest::new("/out");
        guest.chips = vec![Chipset::GA102, Chipset::GH100];
        let line = |guest: &Guest, gpu| {
            let arguments = arguments(&host(Path::new("/host")), guest, Path::new("/run"), gpu);
            arguments.join(" ".as_ref()).into_string().unwrap()
        };
        assert_eq!(
            line(&guest, 0),
            "--chip ga102 --socket /run/gpu --control /run/control --firmware /host/firmware --trace /out/trace.json"
        );
        guest.registers = true;
        guest.mock_arguments = vec!["--vram".into(), "8G".into()];
        guest.firmware = Some("/other".into());
        assert_eq!(
            line(&guest, 1),
            "--chip gh100 --socket /run/gpu.1 --control /run/control.1 --firmware /other \
             --trace /out/trace.1.json --registers /out/registers.1.log --vram 8G"
        );
    }

    /// Time-out for tests that fail.
    const LIMIT: Duration = Duration::from_secs(60);

    /// Starts a shell script in place of the mock.
    fn fake(folder: &Path, text: &str) -> (Host, Mock) {
        let mut host = host(folder);
        host.mock = script(folder, "mock", text);
        let mut guest = Guest::new(folder);
        guest.chips = vec![Chipset::GA102];
        let mock = Mock::start(&host, &guest, folder, 0).unwrap();
        (host, mock)
    }

    #[test]
    fn the_error_quotes_the_log_of_a_mock_that_ended() {
        let folder = tempfile::tempdir().unwrap();
        let (host, mut mock) = fake(folder.path(), "echo no firmware; exit 1");
        let error = mock.wait_until_open(&host, LIMIT).unwrap_err();
        assert_eq!(error.to_string(), "nova-mock of ga102 ended: no firmware");
    }

    #[test]
    fn a_mock_that_opens_no_socket_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let (host, mut mock) = fake(folder.path(), "exec sleep 1000");
        let error = mock.wait_until_open(&host, Duration::ZERO).unwrap_err();
        assert_eq!(
            error.to_string(),
            "nova-mock of ga102 opened no socket within 0 s"
        );
    }

    #[test]
    fn a_mock_that_opens_no_socket_ends_with_an_interrupt() {
        let folder = tempfile::tempdir().unwrap();
        let (host, mut mock) = fake(folder.path(), "exec sleep 1000");
        let pid = mock.child.id();
        assert!(is_running(pid));
        host.interrupt.set();
        assert!(mock
            .wait_until_open(&host, LIMIT)
            .unwrap_err()
            .is::<Interrupted>());
        drop(mock);
        assert!(!is_running(pid));
    }

    #[test]
    fn a_mock_that_does_not_end_is_killed() {
        let folder = tempfile::tempdir().unwrap();
        let (host, mut mock) = fake(folder.path(), "trap '' TERM; sleep 1000");
        let pid = mock.child.id();
        mock.wait_until_ended(&host, Duration::from_millis(100))
            .unwrap();
        assert!(!is_running(pid));
    }
}
