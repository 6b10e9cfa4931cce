// SPDX-License-Identifier: GPL-2.0

//! A VM in which a driver boots some chips.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{ensure, Context, Result};
use nova_hw::chipset::Chipset;
use nova_hw::release::Release;
use nova_vm::process::{self, Group};
use nova_vm::{file_of, fresh, Guest, Host, Kernel, Script};
use serde_json::Value;

/// The drivers that are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driver {
    /// Nova.
    Nova,
    /// The kernel's own nova-core, unmodified.
    Upstream,
}

impl Driver {
    /// Its name in scripts and of its run's folder.
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

/// The results of a driver's run.
#[derive(Debug)]
pub struct Run {
    out: PathBuf,
    /// The kernel log.
    pub dmesg: String,
    /// Addresses of the GPUs, in the order of the chips.
    pub addresses: Vec<String>,
}

/// Parameters of the boots, the same for each driver.
#[derive(Clone, Copy, Debug)]
pub struct Boots<'a> {
    /// Parent of the drivers' result folders, relative to the working tree.
    pub work: &'a str,
    /// The GPUs.
    pub chips: &'a [Chipset],
    /// Number of times that the driver is loaded and unloaded.
    pub times: u32,
    /// Whether all register accesses are logged.
    pub registers: bool,
    /// A file with the VBIOS of all GPUs, which have synthetic ones otherwise.
    pub vbios: Option<&'a str>,
    /// Other firmware of the GPUs and of Nova, which then boots this release.
    pub firmware: Option<(&'a Path, &'a Release)>,
}

/// Boots the chips with `driver` in a VM.
pub fn run(host: &Host, boots: Boots<'_>, driver: Driver) -> Result<Run> {
    let Boots {
        work,
        chips,
        times,
        registers,
        vbios,
        firmware,
    } = boots;
    let mut guest = Guest::new(fresh(host.repo.join(work).join(driver.name()))?);
    guest.chips = chips.to_vec();
    guest.registers = registers;
    if let Some(file) = vbios {
        guest.mock_arguments = vec!["--vbios".into(), file.into()];
    }
    match driver {
        Driver::Nova => guest.modules = Some(Kernel::Stock.modules(host)),
        Driver::Upstream => {
            prepare_upstream(host, chips)?;
            guest.files = Some(host.repo.join("build/upstream"));
        }
    }
    let script = Script::new(host.repo.join("bench/guest/boot"));
    let mut script = script.args([driver.name(), &times.to_string()]);
    if let Some((folder, release)) = firmware {
        guest.firmware = Some(folder.to_owned());
        guest.files = Some(folder.to_owned());
        let branch = release.branch().context("the release has no branch")?;
        script = script.args([branch.to_string()]);
    }
    guest.script = Some(script);
    let ended = guest.run(host)?;
    let out = guest.out;
    ensure!(
        ended.succeeded(),
        "{driver}: {ended}; see {}",
        host.shown(&out)
    );
    let text = |name| fs::read_to_string(out.join(name)).context(name);
    Ok(Run {
        dmesg: text("dmesg")?,
        addresses: text("gpus")?.lines().map(str::to_owned).collect(),
        out,
    })
}

/// Runs `bench/guest/NAME` in a VM with this chip, Nova's modules and programs, and returns the contents of
/// its output file NAME.
pub fn measure(host: &Host, chip: Chipset, name: &str) -> Result<String> {
    let mut guest = Guest::new(host.repo.join("build/bench").join(name));
    guest.chips = vec![chip];
    guest.modules = Some(Kernel::Stock.modules(host));
    guest.files = Some(host.programs.clone());
    guest.script = Some(Script::new(host.repo.join("bench/guest").join(name)));
    output(host, &guest, name)
}

/// Runs a VM, and returns the contents of its output file NAME.
pub fn output(host: &Host, guest: &Guest, name: &str) -> Result<String> {
    let ended = guest.run(host)?;
    let out = host.shown(&guest.out);
    ensure!(ended.succeeded(), "{name}: {ended}; see {out}");
    fs::read_to_string(guest.out.join(name)).with_context(|| name.to_owned())
}

/// Builds upstream's module and its firmware.
fn prepare_upstream(host: &Host, chips: &[Chipset]) -> Result<()> {
    let mut command = Command::new(host.repo.join("vm/build/upstream"));
    command.args(chips.iter().map(|chip| chip.name()));
    let status = process::run(&mut command, Group::Ours, &host.interrupt)?;
    ensure!(status.success(), "vm/build/upstream: {status}");
    Ok(())
}

impl Run {
    /// The timeline of GPU number `gpu`.
    pub fn trace(&self, gpu: usize) -> Result<Vec<Value>> {
        let name = file_of(gpu, "trace", ".json");
        let trace = fs::read(self.out.join(&name)).with_context(|| name.clone())?;
        serde_json::from_slice(&trace).context(name)
    }

    /// The text of a file that exists for each GPU.
    pub fn text(&self, gpu: usize, name: &str, extension: &str) -> Result<String> {
        let name = file_of(gpu, name, extension);
        fs::read_to_string(self.out.join(&name)).context(name)
    }
}
