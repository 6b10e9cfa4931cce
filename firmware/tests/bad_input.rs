// SPDX-License-Identifier: GPL-2.0

//! Truncated, damaged and random files give an error with an offset, and never a panic.

mod common;

use std::io::Write;

use common::{look, put, rom, samples, scan, Rom, BOOTER_PATCH_LOC};
use nova_firmware::{Booter, Error, ErrorKind, Format, Tlv};
use proptest::prelude::*;

/// The sample of `format` with some bytes replaced.
fn damaged(format: Format, damage: &[(usize, &[u8])]) -> Vec<u8> {
    let found = samples().into_iter().find(|(other, _)| *other == format);
    let (_, mut file) = found.expect("a sample of every format");
    for (at, bytes) in damage {
        put(&mut file, *at, bytes);
    }
    file
}

/// The error in the sample of `format` once the bytes at `at` are replaced.
fn error_with(format: Format, at: usize, bytes: &[u8]) -> String {
    match look(format, &damaged(format, &[(at, bytes)])) {
        Ok(()) => format!("no error with {bytes:x?} at {at:#x}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn samples_are_valid() {
    for (format, file) in samples() {
        look(format, &file).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(nova_firmware::recognise(&file), Some(format));
    }
}

#[test]
fn an_empty_file_is_an_error() {
    for (format, _) in samples() {
        let error = look(format, &[]).expect_err("an empty file");
        let truncated = matches!(error.kind, ErrorKind::Truncated { limit: 0, .. });
        assert!(truncated && error.offset == 0, "{error}");
        assert_eq!(error.format, format);
    }
    assert_eq!(nova_firmware::recognise(&[]), None);
}

/// Tries every length that is too short, and so every boundary of a header, a field or a section.
#[test]
#[cfg_attr(miri, ignore = "too many files for an interpreter")]
fn a_truncated_file_is_an_error() {
    for (format, file) in samples() {
        for len in 0..file.len() {
            let cut = look(format, &file[..len]);
            // A TLV file that ends between two blocks is valid.
            let whole = format == Format::Tlv && (len == 20 || len == 32);
            assert_eq!(cut.is_ok(), whole, "{format} of {len:#x} bytes: {cut:?}");
        }
    }
}

/// Dumps and their flash containers, cut at every length in their headers and then every 256 bytes.
#[test]
#[cfg_attr(miri, ignore = "too many files for an interpreter")]
fn a_truncated_dump_never_panics() {
    for (_, file) in common::dumps() {
        let headers = 0..file.len().min(0x100);
        for len in headers.chain((0..=file.len()).step_by(256)) {
            common::look_at_dump(&file[..len]);
        }
    }
}

/// The same with the files in `NOVA_VBIOS_DIR`, such as dumps of real cards.
#[test]
fn a_truncated_dump_of_a_card_never_panics() {
    let Some(folder) = std::env::var_os("NOVA_VBIOS_DIR") else {
        let line = b"SKIPPED: a_truncated_dump_of_a_card_never_panics: NOVA_VBIOS_DIR is not set\n";
        // Writes to stderr directly, since the test harness captures prints.
        return std::io::stderr()
            .write_all(line)
            .expect("stderr can be written to");
    };
    for entry in std::fs::read_dir(folder).expect("the folder can be listed") {
        let path = entry.expect("the folder can be listed").path();
        let file = std::fs::read(&path).expect("the file can be read");
        for len in (0..file.len()).step_by(256).chain([file.len()]) {
            let _ = look(Format::Vbios, &file[..len]);
            common::look_at_dump(&file[..len]);
        }
    }
}

/// Replaces each byte by several other values.
#[test]
#[cfg_attr(miri, ignore = "too many files for an interpreter")]
fn a_damaged_byte_never_panics() {
    for (format, mut file) in samples() {
        for at in 0..file.len() {
            let byte = file[at];
            if byte == file[at.saturating_sub(64)] && at % 64 != 0 {
                // Bytes inside of contents or of zeroes are not parsed, and are skipped.
                continue;
            }
            for other in [0, 0xff, byte ^ 1, byte ^ 0x80, byte.wrapping_add(16)] {
                file[at] = other;
                if let Err(error) = look(format, &file) {
                    assert_eq!(error.format, format);
                    assert!(!error.field.is_empty());
                }
            }
            file[at] = byte;
        }
    }
}

#[test]
fn elf_header_fields() {
    let wrong = |at, bytes: &[u8]| error_with(Format::Gsp, at, bytes);
    let cases = [
        (
            wrong(0, b"X"),
            "e_ident.magic at 0x0: expected \"\\x7fELF\", found 0x464c4558",
        ),
        (
            wrong(4, &[3]),
            "e_ident.class at 0x4: expected 0x1 or 0x2, found 0x3",
        ),
        (
            wrong(5, &[2]),
            "e_ident.data at 0x5: expected 0x1, found 0x2",
        ),
        (
            wrong(6, &[0]),
            "e_ident.version at 0x6: expected 0x1, found 0x0",
        ),
        (wrong(16, &[2]), "e_type at 0x10: expected 0x1, found 0x2"),
        (
            wrong(18, &[62]),
            "e_machine at 0x12: expected 0xf3, found 0x3e",
        ),
        (
            wrong(20, &[2]),
            "e_version at 0x14: expected 0x1, found 0x2",
        ),
        (
            wrong(52, &[52]),
            "e_ehsize at 0x34: expected 0x40, found 0x34",
        ),
        (
            wrong(58, &[40]),
            "e_shentsize at 0x3a: expected 0x40, found 0x28",
        ),
        (
            wrong(60, &[0]),
            "e_shnum at 0x3c: expected at least 0x2, found 0x0",
        ),
        (
            wrong(60, &[0xff]),
            "e_shnum at 0x3c: expected at most 0x40, found 0xff",
        ),
        (
            wrong(62, &[0]),
            "e_shstrndx at 0x3e: expected at least 0x1, found 0x0",
        ),
        (
            wrong(62, &[9]),
            "e_shstrndx at 0x3e: expected at most 0x6, found 0x9",
        ),
    ];
    check(Format::Gsp, &cases);
}

#[test]
fn elf_section_fields() {
    let valid = damaged(Format::Gsp, &[]);
    let table = u64::from_le_bytes(valid[40..48].try_into().expect("8 bytes")) as usize;
    let (image, note) = (table + 64, table + 128);
    let wrong = |at, bytes: &[u8]| error_with(Format::Gsp, at, bytes);
    let huge = [0xff; 8];
    let found = [
        (
            wrong(40, &huge),
            "e_shoff",
            "section header at 0xffffffffffffffff",
        ),
        (wrong(image, &[0xff]), "sh_name", "sh_name at 0x"),
        (
            wrong(image + 24, &huge),
            "sh_offset",
            "sh_offset + sh_size at 0x",
        ),
        (
            wrong(image + 32, &huge),
            "sh_size",
            "sh_offset + sh_size at 0x",
        ),
        (
            wrong(image + 32, &[0; 8]),
            "no image",
            ".fwimage at 0x40: expected at least 0x1",
        ),
        (wrong(image, &[2]), "name", ".fwimage at 0x"),
        (
            wrong(note + 32, &[8, 0]),
            "short note",
            "n_type at 0x1048: expected 0x10",
        ),
    ];
    for (error, what, expected) in found {
        assert!(error.contains(expected), "{what}: {error}");
    }
}

#[test]
fn gsp_contents() {
    let valid = damaged(Format::Gsp, &[]);
    let position = |needle: &[u8]| {
        let found = valid
            .windows(needle.len())
            .position(|window| window == needle);
        found.expect("the sample contains it")
    };
    let wrong = |at, bytes: &[u8]| error_with(Format::Gsp, at, bytes);
    let version = position(b"570.144");
    let error = wrong(version, b"\0");
    assert!(
        error.contains(".fwversion at 0x1064: expected a release such as 570.144"),
        "{error}"
    );
    let error = wrong(position(b"GNU\0"), b"X");
    assert!(
        error.contains("n_name at 0x104c: expected 0x554e47"),
        "{error}"
    );
    let error = wrong(position(b".fwsignature_ga10x"), b"x");
    assert!(
        error.contains(".fwsignature_ga10x at 0x") && error.ends_with("missing"),
        "{error}"
    );
}

#[test]
fn bin_header_fields() {
    let wrong = |at, bytes: &[u8]| error_with(Format::Booter, at, bytes);
    let cases = [
        (
            wrong(0, &[0]),
            "bin_magic at 0x0: expected 0x10de, found 0x1000",
        ),
        (wrong(4, &[2]), "bin_ver at 0x4: expected 0x1, found 0x2"),
        (wrong(9, &[0]), "bin_size at 0x8: expected 0xc00, found 0x0"),
        (
            wrong(12, &[0]),
            "header_offset at 0xc: expected at least 0x18, found 0x0",
        ),
        (
            wrong(16, &[0, 0]),
            "data_offset at 0x10: expected at least 0x18, found 0x0",
        ),
        (
            wrong(20, &[0, 0]),
            "data_size at 0x14: expected at least 0x1, found 0x0",
        ),
        (
            wrong(22, &[1]),
            "ucode at 0x378: expected 0x10b78 bytes, found 0xb78",
        ),
    ];
    check(Format::Booter, &cases);
}

#[test]
fn booter_header_fields() {
    let wrong = |at, bytes: &[u8]| error_with(Format::Booter, at, bytes);
    let (hs, values) = (24, BOOTER_PATCH_LOC);
    let (meta, load) = (values + 12, values + 24);
    let cases = [
        (
            wrong(hs + 2, &[1]),
            "signatures at 0x1003c: expected 0x1033c bytes, found 0xb78",
        ),
        (
            wrong(hs + 4, &[1]),
            "sig_prod_size at 0x1c: expected a multiple of 0x2, found 0x301",
        ),
        (
            wrong(hs + 4, &[0, 0]),
            "sig_prod_size at 0x1c: expected at least 0x2, found 0x0",
        ),
        (
            wrong(hs + 10, &[1]),
            "patch_loc at 0x1033c: expected 0x10340 bytes, found 0xb78",
        ),
        (
            wrong(hs + 14, &[1]),
            "patch_sig at 0x10340: expected 0x10344 bytes, found 0xb78",
        ),
        (
            wrong(hs + 18, &[1]),
            "meta_data at 0x10348: expected 0x10354 bytes, found 0xb78",
        ),
        (
            wrong(hs + 20, &[8]),
            "meta_data_size at 0x2c: expected 0xc, found 0x8",
        ),
        (
            wrong(hs + 26, &[1]),
            "num_sig at 0x10344: expected 0x10348 bytes, found 0xb78",
        ),
        (
            wrong(hs + 30, &[1]),
            "hs_load_header at 0x10354: expected 0x10368 bytes, found 0xb78",
        ),
        (
            wrong(hs + 32, &[35]),
            "hs_header.header_size at 0x354: expected 0x24, found 0x23",
        ),
        (
            wrong(values, &[0, 0]),
            "patch_loc at 0x33c: expected at least 0x400, found 0x0",
        ),
        (
            wrong(values, &[0, 8]),
            "patch_loc at 0x33c: expected 0x980 bytes, found 0x800",
        ),
        (
            wrong(values + 8, &[0]),
            "num_sig at 0x344: expected at least 0x1, found 0x0",
        ),
        (
            wrong(values + 8, &[99]),
            "num_sig at 0x344: expected at most 0x10, found 0x63",
        ),
        (wrong(meta, &[9]), "no error with [9] at 0x348"),
        (
            wrong(meta + 6, &[1]),
            "engine_id_mask at 0x34c: expected at most 0xffff, found 0x10001",
        ),
        (
            wrong(meta + 9, &[1]),
            "ucode_id at 0x350: expected at most 0xff, found 0x103",
        ),
        (
            wrong(load + 6, &[1]),
            "os_code at 0x354: expected 0x10100 bytes, found 0x800",
        ),
        (
            wrong(load + 10, &[1]),
            "os_data at 0x35c: expected 0x10800 bytes, found 0x800",
        ),
        (
            wrong(load + 16, &[0]),
            "num_apps at 0x364: expected at least 0x1, found 0x0",
        ),
        (
            wrong(load + 22, &[1]),
            "app[0] at 0x368: expected 0x10400 bytes, found 0x800",
        ),
    ];
    check(Format::Booter, &cases);
}

#[test]
fn bootloader_fields() {
    let wrong = |at, bytes: &[u8]| error_with(Format::Bootloader, at, bytes);
    let cases = [
        (
            wrong(24, &[6]),
            "version at 0x18: expected 0x4 or 0x5, found 0x6",
        ),
        (
            wrong(24 + 33, &[0x10]),
            "manifestOffset at 0x38: expected 0x1200 bytes, found 0x1000",
        ),
        (
            wrong(24 + 41, &[0x10]),
            "monitorDataOffset at 0x40: expected 0x1200 bytes, found 0x1000",
        ),
        (
            wrong(24 + 45, &[0x10]),
            "monitorDataOffset at 0x40: expected 0x1200 bytes, found 0x1000",
        ),
        (
            wrong(24 + 49, &[0x10]),
            "monitorCodeOffset at 0x48: expected 0x1800 bytes, found 0x1000",
        ),
    ];
    check(Format::Bootloader, &cases);
    let wrong = |at, bytes: &[u8]| error_with(Format::GenBootloader, at, bytes);
    let cases = [
        (
            wrong(25, &[1]),
            "start_tag at 0x18: expected at most 0xff, found 0x1fd",
        ),
        (
            wrong(33, &[3]),
            "code at 0x20: expected 0x500 bytes, found 0x300",
        ),
        (
            wrong(36, &[0, 0]),
            "code_size at 0x24: expected at least 0x1, found 0x0",
        ),
        (
            wrong(41, &[3]),
            "data at 0x28: expected 0x400 bytes, found 0x300",
        ),
    ];
    check(Format::GenBootloader, &cases);
}

#[test]
fn fmc_fields() {
    let valid = damaged(Format::Fmc, &[]);
    let table = u32::from_le_bytes(valid[32..36].try_into().expect("4 bytes")) as usize;
    let size_of = |section: usize| table + section * 40 + 20;
    let wrong = |at, bytes: &[u8]| error_with(Format::Fmc, at, bytes);
    let cases = [
        (wrong(16, &[1]), "e_type at 0x10: expected 0x0, found 0x1"),
        (
            wrong(size_of(1), &[47]),
            "hash at 0x34: expected 0x30, found 0x2f",
        ),
        (
            wrong(size_of(2) + 1, &[2]),
            "signature at 0x64: expected at most 0x180, found 0x260",
        ),
        (
            wrong(size_of(3), &[0]),
            "publickey at 0xc4: expected at least 0x1, found 0x0",
        ),
        (
            wrong(size_of(4), &[0, 0]),
            "image at 0x125: expected at least 0x1, found 0x0",
        ),
    ];
    check(Format::Fmc, &cases);
}

#[test]
fn tlv_fields() {
    let wrong = |at, bytes: &[u8]| error_with(Format::Tlv, at, bytes);
    let cases = [
        (
            wrong(0, b"X"),
            "magic at 0x0: expected \"NVFW\", found 0x57465658",
        ),
        (
            wrong(4, b"v"),
            "tag at 0x4: expected four upper-case letters or digits, found 0x53524576",
        ),
        (wrong(4, b"X"), "VERS at 0x4: missing"),
        (
            wrong(9, &[1]),
            "value at 0xc: expected 0x114 bytes, found 0x30",
        ),
        (
            wrong(12, &[7]),
            "VERS at 0xc: expected printable ASCII, found 0x7",
        ),
        (
            wrong(20, b"VERS"),
            "tag at 0x14: expected each tag once, found 0x53524556",
        ),
    ];
    check(Format::Tlv, &cases);
}

#[test]
fn vbios_fields() {
    let wrong = |at, bytes: &[u8]| error_with(Format::Vbios, at, bytes);
    let second = Rom::GA102.second();
    let (table, desc) = (second + rom::TABLE, second + rom::DESC);
    let dmem = desc + 44 + 2 * 384 + rom::IMEM_LEN as usize;
    let interface = dmem + rom::INTERFACE as usize;
    let cases = [
        (
            wrong(0, &[0]),
            "rom_signature at 0x0: expected 0xaa55 of an image or \"NVGI\" of an IFR header, found 0xaa00".to_owned(),
        ),
        (
            wrong(0x19, &[0xff]),
            "pcir at 0xff40: expected 0xff56 bytes, found 0x6600".to_owned(),
        ),
        (
            wrong(0x40, b"X"),
            "pcir.signature at 0x40: expected 0x52494350 or 0x5344504e or 0x53494752, found 0x52494358".to_owned(),
        ),
        (
            wrong(0x68, &[0]),
            "npde.subimage_len at 0x68: expected at least 0x1, found 0x0".to_owned(),
        ),
        (
            wrong(0x68, &[0xff, 0xff]),
            format!("npde.subimage_len at 0x68: expected 0x1fffe00 bytes, found {:#x}", second + rom::SECOND_LEN),
        ),
        (
            wrong(0x400, &[0]),
            "rom_signature at 0x400: expected 0xaa55 or 0x4e56 or 0xbb77, found 0xaa00".to_owned(),
        ),
        (wrong(rom::BIT, &[0]), "BIT at 0x0: missing".to_owned()),
        (wrong(rom::BIT + 11, &[0]), "BIT at 0x0: missing".to_owned()),
        (wrong(rom::BIT + 18, b"x"), "BIT token B or i at 0x1b0: missing".to_owned()),
        (wrong(rom::BIT + 24, b"x"), "BIT token p at 0x1b0: missing".to_owned()),
        (
            wrong(table, &[2]),
            format!("ucode_table.version at {table:#x}: expected 0x1, found 0x2"),
        ),
        (
            wrong(table + 1, &[5]),
            format!("ucode_table.header_size at {:#x}: expected at least 0x6, found 0x5", table + 1),
        ),
        (
            wrong(table + 2, &[5]),
            format!("ucode_table.entry_size at {:#x}: expected at least 0x6, found 0x5", table + 2),
        ),
        (wrong(table + 12, &[0x86]), "FWSEC_PROD entry at 0x0: missing".to_owned()),
        (
            wrong(desc, &[0]),
            format!("vDesc at {desc:#x}: expected bit 0 set, found 0x32c0300"),
        ),
        (
            wrong(desc + 1, &[4]),
            format!("vDesc.version at {:#x}: expected 0x2 or 0x3, found 0x4", desc + 1),
        ),
        (
            wrong(desc + 2, &[0]),
            format!("vDesc.size at {:#x}: expected at least 0x32c, found 0x300", desc + 2),
        ),
        (
            wrong(desc + 9, &[4]),
            format!("PKCDataOffset + signature at {:#x}: expected at most 0x400, found 0x580", desc + 8),
        ),
        (
            wrong(interface, &[2]),
            format!("appif.version at {interface:#x}: expected 0x1, found 0x2"),
        ),
        (
            wrong(interface + 12, &[5]),
            format!("DMEMMAPPER at {interface:#x}: missing"),
        ),
        (
            wrong(interface + 17, &[4]),
            format!("DMEMMAPPER at {:#x}: expected {:#x} bytes, found {:#x}", dmem + 0x480, dmem + 0x4c0, dmem + 0x400),
        ),
        (
            wrong(dmem + rom::MAPPER as usize + 9, &[4]),
            format!("cmd_in_buffer at {:#x}: expected {:#x} bytes, found {:#x}", dmem + 0x400, dmem + 0x42c, dmem + 0x400),
        ),
    ];
    for (error, expected) in cases {
        assert_eq!(error, format!("{}: {expected}", Format::Vbios));
    }
}

#[test]
fn ifr_fields() {
    for version in 1..=3 {
        let mut file = Rom {
            ifr: version,
            ..Rom::GA102
        }
        .build();
        file[5] = 4;
        let error = scan(&file).expect_err("an unknown version").to_string();
        assert_eq!(
            error,
            "VBIOS: ifr.version at 0x5: expected 0x1 or 0x2 or 0x3, found 0x4"
        );
        file[5] = version;
        let at = if version == 3 { 0x1108 } else { 0x44 };
        file[at] = 2;
        let error = scan(&file).expect_err("an odd offset").to_string();
        assert!(
            error.contains("image_offset") && error.contains("a multiple of 0x4"),
            "{error}"
        );
        if version == 3 {
            file[0x1100] = b'X';
            let error = scan(&file).expect_err("no directory").to_string();
            assert!(
                error.contains("rom_directory.signature at 0x1100"),
                "{error}"
            );
        }
    }
}

/// A chain without a last image, and one that is longer than the limit.
#[test]
fn image_chains_end() {
    let mut file = Rom::GA102.build();
    let second = Rom::GA102.second();
    put(&mut file, second + 0x55, &[0]);
    put(&mut file, second + 0x6a, &[0]);
    let error = scan(&file).expect_err("no last image");
    assert_eq!(
        (error.field, error.offset),
        ("rom_signature", file.len() as u64)
    );

    let image = file[..rom::BASE_LEN].to_vec();
    let endless = image.repeat(64);
    let error = scan(&endless).expect_err("too many images");
    assert_eq!(error.field, "number of images");
}

/// The ROM of a card that has fallen off the bus reads as all ones.
#[test]
fn all_ones_are_an_error() {
    let error = scan(&vec![0xff; 1 << 20]).expect_err("no ROM");
    assert_eq!(error.field, "rom_signature");
}

fn check(format: Format, cases: &[(String, &str)]) {
    for (error, expected) in cases {
        let expected = if expected.starts_with("no error") {
            (*expected).to_owned()
        } else {
            format!("{format}: {expected}")
        };
        assert_eq!(*error, expected);
    }
}

/// Formats for which [`samples`] has files, by number.
fn sample() -> impl Strategy<Value = (Format, Vec<u8>)> {
    (0..samples().len()).prop_map(|index| samples().swap_remove(index))
}

/// Words that are likely to expose errors in headers.
fn word() -> impl Strategy<Value = u32> {
    prop_oneof![
        any::<u32>(),
        0..0x2000_u32,
        Just(u32::MAX),
        Just(0x7fff_ffff),
        Just(0x8000_0000),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        cases: if cfg!(miri) { 8 } else { 2000 },
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_bytes_cause_no_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        for (format, file) in samples() {
            let _ = look(format, &bytes);
            // The same bytes behind the start of a valid file, to get beyond the check of the
            // magic.
            let head = file.get(..64).unwrap_or(&file);
            let _ = look(format, &[head, &bytes].concat());
        }
    }

    #[test]
    fn any_words_in_headers_cause_no_panic(
        (format, mut file) in sample(),
        words in proptest::collection::vec((any::<proptest::sample::Index>(), word()), 1..4),
    ) {
        for (at, word) in words {
            // Half of the damage goes to the first bytes, where the headers are.
            let at = at.index(file.len() * 2);
            let at = if at < file.len() { at } else { at % file.len().min(128) };
            for (to, from) in file.iter_mut().skip(at).zip(word.to_le_bytes()) {
                *to = from;
            }
        }
        if let Err(Error { format: found, field, .. }) = look(format, &file) {
            prop_assert_eq!(found, format);
            prop_assert!(!field.is_empty());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        cases: if cfg!(miri) { 8 } else { 2000 },
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_words_in_a_dump_cause_no_panic(
        which in any::<proptest::sample::Index>(),
        words in proptest::collection::vec((any::<proptest::sample::Index>(), word()), 1..4),
        len in any::<proptest::sample::Index>(),
    ) {
        let (_, mut file) = which.get(&common::dumps()).clone();
        for (at, word) in words {
            let at = at.index(file.len());
            for (to, from) in file.iter_mut().skip(at).zip(word.to_le_bytes()) {
                *to = from;
            }
        }
        file.truncate(len.index(2 * file.len()));
        common::look_at_dump(&file);
    }
}

/// A booter from a TLV file equals the one from the original file.
#[test]
fn a_packed_booter_is_the_same() {
    let (file, packed) = (common::booter(), common::booter_tlv());
    let booter = Booter::parse(&file).unwrap();
    let packed = Booter::from_tlv(&Tlv::parse(&packed).unwrap()).unwrap();
    assert_eq!(packed.ucode(), booter.ucode());
    assert_eq!(packed.layout_tu102(), booter.layout_tu102());
    assert_eq!(packed.layout_ga102(), booter.layout_ga102());
    assert_eq!(packed.signature_offset(), booter.signature_offset());
    assert_eq!(packed.brom(), booter.brom());
    for fuses in 0..4 {
        assert_eq!(
            packed.signature_for(fuses).ok(),
            booter.signature_for(fuses).ok()
        );
    }
}

/// No byte in a packed booter's tags and values causes an out-of-bounds read.
#[test]
fn any_byte_of_a_packed_booter() {
    let sample = common::booter_tlv();
    // The signatures and the program behind them are not parsed.
    let head = 4 + 16 + 11 * 12 + 8;
    for at in 0..head {
        for value in [0, 1, 0x7f, 0xff] {
            let mut file = sample.clone();
            file[at] = value;
            let _ = common::look(Format::Tlv, &file);
        }
    }
    for len in (0..head).chain([sample.len() - 1]) {
        let _ = common::look(Format::Tlv, &sample[..len]);
    }
}
