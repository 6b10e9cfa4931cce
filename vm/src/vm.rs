// SPDX-License-Identifier: GPL-2.0

//! Runs a VM and its mocked GPUs.

use std::fmt;
use std::fs::{self, File, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{ensure, Context, Result};

use crate::guest::{Guest, Output, Script};
use crate::mock::{Mock, ANSWER_LIMIT};
use crate::process::{self, Child, Group, Lines, POLL};
use crate::wake::Waker;
use crate::{qemu, say, tail, Host};

/// How often a VM is booted at most that [QEMU brings down](Guest::met_int3).
const BOOTS: usize = 3;

/// How a VM ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The script ended with this status.
    Script(u8),
    /// The script took too long.
    TooLong {
        /// The time limit.
        limit: Duration,
        /// Path of the kernel's console log.
        console: PathBuf,
    },
    /// The VM ended before the script.
    Early {
        /// Path of the kernel's console log.
        console: PathBuf,
    },
}

impl Ended {
    /// Whether the script has succeeded.
    pub fn succeeded(&self) -> bool {
        *self == Self::Script(0)
    }

    /// Whether the VM has ended before the script.
    pub fn lost(&self) -> bool {
        !matches!(self, Self::Script(_))
    }

    /// The exit status of this program for this result.
    pub fn code(&self) -> u8 {
        match *self {
            Self::Script(status) => status,
            Self::TooLong { .. } => 124,
            Self::Early { .. } => 125,
        }
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Script(status) => write!(f, "the script ended with status {status}"),
            Self::TooLong { limit, console } => write!(
                f,
                "the VM was ended after {} s; its console is in {}",
                limit.as_secs(),
                console.display()
            ),
            Self::Early { console } => write!(
                f,
                "the VM ended before its script did; its console is in {}",
                console.display()
            ),
        }
    }
}

impl Guest {
    /// Runs the VM to its end, and prints the last lines of the logs if the VM was lost.
    pub fn run(&self, host: &Host) -> Result<Ended> {
        let ended = self.run_quietly(host)?;
        if let Ended::Early { .. } = ended {
            for log in ["qemu.log", "console.log"] {
                eprintln!("{}", tail(&self.out.join(log), 20));
            }
        }
        if ended.lost() {
            say(&ended);
        }
        Ok(ended)
    }

    /// Runs the VM to its end. A VM that QEMU itself has brought down while it booted is booted again.
    pub fn run_quietly(&self, host: &Host) -> Result<Ended> {
        let out = self.out.display();
        fs::create_dir_all(&self.out).with_context(|| out.to_string())?;
        for number in 1..BOOTS {
            let run = tempfile::Builder::new().prefix("nova.").tempdir()?;
            let ended = self.run_once(host, run.path())?;
            if !(ended.lost() && self.met_int3(run.path())) {
                return Ok(ended);
            }
            let console = self.out.join(format!("console.int3.{number}.log"));
            fs::rename(self.out.join("console.log"), &console)?;
            say(format_args!(
                "QEMU has executed a breakpoint that the kernel had removed ({}); the VM boots again",
                console.display()
            ));
        }
        let run = tempfile::Builder::new().prefix("nova.").tempdir()?;
        self.run_once(host, run.path())
    }

    /// Whether the kernel died of a breakpoint before the script began, which nothing but QEMU can cause: the kernel
    /// sets breakpoints while it changes its own code, and QEMU's emulation of two CPUs may execute one that is gone
    /// already, once in hundreds of boots. The same in `__mod_timer`, which `timers_nohz_active` changes at each boot:
    /// "qemu-x86_64 booting with 8.0.0 stil see int3", linux-kernel, July 2023, and
    /// <https://bugzilla.redhat.com/show_bug.cgi?id=2216496>.
    fn met_int3(&self, run: &Path) -> bool {
        let console = fs::read(self.out.join("console.log")).unwrap_or_default();
        let is_oops = String::from_utf8_lossy(&console).contains("Oops: int3");
        is_oops && !run.join("script-runs").exists()
    }

    /// Boots the VM, and runs it to its end. `run` is this run's folder.
    fn run_once(&self, host: &Host, run: &Path) -> Result<Ended> {
        self.fill(host, run)?;
        // Values are dropped in reverse order of declaration, so the VM ends before its mocks.
        let mut mocks = self.start_mocks(host, run)?;
        let (mut vm, lines) = self.start_vm(host, run)?;
        let status = run.join("status");
        let mut waker = Waker::new(run);
        let in_time = self.wait(host, &mut vm, &mut waker, &status)?;
        if status.exists() {
            mocks.iter().for_each(Mock::save_status);
        }
        vm.end()?;
        if let Some(lines) = lines {
            lines.wait()?;
        }
        for mock in &mut mocks {
            mock.wait_until_ended(host, ANSWER_LIMIT)?;
        }
        self.judge(in_time, &status)
    }

    /// Fills this run's folder, which is /run/nova in the VM.
    fn fill(&self, host: &Host, run: &Path) -> Result<()> {
        copy(&host.script("init"), &run.join("init"))?;
        if let Some(modules) = &self.modules {
            fs::create_dir(run.join("modules"))?;
            copy_modules(host, modules, &run.join("modules"))?;
        }
        if self.files.is_some() {
            fs::write(run.join("with-files"), "")?;
        }
        if let Some(Script { path, arguments }) = &self.script {
            copy(path, &run.join("script"))?;
            fs::set_permissions(run.join("script"), Permissions::from_mode(0o755))?;
            let mut list = Vec::new();
            for argument in arguments {
                list.extend(argument.as_bytes());
                list.push(0);
            }
            fs::write(run.join("arguments"), list)?;
        }
        Ok(())
    }

    /// Starts all mocks at the same time.
    fn start_mocks(&self, host: &Host, run: &Path) -> Result<Vec<Mock>> {
        let start = |gpu| Mock::start(host, self, run, gpu);
        let mut mocks = (0..self.chips.len())
            .map(start)
            .collect::<Result<Vec<_>>>()?;
        for mock in &mut mocks {
            mock.wait_until_open(host, ANSWER_LIMIT)?;
        }
        Ok(mocks)
    }

    fn start_vm(&self, host: &Host, run: &Path) -> Result<(Child, Option<Lines>)> {
        let mut command = qemu::command(host, self, run);
        command.stderr(create(&self.out.join("qemu.log"))?);
        match &self.output {
            Output::Ours => {}
            Output::Lines(name) => {
                command.stdin(Stdio::null());
                let (vm, lines) = process::start_with_lines(&mut command, Group::Ours, name)?;
                return Ok((vm, Some(lines)));
            }
            Output::File(output) => {
                command.stdin(Stdio::null()).stdout(create(output)?);
            }
        }
        Ok((Child::start(&mut command, Group::Ours)?, None))
    }

    /// Waits until the script or the VM has ended; returns whether that was in time.
    fn wait(&self, host: &Host, vm: &mut Child, waker: &mut Waker, status: &Path) -> Result<bool> {
        let start = Instant::now();
        while !status.exists() && vm.ended()?.is_none() {
            host.interrupt.check()?;
            waker.look();
            if self.limit.is_some_and(|limit| start.elapsed() >= limit) {
                return Ok(false);
            }
            thread::sleep(POLL);
        }
        // Ctrl-C ends QEMU, too.
        host.interrupt.check()?;
        Ok(true)
    }

    fn judge(&self, in_time: bool, status: &Path) -> Result<Ended> {
        let console = self.out.join("console.log");
        if status.exists() {
            let text = fs::read_to_string(status)?;
            let status = text.trim().parse();
            return Ok(Ended::Script(
                status.with_context(|| format!("{text:?} is not a status"))?,
            ));
        }
        Ok(match self.limit {
            Some(limit) if !in_time => Ended::TooLong { limit, console },
            _ => Ended::Early { console },
        })
    }
}

fn create(path: &Path) -> Result<File> {
    File::create(path).with_context(|| path.display().to_string())
}

/// Copies the modules without their debug information, which is nine tenths of each: the VM copies all of a module, and
/// reads all of it whenever it is loaded.
fn copy_modules(host: &Host, from: &Path, to: &Path) -> Result<()> {
    for entry in fs::read_dir(from).with_context(|| from.display().to_string())? {
        let module = entry?.path();
        if let (true, Some(name)) = (
            module.extension().is_some_and(|name| name == "ko"),
            module.file_name(),
        ) {
            let mut strip = host.tool("strip");
            strip.args(["--strip-debug", "-o"]);
            let status = strip.arg(to.join(name)).arg(&module).status();
            let status = status.context("strip")?;
            ensure!(status.success(), "strip {}: {status}", module.display());
        }
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to).with_context(|| from.display().to_string())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{self, is_running};
    use crate::Interrupted;
    use nova_hw::chipset::Chipset;
    use tempfile::TempDir;

    /// A machine with a shell script in place of QEMU, in which $run is this run's folder, and a
    /// guest without a GPU.
    fn fake(qemu: &str) -> (TempDir, Host, Guest) {
        let folder = tempfile::tempdir().unwrap();
        let host = testing::host(folder.path());
        testing::script(&host.repo, "vm/guest/init", "");
        let script = testing::script(folder.path(), "script", "");
        let find =
            r#"run=$(printf '%s\n' "$@" | sed -n 's/^local,path=\(.*\),mount_tag=run,.*/\1/p')"#;
        testing::script(
            &host.sysroot,
            "lib64/ld-linux-x86-64.so.2",
            &format!("{find}\n{qemu}"),
        );
        let mut guest = Guest::new(folder.path().join("out"));
        // Time-out for tests that fail.
        guest.limit = Some(Duration::from_secs(60));
        guest.script = Some(Script::new(script).args(["a b", "c"]));
        (folder, host, guest)
    }

    #[test]
    fn the_status_is_the_scripts() {
        let qemu = r#"tr '\0' '|' <$run/arguments; echo 7 >$run/part; mv $run/part $run/status; exec sleep 1000"#;
        let (folder, host, mut guest) = fake(qemu);
        guest.output = Output::File(folder.path().join("output"));
        let ended = guest.run(&host).unwrap();
        assert_eq!(
            (ended.code(), ended.lost(), ended.succeeded()),
            (7, false, false)
        );
        assert_eq!(
            fs::read_to_string(folder.path().join("output")).unwrap(),
            "a b|c|"
        );
    }

    #[test]
    fn modules_are_stripped() {
        let qemu = r#"case $3 in */strip) echo "$4 ${7##*/}" >"$6"; exit ;; esac
            cat $run/modules/*; echo 0 >$run/part; mv $run/part $run/status; exec sleep 1000"#;
        let (folder, host, mut guest) = fake(qemu);
        let modules = folder.path().join("modules");
        fs::create_dir(&modules).unwrap();
        for name in ["nova-core.ko", "nova-core.mod.c"] {
            fs::write(modules.join(name), name).unwrap();
        }
        guest.modules = Some(modules);
        guest.output = Output::File(folder.path().join("output"));
        assert!(guest.run(&host).unwrap().succeeded());
        let output = fs::read_to_string(folder.path().join("output")).unwrap();
        assert_eq!(output, "--strip-debug nova-core.ko\n");
    }

    #[test]
    fn a_vm_that_hangs_ends_in_time() {
        let (_folder, host, mut guest) = fake("exec sleep 1000");
        guest.limit = Some(Duration::from_millis(200));
        let ended = guest.run(&host).unwrap();
        assert_eq!((ended.code(), ended.lost()), (124, true));
    }

    #[test]
    fn a_vm_that_ends_early_is_lost() {
        let (_folder, host, guest) = fake("echo broken >&2; exit 1");
        let ended = guest.run(&host).unwrap();
        assert_eq!((ended.code(), ended.lost()), (125, true));
        assert_eq!(tail(&guest.out.join("qemu.log"), 1), "broken");
    }

    /// QEMU's console is a file in the guest's folder.
    #[test]
    fn a_vm_boots_again_after_a_breakpoint_before_its_script() {
        let oops = "[    2.1] Oops: int3: 0000 [#1] SMP NOPTI";
        let boot = |count: usize, before: &str| {
            let qemu = format!(
                r#"out=$(dirname "$0")/../../out
                echo boot >>$out/boots; {before}
                [ $(wc -l <$out/boots) -gt {count} ] || {{ echo "{oops}" >$out/console.log; exit 1; }}
                echo 0 >$run/part; mv $run/part $run/status; exec sleep 1000"#
            );
            let (_folder, host, guest) = fake(&qemu);
            let ended = guest.run_quietly(&host).unwrap();
            let boots = fs::read_to_string(guest.out.join("boots")).unwrap();
            (
                ended.succeeded(),
                boots.lines().count(),
                guest.out.join("console.int3.1.log").exists(),
            )
        };
        assert_eq!(boot(0, ""), (true, 1, false));
        assert_eq!(boot(2, ""), (true, 3, true));
        assert_eq!(boot(3, ""), (false, 3, true));
        // A script may be what has caused it.
        assert_eq!(boot(1, "touch $run/script-runs"), (false, 1, false));
    }

    #[test]
    fn an_interrupt_ends_the_vm() {
        let (folder, host, guest) = fake("echo $$ >&2; exec sleep 1000");
        let log = guest.out.join("qemu.log");
        let pid = thread::scope(|scope| {
            let run = scope.spawn(|| guest.run(&host));
            let pid = loop {
                if let Ok(pid) = tail(&log, 1).parse() {
                    break pid;
                }
                thread::sleep(POLL);
            };
            assert!(is_running(pid));
            host.interrupt.set();
            assert!(run.join().unwrap().unwrap_err().is::<Interrupted>());
            pid
        });
        assert!(!is_running(pid));
        drop(folder);
    }

    #[test]
    fn a_mock_that_ends_early_prevents_the_start_of_the_vm() {
        let (folder, mut host, mut guest) = fake("echo started >&2");
        guest.chips = vec![Chipset::GA102];
        host.mock = testing::script(folder.path(), "mock", "echo no firmware; exit 1");
        let error = guest.run(&host).unwrap_err();
        assert_eq!(error.to_string(), "nova-mock of ga102 ended: no firmware");
        assert!(!guest.out.join("qemu.log").exists());
    }
}
