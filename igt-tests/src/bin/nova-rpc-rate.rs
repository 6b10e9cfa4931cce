// SPDX-License-Identifier: MIT

//! Measures the number of calls that GSP-RM answers per second, and of interrupts per call.
//!
//! Prints a line per number of callers: callers, calls per second, interrupts per call.

use std::fs;
use std::time::Instant;

use igt::nova::Gpu;
use igt::rm_control::{self, RmControl};
use igt::{Children, HANG};

/// Total number of calls for each number of callers.
const CALLS: usize = 800;

fn main() {
    let gpu = Gpu::require();
    gpu.start();
    for callers in [1, 8] {
        let (start, interrupts) = (Instant::now(), interrupts(&gpu));
        let children = Children::fork(callers, |_| {
            let mut control = RmControl::open(&gpu);
            for _ in 0..CALLS / callers {
                call(&mut control);
            }
        });
        children.wait(HANG);
        let rate = CALLS as f64 / start.elapsed().as_secs_f64();
        let taken = self::interrupts(&gpu) - interrupts;
        let per_call = taken as f64 / CALLS as f64;
        println!(
            "{callers} callers: {rate:.0} calls per second, {per_call:.2} interrupts per call"
        );
    }
}

fn call(control: &mut RmControl) {
    let params = [0; rm_control::NAME_STRING_LEN];
    let cmd = rm_control::GPU_GET_NAME_STRING;
    let answer = control.call(rm_control::SUBDEVICE, cmd, &params);
    assert!(
        answer
            .as_ref()
            .is_ok_and(|answer| answer.status == rm_control::OK),
        "{answer:?}"
    );
}

/// Interrupts of the GPU so far, on all CPUs.
fn interrupts(gpu: &Gpu) -> u64 {
    let text = fs::read_to_string("/proc/interrupts").unwrap_or_default();
    let name = gpu.pci().name();
    let lines = text
        .lines()
        .filter(|line| line.contains(&name) && line.contains("nova"));
    let counts = lines.flat_map(|line| line.split_whitespace().skip(1));
    counts.map_while(|count| count.parse::<u64>().ok()).sum()
}
