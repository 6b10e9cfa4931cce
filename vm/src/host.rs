// SPDX-License-Identifier: GPL-2.0

//! This machine: the paths of all parts, and whether the user has interrupted this program.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{bail, ensure, Context, Result};

use crate::Interrupt;

/// Shared by all runs of VMs.
#[derive(Clone, Debug)]
pub struct Host {
    /// The working tree.
    pub repo: PathBuf,
    /// The programs that cargo has built.
    pub programs: PathBuf,
    /// The program of the mocked GPU.
    pub mock: PathBuf,
    /// The sysroot, a Debian with QEMU.
    pub sysroot: PathBuf,
    /// Folder with the VM's vmlinuz, initramfs.zst and root.erofs.
    pub guest: PathBuf,
    /// Folder with the debug kernel, which may not exist.
    pub debug_kernel: PathBuf,
    /// Folder with nvidia/CHIP/gsp/*.bin.
    pub firmware: PathBuf,
    /// Folder with tinygrad and its cache, which may not exist.
    pub tinygrad: PathBuf,
    /// Folder with NVIDIA's driver and what it runs on, which may not exist.
    pub nvidia: PathBuf,
    /// Whether the user has interrupted this program.
    pub interrupt: Interrupt,
}

impl Host {
    /// Finds all paths, from the root of the working tree, and installs the handlers of
    /// [`Interrupt`]. `NOVA_MOCK` names another program for the mocked GPU.
    pub fn find() -> Result<Self> {
        let repo = env::current_dir()?;
        let programs = env::current_exe()?;
        let programs = programs
            .parent()
            .context("the program has no parent folder")?;
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
            tinygrad: path(&paths, "tinygrad")?,
            nvidia: path(&paths, "nvidia")?,
            interrupt: Interrupt::on_signals()?,
            repo,
        })
    }

    /// A command that runs a program of the sysroot, with the sysroot's libraries.
    pub(crate) fn tool(&self, name: &str) -> Command {
        let mut command = Command::new(self.sysroot.join("lib64/ld-linux-x86-64.so.2"));
        command.arg("--library-path");
        command.arg(self.sysroot.join("usr/lib/x86_64-linux-gnu"));
        command.arg(self.sysroot.join("usr/bin").join(name));
        command
    }

    /// A script that runs in the VM.
    pub fn script(&self, name: &str) -> PathBuf {
        self.repo.join("vm/guest").join(name)
    }

    /// A path for messages to the user.
    pub fn shown<'a>(&self, path: &'a Path) -> std::path::Display<'a> {
        path.strip_prefix(&self.repo).unwrap_or(path).display()
    }
}

/// The path called `name` in the output of vm/cache/paths, lines of `NAME=PATH`.
fn path(paths: &str, name: &str) -> Result<PathBuf> {
    for line in paths.lines() {
        if let Some((found, path)) = line.split_once('=') {
            if found == name {
                return Ok(path.into());
            }
        }
    }
    bail!("vm/cache/paths does not print {name}")
}
