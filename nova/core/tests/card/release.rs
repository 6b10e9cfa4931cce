// SPDX-License-Identifier: GPL-2.0

//! Firmware releases: each one boots, the newest complete one is chosen, and mixed ones are
//! refused.

use crate::common::{ga102, real_firmware, Machine};
use nova_core::{ErrorKind, Running, Stage};
use nova_hw::release::{Release, RELEASES};
use nova_mock::chips::{by_name, CHIPS};
use nova_mock::firmware::{file_name_of, Folder, InMemory};
use nova_mock::synthetic;

const KINDS: [&str; 4] = ["booter_load", "booter_unload", "bootloader", "gsp"];

fn r570() -> &'static Release {
    Release::named("570.144").unwrap()
}

fn r535() -> &'static Release {
    Release::named("535.113.01").unwrap()
}

/// The files of all releases.
fn everything() -> InMemory {
    let files = RELEASES
        .iter()
        .flat_map(|release| synthetic::firmware_of(ga102(), release).0);
    InMemory(files.collect())
}

/// A machine with `files`, and with a GA102 that accepts the files of all releases.
fn machine(files: InMemory) -> Machine {
    let machine = Machine::new(ga102(), everything());
    machine.set_files(files);
    machine
}

/// Boots and unloads; returns the release and the file for which a newer one was passed over.
#[track_caller]
fn boots(machine: &Machine) -> (String, Option<String>) {
    let running: Running<_> = machine.boot().unwrap_or_else(|failure| {
        panic!("{failure}; the card refused {:#?}", machine.refusals());
    });
    let report = running.report();
    let release = report.firmware_release.as_str().to_owned();
    let passed_over = report.passed_over.map(|file| file.to_string());
    machine.unload(running).unwrap();
    machine.assert_as_before();
    (release, passed_over)
}

#[test]
fn each_release_boots_on_each_chip() {
    for chip in CHIPS {
        for release in RELEASES
            .iter()
            .filter(|release| release.is_for(chip.chipset))
        {
            let machine = Machine::new(chip, synthetic::firmware_of(chip, release));
            let (found, _) = boots(&machine);
            assert_eq!(found, release.name, "{}", chip.chipset);
            assert_eq!(machine.events.take(), [""; 0]);
        }
    }
}

#[test]
fn real_releases_boot() {
    let Some(folder) = real_firmware("real_releases_boot") else {
        return;
    };
    for chip in ["tu102", "tu116", "ga100", "ga102", "ad102"] {
        let chip = by_name(chip).unwrap();
        let machine = Machine::new(chip, Folder(folder.clone()));
        for release in RELEASES {
            machine.pinned.set(release.branch());
            let expected = (release.name.to_owned(), None);
            assert_eq!(boots(&machine), expected, "{}", chip.chipset);
        }
    }
}

#[test]
fn the_newest_release_is_booted_unless_one_is_pinned() {
    let machine = machine(everything());
    assert_eq!(boots(&machine), ("570.144".into(), None));
    machine.pinned.set(Some(535));
    assert_eq!(boots(&machine), ("535.113.01".into(), None));
    machine.pinned.set(Some(470));
    let failure = machine.assert_fails();
    assert_eq!(failure.stage, Stage::Firmware);
    assert_eq!(failure.kind(), ErrorKind::Invalid);
    assert_eq!(
        failure.to_string(),
        "firmware: firmware release: expected 570 or 535 for ga102, found 470"
    );
}

#[test]
fn incomplete_releases_are_passed_over() {
    for kind in KINDS {
        let missing = file_name_of(ga102(), kind, r570());
        let mut files = everything();
        files.0.remove(&missing);
        let machine = machine(files);
        assert_eq!(
            boots(&machine),
            ("535.113.01".into(), Some(missing.clone()))
        );

        // A missing file of a pinned release is an error.
        machine.pinned.set(Some(570));
        let failure = machine.assert_fails();
        assert_eq!(failure.kind(), ErrorKind::NotFound);
        assert_eq!(
            failure.to_string(),
            format!("firmware: {missing}: not found")
        );
    }
}

#[test]
fn all_releases_are_incomplete() {
    let mut files = everything();
    for release in RELEASES {
        files
            .0
            .remove(&file_name_of(ga102(), "bootloader", release));
    }
    let failure = machine(files).assert_fails();
    assert_eq!(
        failure.to_string(),
        "firmware: nvidia/ga102/gsp/bootloader-570.144.bin: not found"
    );
}

/// A file of one release with the name of another one is refused.
#[test]
fn mixed_releases_are_refused() {
    for (wanted, other) in [(r570(), r535()), (r535(), r570())] {
        for kind in KINDS {
            let mut files = everything();
            let bytes = files.0[&file_name_of(ga102(), kind, other)].clone();
            files.0.insert(file_name_of(ga102(), kind, wanted), bytes);
            let machine = machine(files);
            machine.pinned.set(wanted.branch());
            let line = match (kind, machine.boot()) {
                // Booter-unload is checked when it runs, and both releases of it work.
                ("booter_unload", Ok(running)) => {
                    machine.unload(running).unwrap();
                    continue;
                }
                (_, Ok(_)) => panic!("booted with {kind} of {}", other.name),
                (_, Err(failure)) => failure.to_string(),
            };
            machine.assert_as_before();
            if kind == "gsp" {
                let (expected, found) = (wanted.name, other.name);
                assert_eq!(
                    line,
                    format!(
                        "firmware: nvidia/ga102/gsp/gsp-{expected}.bin: release: \
                         expected {expected}, found {found}"
                    )
                );
            } else {
                assert!(line.starts_with("booter load: booter_load: "), "{line}");
            }
        }
    }
}
