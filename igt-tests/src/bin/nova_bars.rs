// SPDX-License-Identifier: MIT

//! A GPU whose frame buffer got no addresses from firmware and kernel. That takes a mocked GPU with a
//! BAR that is too large for the machine (`nova-mock --bar1 64T`).

use std::process::ExitCode;

use igt::nova::{self, Gpu};
use igt::{kmsg, Timeout, HANG};
use nix::errno::Errno;

/// The driver's line; the characters that [`kmsg::expect`] could not have are any.
const LINE: &str = "BAR1 (frame buffer) has no addresses; try pci=realloc";

fn main() -> ExitCode {
    igt::run("The machine has no room for a BAR of the GPU.", |tests| {
        let gpu = tests.fixture(without_addresses);

        tests.subtest(
            "unassigned",
            "The driver refuses a GPU whose frame buffer has no addresses, and says in one line what to try.",
            || unassigned(&gpu),
        );
    })
}

fn without_addresses() -> Gpu {
    let gpu = Gpu::require();
    igt::require!(gpu.vram_bar_size() == 0, "The frame buffer has addresses.");
    gpu
}

fn unassigned(gpu: &Gpu) {
    let _bound = Timeout::new(HANG, "a probe that fails");
    kmsg::expect(&[&kmsg::literal(LINE), ": probe with driver "]);
    nova::load();
    let mut log = kmsg::Follow::from_now().unwrap();
    let error = gpu.pci().bind(&nova::driver()).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(Errno::ENOSPC as i32), "{error}");
    let records = log.records().unwrap();
    let ours = records
        .iter()
        .filter(|record| record.is_warning() && !record.text.contains(": probe with driver "));
    let ours: Vec<_> = ours.map(|record| record.text.as_str()).collect();
    assert!(
        matches!(ours[..], [line] if line.ends_with(LINE) && line.contains(&gpu.pci().name())),
        "{ours:?}"
    );
    gpu.assert_released();
}
