// SPDX-License-Identifier: GPL-2.0

//! Judges whether a driver booted and unloaded a GPU every time.

use std::fmt;

use anyhow::Result;
use nova_hw::chipset::Chipset;
use serde_json::Value;

use crate::guest::{Driver, Run};

/// Texts of the kernel's reports of its own bugs.
const KERNEL_TROUBLE: [&str; 5] = ["WARNING: ", "BUG: ", "Oops", "Call Trace:", "Kernel panic"];

/// The verdict on the boots of a GPU.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The GPU booted and unloaded every time.
    Passed,
    /// The chip is not mocked yet.
    NotMocked,
    /// A boot or unload failed.
    Failed {
        /// What did not happen as often as the driver was loaded.
        missing: &'static str,
        /// The last line of the kernel log about this GPU.
        last: String,
    },
    /// The kernel reported a bug of its own.
    Kernel(String),
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passed => f.write_str("ok"),
            Self::NotMocked => f.write_str("not mocked"),
            Self::Failed { missing, last } => write!(f, "no {missing}: {last}"),
            Self::Kernel(line) => f.write_str(line),
        }
    }
}

/// Judges GPU number `gpu`, a `chip`, in a run that loaded `driver` `times` times.
pub fn judge(
    run: &Run,
    driver: Driver,
    gpu: usize,
    chip: Chipset,
    times: usize,
) -> Result<Verdict> {
    let address = run.addresses.get(gpu).map_or("", String::as_str);
    Ok(of(
        &run.dmesg,
        &run.trace(gpu)?,
        driver,
        address,
        chip,
        times,
    ))
}

fn of(
    dmesg: &str,
    trace: &[Value],
    driver: Driver,
    address: &str,
    chip: Chipset,
    times: usize,
) -> Verdict {
    let trouble = |line: &&str| KERNEL_TROUBLE.iter().any(|word| line.contains(word));
    if let Some(line) = dmesg.lines().find(trouble) {
        return Verdict::Kernel(message(line).to_owned());
    }
    let address = format!(" {address}: ");
    let lines: Vec<_> = dmesg
        .lines()
        .filter(|line| line.contains(&address))
        .collect();
    let said = |text: &str| lines.iter().filter(|line| line.contains(text)).count();
    let happened = |name: &str| trace.iter().filter(|event| event["name"] == name).count();
    let named = match driver {
        Driver::Nova => said(&format!("({chip} rev ")),
        Driver::Upstream => said("GPU name: "),
    };
    let unloaded = match driver {
        Driver::Nova => happened("UNLOADING_GUEST_DRIVER"),
        Driver::Upstream => said("GSP successfully unloaded"),
    };
    let checks = [
        ("INIT_DONE", happened("GSP_INIT_DONE")),
        ("name of the GPU", named),
        ("clean unload", unloaded),
    ];
    match checks.iter().find(|(_, count)| *count != times) {
        None => Verdict::Passed,
        Some(&(missing, _)) => {
            let last = lines
                .last()
                .map_or("no kernel message", |line| message(line));
            let last = last.to_owned();
            Verdict::Failed { missing, last }
        }
    }
}

/// A line of the kernel log without the time.
fn message(line: &str) -> &str {
    line.split_once("] ").map_or(line, |(_, message)| message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const GOOD: &str = "\
[    5.1] NovaCore 0000:00:05.0: NVIDIA (GA102 (Ampere), rev a.1)
[    5.2] NovaCore 0000:00:05.0: GPU name: NVIDIA GeForce RTX 3090
[    5.2] NovaCore 0000:00:06.0: GPU name: NVIDIA H100
[    5.3] NovaCore 0000:00:05.0: GSP successfully unloaded
";

    fn verdict(dmesg: &str, boots: usize, times: usize) -> Verdict {
        let trace = vec![json!({"name": "GSP_INIT_DONE"}); boots];
        let chip = Chipset::GA102;
        of(dmesg, &trace, Driver::Upstream, "0000:00:05.0", chip, times)
    }

    fn missing(verdict: Verdict) -> &'static str {
        match verdict {
            Verdict::Failed { missing, .. } => missing,
            other => panic!("{other}"),
        }
    }

    #[test]
    fn init_done_name_and_unload_are_required_every_time() {
        assert_eq!(verdict(GOOD, 1, 1), Verdict::Passed);
        assert_eq!(verdict(&GOOD.repeat(2), 2, 2), Verdict::Passed);
        assert_eq!(missing(verdict(GOOD, 0, 1)), "INIT_DONE");
        assert_eq!(missing(verdict(GOOD, 2, 2)), "name of the GPU");
        let stuck = GOOD.replace("GSP successfully unloaded", "unload failed");
        let verdict = verdict(&stuck, 1, 1);
        assert!(verdict.to_string().ends_with("05.0: unload failed"));
        assert_eq!(missing(verdict), "clean unload");
    }

    #[test]
    fn other_gpus_do_not_count() {
        let other = GOOD.replace("05.0", "07.0");
        assert_eq!(missing(verdict(&other, 1, 1)), "name of the GPU");
    }

    #[test]
    fn a_kernel_report_is_not_a_success() {
        let log = format!("{GOOD}[    5.4] WARNING: CPU: 0 PID: 1 at kernel/x.c:1\n");
        assert!(matches!(verdict(&log, 1, 1), Verdict::Kernel(_)));
    }

    #[test]
    fn nova_names_the_chip() {
        let log = "[ 4.8] nova-core 0000:00:05.0: NVIDIA X (GA102 rev a.1), firmware 570.144\n";
        let trace = ["GSP_INIT_DONE", "UNLOADING_GUEST_DRIVER"].map(|name| json!({"name": name}));
        let of = |chip| of(log, &trace, Driver::Nova, "0000:00:05.0", chip, 1);
        assert_eq!(of(Chipset::GA102), Verdict::Passed);
        assert_eq!(missing(of(Chipset::GA103)), "name of the GPU");
    }
}
