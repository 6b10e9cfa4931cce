// SPDX-License-Identifier: GPL-2.0

//! Firmware files with valid headers and meaningless contents, a few kilobytes each, for tests that
//! must be quick (Miri, fuzzers) or run without the real files.
//!
//! Source of the formats: as for [`firmware`](crate::images::firmware); the fields' values follow
//! `booter_load-570.144.bin` and `bootloader-570.144.bin` for GA102.

use std::sync::Arc;

use sha2::{Digest, Sha384};

use nova_hw::release::{Release, RELEASES};

use crate::chips::Chip;
use crate::images::firmware::{file_name_of, InMemory};

/// Pages of the synthetic GSP-RM; the last one is not full.
const GSP_PAGES: usize = 5;

const BLOCK: usize = 256;
const SIGNATURE: usize = 384;

fn words(values: &[u32]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

fn noise(seed: u8, len: usize) -> Vec<u8> {
    (0..len)
        .map(|at| (at as u8).wrapping_mul(31).wrapping_add(seed) ^ (at >> 8) as u8)
        .collect()
}

/// A booter file: header, signatures, fields that the header refers to (patch location to load
/// header), then code and data.
fn booter(chip: &Chip, seed: u8) -> Vec<u8> {
    const HEADER: usize = 0x18;
    const SIGNATURES: usize = 0x3c;
    let (fused, signatures) = match chip.falcons.has_boot_rom() {
        true => (1, 2),
        false => (0, 1),
    };
    let places_at = SIGNATURES + signatures * SIGNATURE;
    const DATA: usize = 0x400;
    const CODE: usize = BLOCK;
    const CODE_SIZE: usize = 2 * BLOCK;
    const OS_DATA: usize = CODE + CODE_SIZE;
    const OS_DATA_SIZE: usize = 3 * BLOCK;
    const SIZE: usize = OS_DATA + OS_DATA_SIZE;

    // Patch location, first signature, meta data (version, engine, ucode id), number of
    // signatures, load header.
    let places = words(&[
        (OS_DATA + 0x10) as u32,
        0,
        fused,
        1,
        3,
        signatures as u32,
        0,
        BLOCK as u32,
        OS_DATA as u32,
        OS_DATA_SIZE as u32,
        1,
        CODE as u32,
        CODE_SIZE as u32,
        BLOCK as u32,
    ]);
    let at = |index: usize| (places_at + 4 * index) as u32;
    let total = (DATA + SIZE) as u32;
    let mut file = words(&[0x10de, 1, total, HEADER as u32, DATA as u32, SIZE as u32]);
    file.extend(words(&[
        SIGNATURES as u32,
        (signatures * SIGNATURE) as u32,
        at(0),
        at(1),
        at(2),
        12,
        at(5),
        at(6),
        0x24,
    ]));
    file.extend(noise(seed.wrapping_add(1), signatures * SIGNATURE));
    file.extend(places);
    file.resize(DATA, 0);
    file.extend(noise(seed, SIZE));
    file
}

/// The generic bootloader: header, descriptor, code and data.
fn gen_bootloader() -> Vec<u8> {
    const HEADER: usize = 0x18;
    const DATA: usize = 0x30;
    const CODE_SIZE: usize = 2 * BLOCK;
    const SIZE: usize = CODE_SIZE + BLOCK;
    const START_TAG: u32 = 0xfd;
    // As in the real file: rounded up, although the file is not.
    let total = (DATA + SIZE).next_multiple_of(BLOCK) as u32;
    let mut file = words(&[0x10de, 1, total, HEADER as u32, DATA as u32, SIZE as u32]);
    file.extend(words(&[
        START_TAG,
        0,
        0,
        CODE_SIZE as u32,
        CODE_SIZE as u32,
        BLOCK as u32,
    ]));
    file.extend(noise(0xb1, SIZE));
    file
}

/// Version of the RISC-V bootloader.
pub const APP_VERSION: u32 = 0x12_3456;

/// The RISC-V bootloader: header, descriptor, code and data.
fn bootloader(seed: u8) -> Vec<u8> {
    const HEADER: usize = 0x18;
    /// Behind a descriptor of version 5.
    const DATA: usize = HEADER + 0x54;
    const SIZE: usize = 0x2000;
    // As in the real file: rounded up, although the file is not.
    let total = (DATA + SIZE).next_multiple_of(BLOCK) as u32;
    let mut file = words(&[0x10de, 1, total, HEADER as u32, DATA as u32, SIZE as u32]);
    file.extend(words(&[
        5,
        0x1000,
        0x100,
        0x1100,
        0x10,
        0,
        0,
        APP_VERSION,
        0,
        0x400,
        0x400,
        0x400,
        0x800,
        0x400,
        1,
        0,
        0,
        0,
        0,
        SIZE as u32,
    ]));
    file.resize(DATA, 0);
    file.extend(noise(9 ^ seed, SIZE));
    file
}

/// GSP-RM: an ELF file with the sections that matter.
fn gsp(chip: &Chip, release: &Release) -> Vec<u8> {
    const FILE_HEADER: usize = 64;
    const SECTION_HEADER: usize = 64;
    const PROGBITS: u32 = 1;
    const STRTAB: u32 = 3;
    const NOTE: u32 = 7;

    let build_id: Vec<u8> = [words(&[4, 20, 3]), b"GNU\0".to_vec(), noise(3, 20)].concat();
    let mut names = vec![0];
    let mut sections: Vec<(u32, u32, Vec<u8>)> = Vec::new();
    let parts = [
        (
            ".fwimage",
            PROGBITS,
            noise(7 ^ seed_of(release), GSP_PAGES * 4096 - 100),
        ),
        (".note.gnu.build-id", NOTE, build_id),
        (
            ".fwversion",
            PROGBITS,
            format!("{}\0", release.name).into_bytes(),
        ),
        (chip.chipset.fwsignature_section(), PROGBITS, noise(5, 4096)),
    ];
    for (name, kind, bytes) in parts {
        sections.push((names.len() as u32, kind, bytes));
        names.extend_from_slice(name.as_bytes());
        names.push(0);
    }
    let last_name = names.len() as u32;
    names.extend_from_slice(b".shstrtab\0");
    sections.push((last_name, STRTAB, names));

    let mut body = Vec::new();
    let mut headers = vec![0; SECTION_HEADER];
    for (name, kind, bytes) in &sections {
        let offset = (FILE_HEADER + body.len()) as u64;
        headers.extend(words(&[*name, *kind]));
        for value in [0, 0, offset, bytes.len() as u64, 0, 1, 0_u64] {
            headers.extend(value.to_le_bytes());
        }
        body.extend(bytes);
    }
    body.resize(body.len().next_multiple_of(8), 0);

    // Little-endian ELF64 for RISC-V, relocatable, without segments.
    let mut file = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x01\0\xf3\0".to_vec();
    file.extend(words(&[1]));
    for value in [0, 0, (FILE_HEADER + body.len()) as u64] {
        file.extend(value.to_le_bytes());
    }
    file.extend(words(&[0]));
    let count = sections.len() as u16 + 1;
    for value in [
        FILE_HEADER as u16,
        0,
        0,
        SECTION_HEADER as u16,
        count,
        count - 1,
    ] {
        file.extend(value.to_le_bytes());
    }
    file.extend(body);
    file.extend(headers);
    file
}

/// An ELF file of 32 bits without segments: sections of these names and contents.
fn elf32(parts: &[(&str, &[u8])]) -> Vec<u8> {
    const FILE_HEADER: usize = 52;
    const SECTION_HEADER: usize = 40;
    const PROGBITS: u32 = 1;
    const STRTAB: u32 = 3;
    let mut names = vec![0];
    let mut sections = Vec::new();
    for (name, bytes) in parts {
        sections.push((names.len() as u32, PROGBITS, bytes.to_vec()));
        names.extend_from_slice(name.as_bytes());
        names.push(0);
    }
    let last_name = names.len() as u32;
    names.extend_from_slice(b".shstrtab\0");
    sections.push((last_name, STRTAB, names));
    let count = sections.len() as u32 + 1;

    let mut file = b"\x7fELF\x01\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    let sizes = |low: usize, high: u32| low as u32 | high << 16;
    file.extend(words(&[
        0,
        1,
        0,
        0,
        FILE_HEADER as u32,
        0,
        sizes(FILE_HEADER, 0),
        sizes(0, SECTION_HEADER as u32),
        count | (count - 1) << 16,
    ]));
    file.resize(FILE_HEADER + SECTION_HEADER, 0);
    let mut offset = FILE_HEADER + SECTION_HEADER * count as usize;
    for (name, kind, bytes) in &sections {
        let at = offset as u32;
        file.extend(words(&[
            *name,
            *kind,
            0,
            0,
            at,
            bytes.len() as u32,
            0,
            0,
            4,
            0,
        ]));
        offset += bytes.len();
    }
    file.extend(sections.into_iter().flat_map(|(_, _, bytes)| bytes));
    file
}

/// The program in the synthetic FMC.
pub(crate) fn fmc_image() -> Vec<u8> {
    noise(11, 0x1234)
}

/// An FMC, with key and signature of the sizes that the chip's FSP knows.
fn fmc(chip: &Chip) -> Vec<u8> {
    let (key, signature) = match chip.is_hopper() {
        true => (384, 384),
        false => (97, 96),
    };
    let image = fmc_image();
    elf32(&[
        ("hash", &Sha384::digest(&image)),
        ("signature", &noise(12, signature)),
        ("publickey", &noise(13, key)),
        ("image", &image),
    ])
}

/// All files of the newest release that the driver and the card of `chip` need.
pub fn firmware(chip: &Chip) -> InMemory {
    firmware_of(chip, RELEASES[0])
}

/// Seed that makes the files of `release` differ from those of others: the last digit of its name.
fn seed_of(release: &Release) -> u8 {
    release.name.bytes().last().unwrap_or_default()
}

/// All files of `release` that the driver and the card of `chip` need.
pub fn firmware_of(chip: &Chip, release: &Release) -> InMemory {
    let seed = seed_of(release);
    let mut files = vec![
        ("bootloader", bootloader(seed)),
        ("gsp", gsp(chip, release)),
    ];
    match chip.boots_through_fsp() {
        true => files.push(("fmc", fmc(chip))),
        false => files.extend([
            ("booter_load", booter(chip, 0x20 ^ seed)),
            ("booter_unload", booter(chip, 0x40 ^ seed)),
        ]),
    }
    if !chip.falcons.has_boot_rom() {
        files.push(("gen_bootloader", gen_bootloader()));
    }
    if chip.has_scrubber() {
        files.push(("scrubber", booter(chip, 0x60 ^ seed)));
    }
    InMemory(
        files
            .into_iter()
            .map(|(what, bytes)| (file_name_of(chip, what, release), Arc::from(bytes)))
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chips::CHIPS;
    use crate::images::firmware::Firmwares;
    use nova_hw::release::NVIDIAS_OWN;

    #[test]
    fn the_card_accepts_synthetic_firmware() {
        for chip in CHIPS {
            for release in RELEASES.into_iter().chain(NVIDIAS_OWN) {
                let firmware = Firmwares::load(chip, &firmware_of(chip, release)).unwrap();
                assert_eq!(firmware.gsp.release, release);
                assert_eq!(firmware.gsp.signature, noise(5, 4096));
                assert_eq!(firmware.gsp.size(), (GSP_PAGES * 4096 - 100) as u64);
                assert_eq!(firmware.fmc.is_some(), chip.boots_through_fsp());
                let codes = [&firmware.booter_load, &firmware.booter_unload]
                    .map(|booter| booter.as_ref().map(|booter| &booter.code));
                assert_eq!(codes[0] == codes[1], chip.boots_through_fsp());
            }
        }
    }
}
