// SPDX-License-Identifier: GPL-2.0

//! A VM in which a driver boots some chips.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{ensure, Context, Result};
use nova_hw::chipset::Chipset;
use serde_json::Value;

/// Whose driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driver {
    /// Ours.
    Nova,
    /// The nova-core of the kernel's own source, unmodified.
    Upstream,
}

impl Driver {
    /// Its name for scripts, and of the folder of its run.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nova => "nova",
            Self::Upstream => "upstream",
        }
    }
}

impl fmt::Display for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nova => "Nova",
            Self::Upstream => "Linux's nova-core",
        })
    }
}

/// What a run of a driver left.
#[derive(Debug)]
pub struct Run {
    out: PathBuf,
    /// The kernel log.
    pub dmesg: String,
    /// Addresses of the GPUs in the order in which the chips were given.
    pub addresses: Vec<String>,
}

/// Loads and unloads `driver` `times` times in a VM with a GPU of each of `chips`; what that leaves
/// goes to a folder in `work`, relative to the repository.
pub fn run(repo: &Path, work: &str, driver: Driver, chips: &[Chipset], times: u32) -> Result<Run> {
    let out = repo.join(work).join(driver.name());
    match fs::remove_dir_all(&out) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
        _ => fs::create_dir_all(&out)?,
    }
    let mut command = Command::new(repo.join("vm/start"));
    command.arg("--out").arg(&out);
    command.args(["--timeout", "1800"]);
    for chip in chips {
        command.args(["--chip", chip.name()]);
    }
    match driver {
        Driver::Nova => command.arg("--modules").arg(repo.join("build/modules/vm")),
        Driver::Upstream => {
            prepare_upstream(repo, chips)?;
            command.arg("--files").arg(repo.join("build/upstream"))
        }
    };
    let status = command
        .arg(repo.join("bench/guest/boot"))
        .args([driver.name(), &times.to_string()])
        .status()
        .context("vm/start")?;
    ensure!(
        status.success(),
        "{driver}: {status}; see {}",
        out.display()
    );
    let text = |name| fs::read_to_string(out.join(name)).context(name);
    Ok(Run {
        dmesg: text("dmesg")?,
        addresses: text("gpus")?.lines().map(str::to_owned).collect(),
        out,
    })
}

/// Runs `bench/guest/NAME` in a VM with our modules and the programs, and returns what it left in its
/// file NAME.
pub fn measure(repo: &Path, programs: &Path, name: &str) -> Result<String> {
    let out = repo.join("build/bench").join(name);
    fs::create_dir_all(&out)?;
    let status = Command::new(repo.join("vm/start"))
        .arg("--modules")
        .arg(repo.join("build/modules/vm"))
        .arg("--files")
        .arg(programs)
        .arg("--out")
        .arg(&out)
        .arg(repo.join(format!("bench/guest/{name}")))
        .status()
        .context("vm/start")?;
    ensure!(status.success(), "{name}: {status}; see {}", out.display());
    fs::read_to_string(out.join(name)).with_context(|| name.to_owned())
}

/// Builds upstream's module and its firmware.
fn prepare_upstream(repo: &Path, chips: &[Chipset]) -> Result<()> {
    let status = Command::new(repo.join("vm/build/upstream"))
        .args(chips.iter().map(|chip| chip.name()))
        .status()
        .context("vm/build/upstream")?;
    ensure!(status.success(), "vm/build/upstream: {status}");
    Ok(())
}

impl Run {
    /// The timeline of the GPU with this number.
    pub fn trace(&self, gpu: usize) -> Result<Vec<Value>> {
        let name = Self::file(gpu, "trace", ".json");
        let trace = fs::read(self.out.join(&name)).with_context(|| name.clone())?;
        serde_json::from_slice(&trace).context(name)
    }

    /// A file that there is for each GPU, as `vm/start` and `bench/guest/boot` name it.
    pub fn text(&self, gpu: usize, name: &str, extension: &str) -> Result<String> {
        let name = Self::file(gpu, name, extension);
        fs::read_to_string(self.out.join(&name)).context(name)
    }

    fn file(gpu: usize, name: &str, extension: &str) -> String {
        match gpu {
            0 => format!("{name}{extension}"),
            gpu => format!("{name}.{gpu}{extension}"),
        }
    }
}
