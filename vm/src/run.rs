// SPDX-License-Identifier: GPL-2.0

//! Boots a GPU, has it copy memory, and prints the boot report.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, ExitCode};

use anyhow::{Error, Result};
use nova_vm::chips::named;
use nova_vm::process::{self, Group};
use nova_vm::{say, Guest, Host, Kernel, Script};

use crate::code;

/// Prints the names of the chips.
pub(crate) fn list(host: &Host) -> Result<ExitCode> {
    let mut command = Command::new(&host.mock);
    command.arg("--list-chips");
    let status = process::run(&mut command, Group::Ours, &host.interrupt)?;
    Ok(code(status.success()))
}

/// Boots a chip with the firmware release of `branch`, and with the VBIOS in a file if one is named.
pub(crate) fn run(host: &Host, chip: &str, branch: u32, vbios: Option<&str>) -> Result<ExitCode> {
    let build = host.repo.join("build");
    fs::create_dir_all(&build)?;
    // Each run has its own folder, so that concurrent runs do not disturb each other.
    let out = tempfile::Builder::new().prefix("run.").tempdir_in(&build)?;
    let mut guest = Guest::new(out.path());
    guest.chips = vec![named(chip).map_err(Error::msg)?];
    if let Some(file) = vbios {
        guest.mock_arguments = vec!["--vbios".into(), file.into()];
    }
    guest.modules = Some(Kernel::Stock.modules(host));
    guest.files = Some(host.programs.clone());
    guest.script = Some(Script::new(host.script("boot-report")).args([branch.to_string()]));
    let ended = guest.run(host);

    let trace = build.join("trace.json");
    let traced = out.path().join("trace.json").exists();
    if traced {
        let part = out.path().join("trace.part");
        fs::copy(out.path().join("trace.json"), &part)?;
        fs::rename(part, trace)?;
    }
    fs::set_permissions(out.path(), Permissions::from_mode(0o755))?;
    let kept = build.join("run");
    let _ = fs::remove_dir_all(&kept);
    fs::rename(out.keep(), kept)?;
    let ended = ended?;
    if traced {
        println!("timeline       build/trace.json (opens in https://ui.perfetto.dev)");
    }
    if !ended.succeeded() {
        say("the boot or the copy failed; build/run/ has dmesg, console.log and mock.log");
    }
    Ok(ended.code().into())
}
