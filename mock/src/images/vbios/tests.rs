// SPDX-License-Identifier: GPL-2.0

//! Tests of the synthetic VBIOS.

use super::image::BLOCK;
use super::*;
use crate::chips::{by_name, CHIPS};

fn u16_at(bytes: &[u8], at: usize) -> usize {
    u16::from_le_bytes([bytes[at], bytes[at + 1]]).into()
}

fn u32_at(bytes: &[u8], at: usize) -> usize {
    u16_at(bytes, at) | u16_at(bytes, at + 2) << 16
}

/// All chips with small VBIOSes, and one chip of each shape with a real one.
fn all() -> impl Iterator<Item = (&'static Chip, Size)> {
    let shapes = [
        "tu102", "tu104", "tu116", "ga100", "ga102", "ad102", "gh100", "gb206",
    ];
    let shapes = shapes.map(|name| (by_name(name).unwrap(), Size::Real));
    let chips = CHIPS.iter().map(|chip| (chip, Size::Small));
    chips.chain(shapes)
}

/// An image of a chain.
struct Found {
    at: usize,
    len: usize,
    code_type: u8,
    /// Whether it is the last one for PCI.
    last: bool,
}

/// Walks the chain as NVIDIA's driver does, which must end with the ROM.
fn images(rom: &[u8]) -> Vec<Found> {
    let (mut at, mut images) = (0, Vec::new());
    loop {
        let pcir = at + u16_at(rom, at + 0x18);
        let code_type = rom[pcir + 0x14];
        let (signature, magic) = match code_type {
            CODE_TYPE_FWSEC => (b"VN", b"NPDS"),
            _ => (b"\x55\xaa", b"PCIR"),
        };
        assert_eq!(rom[at..at + 2], *signature);
        assert_eq!(rom[pcir..pcir + 4], *magic);
        let npde = (pcir + u16_at(rom, pcir + 0xa)).next_multiple_of(16);
        assert_eq!(rom[npde..npde + 4], *b"NPDE");
        let len = u16_at(rom, npde + 8) * BLOCK;
        assert_eq!(u16_at(rom, pcir + 0x10) * BLOCK, len);
        let sum = rom[at..at + len].iter().copied();
        let sum = sum.fold(0, u8::wrapping_add);
        assert_eq!(sum, 0, "checksum of the image at {at:#x}");
        images.push(Found {
            at,
            len,
            code_type,
            last: rom[pcir + 0x15] & LAST_IMAGE != 0,
        });
        at += len;
        if rom[npde + 0xa] & LAST_IMAGE != 0 {
            assert_eq!(at, rom.len());
            return images;
        }
    }
}

/// Place and size of each image, which the name of the chip finds.
fn sizes(name: &str, size: Size) -> Vec<(usize, usize)> {
    let rom = build_with(by_name(name).unwrap(), size);
    let images = images(&rom);
    images.iter().map(|image| (image.at, image.len)).collect()
}

/// The place in the ROM that a pointer in the tables means.
fn target(images: &[Found], pointer: usize) -> usize {
    let skipped: usize = images
        .iter()
        .filter(|image| image.code_type == CODE_TYPE_EFI)
        .map(|image| image.len)
        .sum();
    pointer + if pointer < images[0].len { 0 } else { skipped }
}

/// Offset of the BIT, offset of the table of ucode, and its entries that are not empty: place,
/// application, pointer.
fn tables(chip: &Chip, rom: &[u8]) -> (usize, usize, Vec<(usize, u8, usize)>) {
    let images = images(rom);
    let bit = rom.windows(6).position(|bytes| bytes == b"\xff\xb8BIT\0");
    let bit = bit.unwrap();
    let sum = rom[bit..bit + BIT_HEADER].iter().copied();
    assert_eq!(sum.fold(0, u8::wrapping_add), 0, "{}", chip.chipset);
    let tokens = (0..usize::from(rom[bit + 10])).map(|index| bit + 12 + 6 * index);
    let p = tokens.clone().find(|&at| rom[at] == b'p').unwrap();
    let table = target(&images, u32_at(rom, u16_at(rom, p + 4)));
    assert_eq!(rom[table..table + 3], [1, 6, 6], "{}", chip.chipset);
    assert_eq!(rom[table + 4..table + 6], [1, 0x30], "{}", chip.chipset);
    let entries = (0..usize::from(rom[table + 3])).map(|index| {
        let at = table + 6 + 6 * index;
        (index, rom[at], u32_at(rom, at + 2))
    });
    (bit, table, entries.filter(|entry| entry.2 != 0).collect())
}

#[test]
fn the_images_of_all_chips_form_a_chain() {
    for (chip, size) in all() {
        let rom = build_with(chip, size);
        assert!(rom.len() <= 1 << 20, "{}", chip.chipset);
        let images = images(&rom);
        let types: Vec<u8> = images.iter().map(|image| image.code_type).collect();
        let expected: &[u8] = match chip.has_display {
            true => &[0x00, 0x03, 0xe0, 0xe0],
            false => &[0x00, 0xe0, 0xe0],
        };
        assert_eq!(types, expected, "{}", chip.chipset);
        // PCI ends where NVIDIA goes on.
        let last = images.iter().position(|image| image.last).unwrap();
        assert_eq!(last + 1, types.len() - 2, "{}", chip.chipset);
        assert!(images[types.len() - 1].last);
        let small = rom.len() <= 30 * BLOCK;
        assert_eq!(small, size == Size::Small, "{}", chip.chipset);
    }
}

#[test]
fn real_images_have_the_sizes_of_cards() {
    assert_eq!(
        sizes("ga102", Size::Real),
        [
            (0, 0xfe00),
            (0xfe00, 0x14800),
            (0x24600, 0x5600),
            (0x29c00, 0x60800)
        ]
    );
    assert_eq!(
        sizes("ad102", Size::Real),
        [
            (0, 0xfc00),
            (0xfc00, 0x14e00),
            (0x24a00, 0x6000),
            (0x2aa00, 0x6b400)
        ]
    );
    assert_eq!(
        sizes("ga100", Size::Real),
        [(0, 0x5e00), (0x5e00, 0x600), (0x6400, 0x36a00)]
    );
    let gb206 = sizes("gb206", Size::Real);
    assert_eq!(
        gb206.iter().map(|&(at, _)| at).collect::<Vec<_>>(),
        [0, 0xfa00, 0x27a00, 0x37400]
    );
}

/// The pointers to programs that cards have in their tables: all sizes before them are right.
#[test]
fn real_tables_have_the_pointers_of_cards() {
    let entries = |name: &str| {
        let chip = by_name(name).unwrap();
        let (bit, table, entries) = tables(chip, &build_with(chip, Size::Real));
        (bit, table, entries)
    };
    let ga102 = [
        (0, 0x01, 0x15454),
        (5, 0x07, 0x3b7e0),
        (6, 0x08, 0x556bc),
        (8, 0x45, 0x1da88),
        (9, 0x85, 0x2c934),
        (10, 0x49, 0x4b37c),
        (11, 0x89, 0x5051c),
    ];
    assert_eq!(entries("ga102").2, ga102);
    let ad102 = [
        (0, 0x01, 0x15c54),
        (5, 0x07, 0x3f2e8),
        (6, 0x08, 0x5bf2c),
        (8, 0x45, 0x1ed90),
        (9, 0x85, 0x2f03c),
        (10, 0x49, 0x4f084),
        (11, 0x89, 0x557d8),
    ];
    assert_eq!(entries("ad102"), (0x1b0, 0x95be8, ad102.to_vec()));
    let (bit, table, ga100) = entries("ga100");
    assert_eq!((bit, table), (0xb0, 0x5f44));
    assert_eq!(ga100[0], (0, 0x01, 0x9bec));
    let gb206 = [
        (5, 0x07, 0x4ff14),
        (22, 0x18, 0xbe504),
        (23, 0x19, 0x70564),
        (24, 0x15, 0x933a4),
        (32, 0x23, 0x98f30),
        (34, 0x24, 0xcbb04),
    ];
    let (bit, _, entries) = entries("gb206");
    assert_eq!((bit, entries), (0xdf0, gb206.to_vec()));
}

/// In both sizes, FWSEC's descriptor is behind others without a version, and only chips that
/// boot without the FSP have it.
#[test]
fn fwsec_is_one_of_several_programs() {
    for (chip, size) in all() {
        let rom = build_with(chip, size);
        let (_, _, entries) = tables(chip, &rom);
        let images = images(&rom);
        let versions: Vec<(u8, u8)> = entries
            .iter()
            .map(|&(_, application, pointer)| {
                let [flags, version] = *rom[target(&images, pointer)..].first_chunk().unwrap();
                (application, if flags & 1 == 0 { 1 } else { version })
            })
            .collect();
        let fwsec = if chip.falcons.has_boot_rom() { 3 } else { 2 };
        let wanted: &[(u8, u8)] = match chip.boots_through_fsp() {
            true => &[(0x07, 6), (0x18, 6)],
            false => &[(1, 1), (7, 1), (8, 1), (0x45, fwsec), (0x85, fwsec)],
        };
        assert!(versions.starts_with(wanted), "{}", chip.chipset);
    }
}

/// tinygrad's driver reads the table there, and NVIDIA's reads the version from a token of more
/// than five bytes.
#[test]
fn the_table_is_where_real_cards_have_it() {
    for (name, version) in [
        ("tu102", [0x00, 0x17, 0x02, 0x90, 0x7b]),
        ("tu116", [0x00, 0x20, 0x16, 0x90, 0xea]),
        ("ga102", [0x80, 0x42, 0x02, 0x94, 0xc4]),
        ("ad104", [0x80, 0x18, 0x04, 0x95, 0x87]),
    ] {
        let rom = build(by_name(name).unwrap());
        assert_eq!(rom[0x1b0..0x1b6], *b"\xff\xb8BIT\0", "{name}");
        let token = &rom[0x1c2..0x1c8];
        assert_eq!(token[..4], [b'B', 2, 37, 0], "{name}");
        let data = u16_at(token, 4);
        assert_eq!(rom[data..data + 5], version, "{name}");
    }
}

/// The data of the tokens on an AD102 and a TU104.
#[test]
fn the_data_of_tokens_is_where_real_cards_have_it() {
    for (name, id, expected) in [
        ("tu104", b'B', 0x23e),
        ("tu104", b'p', 0x3b7),
        ("ga100", b'p', 0x2a5),
        ("ad102", b'P', 0x2ec),
        ("gb206", b'S', 0x106e),
    ] {
        let chip = by_name(name).unwrap();
        let rom = build(chip);
        let (bit, _, _) = tables(chip, &rom);
        let mut tokens = (0..usize::from(rom[bit + 10])).map(|index| bit + 12 + 6 * index);
        let token = tokens.find(|&at| rom[at] == id).unwrap();
        assert_eq!(u16_at(&rom, token + 4), expected, "{name}");
    }
}
