// SPDX-License-Identifier: GPL-2.0

//! The program behind the targets of the Makefile that need a VM. Its exit status is that of the
//! script in the VM, if there is one; 124 if the script took too long; 125 if the VM ended before
//! it.

mod check;
mod judges;
mod matrix;
mod mutants;
mod nouveau;
mod results;
mod run;
mod stress;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::{Parser, Subcommand};
use nova_hw::chipset::Chipset;
use nova_vm::chips::named;
use nova_vm::{say, Guest, Host, Interrupted, Kernel, Script};

/// Runs Nova in VMs that have mocked GPUs.
///
/// From the root of the working tree, after `make programs vm-modules`.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Boot a GPU and print the boot report; the timeline goes to build/trace.json.
    Run {
        /// The chip; `list` prints the names.
        #[arg(long)]
        chip: String,
        /// Branch of the firmware release (535, 570); 0 for the newest.
        #[arg(long, default_value_t = 0)]
        firmware_release: u32,
        /// A VBIOS for the GPU, such as the dump of a card of this chip, instead of a synthetic one.
        #[arg(long, value_name = "FILE")]
        vbios: Option<String>,
    },
    /// Run tests, and count them.
    Check(check::Arguments),
    /// Have drivers that others wrote judge the mocked GPU.
    CheckJudges(judges::Arguments),
    /// Stress the modules for a while, and then fuzz the ioctls for as long, each in a VM of its
    /// own.
    Stress(stress::Arguments),
    /// Apply one mutant at a time to the modules, and print the mutants that no test notices.
    MutantsKmod {
        /// Names of patches in nova/kmod/mutants; all of them by default.
        names: Vec<String>,
    },
    /// Run a script in a VM, or a shell.
    Guest(GuestArguments),
}

#[derive(Debug, clap::Args)]
struct GuestArguments {
    /// A GPU, which may be repeated; `none` for a VM without one.
    #[arg(long, default_value = "ga102", value_parser = chip_or_none)]
    chip: Vec<Option<Chipset>>,
    /// Folder whose *.ko are installed where modprobe finds them.
    #[arg(long, value_name = "DIR")]
    modules: Option<PathBuf>,
    /// Folder that is /nova in the VM, read-only.
    #[arg(long, value_name = "DIR")]
    files: Option<PathBuf>,
    /// Folder that is /out in the VM; also gets console.log, dmesg, qemu.log, and trace.json and
    /// mock.log of each GPU.
    #[arg(long, value_name = "DIR", default_value = "build/guest")]
    out: PathBuf,
    /// Seconds until the VM is ended, 0 for never.
    #[arg(long, value_name = "SECONDS", default_value_t = nova_vm::guest::LIMIT.as_secs())]
    timeout: u64,
    /// The kernel; `make debug-modules` makes the debug kernel.
    #[arg(long, value_enum, default_value_t)]
    kernel: Kernel,
    /// Make each mock log all accesses to its registers.
    #[arg(long)]
    registers: bool,
    /// One more argument for every nova-mock (may be repeated).
    #[arg(long, value_name = "ARGUMENT", allow_hyphen_values = true)]
    mock: Vec<String>,
    /// One more argument for the kernel (may be repeated).
    #[arg(long, value_name = "ARGUMENT")]
    append: Vec<String>,
    /// A program of this machine, and its arguments.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    script: Vec<OsString>,
}

fn chip_or_none(name: &str) -> Result<Option<Chipset>, String> {
    match name {
        "none" => Ok(None),
        name => named(name).map(Some),
    }
}

impl GuestArguments {
    fn run(self, host: &Host) -> Result<ExitCode> {
        let mut guest = Guest::new(std::path::absolute(self.out)?);
        guest.chips = self.chip.into_iter().flatten().collect();
        guest.modules = self.modules;
        guest.files = self.files;
        guest.limit = (self.timeout != 0).then(|| Duration::from_secs(self.timeout));
        guest.kernel = self.kernel;
        guest.registers = self.registers;
        guest.mock_arguments = self.mock;
        guest.kernel_arguments = self.append;
        let mut words = self.script.into_iter();
        guest.script = words.next().map(|path| Script::new(path).args(words));
        Ok(guest.run(host)?.code().into())
    }
}

fn act(action: Action) -> Result<ExitCode> {
    let host = Host::find()?;
    match action {
        Action::Run { chip, .. } if chip == "list" => run::list(&host),
        Action::Run {
            chip,
            firmware_release,
            vbios,
        } => run::run(&host, &chip, firmware_release, vbios.as_deref()),
        Action::Check(arguments) => check::run(&host, &arguments),
        Action::CheckJudges(arguments) => judges::run(&host, &arguments),
        Action::Stress(arguments) => stress::run(&host, &arguments),
        Action::MutantsKmod { names } => mutants::run(&host, names),
        Action::Guest(arguments) => arguments.run(&host),
    }
}

/// The exit status that shells use for a program ended by SIGINT.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    match act(Arguments::parse().action) {
        Ok(code) => code,
        Err(error) if error.is::<Interrupted>() => INTERRUPTED.into(),
        Err(error) => {
            say(format_args!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// The exit status for success or failure.
fn code(success: bool) -> ExitCode {
    match success {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}
