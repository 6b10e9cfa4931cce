// SPDX-License-Identifier: GPL-2.0

//! Runs the tests and prints a summary, also to build/results/summary; its last line is `N passed,
//! N failed, N skipped`.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use anyhow::{ensure, Context, Result};
use clap::ValueEnum;
use nova_vm::process;
use nova_vm::{fresh, say, Ended, Guest, Host, Kernel, Output, Script};
use tempfile::TempDir;

use crate::matrix::{Choice, Job, Runner};
use crate::{code, judges, nouveau, results};

/// Time limit for the tests of a VM.
const LIMIT: Duration = Duration::from_secs(14400);

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// A chip; or `families` or `all`, for all tests on ga102, the fault tests on a chip of each
    /// other boot path, and the boot of a chip of each family, or of every chip, in one VM, also
    /// after a kernel panic. nouveau has VMs for the chip; for a chip of each generation of page
    /// tables and classes; or for every chip.
    #[arg(long)]
    chip: Choice,
    /// Run only these tests in VMs: regular expressions, such as igt@nova_fault@recover.
    #[arg(long, value_delimiter = ' ')]
    tests: Vec<String>,
    /// Number of sleeps or resets in each test of nova_pm.
    #[arg(long, value_name = "NUMBER")]
    pm_rounds: Option<u32>,
    /// The parts to run.
    #[arg(required = true)]
    parts: Vec<Part>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Part {
    /// The unit tests of the crates, and the judges that need no VM.
    Unit,
    /// IGT in VMs.
    Vm,
    /// IGT in VMs with the debug kernel.
    Debug,
    /// IGT in VMs with Linux's nouveau, which is Debian's. Nothing of it is changed, so that what
    /// fails is a mistake of the mock, unless it is one of nouveau.
    Nouveau,
}

/// A run of the tests.
struct Check<'a> {
    host: &'a Host,
    arguments: &'a Arguments,
    results: PathBuf,
    /// Arguments of igt-summary.
    summary: Vec<PathBuf>,
    success: bool,
}

/// The VMs of a part.
struct Guests<'a> {
    host: &'a Host,
    results: PathBuf,
    kernel: Kernel,
    /// Number of sleeps or resets in each test of them.
    pm_rounds: Option<u32>,
    tests: TestFolder,
    jobs: Vec<Job>,
}

/// The driver that is tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Driver {
    /// The modules of this tree.
    Nova,
    /// Linux's own, which the guest has.
    Nouveau,
}

impl Driver {
    /// The list of tests, in the folder igt-tests.
    fn list(self) -> &'static str {
        match self {
            Self::Nova => "tests-in-guest",
            Self::Nouveau => "nouveau-tests-in-guest",
        }
    }

    /// What else is built here for the tests: NVK knows nouveau, and runs on nova by this.
    fn tools(self) -> &'static [&'static str] {
        match self {
            Self::Nova => &["nova-nvk", "libnova_nvk_preload.so"],
            Self::Nouveau => &[],
        }
    }
}

pub(crate) fn run(host: &Host, arguments: &Arguments) -> Result<ExitCode> {
    // The lock is held until the end of the run.
    let (results, _lock) = results::lock(host)?;
    let _ = fs::remove_file(results.join("summary"));
    let mut check = Check {
        host,
        arguments,
        results,
        summary: Vec::new(),
        success: true,
    };
    let mut parts = Vec::new();
    for part in &arguments.parts {
        match part {
            Part::Unit => check.unit()?,
            Part::Vm => parts.push(check.guests(Kernel::Stock)?),
            Part::Debug => parts.push(check.guests(Kernel::Debug)?),
            Part::Nouveau => parts.push(check.nouveau()?),
        }
    }
    check.success &= run_all(&parts)?;
    let success = summarize(host, &check.results, &check.summary)?;
    Ok(code(check.success && success))
}

/// Prints the summary and writes it to a file, with these arguments of igt-summary. Returns whether
/// nothing failed.
fn summarize(host: &Host, results: &Path, arguments: &[PathBuf]) -> Result<bool> {
    let program = host.programs.join("igt-summary");
    let output = Command::new(&program)
        .args(arguments)
        .stderr(std::process::Stdio::inherit())
        .output()
        .with_context(|| program.display().to_string())?;
    let part = results.join("summary.part");
    fs::write(&part, &output.stdout)?;
    fs::rename(part, results.join("summary"))?;
    print!("{}", String::from_utf8_lossy(&output.stdout));
    Ok(output.status.success())
}

impl<'a> Check<'a> {
    fn unit(&mut self) -> Result<()> {
        let log = self.results.join("unit.log");
        let mut command = Command::new("cargo");
        command.args(["test", "--workspace", "--locked", "--no-fail-fast"]);
        command.env("NOVA_FIRMWARE_DIR", &self.host.firmware);
        let status = process::run_logged(&mut command, File::create(&log)?, &self.host.interrupt)?;
        self.success &= status.success();
        self.summary.extend(["--cargo-log".into(), log]);
        self.success &= judges::run_without_vm(self.host, &self.results)?;
        let verdicts = self.results.join(judges::VERDICTS);
        self.summary.extend(["--tap".into(), verdicts]);
        Ok(())
    }

    /// The VMs of the matrix, or those for the tests that the user has named.
    fn guests(&mut self, kernel: Kernel) -> Result<Guests<'a>> {
        let Arguments { chip, tests, .. } = self.arguments;
        let jobs = chip.jobs(kernel, tests);
        let folder = TestFolder::make(self.host, Driver::Nova, kernel)?;
        if tests.is_empty() {
            for list in &folder.lists {
                self.summary
                    .extend(["--not-applicable".into(), list.clone()]);
            }
        }
        Ok(self.part(jobs, kernel, folder))
    }

    /// The VMs for nouveau.
    fn nouveau(&mut self) -> Result<Guests<'a>> {
        let Arguments { chip, tests, .. } = self.arguments;
        let jobs = nouveau::jobs(chip, tests);
        let folder = TestFolder::make(self.host, Driver::Nouveau, Kernel::Stock)?;
        Ok(self.part(jobs, Kernel::Stock, folder))
    }

    fn part(&mut self, jobs: Vec<Job>, kernel: Kernel, tests: TestFolder) -> Guests<'a> {
        let outs = jobs.iter().map(|job| self.results.join(&job.name));
        self.summary.extend(outs);
        Guests {
            host: self.host,
            results: self.results.clone(),
            kernel,
            pm_rounds: self.arguments.pm_rounds,
            tests,
            jobs,
        }
    }
}

/// Runs the VMs of all parts, one more at once than there are processors: a VM keeps about one busy, but for the time in
/// which its tests wait. Returns whether all succeeded.
fn run_all(parts: &[Guests<'_>]) -> Result<bool> {
    let jobs = parts
        .iter()
        .flat_map(|part| part.jobs.iter().map(move |job| (part, job)));
    let next = Mutex::new(jobs);
    let run_some = || -> Result<bool> {
        let mut success = true;
        loop {
            let job = next.lock().expect("no thread panics with the lock").next();
            let Some((part, job)) = job else {
                return Ok(success);
            };
            // The results of the other VMs are worth having.
            success &= part.guest(job).unwrap_or_else(|error| {
                say(format_args!("{}: {error:#}", job.name));
                false
            });
            part.host.interrupt.check()?;
        }
    };
    let threads = thread::available_parallelism()?.get() + 1;
    thread::scope(|scope| {
        let runs: Vec<_> = (0..threads).map(|_| scope.spawn(run_some)).collect();
        runs.into_iter().try_fold(true, |all, run| {
            Ok(all & run.join().expect("no run panics")?)
        })
    })
}

impl Guests<'_> {
    /// Runs IGT in a VM. If the VM is lost, the remaining tests run in a second one; if that is
    /// lost, too, the results until then are collected. igt-summary reports each lost VM. Returns
    /// whether all succeeded.
    fn guest(&self, job: &Job) -> Result<bool> {
        let out = fresh(self.results.join(&job.name))?;
        let mut guest = Guest::new(&out);
        guest.chips.clone_from(&job.chips);
        guest.kernel = self.kernel;
        guest.nouveau = job.nouveau;
        if job.nouveau.is_none() {
            guest.modules = Some(self.kernel.modules(self.host));
        }
        guest.files = Some(self.tests.path().to_owned());
        guest.output = Output::Lines(job.name.clone());
        guest.limit = Some(LIMIT);
        guest.script = Some(self.script(job));
        let arguments = job.machine.mock_arguments().iter();
        guest.mock_arguments = arguments.map(|&word| word.to_owned()).collect();
        if job.runner == Runner::Killed {
            self.tests.add_kernel(self.host)?;
            guest
                .kernel_arguments
                .push(for_second_kernel(job.chips.len()));
        }
        for number in 1..=2 {
            let lost = match self.attempt(&guest)? {
                Some(ended) if ended.succeeded() => return Ok(number == 1),
                Some(ended) => ended.lost(),
                None => false,
            };
            if !lost {
                return Ok(false);
            }
            put_away_logs(&out, &out.join(format!("lost.{number}")))?;
        }
        let mut results = Guest::new(&out);
        results.script = Some(Script::new(self.host.script("results")));
        self.attempt(&results)?;
        Ok(false)
    }

    /// Runs a VM; an error that prevents its start counts as a failure.
    fn attempt(&self, guest: &Guest) -> Result<Option<Ended>> {
        let ended = guest.run(self.host);
        self.host.interrupt.check()?;
        Ok(ended.map_err(|error| say(format_args!("{error:#}"))).ok())
    }

    fn script(&self, job: &Job) -> Script {
        let name = match job.runner {
            Runner::Igt => "igt",
            Runner::Sleeping => "pm",
            Runner::Killed => "killed",
        };
        let script = Script::new(self.host.script(name)).args(&job.options);
        match self.pm_rounds {
            Some(rounds) if job.runner == Runner::Sleeping && job.nouveau.is_none() => {
                script.args(["--environment".into(), format!("NOVA_PM_ROUNDS={rounds}")])
            }
            _ => script,
        }
    }
}

/// Kernel arguments that reserve memory for the crash kernel. Without nokaslr, the kernel's random
/// address may leave no contiguous memory of that size.
fn for_second_kernel(gpus: usize) -> String {
    format!("crashkernel={}M nokaslr", 512 + 64 * gpus)
}

/// Moves the logs of a lost VM away, before the next VM writes its own.
fn put_away_logs(out: &Path, to: &Path) -> Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(out)? {
        let path = entry?.path();
        if let (true, Some(name)) = (
            path.extension().is_some_and(|it| it == "log"),
            path.file_name(),
        ) {
            fs::rename(&path, to.join(name))?;
        }
    }
    Ok(())
}

/// A folder for the guest with the tests of a driver and the files of the runner.
pub(crate) struct TestFolder {
    folder: TempDir,
    /// Lists of tests that do not apply, with the reasons.
    pub(crate) lists: Vec<PathBuf>,
}

impl TestFolder {
    pub(crate) fn make(host: &Host, driver: Driver, kernel: Kernel) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("nova-tests.").tempdir()?;
        let source = host.repo.join("igt-tests");
        let lists = match (driver, kernel) {
            (Driver::Nouveau, _) => &[][..],
            (Driver::Nova, Kernel::Stock) => &["not-applicable", "not-applicable-stock"],
            (Driver::Nova, Kernel::Debug) => &["not-applicable"],
        };
        let lists: Vec<_> = lists.iter().map(|list| source.join(list)).collect();
        let list = driver.list();
        let names = fs::read_to_string(source.join(list))?;
        // The others are upstream's, and in the guest.
        let is_ours = |name: &&str| {
            ["nova_", "nouveau_"]
                .iter()
                .any(|prefix| name.starts_with(prefix))
        };
        let tests = names.lines().filter(is_ours);
        let tests: Vec<_> = tests.map(|name| host.programs.join(name)).collect();
        ensure!(!tests.is_empty(), "{list} has no test that is built here");
        let runner = [list, "run-in-guest"].map(|name| source.join(name));
        let tools: Vec<_> = driver
            .tools()
            .iter()
            .map(|name| host.programs.join(name))
            .collect();
        for file in runner.iter().chain(&lists).chain(&tests).chain(&tools) {
            copy_into(file, folder.path())?;
        }
        Ok(Self { folder, lists })
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Adds the crash kernel and its initramfs.
    fn add_kernel(&self, host: &Host) -> Result<()> {
        for name in ["vmlinuz", "initramfs.zst"] {
            copy_into(&host.guest.join(name), self.path())?;
        }
        Ok(())
    }
}

fn copy_into(file: &Path, folder: &Path) -> Result<()> {
    let name = file.file_name().context("a file has a name")?;
    fs::copy(file, folder.join(name)).with_context(|| file.display().to_string())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_of_a_lost_vm_are_kept() {
        let out = tempfile::tempdir().unwrap();
        for name in ["console.log", "mock.1.log", "journal.txt"] {
            fs::write(out.path().join(name), name).unwrap();
        }
        let lost = out.path().join("lost.1");
        put_away_logs(out.path(), &lost).unwrap();
        assert!(lost.join("console.log").exists() && lost.join("mock.1.log").exists());
        assert!(out.path().join("journal.txt").exists());
        assert!(!out.path().join("console.log").exists());
    }

    #[test]
    fn the_second_kernel_has_room_for_all_firmware() {
        assert_eq!(for_second_kernel(1), "crashkernel=576M nokaslr");
        assert_eq!(for_second_kernel(24), "crashkernel=2048M nokaslr");
    }
}
