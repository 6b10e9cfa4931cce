// SPDX-License-Identifier: GPL-2.0

//! Small valid files of every format, and a function that reads everything in a file.

#![allow(dead_code, reason = "each test uses a part")]

pub(crate) mod rom;

use nova_firmware::elf::Elf;
use nova_firmware::vbios::{Dump, Scan, Step};
use nova_firmware::{
    Booter, Bootloader, Error, Fmc, Format, GenBootloader, Gsp, PackedGsp, Result, Tlv, Vbios,
};

pub(crate) use rom::Rom;

/// Small valid files of every format.
pub(crate) fn samples() -> Vec<(Format, Vec<u8>)> {
    vec![
        (Format::Gsp, gsp()),
        (Format::Booter, booter()),
        (Format::Bootloader, bootloader()),
        (Format::GenBootloader, gen_bootloader()),
        (Format::Fmc, fmc()),
        (Format::Tlv, tlv()),
        (Format::Vbios, Rom::GA102.build()),
        (Format::Vbios, Rom::TU102.build()),
    ]
}

/// Files that are no whole ROM of a card that Nova drives, or have a container that drivers do not
/// see; each with a name.
pub(crate) fn dumps() -> Vec<(&'static str, Vec<u8>)> {
    let whole = Rom::GA102.build();
    let rom_bar = whole[..rom::BASE_LEN + rom::EFI_LEN].to_vec();
    let run_time = whole[..rom::BASE_LEN - 0x40].to_vec();
    let before_turing = Rom {
        major: 0x86,
        falcon_data: b'x',
        ..Rom::TU102
    };
    let blackwell = Rom {
        major: 0x98,
        desc: 6,
        application: 0x07,
        ..Rom::GA102
    };
    let old_descriptor = Rom {
        desc: 1,
        ..Rom::GA102
    };
    vec![
        ("rom-bar", rom_bar),
        ("run-time", run_time),
        ("before-turing", before_turing.build()),
        ("blackwell", blackwell.build()),
        ("blackwell-flash", rom::nvfw(&blackwell.build())),
        ("blackwell-flash-head", rom::nvfw(&[])[..0x1100].to_vec()),
        ("old-descriptor", old_descriptor.build()),
        ("nbsi", rom::behind_nbsi()),
    ]
}

/// Overwrites `file` at `at`.
pub(crate) fn put(file: &mut [u8], at: usize, bytes: &[u8]) {
    file[at..at + bytes.len()].copy_from_slice(bytes);
}

/// Overwrites `file` at `at` with little-endian words.
pub(crate) fn put_words(file: &mut [u8], at: usize, words: &[u32]) {
    for (index, word) in words.iter().enumerate() {
        put(file, at + 4 * index, &word.to_le_bytes());
    }
}

/// An ELF file of one class: headers, contents, then the section headers, as in `gsp-*.bin`.
fn elf(wide: bool, kind: u16, machine: u16, sections: &[(&str, u32, &[u8])]) -> Vec<u8> {
    let (header_len, entry_len) = if wide { (64, 64) } else { (52, 40) };
    let mut file = vec![0; header_len];
    let mut names = vec![0_u8];
    let mut table = vec![0_u8; entry_len];
    let mut add = |file: &mut Vec<u8>, name: u32, kind: u32, contents: &[u8]| {
        let (offset, size) = (file.len() as u32, contents.len() as u32);
        let mut entry = vec![0; entry_len];
        put_words(&mut entry, 0, &[name, kind]);
        if wide {
            put_words(&mut entry, 24, &[offset, 0, size, 0]);
        } else {
            put_words(&mut entry, 16, &[offset, size]);
        }
        table.extend_from_slice(&entry);
        file.extend_from_slice(contents);
    };
    for (name, kind, contents) in sections {
        let at = names.len() as u32;
        names.extend_from_slice(name.as_bytes());
        names.push(0);
        add(&mut file, at, *kind, contents);
    }
    let at = names.len() as u32;
    names.extend_from_slice(b".shstrtab\0");
    let strings = names.clone();
    add(&mut file, at, 3, &strings);
    let count = sections.len() as u16 + 2;
    let table_at = file.len() as u32;
    file.extend_from_slice(&table);
    put(&mut file, 0, b"\x7fELF\0\x01\x01");
    file[4] = if wide { 2 } else { 1 };
    put(&mut file, 16, &kind.to_le_bytes());
    put(&mut file, 18, &machine.to_le_bytes());
    put_words(&mut file, 20, &[1]);
    let (shoff, sizes) = if wide { (40, 52) } else { (32, 40) };
    put_words(&mut file, shoff, &[table_at]);
    let sizes_are = [header_len as u16, 0, 0, entry_len as u16, count, count - 1];
    for (index, size) in sizes_are.iter().enumerate() {
        put(&mut file, sizes + 2 * index, &size.to_le_bytes());
    }
    file
}

/// `gsp-570.144.bin` with an image of 4 KiB.
pub(crate) fn gsp() -> Vec<u8> {
    gsp_of(b"570.144\0")
}

/// The same of another release.
pub(crate) fn gsp_of(release: &[u8]) -> Vec<u8> {
    let mut note = vec![0; 36];
    put_words(&mut note, 0, &[4, 20, 3]);
    put(&mut note, 12, b"GNU\0");
    put(&mut note, 16, &[0xb1; 20]);
    let image = vec![0x13; 4096];
    let sections: &[(&str, u32, &[u8])] = &[
        (".fwimage", 1, &image),
        (".note.gnu.build-id", 7, &note),
        (".fwversion", 1, release),
        (".fwsignature_ad10x", 1, &[0xad; 64]),
        (".fwsignature_ga10x", 1, &[0x6a; 64]),
    ];
    elf(true, 1, 243, sections)
}

/// `fmc-570.144.bin`.
pub(crate) fn fmc() -> Vec<u8> {
    let sections: &[(&str, u32, &[u8])] = &[
        ("hash", 1, &[0x11; 48]),
        ("signature", 1, &[0x22; 96]),
        ("publickey", 1, &[0x33; 97]),
        ("image", 1, &[0x44; 512]),
    ];
    elf(false, 0, 0, sections)
}

/// A ucode file with the bin header, then `header`, then `ucode`.
fn bin(header: &[u8], ucode: &[u8]) -> Vec<u8> {
    let data_at = 24 + header.len();
    let len = data_at + ucode.len();
    let mut file = vec![0; len];
    let blocks = len.next_multiple_of(256) as u32;
    let (data_at_word, size) = (data_at as u32, ucode.len() as u32);
    put_words(&mut file, 0, &[0x10de, 1, blocks, 24, data_at_word, size]);
    put(&mut file, 24, header);
    put(&mut file, data_at, ucode);
    file
}

/// Offset in [`booter`] of the values that its header points to.
pub(crate) const BOOTER_PATCH_LOC: usize = 24 + 36 + 2 * 384;

/// `booter_load-570.144.bin` for GA102: two signatures, 1 KiB of code, 1 KiB of data.
pub(crate) fn booter() -> Vec<u8> {
    let mut header = vec![0; 36 + 2 * 384 + 12 + 12 + 36];
    let at = |offset: usize| (24 + 36 + offset) as u32;
    let behind = 2 * 384;
    let words = [
        at(0),
        behind as u32,
        at(behind),
        at(behind + 4),
        at(behind + 12),
        12,
        at(behind + 8),
        at(behind + 24),
        36,
    ];
    put_words(&mut header, 0, &words);
    header[36..36 + 384].fill(0xa1);
    header[36 + 384..36 + behind].fill(0xa0);
    put_words(&mut header, 36 + behind, &[0x410, 0, 2]);
    put_words(&mut header, 36 + behind + 12, &[1, 1, 3]);
    let load = [0, 0x100, 0x400, 0x400, 1, 0x100, 0x300, 0x100, 0];
    put_words(&mut header, 36 + behind + 24, &load);
    bin(&header, &[0x5a; 0x800])
}

/// `bootloader-570.144.bin` for GA102.
pub(crate) fn bootloader() -> Vec<u8> {
    let mut header = vec![0; 84];
    let words = [
        5, 0xe00, 0x100, 0xf00, 0x10, 0, 0, 7, 0x0, 0x200, 0x200, 0x200, 0x400, 0x800, 1,
    ];
    put_words(&mut header, 0, &words);
    bin(&header, &[0x17; 0x1000])
}

/// `gen_bootloader-570.144.bin`.
pub(crate) fn gen_bootloader() -> Vec<u8> {
    let mut header = vec![0; 24];
    put_words(&mut header, 0, &[0xfd, 0, 0, 0x200, 0x200, 0x100]);
    bin(&header, &[0xbd; 0x300])
}

/// A TLV file with a text, a number and bytes that need padding.
pub(crate) fn tlv() -> Vec<u8> {
    tlv_of(&[
        ("VERS", b"570.144"),
        ("CDSZ", &512_u32.to_le_bytes()),
        ("BLOB", &[1, 2, 3, 4, 5]),
    ])
}

/// A TLV file of these tags and values.
pub(crate) fn tlv_of(blocks: &[(&str, &[u8])]) -> Vec<u8> {
    let mut file = b"NVFW".to_vec();
    for (tag, value) in blocks {
        file.extend_from_slice(tag.as_bytes());
        file.extend_from_slice(&(value.len() as u32).to_le_bytes());
        file.extend_from_slice(value);
        file.resize(file.len().next_multiple_of(4), 0);
    }
    file
}

/// `booter_load.tlv` with the contents of [`booter`].
pub(crate) fn booter_tlv() -> Vec<u8> {
    let words = [0x400_u32, 0x400, 0, 0x100, 0x410, 1, 1, 3, 0x100, 0x300, 2];
    let words = words.map(u32::to_le_bytes);
    let tags = [
        "DAOF", "DASZ", "CDOF", "CDSZ", "PLOC", "FUSE", "ENID", "UCID", "A0CO", "A0CS", "NSIG",
    ];
    let signatures = [[0xa1; 384], [0xa0; 384]].concat();
    let mut blocks: Vec<(&str, &[u8])> = vec![("VERS", b"570.144")];
    blocks.extend(
        tags.into_iter()
            .zip(words.iter().map(|word| word.as_slice())),
    );
    blocks.extend([("SIGN", signatures.as_slice()), ("BLOB", &[0x5a; 0x800])]);
    tlv_of(&blocks)
}

/// Reads everything in a file of `format`; returns the first error.
pub(crate) fn look(format: Format, file: &[u8]) -> Result<()> {
    match format {
        Format::Gsp => look_at_gsp(file),
        Format::Booter => look_at_booter(file),
        Format::Bootloader => Bootloader::parse(file).map(drop),
        Format::GenBootloader => GenBootloader::parse(file).map(drop),
        Format::Fmc => look_at_elf(format, file).and_then(|()| Fmc::parse(file).map(drop)),
        Format::Tlv => look_at_tlv(file),
        Format::Vbios => look_at_vbios(file),
    }
}

fn look_at_elf(format: Format, file: &[u8]) -> Result<()> {
    for section in Elf::parse(format, file)?.sections() {
        let section = section?;
        let end = section.offset() + section.data().len();
        assert_eq!(section.data(), &file[section.offset()..end]);
    }
    Ok(())
}

fn look_at_gsp(file: &[u8]) -> Result<()> {
    let _ = file.first_chunk().map(nova_firmware::len_from_head);
    look_at_elf(Format::Gsp, file)?;
    let gsp = Gsp::parse(file)?;
    assert!(!gsp.version().is_empty() && !gsp.image().is_empty());
    for signature in gsp.signatures() {
        signature?;
    }
    gsp.signature(".fwsignature_ga10x").map(drop)
}

fn look_at_booter(file: &[u8]) -> Result<()> {
    let booter = Booter::parse(file)?;
    look_into_booter(&booter);
    booter.signature_for(0).map(drop)
}

fn look_into_booter(booter: &Booter<'_>) {
    let size = booter.signatures().size();
    assert!(booter
        .signatures()
        .iter()
        .all(|signature| signature.len() == size));
    for layout in [booter.layout_tu102(), booter.layout_ga102()] {
        for part in [layout.imem_sec, layout.dmem] {
            assert!((part.source as usize + part.len as usize) <= booter.ucode().len());
        }
    }
    assert!(booter.signature_offset() as usize + size <= booter.ucode().len());
    for fuses in [0, 1, 2, 16, 31, 32, u32::MAX] {
        let _ = booter.signature_for(fuses);
    }
}

fn look_at_tlv(file: &[u8]) -> Result<()> {
    let tlv = Tlv::parse(file)?;
    for block in tlv.blocks() {
        let end = block.offset + block.value.len();
        assert_eq!(block.value, &file[block.offset..end]);
    }
    tlv.version()?;
    let _ = (tlv.u32("CDSZ"), tlv.u32("VERS"), tlv.bytes("NONE"));
    // No component read from any TLV file may have ranges outside of it.
    if let Ok(booter) = Booter::from_tlv(&tlv) {
        look_into_booter(&booter);
    }
    if let Ok(loader) = Bootloader::from_tlv(&tlv) {
        assert!((loader.manifest_offset() as usize) < loader.ucode().len());
    }
    if let Ok(loader) = GenBootloader::from_tlv(&tlv) {
        assert!(!loader.code().is_empty() && loader.code().len() <= loader.ucode().len());
    }
    if let Ok(gsp) = PackedGsp::from_tlv(&tlv) {
        assert!(!gsp.file_name.contains('/') && gsp.size > 0);
    }
    let _ = Fmc::from_tlv(&tlv);
    Ok(())
}

fn look_at_vbios(file: &[u8]) -> Result<()> {
    let scanned = scan(file).map(drop);
    let whole = look_at_parsed(file);
    look_at_dump(file);
    // A scan and a parse of the whole file must agree on whether it is valid.
    assert_eq!(scanned.is_ok(), whole.is_ok(), "{scanned:?} {whole:?}");
    let vbios = Vbios::parse(file)?;
    assert!(vbios.images().all(|image| image.len > 0));
    for token in vbios.bit().tokens() {
        token?;
    }
    for entry in vbios.entries()? {
        let _ = vbios.ucode(&entry?);
    }
    whole
}

/// Reads everything in a file that may hold anything. What a driver takes is a dump without errors.
pub(crate) fn look_at_dump(file: &[u8]) {
    let dump = Dump::parse(file);
    let whole = Vbios::parse(file);
    let Ok(dump) = dump else {
        return assert!(whole.is_err(), "{dump:?}");
    };
    let _ = (dump.container(), dump.image_offset());
    let ends = dump.images().map(|image| image.end());
    assert!(ends.is_sorted(), "{dump:?}");
    let vbios = dump.vbios();
    if let Ok(whole) = whole {
        let found = vbios.expect("what a driver finds");
        assert!(dump.broken().is_none(), "{dump:?}");
        assert_eq!(found.version(), whole.version());
        let fwsec = [&found, &whole].map(|vbios| vbios.fwsec().map(|fwsec| fwsec.dmem_mapper()));
        assert_eq!(fwsec[0], fwsec[1]);
    }
    let Ok(vbios) = vbios else { return };
    let _ = vbios.bit().tokens().count();
    for entry in vbios.entries().into_iter().flatten().flatten() {
        let version = vbios.descriptor_version(&entry);
        if let Ok(ucode) = vbios.ucode(&entry) {
            assert_eq!(version, Ok(ucode.descriptor_version()));
        }
    }
    let _ = vbios.fwsec();
}

fn look_at_parsed(file: &[u8]) -> Result<()> {
    let vbios = Vbios::parse(file)?;
    vbios.version()?;
    let fwsec = vbios.fwsec()?;
    let mapper = fwsec.dmem_mapper();
    let ucode = fwsec.bytes();
    assert!(mapper.init_cmd + 4 <= ucode.len());
    assert!(mapper.cmd_in_buffer + nova_firmware::vbios::COMMAND_LEN <= ucode.len());
    if let Some(offset) = fwsec.signature_offset() {
        assert!(offset as usize + 384 <= ucode.len());
    }
    for fuses in [0, 1, 15, 16, u32::MAX] {
        let _ = fwsec.signature_for(fuses);
    }
    Ok(())
}

/// Reads `rom` as a driver does; returns the buffer, with unread holes, and the number of words
/// read.
pub(crate) fn scan(rom: &[u8]) -> std::result::Result<(Vec<u8>, usize), Error> {
    let mut buffer = vec![0; rom.len()];
    let (mut scan, mut words) = (Scan::new(), 0);
    while let Step::Read(range) = scan.step(&buffer)? {
        assert!(!range.is_empty(), "every step makes progress");
        assert_eq!(range.start % 4, 0);
        words += range.len().div_ceil(4);
        buffer[range.clone()].copy_from_slice(&rom[range]);
    }
    Ok((buffer, words))
}
