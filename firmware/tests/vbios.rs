// SPDX-License-Identifier: GPL-2.0

//! Tests of the VBIOS parser, and of how much of a ROM a scan reads.

mod common;

use common::{rom, scan, Rom};
use nova_firmware::falcon::{Brom, Part};
use nova_firmware::vbios::{code_type, Container, Dump, Entry};
use nova_firmware::{Format, Vbios};

/// Every variant of the images; some of them under Miri.
fn variants() -> impl Iterator<Item = Rom> {
    let step = if cfg!(miri) { 21 } else { 1 };
    (0..64).step_by(step).map(|bits| Rom {
        ifr: bits & 3,
        efi: bits & 4 != 0,
        npde: bits & 8 != 0,
        desc: if bits & 16 != 0 { 2 } else { 3 },
        wide_tokens: bits & 32 != 0,
        ..Rom::GA102
    })
}

#[test]
fn every_variant_is_parsed() {
    for variant in variants() {
        let file = variant.build();
        let vbios = Vbios::parse(&file).unwrap_or_else(|error| panic!("{variant:?}: {error}"));
        assert_eq!(vbios.ifr().map_or(0, |ifr| ifr.version), variant.ifr);
        let kinds: Vec<_> = vbios.images().map(|image| image.code_type).collect();
        let fwsec = [code_type::FWSEC, code_type::FWSEC];
        let between = if variant.efi {
            [code_type::EFI].as_slice()
        } else {
            &[]
        };
        assert_eq!(kinds, [&[code_type::PCI_AT], between, &fwsec].concat());
        assert_eq!(vbios.bit().offset(), variant.start() + rom::BIT);
        assert_eq!(
            vbios.version().expect("a version").to_string(),
            "94.02.02.42.b4"
        );
        assert_eq!(vbios.entries().expect("a table").count(), 3);
        let fwsec = vbios
            .fwsec()
            .unwrap_or_else(|error| panic!("{variant:?}: {error}"));
        assert_eq!(fwsec.ucode().offset(), variant.second() + rom::DESC);
        assert_eq!(fwsec.bytes().len() as u32, rom::IMEM_LEN + rom::DMEM_LEN);
        let mapper = fwsec.dmem_mapper();
        assert_eq!(mapper.offset as u32, rom::IMEM_LEN + rom::MAPPER);
        assert_eq!(mapper.init_cmd, mapper.offset + 44);
        assert_eq!(mapper.cmd_in_buffer as u32, rom::IMEM_LEN + rom::COMMAND);
    }
}

#[test]
fn fwsec_v3() {
    let file = Rom::GA102.build();
    let fwsec = Vbios::parse(&file)
        .and_then(|vbios| vbios.fwsec())
        .expect("FWSEC");
    let brom = Brom {
        pkc_data_offset: rom::PKC_DATA,
        engine_id_mask: 0x400,
        ucode_id: 9,
    };
    assert_eq!(fwsec.brom(), Some(brom));
    assert_eq!(
        fwsec.signature_offset(),
        Some(rom::IMEM_LEN + rom::PKC_DATA)
    );
    let layout = fwsec.layout();
    assert_eq!(layout.imem_ns, None);
    assert_eq!(layout.boot_addr, 0);
    let imem = Part {
        source: 0,
        target: 0,
        len: rom::IMEM_LEN,
    };
    assert_eq!(layout.imem_sec, imem);
    assert_eq!(layout.dmem.source, rom::IMEM_LEN);
    // Bits 1 and 2 are set, so the GPU's fuses must say 1 or 2.
    assert_eq!(fwsec.signature_for(1).expect("for 1"), [0x51; 384]);
    assert_eq!(fwsec.signature_for(2).expect("for 2"), [0x52; 384]);
    for fuses in [0, 3, 16, u32::MAX] {
        let error = fwsec.signature_for(fuses).expect_err("no such signature");
        assert_eq!(error.field, "SignatureVersions");
    }
}

#[test]
fn fwsec_v2() {
    let file = Rom::TU102.build();
    let fwsec = Vbios::parse(&file)
        .and_then(|vbios| vbios.fwsec())
        .expect("FWSEC");
    assert_eq!(fwsec.brom(), None);
    assert_eq!(fwsec.signature_offset(), None);
    let layout = fwsec.layout();
    assert_eq!(
        layout.imem_ns.map(|part| part.len),
        Some(rom::IMEM_LEN - 0x100)
    );
    let secure = Part {
        source: 0x100,
        target: 0x100,
        len: 0x100,
    };
    assert_eq!(layout.imem_sec, secure);
    assert_eq!(layout.dmem.source, rom::IMEM_LEN);
}

/// Parsing the scan's buffer, which has unread holes, gives the same result as parsing the whole
/// file.
#[test]
fn the_scan_reads_all_that_is_parsed() {
    for variant in variants() {
        let file = variant.build();
        let (read, _) = scan(&file).unwrap_or_else(|error| panic!("{variant:?}: {error}"));
        let (sparse, whole) = (Vbios::parse(&read), Vbios::parse(&file));
        let (sparse, whole) = (sparse.expect("enough"), whole.expect("valid"));
        assert_eq!(sparse.version(), whole.version());
        let (sparse, whole) = (
            sparse.fwsec().expect("enough"),
            whole.fwsec().expect("valid"),
        );
        assert_eq!(sparse.bytes(), whole.bytes());
        assert_eq!(sparse.dmem_mapper(), whole.dmem_mapper());
        assert_eq!(sparse.signature_for(1).ok(), whole.signature_for(1).ok());
    }
}

/// A scan reads FWSEC and its signatures, and fewer than 200 other words.
#[test]
fn the_scan_reads_little_besides_fwsec() {
    let file = Rom::GA102.build();
    let (_, words) = scan(&file).expect("a valid image");
    let needed = (44 + 2 * 384 + rom::IMEM_LEN + rom::DMEM_LEN) as usize / 4;
    assert!(words > needed, "{words}");
    assert!(
        words < needed + 200,
        "{words} words, {needed} of them FWSEC"
    );
    assert!(words < file.len() / 4 / 8, "{words} of {}", file.len() / 4);
}

fn dump(name: &str) -> Vec<u8> {
    let found = common::dumps()
        .into_iter()
        .find(|(other, _)| *other == name);
    found.expect("a dump of that name").1
}

/// The images, their ends, and what is wrong with the file.
#[test]
fn a_dump_is_read_as_far_as_it_goes() {
    let images = |name| -> (Vec<u8>, Option<&str>) {
        let file = dump(name);
        let dump = Dump::parse(&file).expect("a ROM");
        let kinds = dump.images().map(|image| image.code_type).collect();
        (kinds, dump.broken().map(|error| error.field))
    };
    use code_type::{EFI, FWSEC, NBSI, PCI_AT};
    assert_eq!(
        images("rom-bar"),
        (vec![PCI_AT, EFI], Some("rom_signature"))
    );
    assert_eq!(
        images("run-time"),
        (vec![PCI_AT], Some("npde.subimage_len"))
    );
    assert_eq!(images("nbsi"), (vec![PCI_AT, NBSI, 0x11], None));
    let whole = vec![PCI_AT, EFI, FWSEC, FWSEC];
    for name in [
        "before-turing",
        "blackwell",
        "blackwell-flash",
        "old-descriptor",
    ] {
        assert_eq!(images(name), (whole.clone(), None), "{name}");
    }
    for name in ["rom-bar", "run-time", "before-turing", "blackwell-flash"] {
        let file = dump(name);
        assert!(Vbios::parse(&file).and_then(|vbios| vbios.fwsec()).is_err());
        let vbios = Dump::parse(&file).and_then(|dump| dump.vbios());
        let version = vbios.expect("a BIT").version().expect("a version");
        assert_eq!(version.0[1..], [0x02, 0x02, 0x42, 0xb4], "{name}");
    }
}

#[test]
fn containers_are_recognized() {
    let container = |file: &[u8]| {
        assert_eq!(nova_firmware::recognise(file), Some(Format::Vbios));
        let dump = Dump::parse(file).expect("a ROM");
        (dump.container(), dump.image_offset().ok())
    };
    let mut plain = Rom::GA102.build();
    assert_eq!(container(&plain), (None, Some(0)));
    // In an image it means nothing.
    common::put(&mut plain, 0x1000, b"NVFW");
    assert_eq!(container(&plain), (None, Some(0)));
    for ifr in 1..=3 {
        let rom = Rom { ifr, ..Rom::GA102 };
        let nvgi = Container::Nvgi { version: ifr };
        assert_eq!(container(&rom.build()), (Some(nvgi), Some(rom.start())));
        let cut = &rom.build()[..0x40];
        assert_eq!(container(cut), (Some(nvgi), None));
    }
    let nvfw = Some(Container::Nvfw { offset: 0x1000 });
    assert_eq!(container(&dump("blackwell-flash")), (nvfw, Some(0x1400)));
    let head = dump("blackwell-flash-head");
    assert_eq!(container(&head), (nvfw, None));
    let error = Dump::parse(&head).expect("a container").broken();
    let error = error.expect("an end before the directory").to_string();
    assert_eq!(
        error,
        "VBIOS: rom_directory.signature at 0x1100: expected 0x1104 bytes, found 0x1100"
    );
}

/// Drivers take descriptors of versions 2 and 3; others are known by their version.
#[test]
fn descriptors_have_versions() {
    for (name, version) in [("old-descriptor", 1), ("blackwell", 6)] {
        let file = dump(name);
        let vbios = Vbios::parse(&file).expect("a whole ROM");
        let entries: Vec<_> = vbios.entries().expect("a table").flatten().collect();
        assert_eq!(
            entries.iter().map(Entry::is_empty).collect::<Vec<_>>(),
            [false, false, true]
        );
        for entry in &entries[..2] {
            assert_eq!(vbios.descriptor_version(entry), Ok(version));
            assert!(vbios.ucode(entry).is_err());
        }
    }
}
