// SPDX-License-Identifier: GPL-2.0

//! What a VM has, and what runs in it.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;
use nova_hw::chipset::Chipset;

use crate::Host;

/// How long a VM may run, unless its user knows better.
pub const LIMIT: Duration = Duration::from_secs(1800);

/// Which kernel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Kernel {
    /// As Debian builds it.
    #[default]
    Stock,
    /// With KASAN, lockdep and their like.
    Debug,
}

impl Kernel {
    /// The folder of the modules that are built for it.
    pub fn modules(self, host: &Host) -> PathBuf {
        host.repo.join(match self {
            Self::Stock => "build/modules/vm",
            Self::Debug => "build/modules/debug",
        })
    }
}

/// What runs in the VM.
#[derive(Clone, Debug)]
pub struct Script {
    /// The program, on this machine.
    pub path: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
}

impl Script {
    /// A script without arguments.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            arguments: Vec::new(),
        }
    }

    /// The script with more arguments.
    pub fn args<T: Into<OsString>>(mut self, arguments: impl IntoIterator<Item = T>) -> Self {
        self.arguments.extend(arguments.into_iter().map(T::into));
        self
    }
}

/// Where the output of what runs in the VM goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Output {
    /// Where our own goes. Our input is the VM's, too.
    #[default]
    Ours,
    /// Where our own goes, as lines that begin with this name: another VM's stand between them.
    Lines(String),
    /// Into this file.
    File(PathBuf),
}

/// A VM. Its root is writable, and forgotten afterwards. A test in it tells the mock of the Nth GPU, from 0, what to do through /dev/virtio-ports/nova.mock.N.
#[derive(Clone, Debug)]
pub struct Guest {
    /// The GPUs.
    pub chips: Vec<Chipset>,
    /// The kernel.
    pub kernel: Kernel,
    /// Folder whose *.ko are installed where modprobe finds them.
    pub modules: Option<PathBuf>,
    /// Folder that is seen in the VM as /nova, read-only.
    pub files: Option<PathBuf>,
    /// Folder that is seen in the VM as /out. It also gets console.log, dmesg, qemu.log and, of each mock, trace.json, mock.log and
    /// mock.status (/proc/PID/status at the end); of the second one trace.1.json and so on.
    pub out: PathBuf,
    /// How long the VM may run.
    pub limit: Option<Duration>,
    /// Whether each mock logs all accesses to its registers, in registers.log.
    pub registers: bool,
    /// More arguments of every mock.
    pub mock_arguments: Vec<String>,
    /// More arguments of the kernel.
    pub kernel_arguments: Vec<String>,
    /// What runs; without one, a shell.
    pub script: Option<Script>,
    /// Where the output goes.
    pub output: Output,
}

impl Guest {
    /// A VM with the stock kernel, without a GPU, that runs a shell.
    pub fn new(out: impl Into<PathBuf>) -> Self {
        Self {
            chips: Vec::new(),
            kernel: Kernel::Stock,
            modules: None,
            files: None,
            out: out.into(),
            limit: Some(LIMIT),
            registers: false,
            mock_arguments: Vec::new(),
            kernel_arguments: Vec::new(),
            script: None,
            output: Output::Ours,
        }
    }
}
