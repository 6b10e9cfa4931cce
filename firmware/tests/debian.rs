// SPDX-License-Identifier: GPL-2.0

//! Runs the parsers on every GSP firmware file that the distribution ships.
//!
//! `NOVA_FIRMWARE_DIR` names the folder with `nvidia/`; without it each test prints that it was
//! skipped.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use nova_firmware::elf::Elf;
use nova_firmware::{
    recognise, Booter, Bootloader, Fmc, Format, GenBootloader, Gsp, Result, Tlv, Vbios,
};
use object::{Object, ObjectSection};

/// The firmware folder; if there is none, prints that `test` is skipped.
fn folder(test: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("NOVA_FIRMWARE_DIR").map(PathBuf::from);
    if folder.is_none() {
        let line = format!("SKIPPED: {test}: NOVA_FIRMWARE_DIR is not set\n");
        // Writes to stderr directly, since the test harness captures prints.
        std::io::stderr()
            .write_all(line.as_bytes())
            .expect("stderr can be written to");
    }
    folder
}

/// The files called `nvidia/*/gsp/<prefix>*.bin`, each once even if links point to it.
fn files(folder: &Path, prefix: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let chips = fs::read_dir(folder.join("nvidia")).expect("the folder can be listed");
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

/// Parses `file`, which must be recognised as a `format`.
fn parse<'a, T>(
    (path, file): &'a (PathBuf, Vec<u8>),
    format: Format,
    parser: impl FnOnce(&'a [u8]) -> Result<T>,
) -> T {
    assert_eq!(recognise(file), Some(format), "{}", path.display());
    parser(file).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn gsp() {
    let Some(folder) = folder("gsp") else { return };
    for file in files(&folder, "gsp-") {
        let gsp = parse(&file, Format::Gsp, Gsp::parse);
        let (path, bytes) = &file;
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .expect("a name");
        assert_eq!(name, format!("gsp-{}.bin", gsp.version()));
        assert_eq!(gsp.build_id().is_some(), gsp.version().starts_with("570"));
        let head = bytes.first_chunk().expect("64 bytes");
        assert_eq!(nova_firmware::len_from_head(head), Some(bytes.len()));
        let end = gsp.image_offset() + gsp.image().len();
        assert_eq!(gsp.image(), &bytes[gsp.image_offset()..end]);
        for signature in gsp.signatures() {
            let (family, bytes) = signature.expect("a valid section");
            assert_eq!(bytes.len(), 4096, "{family}");
        }
        let turing = path.to_str().is_some_and(|path| path.contains("tu102"));
        let section = if turing {
            ".fwsignature_tu10x"
        } else {
            ".fwsignature_ga10x"
        };
        assert_eq!(gsp.signature(section).map(<[u8]>::len), Ok(4096));
    }
}

#[test]
fn booter() {
    let Some(folder) = folder("booter") else {
        return;
    };
    for file in ["booter_", "scrubber-"]
        .iter()
        .flat_map(|prefix| files(&folder, prefix))
    {
        let booter = parse(&file, Format::Booter, Booter::parse);
        let signatures = booter.signatures();
        // Without a blown fuse the signature is the last one, at the newest fuse version the first.
        assert_eq!(booter.signature_for(0).ok(), signatures.iter().last());
        if booter.fuse_version() > 0 {
            assert_eq!(
                booter.signature_for(booter.fuse_version()).ok(),
                signatures.get(0)
            );
        }
        assert!(booter.signature_for(booter.fuse_version() + 1).is_err());
        // The parts follow each other.
        let (code, app, data) = (booter.os_code(), booter.app(), booter.os_data());
        assert_eq!((code.offset, code.offset + code.size), (0, app.offset));
        assert_eq!(app.offset + app.size, data.offset);
        assert_eq!(booter.layout_ga102().boot_addr, app.offset);
        assert_eq!(booter.layout_tu102().boot_addr, code.offset);
    }
}

#[test]
fn bootloader() {
    let Some(folder) = folder("bootloader") else {
        return;
    };
    for file in files(&folder, "bootloader-") {
        parse(&file, Format::Bootloader, Bootloader::parse);
    }
}

#[test]
fn gen_bootloader() {
    let Some(folder) = folder("gen_bootloader") else {
        return;
    };
    for file in files(&folder, "gen_bootloader-") {
        let loader = parse(&file, Format::GenBootloader, GenBootloader::parse);
        assert_eq!((loader.start_tag(), loader.code().len()), (0xfd, 0x200));
    }
}

#[test]
fn fmc() {
    let Some(folder) = folder("fmc") else { return };
    for file in files(&folder, "fmc-") {
        parse(&file, Format::Fmc, Fmc::parse);
    }
}

/// No parser accepts a file of another format.
#[test]
fn no_parser_accepts_another_format() {
    let Some(folder) = folder("no_parser_accepts_another_format") else {
        return;
    };
    for (path, file) in files(&folder, "") {
        let taken = [
            Gsp::parse(&file).is_ok(),
            Booter::parse(&file).is_ok(),
            Bootloader::parse(&file).is_ok(),
            GenBootloader::parse(&file).is_ok(),
            Fmc::parse(&file).is_ok(),
            Tlv::parse(&file).is_ok(),
            Vbios::parse(&file).is_ok(),
        ];
        let times = taken.into_iter().filter(|taken| *taken).count();
        assert_eq!(times, 1, "{} taken as {taken:?}", path.display());
    }
}

/// This crate's ELF reader and that of `object` must agree.
#[test]
fn elf_agrees_with_object() {
    let Some(folder) = folder("elf_agrees_with_object") else {
        return;
    };
    for (prefix, format) in [("gsp-", Format::Gsp), ("fmc-", Format::Fmc)] {
        for file in files(&folder, prefix) {
            let ours = parse(&file, format, |bytes| Elf::parse(format, bytes));
            let theirs = object::File::parse(file.1.as_slice()).expect("object accepts it");
            assert_eq!(ours.is_64_bit(), theirs.is_64());
            let ours: Vec<_> = ours
                .sections()
                .map(|section| section.expect("a valid section"))
                .collect();
            assert_eq!(
                ours.len(),
                theirs.sections().count(),
                "{}",
                file.0.display()
            );
            for (ours, theirs) in ours.iter().zip(theirs.sections()) {
                assert_eq!(Ok(ours.name()), theirs.name());
                assert_eq!(Ok(ours.data()), theirs.data());
                let range = theirs.file_range().expect("it is in the file");
                assert_eq!((ours.offset() as u64, ours.data().len() as u64), range);
            }
        }
    }
}
