// SPDX-License-Identifier: GPL-2.0

//! Stresses the modules in a VM, and then fuzzes their ioctls in another one. Each program prints
//! its findings and its seed; the kernel's log is in build/stress/ (that of the debug kernel in
//! build/stress-debug/).

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use nova_hw::chipset::Chipset;
use nova_vm::chips::named;
use nova_vm::{fresh, Guest, Host, Kernel, Script};

use crate::code;

/// The programs, each of which gets a VM of its own.
const PROGRAMS: [&str; 2] = ["nova-stress", "nova-fuzz-ioctl"];

/// Additional time limit for booting and for the last actions on a busy machine.
const SPARE: Duration = Duration::from_secs(3600);

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The chip.
    #[arg(long, value_parser = named)]
    chip: Chipset,
    /// Seconds that each of the two programs runs.
    #[arg(long)]
    seconds: u64,
    /// Repeat the run with this seed.
    #[arg(long)]
    seed: Option<u64>,
    /// The kernel.
    #[arg(long, value_enum, default_value_t)]
    kernel: Kernel,
}

pub(crate) fn run(host: &Host, arguments: &Arguments) -> Result<ExitCode> {
    let folder = host.repo.join(match arguments.kernel {
        Kernel::Stock => "build/stress",
        Kernel::Debug => "build/stress-debug",
    });
    let mut success = true;
    for program in PROGRAMS {
        let mut script = Script::new(host.script("stress"));
        script = script.args([program, "--seconds", &arguments.seconds.to_string()]);
        if let Some(seed) = arguments.seed {
            script = script.args(["--seed".to_owned(), seed.to_string()]);
        }
        let mut guest = Guest::new(fresh(folder.join(program))?);
        guest.chips = vec![arguments.chip];
        guest.kernel = arguments.kernel;
        guest.modules = Some(arguments.kernel.modules(host));
        guest.files = Some(host.programs.clone());
        guest.limit = Some(Duration::from_secs(arguments.seconds) + SPARE);
        guest.script = Some(script);
        success &= guest.run(host)?.succeeded();
    }
    Ok(code(success))
}
