// SPDX-License-Identifier: GPL-2.0

//! The configuration of a VM, and the script that runs in it.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;
use nova_hw::chipset::Chipset;
use nova_hw::release::Release;

use crate::Host;

/// Default time limit for a VM.
pub const LIMIT: Duration = Duration::from_secs(1800);

/// The kernel of a VM.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Kernel {
    /// Debian's kernel.
    #[default]
    Stock,
    /// The debug kernel, with KASAN, lockdep and other checks.
    Debug,
}

impl Kernel {
    /// The folder of the modules that are built for this kernel.
    pub fn modules(self, host: &Host) -> PathBuf {
        host.repo.join(match self {
            Self::Stock => "build/modules/vm",
            Self::Debug => "build/modules/debug",
        })
    }
}

/// A program that runs in the VM.
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

/// Destination of the script's output.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Output {
    /// The output of this program, whose input is that of the VM, too.
    #[default]
    Ours,
    /// The output of this program, as lines that begin with this name, since several VMs print
    /// there.
    Lines(String),
    /// This file.
    File(PathBuf),
}

/// A VM. Its root is writable, and discarded afterwards. In the VM, /dev/virtio-ports/nova.mock.N
/// is the control port of the Nth GPU's mock, from 0.
#[derive(Clone, Debug)]
pub struct Guest {
    /// The GPUs.
    pub chips: Vec<Chipset>,
    /// The kernel.
    pub kernel: Kernel,
    /// The firmware release that nouveau boots when it is loaded, if nouveau is to drive the GPUs
    /// through GSP-RM.
    pub nouveau: Option<&'static Release>,
    /// Folder with the vmlinuz and initramfs.zst of another kernel, for a driver that needs one.
    pub other_kernel: Option<PathBuf>,
    /// Folder whose *.ko are installed where modprobe finds them.
    pub modules: Option<PathBuf>,
    /// Folder that is /nova in the VM, read-only.
    pub files: Option<PathBuf>,
    /// Folder of the mocks' firmware; by default the driver's.
    pub firmware: Option<PathBuf>,
    /// Folder that is /out in the VM. It also gets console.log, dmesg, qemu.log and, of each mock,
    /// trace.json, mock.log and mock.status (/proc/PID/status at the end); of the second one
    /// trace.1.json and so on.
    pub out: PathBuf,
    /// Time limit for the VM.
    pub limit: Option<Duration>,
    /// Whether each mock logs all accesses to its registers, in registers.log.
    pub registers: bool,
    /// More arguments of every mock.
    pub mock_arguments: Vec<String>,
    /// More arguments of the kernel.
    pub kernel_arguments: Vec<String>,
    /// The script; without one, a shell runs.
    pub script: Option<Script>,
    /// Destination of the output.
    pub output: Output,
}

impl Guest {
    /// A VM with the stock kernel, without a GPU, that runs a shell.
    pub fn new(out: impl Into<PathBuf>) -> Self {
        Self {
            chips: Vec::new(),
            kernel: Kernel::Stock,
            nouveau: None,
            other_kernel: None,
            modules: None,
            files: None,
            firmware: None,
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
