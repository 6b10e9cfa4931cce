// SPDX-License-Identifier: GPL-2.0

//! NVIDIA's own driver, nvidia.ko, as Debian 12 packages it. It runs in a VM with Debian 12's
//! kernel; see vm/cache/make-nvidia and vm/judges/nvidia.

pub mod firmware;

use std::fs;

use anyhow::{ensure, Context, Result};
use nova_hw::release::r535_261_03::RELEASE;

use crate::{Guest, Host, Output, Script};

/// Has nvidia.ko boot the guest's card, by opening its device, and returns how far it got.
pub fn boot(host: &Host, mut guest: Guest) -> Result<String> {
    let folder = tempfile::Builder::new().prefix("nova.").tempdir()?;
    firmware::make(host, guest.chips[0], &RELEASE, folder.path())?;
    guest.firmware = Some(folder.path().to_owned());
    guest.other_kernel = Some(host.nvidia.clone());
    guest.modules = Some(host.nvidia.join("modules"));
    guest.files = Some(host.nvidia.join("firmware"));
    guest.output = Output::File(guest.out.join("nvidia.log"));
    guest.script = Some(Script::new(host.repo.join("vm/judges/nvidia/open")));
    let ended = guest.run_quietly(host)?;
    ensure!(ended.succeeded(), "{ended}");
    let log = guest.out.join("dmesg");
    let log = fs::read_to_string(&log).with_context(|| log.display().to_string())?;
    report(&log).context("RmInitAdapter reports nothing")
}

/// How far `RmInitAdapter` got, by its own report in the kernel's log.
///
/// Source: open-gpu-kernel-modules 535.261.03, src/nvidia/arch/nvalloc/unix/src/osinit.c: the numbers
/// are the step, the status, and the line in that file.
fn report(log: &str) -> Option<String> {
    let mut reports = log
        .lines()
        .filter_map(|line| line.split_once(": RmInitAdapter "));
    reports
        .next_back()
        .map(|(_, report)| format!("RmInitAdapter {report}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_is_the_last_one_in_the_log() {
        let log = "\
            [   25.2] NVRM: RmInitAdapter: RmInitNvDevice failed, bailing out of RmInitAdapter\n\
            [   25.3] NVRM: GPU 0000:00:07.0: RmInitAdapter failed! (0x23:0x56:907)\n\
            [   25.4] NVRM: GPU 0000:00:07.0: rm_init_adapter failed, device minor number 0\n";
        let expected = "RmInitAdapter failed! (0x23:0x56:907)";
        assert_eq!(report(log).unwrap(), expected);
        assert_eq!(report("[    1.0] Linux version 6.1"), None);
    }
}
