// SPDX-License-Identifier: GPL-2.0

//! Firmware files that are missing, truncated, of another chip or release, or have a wrong field:
//! the error names the file, everything is released, and with the right files the next boot works.

use crate::common::{ga102, real_firmware, with_file, Machine};
use nova_core::{
    choose_firmware, firmware_kinds, Error, ErrorKind, Failure, File, FirmwareError, Stage,
};
use nova_mock::chips::by_name;
use nova_mock::firmware::{file_name, Folder, InMemory, Store};
use nova_mock::synthetic;

/// Boots with `files`, which must fail, and then with valid files.
#[track_caller]
fn fails(machine: &Machine, files: impl Store + 'static) -> Failure {
    machine.set_files(files);
    let failure = machine.assert_fails();
    machine.set_files(synthetic::firmware(ga102()));
    machine.assert_boots();
    failure
}

/// The kinds of files that a GA102 needs.
fn kinds() -> impl Iterator<Item = &'static str> {
    firmware_kinds(ga102().chipset).iter().copied()
}

/// Asserts that the error names the file.
#[track_caller]
fn assert_named(failure: &Failure, what: &str) {
    let line = failure.to_string();
    assert!(line.contains(&file_name(ga102(), what)), "{line}");
    assert!(!line.contains('\n'), "{line}");
}

#[test]
fn missing_files() {
    let machine = Machine::synthetic();
    for what in kinds() {
        let failure = fails(&machine, with_file(what, |_| None));
        assert_eq!(failure.stage, Stage::Firmware);
        assert_eq!(failure.kind(), ErrorKind::NotFound);
        assert_named(&failure, what);
    }
    assert_eq!(
        fails(&machine, InMemory::default()).kind(),
        ErrorKind::NotFound
    );
}

#[test]
fn complete_sets_pass_the_check() {
    for chip in ["tu102", "ga102", "gh100"] {
        let chip = by_name(chip).unwrap();
        let machine = Machine::new(chip, synthetic::firmware(chip));
        let check = |file: File| file.check(&machine);
        let set = choose_firmware(&machine, chip.chipset, None, check).unwrap();
        assert_eq!(set.release.name, "570.144", "{}", chip.chipset);
    }
}

#[test]
fn empty_and_truncated_files() {
    let machine = Machine::synthetic();
    for what in kinds() {
        let len = synthetic::firmware(ga102()).0[&file_name(ga102(), what)].len();
        let step = if cfg!(miri) { len / 3 } else { len / 40 };
        for left in (0..len).step_by(step).chain([1, 0x18, 0x40, len - 1]) {
            let files = with_file(what, |bytes| {
                bytes.truncate(left);
                Some(())
            });
            let failure = fails(&machine, files);
            assert_eq!(
                failure.stage,
                Stage::Firmware,
                "{what} truncated to {left}: {failure}"
            );
            assert_named(&failure, what);
        }
    }
}

#[test]
fn files_of_another_release() {
    let machine = Machine::synthetic();
    let files = with_file("gsp", |bytes| {
        let at = bytes.windows(7).position(|text| text == b"570.144")?;
        bytes[at..at + 7].copy_from_slice(b"535.113");
        Some(())
    });
    let failure = fails(&machine, files);
    assert_eq!(
        failure.to_string(),
        "firmware: nvidia/ga102/gsp/gsp-570.144.bin: release: expected 570.144, found 535.113"
    );
    assert_eq!(failure.kind(), ErrorKind::Invalid);
}

#[test]
fn files_of_another_chip() {
    let machine = Machine::synthetic();
    let files = with_file("gsp", |bytes| {
        let at = bytes.windows(10).position(|text| text == b"ture_ga10x")?;
        bytes[at..at + 10].copy_from_slice(b"ture_tu11x");
        Some(())
    });
    let failure = fails(&machine, files);
    assert_eq!(failure.kind(), ErrorKind::Invalid);
    assert_named(&failure, "gsp");
    assert!(failure.to_string().contains(".fwsignature"), "{failure}");

    // Signed for another chip: the boot ROM or booter refuses it.
    for (what, says) in [
        ("booter_load", "booter_load: expected it to run"),
        ("bootloader", "booter_load: SEC2 mailbox 0: expected 0"),
        ("gsp", "booter_load: SEC2 mailbox 0: expected 0"),
    ] {
        let files = with_file(what, |bytes| {
            let last = bytes.len() / 2;
            bytes[last] ^= 1;
            Some(())
        });
        let failure = fails(&machine, files);
        assert_eq!(failure.stage, Stage::BooterLoad, "{what}: {failure}");
        assert!(failure.to_string().contains(says), "{what}: {failure}");
    }
}

#[test]
fn files_of_another_kind() {
    let machine = Machine::synthetic();
    let files = synthetic::firmware(ga102());
    for what in kinds() {
        for other in kinds() {
            let same =
                what == other || (what.starts_with("booter_") && other.starts_with("booter_"));
            if same {
                continue;
            }
            let other = files.0[&file_name(ga102(), other)].clone();
            let files = with_file(what, |bytes| {
                *bytes = other.to_vec();
                Some(())
            });
            let failure = fails(&machine, files);
            assert_eq!(failure.stage, Stage::Firmware, "{what}: {failure}");
            assert_named(&failure, what);
        }
    }
}

/// With any value in a word of a header, the boot succeeds or fails with an error, and nothing is
/// left. Both outcomes are right, since not all words matter.
#[test]
fn any_word_of_a_header() {
    let machine = Machine::synthetic();
    let mut refused = 0;
    for what in kinds() {
        let name = file_name(ga102(), what);
        let len = synthetic::firmware(ga102()).0[&name].len();
        let (head, tail) = match what {
            "gsp" => (0x40, len - 0x180..len),
            "bootloader" => (0x6c, 0..0),
            _ => (0x400, 0..0),
        };
        let step = if cfg!(miri) { 0x60 } else { 4 };
        for at in (0..head).chain(tail).step_by(step) {
            for value in [0, u32::MAX] {
                let files = with_file(what, |bytes| {
                    bytes
                        .get_mut(at..at + 4)?
                        .copy_from_slice(&u32::to_le_bytes(value));
                    Some(())
                });
                machine.set_files(files);
                match machine.boot() {
                    Ok(running) => machine.unload(running).unwrap_or_else(|failure| {
                        // Some words only matter for unloading.
                        assert_eq!(what, "booter_unload", "{failure}");
                        machine.mock.reset();
                    }),
                    Err(failure) => {
                        refused += 1;
                        assert!(!failure.to_string().contains('\n'));
                        if machine.card().wpr2().is_some() {
                            assert_eq!(what, "booter_unload", "{failure}");
                            machine.mock.reset();
                        }
                    }
                }
                machine.assert_as_before();
            }
        }
    }
    assert!(cfg!(miri) || refused > 100, "{refused}");
    machine.set_files(synthetic::firmware(ga102()));
    machine.assert_boots();
}

/// A file whose image is at another offset is loaded again, with that offset on a page boundary.
#[test]
fn an_image_at_another_offset() {
    // Inserts 64 zeros before the image and adjusts all offsets.
    let files = with_file("gsp", |bytes| {
        let word =
            |bytes: &[u8], at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
        let sections = word(bytes, 0x28) as usize;
        let count = usize::from(u16::from_le_bytes([bytes[0x3c], bytes[0x3d]]));
        for section in 1..count {
            let at = sections + section * 64 + 0x18;
            let offset = word(bytes, at) + 64;
            bytes[at..at + 8].copy_from_slice(&offset.to_le_bytes());
        }
        bytes[0x28..0x30].copy_from_slice(&(sections as u64 + 64).to_le_bytes());
        bytes.splice(0x40..0x40, [0; 64]);
        Some(())
    });
    let machine = Machine::new(ga102(), files);
    machine.assert_boots();
}

/// The files that distributions ship, each replaced by the file of an older release.
#[test]
fn real_files_of_an_older_release() {
    let Some(folder) = real_firmware("real_files_of_an_older_release") else {
        return;
    };
    let folder = Folder(folder);
    let open = |name: &str| folder.open(name).ok()?.read_all().ok();
    let all = |release: &str| {
        let files = kinds().map(|what| {
            let name = file_name(ga102(), what);
            let bytes = open(&name.replace("570.144", release))?;
            Some((name, bytes))
        });
        files.collect::<Option<_>>().map(InMemory)
    };
    let (Some(new), Some(old)) = (all("570.144"), all("535.113.01")) else {
        println!("skipped: real_files_of_an_older_release: the folder does not have both releases");
        return;
    };
    let machine = Machine::new(ga102(), new.clone());
    for what in kinds() {
        let name = file_name(ga102(), what);
        let mut files = new.clone();
        files.0.insert(name.clone(), old.0[&name].clone());
        machine.set_files(files);
        // The boot ROM refuses booter of another release, so that the teardown fails, too.
        let failure = match machine.boot() {
            Err(failure) => failure,
            Ok(running) => machine.unload(running).unwrap_err(),
        };
        println!("{what}: {failure}");
        if what == "gsp" {
            let is_release = matches!(
                failure.error,
                Error::Firmware(FirmwareError::Release { .. })
            );
            assert!(is_release, "{failure}");
        }
        machine.mock.reset();
    }
    machine.set_files(new);
    machine.assert_boots();
}
