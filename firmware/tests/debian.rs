// SPDX-License-Identifier: GPL-2.0

//! The parsers on every GSP firmware file that the distribution ships.
//!
//! The folder that holds `nvidia/` is named by `NOVA_FIRMWARE_DIR`; without it there is nothing to
//! read, and each test says that it did nothing.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use nova_firmware::{recognise, Booter, Bootloader, Fmc, Format, GenBootloader, Gsp};

/// The files called `nvidia/*/gsp/<prefix>*.bin`, each once whatever links point to it.
fn files(prefix: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let Some(dir) = std::env::var_os("NOVA_FIRMWARE_DIR") else {
        println!("skipped: NOVA_FIRMWARE_DIR is not set");
        return Vec::new();
    };
    let chips = fs::read_dir(Path::new(&dir).join("nvidia")).expect("the folder can be listed");
    let folders = chips.filter_map(|chip| fs::read_dir(chip.ok()?.path().join("gsp")).ok());
    let all = folders
        .flatten()
        .map(|file| file.expect("the folder can be listed").path());
    let wanted = all.filter(|path| {
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        name.starts_with(prefix) && name.ends_with(".bin")
    });
    let unique: BTreeSet<_> = wanted
        .map(|path| path.canonicalize().expect("no link dangles"))
        .collect();
    assert!(!unique.is_empty(), "no {prefix}* in the firmware folder");
    let read = |path: PathBuf| {
        let bytes = fs::read(&path).expect("the file can be read");
        (path, bytes)
    };
    unique.into_iter().map(read).collect()
}

fn expect_format(path: &Path, file: &[u8], format: Format) {
    assert_eq!(recognise(file), Some(format), "{}", path.display());
}

#[test]
fn gsp() {
    for (path, file) in files("gsp-") {
        expect_format(&path, &file, Format::Gsp);
        let gsp = Gsp::parse(&file).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .expect("a name");
        assert_eq!(name, format!("gsp-{}.bin", gsp.version()));
        assert_eq!(gsp.build_id().is_some(), gsp.version().starts_with("570"));
        let head = file.first_chunk().expect("64 bytes");
        assert_eq!(nova_firmware::len_from_head(head), Some(file.len()));
        let end = gsp.image_offset() + gsp.image().len();
        assert_eq!(gsp.image(), &file[gsp.image_offset()..end]);
        let turing = path.to_str().is_some_and(|path| path.contains("tu10"));
        let section = if turing {
            ".fwsignature_tu10x"
        } else {
            ".fwsignature_ga10x"
        };
        assert_eq!(gsp.signature(section).expect("its own family").len(), 4096);
    }
}

#[test]
fn booter() {
    for prefix in ["booter_", "scrubber-"] {
        for (path, file) in files(prefix) {
            expect_format(&path, &file, Format::Booter);
            let booter =
                Booter::parse(&file).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            assert!(booter.signature_for(0).is_ok());
            assert_eq!(booter.layout_ga102().boot_addr, 0x100);
        }
    }
}

#[test]
fn bootloader() {
    for (path, file) in files("bootloader-") {
        expect_format(&path, &file, Format::Bootloader);
        Bootloader::parse(&file).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}

#[test]
fn gen_bootloader() {
    for (path, file) in files("gen_bootloader-") {
        expect_format(&path, &file, Format::GenBootloader);
        let loader = GenBootloader::parse(&file)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(loader.start_tag(), 0xfd);
    }
}

#[test]
fn fmc() {
    for (path, file) in files("fmc-") {
        expect_format(&path, &file, Format::Fmc);
        Fmc::parse(&file).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}
