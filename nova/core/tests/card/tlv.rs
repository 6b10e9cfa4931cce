// SPDX-License-Identifier: GPL-2.0

//! Firmware in the packing of Linux 7.3's nova-core: it boots if the distribution's files are
//! missing, its image is not copied, and errors name the file.

use std::sync::Arc;

use crate::common::{ga102, Machine};
use nova_core::{ErrorKind, Failure, Stage};
use nova_firmware::{Booter, Bootloader, Fmc, GenBootloader, Gsp};
use nova_hw::release::{Release, RELEASES};
use nova_mock::chips::{Chip, CHIPS};
use nova_mock::firmware::{file_name_of, InMemory};
use nova_mock::synthetic;

/// A tag and its value.
type Block = ([u8; 4], Vec<u8>);

fn number(tag: &[u8; 4], value: u32) -> Block {
    (*tag, value.to_le_bytes().to_vec())
}

fn bytes(tag: &[u8; 4], value: &[u8]) -> Block {
    (*tag, value.to_vec())
}

/// A TLV file with these blocks.
fn tlv(blocks: &[Block]) -> Vec<u8> {
    let mut file = b"NVFW".to_vec();
    for (tag, value) in blocks {
        file.extend_from_slice(tag);
        file.extend_from_slice(&(value.len() as u32).to_le_bytes());
        file.extend_from_slice(value);
        file.resize(file.len().next_multiple_of(4), 0);
    }
    file
}

fn booter(file: &[u8], version: &str) -> Vec<Block> {
    let booter = Booter::parse(file).unwrap();
    let brom = booter.brom();
    vec![
        bytes(b"VERS", version.as_bytes()),
        number(b"DAOF", booter.os_data().offset),
        number(b"DASZ", booter.os_data().size),
        number(b"CDOF", booter.os_code().offset),
        number(b"CDSZ", booter.os_code().size),
        number(b"PLOC", booter.signature_offset()),
        number(b"FUSE", booter.fuse_version()),
        number(b"ENID", brom.engine_id_mask.into()),
        number(b"UCID", brom.ucode_id.into()),
        number(b"A0CO", booter.app().offset),
        number(b"A0CS", booter.app().size),
        number(b"NSIG", booter.signatures().count() as u32),
        bytes(b"SIGN", booter.signatures().as_bytes()),
        bytes(b"BLOB", booter.ucode()),
    ]
}

fn bootloader(file: &[u8], version: &str) -> Vec<Block> {
    let loader = Bootloader::parse(file).unwrap();
    vec![
        bytes(b"VERS", version.as_bytes()),
        number(b"CDOF", loader.code_offset()),
        number(b"DAOF", loader.data_offset()),
        number(b"MFOF", loader.manifest_offset()),
        number(b"APPV", loader.app_version()),
        bytes(b"BLOB", loader.ucode()),
    ]
}

fn gen_bootloader(file: &[u8], version: &str) -> Vec<Block> {
    let loader = GenBootloader::parse(file).unwrap();
    vec![
        bytes(b"VERS", version.as_bytes()),
        number(b"CDSZ", loader.code().len() as u32),
        number(b"STRT", loader.start_tag()),
        bytes(b"BLOB", loader.code()),
    ]
}

fn fmc(file: &[u8], version: &str) -> Vec<Block> {
    let fmc = Fmc::parse(file).unwrap();
    vec![
        bytes(b"VERS", version.as_bytes()),
        bytes(b"HASH", fmc.hash()),
        bytes(b"PKEY", fmc.public_key()),
        bytes(b"SIGN", fmc.signature()),
        bytes(b"BLOB", fmc.image()),
    ]
}

fn gsp(gsp: &Gsp<'_>, chip: &Chip, version: &str) -> Vec<Block> {
    let signature = gsp.signature(chip.chipset.fwsignature_section());
    vec![
        bytes(b"VERS", version.as_bytes()),
        bytes(b"FILE", b"gsp.bin"),
        number(b"SIZE", gsp.image().len() as u32),
        bytes(b"SIGN", signature.unwrap()),
        bytes(b"BLID", "b1".repeat(20).as_bytes()),
    ]
}

/// The files of a release for a GA102 in TLV packing, after `change` has changed the blocks of the
/// file `what`.
fn packed(release: &Release, what: &str, change: impl FnOnce(&mut Vec<Block>)) -> InMemory {
    packed_for(ga102(), release, what, change)
}

/// The same for any chip.
fn packed_for(
    chip: &Chip,
    release: &Release,
    what: &str,
    change: impl FnOnce(&mut Vec<Block>),
) -> InMemory {
    let files = synthetic::firmware_of(chip, release).0;
    let file = |kind| files.get(&file_name_of(chip, kind, release));
    let version = release.name;
    let image = Gsp::parse(file("gsp").unwrap()).unwrap();
    let pack = |name, kind, pack: fn(&[u8], &str) -> Vec<Block>| {
        file(kind).map(|file| (name, pack(file, version)))
    };
    let files = [
        pack("booter_load", "booter_load", booter),
        pack("booter_unload", "booter_unload", booter),
        pack("gen_bootloader", "gen_bootloader", gen_bootloader),
        pack("fmc", "fmc", fmc),
        pack("gsp_bootloader", "bootloader", bootloader),
        Some(("gsp", gsp(&image, chip, version))),
    ];
    let mut files: Vec<_> = files.into_iter().flatten().collect();
    if let Some((_, blocks)) = files.iter_mut().find(|(name, _)| *name == what) {
        change(blocks);
    }
    let path = |name: &str| format!("nvidia/{}/gsp/{name}", chip.chipset.name());
    let packed = files
        .iter()
        .map(|(name, blocks)| (path(&format!("{name}.tlv")), Arc::from(tlv(blocks))));
    let image = [(path("gsp.bin"), Arc::from(image.image()))];
    InMemory(packed.chain(image).collect())
}

/// A machine with `files`, and with a GA102 that accepts the files of all releases.
fn machine(files: InMemory) -> Machine {
    let all = RELEASES
        .iter()
        .flat_map(|release| synthetic::firmware_of(ga102(), release).0);
    let machine = Machine::new(ga102(), InMemory(all.collect()));
    machine.set_files(files);
    machine
}

/// Boots with a changed file `what`, which must be refused; returns the failure.
#[track_caller]
fn refused(what: &str, change: impl FnOnce(&mut Vec<Block>)) -> Failure {
    let failure = machine(packed(RELEASES[0], what, change)).assert_fails();
    assert_eq!(failure.stage, Stage::Firmware, "{failure}");
    assert_eq!(failure.kind(), ErrorKind::Invalid, "{failure}");
    failure
}

fn set(blocks: &mut [Block], tag: &[u8; 4], value: &[u8]) {
    let block = blocks.iter_mut().find(|(found, _)| found == tag).unwrap();
    block.1 = value.to_vec();
}

#[test]
fn each_release_boots_and_its_image_is_not_copied() {
    for release in RELEASES {
        let files = packed(release, "", |_| {});
        let image = files.0["nvidia/ga102/gsp/gsp.bin"].len();
        let machine = machine(files);
        let running = machine.boot().unwrap();
        let report = running.report();
        assert_eq!(report.firmware_release.as_str(), release.name);
        assert_eq!(report.passed_over.is_some(), release.name != "570.144");
        assert_eq!(report.build_id, Some([0xb1; 20]));
        assert_eq!(report.firmware_mapped, image);
        machine.unload(running).unwrap();
        machine.assert_as_before();
    }
}

/// Each chip boots with the programs that its boot needs.
#[test]
fn each_chip_boots() {
    for chip in CHIPS {
        let machine = Machine::new(chip, synthetic::firmware(chip));
        let files = packed_for(chip, RELEASES[0], "", |_| {});
        machine.set_files(files);
        machine.assert_boots();
    }
}

/// Complete files of the distribution take precedence.
#[test]
fn files_of_the_distribution_take_precedence() {
    let [newest, older] = RELEASES;
    let mut files = packed(newest, "", |_| {});
    files.0.extend(synthetic::firmware_of(ga102(), older).0);
    let machine = machine(files);
    let running = machine.boot().unwrap();
    let report = running.report();
    assert_eq!(report.firmware_release.as_str(), older.name);
    assert!(report.passed_over.is_some());
    machine.unload(running).unwrap();
}

#[test]
fn files_of_another_release() {
    let machine = machine(packed(RELEASES[0], "", |_| {}));
    machine.pinned.set(Some(535));
    assert_eq!(
        machine.assert_fails().to_string(),
        "firmware: nvidia/ga102/gsp/gsp.tlv: release: expected 535.113.01, found 570.144"
    );
    assert_eq!(
        refused("gsp", |blocks| set(blocks, b"VERS", b"999.1")).to_string(),
        "firmware: nvidia/ga102/gsp/gsp.tlv: release: expected 570.144, found 999.1"
    );
}

#[test]
fn mixed_releases() {
    for what in ["booter_load", "booter_unload", "gsp_bootloader"] {
        assert_eq!(
            refused(what, |blocks| set(blocks, b"VERS", b"535.113.01")).to_string(),
            format!(
                "firmware: nvidia/ga102/gsp/{what}.tlv: release: \
                 expected 570.144, found 535.113.01"
            )
        );
    }
}

#[test]
fn missing_files() {
    for missing in [
        "gsp.bin",
        "gsp_bootloader.tlv",
        "booter_load.tlv",
        "booter_unload.tlv",
    ] {
        let mut files = packed(RELEASES[0], "", |_| {});
        let name = format!("nvidia/ga102/gsp/{missing}");
        files.0.remove(&name);
        let failure = machine(files).assert_fails();
        assert_eq!(failure.kind(), ErrorKind::NotFound);
        assert_eq!(failure.to_string(), format!("firmware: {name}: not found"));
    }
    // Without `gsp.tlv`, the packing is not recognized.
    let mut files = packed(RELEASES[0], "", |_| {});
    files.0.remove("nvidia/ga102/gsp/gsp.tlv");
    let line = machine(files).assert_fails().to_string();
    assert!(line.ends_with("-570.144.bin: not found"), "{line}");
    // If `gsp.tlv` exists and cannot be read, the error names it.
    let mut files = packed(RELEASES[0], "", |_| {});
    let name = "nvidia/ga102/gsp/gsp.tlv";
    files.0.insert(name.to_owned(), [].into());
    let line = machine(files).assert_fails().to_string();
    assert!(line.contains("gsp.tlv: expected a readable file"), "{line}");
}

#[test]
fn every_tag_is_required_exactly_once() {
    let samples = packed(RELEASES[0], "", |_| {});
    let mut seen = 0;
    for what in ["booter_load", "gsp_bootloader", "gsp"] {
        let file = &samples.0[&format!("nvidia/ga102/gsp/{what}.tlv")];
        let tlv = nova_firmware::Tlv::parse(file).unwrap();
        for (index, block) in tlv.blocks().enumerate() {
            let tag = block.tag;
            let twice = refused(what, |blocks| blocks.push(blocks[index].clone()));
            assert!(twice.to_string().contains("each tag once"), "{twice}");
            if tag != "BLID" {
                let missing = refused(what, |blocks| drop(blocks.remove(index)));
                let expected = format!("{tag} at 0x4: missing");
                assert!(missing.to_string().ends_with(&expected), "{missing}");
            }
            seen += 1;
        }
    }
    assert_eq!(seen, 14 + 6 + 5);
}

#[test]
fn invalid_values() {
    let cases: [(&str, &[u8; 4], &[u8]); 18] = [
        // Values of the wrong size, and offsets and sizes beyond the program.
        ("booter_load", b"DAOF", &[0; 3]),
        ("booter_load", b"DAOF", &[0; 8]),
        ("booter_load", b"DASZ", &[0xff; 4]),
        ("booter_load", b"CDSZ", &[0xff; 4]),
        ("booter_load", b"A0CO", &[0xff; 4]),
        ("booter_load", b"PLOC", &[0; 4]),
        ("booter_load", b"ENID", &[0, 0, 1, 0]),
        ("booter_load", b"UCID", &[0, 1, 0, 0]),
        ("booter_load", b"NSIG", &[0; 4]),
        ("booter_load", b"NSIG", &[5, 0, 0, 0]),
        ("booter_load", b"NSIG", &[0xff; 4]),
        ("booter_load", b"BLOB", &[]),
        ("gsp_bootloader", b"MFOF", &[0xff; 4]),
        ("gsp", b"SIGN", &[]),
        ("gsp", b"SIZE", &[0; 4]),
        // Names outside of the folder, empty and too long.
        ("gsp", b"FILE", b"../gsp.bin"),
        ("gsp", b"FILE", b""),
        ("gsp", b"FILE", &[b'a'; 33]),
    ];
    for (what, tag, value) in cases {
        let line = refused(what, |blocks| set(blocks, tag, value)).to_string();
        let file = format!("nvidia/ga102/gsp/{what}.tlv: NVFW TLV: ");
        assert!(line.contains(&file), "{tag:?}: {line}");
        assert!(!line.contains('\n'), "{line}");
    }
}

#[test]
fn an_image_of_another_length() {
    let files = || packed(RELEASES[0], "", |_| {});
    let name = "nvidia/ga102/gsp/gsp.bin";
    let len = files().0[name].len();
    let mut short = files();
    short.0.insert(name.into(), Arc::from(vec![0; len - 1]));
    let failure = machine(short).assert_fails();
    assert_eq!(
        failure.to_string(),
        format!(
            "firmware: {name}: expected {len:#x} bytes, found {:#x}",
            len - 1
        )
    );
    // A size that is larger than any file.
    let failure = machine(packed(RELEASES[0], "gsp", |blocks| {
        set(blocks, b"SIZE", &[0xff; 4]);
    }))
    .assert_fails();
    assert!(failure.to_string().contains(name), "{failure}");
}

/// Blocks that end beyond the file, or are misaligned.
#[test]
fn truncated_and_misaligned_blocks() {
    for name in ["gsp.tlv", "gsp_bootloader.tlv", "booter_unload.tlv"] {
        let name = format!("nvidia/ga102/gsp/{name}");
        let len = packed(RELEASES[0], "", |_| {}).0[&name].len();
        for left in [1, 3, 4, 5, 11, 13, 21, 23, len - 5, len - 3, len - 1] {
            let mut files = packed(RELEASES[0], "", |_| {});
            let cut = files.0[&name][..left].to_vec();
            files.0.insert(name.clone(), Arc::from(cut));
            let failure = machine(files).assert_fails();
            assert_eq!(failure.kind(), ErrorKind::Invalid, "{left}: {failure}");
            assert!(failure.to_string().contains(&name), "{failure}");
        }
        let mut files = packed(RELEASES[0], "", |_| {});
        let mut shifted = files.0[&name].to_vec();
        shifted.insert(19, 0);
        files.0.insert(name.clone(), Arc::from(shifted));
        let line = machine(files).assert_fails().to_string();
        assert!(line.contains(&name) && line.contains("NVFW TLV"), "{line}");
    }
}
