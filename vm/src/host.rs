// SPDX-License-Identifier: GPL-2.0

//! This machine: where things lie, and whether the user wants it all to end.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{bail, ensure, Context, Result};

use crate::Interrupt;

/// What all runs of VMs have in common.
#[derive(Clone, Debug)]
pub struct Host {
    /// The working tree.
    pub repo: PathBuf,
    /// The programs that cargo has built.
    pub programs: PathBuf,
    /// The program that is the mocked GPU.
    pub mock: PathBuf,
    /// Debian with QEMU.
    pub sysroot: PathBuf,
    /// What the VM starts from: vmlinuz, initramfs.zst and root.erofs.
    pub guest: PathBuf,
    /// The debug kernel; it need not be there.
    pub debug_kernel: PathBuf,
    /// Folder with nvidia/CHIP/gsp/*.bin.
    pub firmware: PathBuf,
    /// Whether the user wants this program to end.
    pub interrupt: Interrupt,
}

impl Host {
    /// Finds everything, from the root of the working tree, and takes over the signals that end a program.
    /// `NOVA_MOCK` names another program for the mocked GPU.
    pub fn find() -> Result<Self> {
        let repo = env::current_dir()?;
        let programs = env::current_exe()?;
        let programs = programs.parent().context("a program lies in no folder")?;
        let script = repo.join("vm/cache/paths");
        ensure!(
            script.exists(),
            "{} is not the root of Nova's working tree",
            repo.display()
        );
        let output = Command::new(&script)
            .stderr(Stdio::inherit())
            .output()
            .context("vm/cache/paths")?;
        ensure!(output.status.success(), "vm/cache/paths: {}", output.status);
        let paths = String::from_utf8(output.stdout)?;
        let mock = env::var_os("NOVA_MOCK");
        Ok(Self {
            mock: mock.map_or_else(|| programs.join("nova-mock"), PathBuf::from),
            programs: programs.to_owned(),
            sysroot: path(&paths, "sysroot")?,
            guest: path(&paths, "guest")?,
            debug_kernel: path(&paths, "debug-kernel")?,
            firmware: path(&paths, "firmware")?,
            interrupt: Interrupt::on_signals()?,
            repo,
        })
    }

    /// A script that runs in the VM.
    pub fn script(&self, name: &str) -> PathBuf {
        self.repo.join("vm/guest").join(name)
    }

    /// A path for the user.
    pub fn shown<'a>(&self, path: &'a Path) -> std::path::Display<'a> {
        path.strip_prefix(&self.repo).unwrap_or(path).display()
    }
}

/// The path of this name among those that the script has printed, `NAME=PATH` a line.
fn path(paths: &str, name: &str) -> Result<PathBuf> {
    for line in paths.lines() {
        if let Some((found, path)) = line.split_once('=') {
            if found == name {
                return Ok(path.into());
            }
        }
    }
    bail!("vm/cache/paths does not know {name}")
}
