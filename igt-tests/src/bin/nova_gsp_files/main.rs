// SPDX-License-Identifier: MIT

//! Firmware files that are missing, cut off or wrong.
//!
//! A tmpfs hides the machine's firmware folder, so that files can be changed. With a wrong file,
//! probe fails with one line that names the file, everything is released, and the GPU boots when
//! the file is right again.

use std::process::ExitCode;

use files::{Change, Chip, Firmware, BOOTLOADER, FILES, FMC, GEN_BOOTLOADER};
use igt::kmsg::{self, Follow, Record};
use igt::nova::{self, Gpu};
use igt::{Dynamic, Timeout, HANG};

mod files;
mod tlv;

/// Messages of the kernel, not of the driver, when firmware is missing or probe fails.
const KERNEL_MESSAGES: [&str; 3] = [
    "Direct firmware load for ",
    ": probe with driver ",
    ": loading /lib/firmware/",
];

/// A subtest: its name, its description, and the changes to files.
type Subtest = (&'static str, &'static str, fn(&Firmware) -> Vec<Change>);

const WRONG: [Subtest; 5] = [
    ("missing", "A missing file is named.", |firmware| {
        let files = firmware.chip().files().iter();
        files.map(|file| Change::missing(file)).collect()
    }),
    ("empty", "An empty file is named.", |firmware| {
        let files = firmware.chip().files().iter();
        files.map(|file| Change::cut(file, 0)).collect()
    }),
    (
        "other-chip",
        "Files of another chip are refused.",
        Firmware::other_chip,
    ),
    (
        "other-release",
        "A GSP file of another release is refused.",
        Firmware::other_release,
    ),
    (
        "mixed-releases",
        "A GSP file of another release among the files of a release is refused.",
        Firmware::mixed,
    ),
];

fn main() -> ExitCode {
    igt::run("Offers wrong firmware files to the driver.", |tests| {
        let gpu = tests.fixture(Gpu::require);
        let _running = tests.fixture(|| gpu.keep_running());
        let firmware = tests.fixture(|| hide_firmware(&gpu));

        for (name, proves, changes) in WRONG {
            tests.subtest_with_dynamic(name, proves, |parts| {
                refuse_each(&gpu, &firmware, changes(&firmware), parts);
            });
        }
        for file in FILES {
            let named = file.replace('_', "-");
            tests.subtest_with_dynamic(
                format!("truncated-{named}"),
                "A file truncated at any boundary of its parts is refused.",
                |parts| {
                    require_file(&firmware, file);
                    refuse_each(&gpu, &firmware, firmware.cuts(file), parts);
                },
            );
            tests.subtest_with_dynamic(
                format!("header-{named}"),
                "A file with any field of its headers wrong is refused.",
                |parts| {
                    require_file(&firmware, file);
                    refuse_each(&gpu, &firmware, firmware.wrong_fields(file), parts);
                },
            );
        }
        tests.subtest("compressed-xz", "Files compressed with xz work.", || {
            expect_in_kernel_log(&[]);
            let _compressed = firmware.compress_xz();
            boot(&gpu);
        });
        tests.subtest(
            "compressed-zstd",
            "Files compressed with zstd work.",
            || {
                expect_in_kernel_log(&[]);
                let _compressed = firmware.compress_zstd();
                boot(&gpu);
            },
        );
        tests.subtest(
            "older-release",
            "If a file of the newest release is missing, an older, complete release boots.",
            || older_release(&gpu, &firmware),
        );
        tests.subtest(
            "tlv",
            "Files in the packing of Linux 7.3's nova-core work.",
            || {
                require_packed(&firmware);
                expect_in_kernel_log(&[]);
                let _packed = firmware.pack();
                boot(&gpu);
            },
        );
        tests.subtest_with_dynamic(
            "tlv-wrong",
            "A packed file with a tag missing, twice, too long or out of place is refused.",
            |parts| {
                require_packed(&firmware);
                refuse_each_tlv(&gpu, &firmware, parts);
            },
        );
    })
}

/// Leaves the GPU unbound, with a copy of its firmware that can be changed.
fn hide_firmware(gpu: &Gpu) -> Firmware {
    let node = gpu.open_render();
    let chipset = nova::query_device(&node).unwrap().chipset;
    let Some(chip) = Chip::new(gpu.chip(), chipset) else {
        igt::skip!("The files of chipset {chipset:#x} are unknown.");
    };
    let release = nova::query_firmware(&node).unwrap().release;
    let firmware = Firmware::hide(chip, release.as_str().unwrap());
    gpu.unbind();
    firmware
}

/// Skips if the GPU has no such file.
fn require_file(firmware: &Firmware, file: &str) {
    let chip = firmware.chip();
    igt::require!(chip.files().contains(&file), "{} has no {file}.", chip.name);
}

/// Skips if this test cannot pack the files of the GPU.
fn require_packed(firmware: &Firmware) {
    let chip = firmware.chip();
    let packs = |file: &&str| ![GEN_BOOTLOADER, FMC].contains(file);
    igt::require!(
        chip.files().iter().all(packs),
        "This test cannot pack the files of {}.",
        chip.name
    );
}

/// Runs a dynamic subtest for each change; in the end the right files boot.
fn refuse_each(gpu: &Gpu, firmware: &Firmware, changes: Vec<Change>, parts: &mut Dynamic<'_>) {
    for change in changes {
        parts.dynamic(change.name(), || {
            let _changed = firmware.apply(&change);
            refuse(gpu, &firmware.name(change.file()));
        });
    }
    boot(gpu);
}

/// Runs a dynamic subtest for each wrong packed file; in the end the right files boot.
fn refuse_each_tlv(gpu: &Gpu, firmware: &Firmware, parts: &mut Dynamic<'_>) {
    let (packed, _unpacked_later) = firmware.pack();
    for (file, name, bytes) in packed.wrong() {
        parts.dynamic(&name, || {
            let _replaced = packed.replace(&file, &bytes);
            refuse(gpu, &packed.name(&file));
        });
    }
    boot(gpu);
}

/// Removes a file of the newest release while another release is installed.
fn older_release(gpu: &Gpu, firmware: &Firmware) {
    expect_in_kernel_log(&[]);
    let (others, _installed) = firmware.install_others();
    igt::require!(others > 0, "There is no other release.");
    let release = || {
        let _bound = Timeout::new(HANG, "booting one of two releases");
        gpu.bind();
        gpu.assert_running();
        let release = nova::query_firmware(&gpu.open_render()).unwrap().release;
        gpu.unbind();
        release.as_str().unwrap().to_owned()
    };
    let newest = release();
    let older = {
        let _missing = firmware.apply(&Change::missing(BOOTLOADER));
        release()
    };
    assert_ne!(older, newest);
    assert_eq!(release(), newest);
}

/// Asserts that probe fails with one line that names `file`, and releases everything.
fn refuse(gpu: &Gpu, file: &str) {
    let _bound = Timeout::new(HANG, "refusing firmware");
    // The kernel log escapes a backslash.
    kmsg::expect(&[&file.replace('.', "[.]"), KERNEL_MESSAGES[1]]);
    let mut log = Follow::from_now().unwrap();
    let bound = gpu.pci().bind(&nova::driver());
    let records = log.records().unwrap();
    if bound.is_ok() {
        gpu.unbind();
    }
    let error = bound.expect_err("the GPU was bound");
    log::info!("{error}");
    let by_others = |record: &Record| {
        KERNEL_MESSAGES
            .iter()
            .any(|said| record.text.contains(said))
    };
    let lines: Vec<&str> = records
        .iter()
        .filter(|record| record.is_warning() && !by_others(record))
        .map(|record| record.text.as_str())
        .inspect(|line| log::info!("{line}"))
        .collect();
    assert!(
        matches!(lines[..], [line] if line.contains(file)),
        "{lines:#?}"
    );
    gpu.assert_released();
}

/// Makes the runner ignore messages that match `patterns` or [`KERNEL_MESSAGES`].
fn expect_in_kernel_log(patterns: &[&str]) {
    kmsg::expect(&[patterns, &KERNEL_MESSAGES].concat());
}

/// Asserts that the GPU boots; leaves it unbound.
fn boot(gpu: &Gpu) {
    let _bound = Timeout::new(HANG, "booting with right firmware");
    gpu.bind();
    gpu.assert_running();
    gpu.unbind();
}
