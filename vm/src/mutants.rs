// SPDX-License-Identifier: GPL-2.0

//! Applies one mutant at a time to the kernel modules, and prints the mutants that no test notices.
//! cargo-mutants cannot do that, since the kernel's build system builds the modules, and they run
//! in a VM.
//!
//! A mutant is a patch to nova/kmod. Its first line describes the bug, and a line `Noticed-by:`
//! names the subtest that must fail; the subtest first runs without the mutant. A VM that hangs or
//! is lost has noticed the mutant, too.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{ensure, Context, Result};
use nova_hw::chipset::Chipset;
use nova_vm::process::{self, Group};
use nova_vm::{fresh, Guest, Host, Kernel, Output, Script};

use crate::check::{Driver, TestFolder};
use crate::code;

/// Time limit for a subtest without a mutant.
const LIMIT: Duration = Duration::from_secs(1800);

/// A patch in nova/kmod/mutants.
struct Mutant {
    name: String,
    patch: PathBuf,
    /// Description of the bug.
    what: String,
    /// The subtest that must notice it.
    subtest: String,
}

impl Mutant {
    fn read(folder: &Path, name: &str) -> Result<Self> {
        let patch = folder.join(format!("{name}.patch"));
        let text = fs::read_to_string(&patch).with_context(|| patch.display().to_string())?;
        let (what, subtest) = header(&text)
            .with_context(|| format!("{name} has no description or no line Noticed-by"))?;
        Ok(Self {
            name: name.to_owned(),
            patch,
            what,
            subtest,
        })
    }
}

/// The description of a patch, and the subtest that notices it.
fn header(patch: &str) -> Option<(String, String)> {
    let what = patch.lines().next()?;
    let subtest = patch
        .lines()
        .find_map(|line| line.strip_prefix("Noticed-by: "))?;
    Some((what.to_owned(), subtest.to_owned()))
}

/// A copy of the working tree for the mutants, and the files for its tests.
struct Copy<'a> {
    host: &'a Host,
    folder: PathBuf,
    results: PathBuf,
    tests: TestFolder,
}

/// Runs the named mutants, or all of them if none is named.
pub(crate) fn run(host: &Host, mut names: Vec<String>) -> Result<ExitCode> {
    let folder = host.repo.join("nova/kmod/mutants");
    if names.is_empty() {
        names = all(&folder)?;
    }
    let mutants = names.iter().map(|name| Mutant::read(&folder, name));
    let mutants = mutants.collect::<Result<Vec<_>>>()?;
    let copy = Copy::make(host)?;
    copy.build("the unmodified source")?;
    let limits = copy.limits(&mutants)?;
    let mut survivors = 0;
    for mutant in &mutants {
        copy.patch(mutant, &[])?;
        copy.build(&mutant.name)?;
        let Mutant {
            name,
            what,
            subtest,
            ..
        } = mutant;
        match copy.failure(subtest, &copy.results.join(name), limits[subtest.as_str()])? {
            None => {
                survivors += 1;
                println!("survived: {name}: {what}");
            }
            Some(reason) => println!("noticed: {name} by {subtest}\n{reason}"),
        }
        copy.patch(mutant, &["--reverse"])?;
    }
    println!("{} mutants, {survivors} survived", mutants.len());
    Ok(code(survivors == 0))
}

fn all(folder: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let name = entry?.file_name();
        names.extend(
            name.to_string_lossy()
                .strip_suffix(".patch")
                .map(str::to_owned),
        );
    }
    names.sort();
    Ok(names)
}

impl<'a> Copy<'a> {
    fn make(host: &'a Host) -> Result<Self> {
        let copy = Self {
            host,
            folder: fresh(host.repo.join("build/mutants-kmod"))?,
            results: fresh(host.repo.join("build/results/mutants"))?,
            tests: TestFolder::make(host, Driver::Nova, Kernel::Stock)?,
        };
        fs::create_dir_all(&copy.results)?;
        let output = Command::new("git")
            .args([
                "ls-files",
                "-z",
                "--cached",
                "--others",
                "--exclude-standard",
            ])
            .current_dir(&host.repo)
            .stderr(Stdio::inherit())
            .output()
            .context("git")?;
        ensure!(output.status.success(), "git ls-files: {}", output.status);
        let names = String::from_utf8(output.stdout)?;
        for name in names.split_terminator('\0') {
            copy_file(&host.repo.join(name), &copy.folder.join(name))?;
        }
        Ok(copy)
    }

    fn build(&self, what: &str) -> Result<()> {
        let log = self.results.join("build.log");
        let file = File::create(&log)?;
        let mut make = Command::new("make");
        make.args(["--no-print-directory", "vm-modules", "-C"]);
        make.arg(&self.folder);
        make.stdout(file.try_clone()?).stderr(file);
        let status = process::run(&mut make, Group::Ours, &self.host.interrupt)?;
        ensure!(
            status.success(),
            "{what} does not build: see {}",
            log.display()
        );
        Ok(())
    }

    /// Time limit of each subtest with a mutant: four times its time without one, plus a minute.
    fn limits<'b>(&self, mutants: &'b [Mutant]) -> Result<BTreeMap<&'b str, Duration>> {
        let mut limits = BTreeMap::new();
        for Mutant { subtest, .. } in mutants {
            if limits.contains_key(subtest.as_str()) {
                continue;
            }
            let start = Instant::now();
            let results = self.results.join("without").join(subtest);
            let failure = self.failure(subtest, &results, LIMIT)?;
            ensure!(
                failure.is_none(),
                "{subtest} fails without a mutant: see {}",
                results.display()
            );
            limits.insert(
                subtest.as_str(),
                4 * start.elapsed() + Duration::from_secs(60),
            );
        }
        Ok(limits)
    }

    fn patch(&self, mutant: &Mutant, options: &[&str]) -> Result<()> {
        let status = Command::new("patch")
            .args(["--quiet", "--strip=1", "--directory"])
            .arg(&self.folder)
            .args(options)
            .stdin(File::open(&mutant.patch)?)
            .status()
            .context("patch")?;
        ensure!(status.success(), "{} does not apply any more", mutant.name);
        Ok(())
    }

    /// Why a subtest fails with the modules of the copy: the first failure, or how the VM ended;
    /// `None` if it passes.
    fn failure(&self, subtest: &str, results: &Path, limit: Duration) -> Result<Option<String>> {
        let script = match subtest.starts_with("igt@nova_pm@") {
            true => "pm",
            false => "igt",
        };
        let script = Script::new(self.host.script(script));
        let mut guest = Guest::new(results);
        guest.chips = vec![Chipset::GA102];
        guest.modules = Some(self.folder.join("build/modules/vm"));
        guest.files = Some(self.tests.path().to_owned());
        guest.limit = Some(limit);
        guest.output = Output::File(results.join("guest.log"));
        guest.script = Some(script.args(["--include-tests".to_owned(), format!("^{subtest}$")]));
        let ended = guest.run_quietly(self.host)?;
        if !ended.succeeded() {
            return Ok(Some(ended.to_string()));
        }
        let summary = Command::new(self.host.programs.join("igt-summary"))
            .arg(results)
            .output()
            .context("igt-summary")?;
        let text = String::from_utf8_lossy(&summary.stdout);
        fs::write(results.join("summary"), text.as_bytes())?;
        Ok((!summary.status.success()).then(|| first_failure(&text)))
    }
}

/// The first lines of the first failure in a summary.
fn first_failure(summary: &str) -> String {
    let lines = summary.lines().skip_while(|line| !line.starts_with("FAIL"));
    lines.take(3).collect::<Vec<_>>().join("\n")
}

/// Copies a file, if it exists: git also lists files that were removed.
fn copy_file(from: &Path, to: &Path) -> Result<()> {
    if !from.exists() {
        return Ok(());
    }
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::copy(from, to).with_context(|| from.display().to_string())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_names_its_subtest() {
        let patch = "The lock is gone.\nNoticed-by: igt@a@b\n--- a/x\n";
        let expected = ("The lock is gone.".to_owned(), "igt@a@b".to_owned());
        assert_eq!(header(patch), Some(expected));
        assert_eq!(header("The lock is gone.\n"), None);
    }

    #[test]
    fn the_first_failure_is_shown() {
        let summary = "a 1 2\nSKIP x\nFAIL a@b: fail\n     1\n     2\nFAIL c\n";
        assert_eq!(first_failure(summary), "FAIL a@b: fail\n     1\n     2");
    }
}
