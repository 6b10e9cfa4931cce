// SPDX-License-Identifier: MIT

//! Every GPU of the machine boots, is identified, and boots again after a rebind.

use std::collections::HashMap;
use std::ops::Range;
use std::process::ExitCode;

use igt::nova::{self, Gpu};
use igt::{Dynamic, Timeout, HANG};

/// Number of rebinds without a pause.
const REBINDS: u32 = 3;

fn main() -> ExitCode {
    igt::run("Boots every GPU of the machine.", |tests| {
        let gpus = tests.fixture(boot_all);

        tests.subtest_with_dynamic(
            "report",
            "The boot report and the answers of the nodes agree.",
            |parts| for_each(&gpus, parts, report),
        );
        tests.subtest_with_dynamic(
            "rebind",
            "Unbinding the GPU releases everything, and it boots again at once.",
            |parts| for_each(&gpus, parts, rebind),
        );
    })
}

/// Loads the modules, and has them bind every GPU of the machine.
fn boot_all() -> Vec<Gpu> {
    let gpus = Gpu::all();
    igt::require!(!gpus.is_empty(), "No NVIDIA GPU.");
    let _bound = Timeout::new(HANG, "booting all GPUs");
    nova::load();
    gpus
}

/// Runs a part for each GPU, named after its chip, or its PCI address if the chip is unknown.
fn for_each(gpus: &[Gpu], parts: &mut Dynamic<'_>, body: fn(&Gpu)) {
    let mut numbers: HashMap<String, u32> = HashMap::new();
    for gpu in gpus {
        let is_bound = gpu.pci().driver().is_some();
        let name = match is_bound {
            true => gpu.chip(),
            false => gpu.pci().name().replace([':', '.'], "-"),
        };
        let number = numbers.entry(name.clone()).or_default();
        *number += 1;
        let name = match number {
            1 => name,
            number => format!("{name}-{number}"),
        };
        parts.dynamic(&name, || {
            assert!(is_bound, "{} was not bound", gpu.pci().name());
            body(gpu);
        });
    }
}

fn report(gpu: &Gpu) {
    gpu.assert_running();
    let report = gpu.boot_report();
    log::info!("{report}");
    let node = gpu.open_render();
    let device = nova::query_device(&node).unwrap();
    let firmware = nova::query_firmware(&node).unwrap();

    let field = |name| nova::field(&report, name).unwrap_or_else(|| panic!("no {name}"));
    assert_eq!(field("GPU"), device.name.as_str().unwrap());
    let release = firmware.release.as_str().unwrap();
    assert!(field("firmware").starts_with(release), "{release}");
    let revision = format!(
        "rev {:x}.{:x}",
        device.revision_major, device.revision_minor
    );
    assert!(field("chipset").ends_with(&revision), "{revision}");

    assert!(device.vram_usable > 0 && device.vram_usable <= device.vram_size);
    let wpr2 = range(field("WPR2"));
    assert!(
        !wpr2.is_empty() && wpr2.end <= device.vram_size,
        "{wpr2:#x?}"
    );
    // Memory of the firmware is not usable.
    let left = device.vram_size - (wpr2.end - wpr2.start);
    assert!(device.vram_usable <= left, "{device:?}");
    assert_eq!(device.bar_size, gpu.pci().bar_sizes().unwrap());
    let vram_bar = nova::get_param(&node, nova_uapi::GETPARAM_VRAM_BAR_SIZE);
    assert_eq!(vram_bar, Ok(gpu.vram_bar_size()));
}

/// Reads `0x1000..0x2000 (4 KiB)`.
fn range(text: &str) -> Range<u64> {
    let number = |text: &str| u64::from_str_radix(text.strip_prefix("0x")?, 16).ok();
    let bounds = text
        .split(' ')
        .next()
        .and_then(|range| range.split_once(".."));
    match bounds.and_then(|(start, end)| Some(number(start)?..number(end)?)) {
        Some(range) => range,
        None => panic!("{text:?} is not a range"),
    }
}

fn rebind(gpu: &Gpu) {
    let report = gpu.chip();
    for _ in 0..REBINDS {
        let _bound = Timeout::new(HANG, "unbinding and binding");
        gpu.unbind();
        gpu.assert_released();
        gpu.bind();
        gpu.assert_running();
    }
    assert_eq!(gpu.chip(), report, "another chip");
}
