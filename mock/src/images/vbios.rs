// SPDX-License-Identifier: GPL-2.0

//! Synthetic VBIOSes with the structure of real ones: the chain of images, their headers, the BIOS
//! information table with its tokens, and the table of falcon ucode with what it points to. Code
//! and other contents that no driver parses are noise.
//!
//! ```text
//! PC-AT     BIT, token p --+
//! EFI                      |
//! 0xE0                     |
//! 0xE0      programs <-- table
//! ```
//!
//! For PCI, the chain ends with the EFI image, or the PC-AT image where there is none; NVIDIA's
//! extension of the PCI data structure says that more images follow. The table is in one of the two
//! images of type 0xE0; pointers skip the EFI image.
//!
//! By default the contents without structure are short ([`Size::Small`]), since each word that a
//! driver reads from the PROM costs a VM exit. `shape.rs` has the numbers.
//!
//! Source of the structures: PCI firmware specification 3.0, chapter 5; open-gpu-kernel-modules 570,
//! src/nvidia/inc/kernel/platform/pci_exp_table.h, src/nvidia/src/kernel/gpu/gsp/kernel_gsp_fwsec.c
//! and arch/turing/kernel_gsp_vbios_tu102.c; Linux 7.3, drivers/gpu/nova-core/vbios.rs; nouveau,
//! nvkm/subdev/bios/pmu.c (descriptors of version 1).

mod ifr;
mod image;
mod shape;

pub(crate) use ifr::ifr;
pub use shape::Size;
pub(crate) use shape::SIGNATURE;

use crate::chips::Chip;
use image::{noise, Image};
use shape::{Descriptor, Program, Shape, Table};

const CODE_TYPE_PC_AT: u8 = 0x00;
const CODE_TYPE_EFI: u8 = 0x03;
const CODE_TYPE_FWSEC: u8 = 0xe0;

/// `PCI_EXP_ROM_SIGNATURE` and `PCI_EXP_ROM_SIGNATURE_NV`.
const ROM_SIGNATURE: [u8; 2] = [0x55, 0xaa];
const ROM_SIGNATURE_NV: [u8; 2] = *b"VN";

/// Bit of both structures for the last image.
const LAST_IMAGE: u8 = 0x80;

/// Offset of the PCI data structure in EFI images.
const EFI_PCIR: usize = 0x1c;

/// Bytes from NVIDIA's data structure to its extension: a structure of 24 or 28 bytes, aligned to 16
/// from addresses that are.
const NPDE_BEHIND: usize = 0x20;
/// Bytes of the extension of revision 0x101.
const NPDE_SIZE: usize = 0x14;

const BIT_HEADER: usize = 12;
const BIT_TOKEN: usize = 6;
/// Bytes from the last token to the data of the first one, and from the start of that to the data of
/// the second one.
const BIT_GAP: usize = 16;
const FIRST_TOKEN_DATA: usize = 12;

const TABLE_HEADER: usize = 6;
const TABLE_ENTRY: usize = 6;
/// Version and size of descriptors in the table's header: those of the first version on all cards.
const TABLE_DESCRIPTORS: [u8; 2] = [1, 0x30];

const DESCRIPTOR_V1_SIZE: usize = 0x30;
const DESCRIPTOR_V2_SIZE: usize = 60;
const DESCRIPTOR_V3_SIZE: usize = 44;
/// The model's own: all that is known of this version is that the descriptor says it.
const DESCRIPTOR_V6_SIZE: usize = 0x30;

/// The image for legacy firmware, with the BIOS information table; also returns the offset of the
/// pointer to the table of ucode.
fn pc_at(chip: &Chip, shape: &Shape, size: Size) -> (Image, usize) {
    let (len, pcir) = shape.pc_at;
    let (npde, bit) = (pcir + NPDE_BEHIND, shape.bit);
    let mut image = Image::default();

    image.put(bit, b"\xff\xb8BIT\0\0\x01");
    let tokens = shape.tokens.len() as u8;
    image.put(bit + 8, &[BIT_HEADER as u8, BIT_TOKEN as u8, tokens]);
    let sum = image.0[bit..]
        .iter()
        .fold(0, |sum: u8, &byte| sum.wrapping_sub(byte));
    image.put(bit + BIT_HEADER - 1, &[sum]);

    let [major, _, minor, micro, oem] = shape.version;
    let version = [micro, minor, number(chip), major, oem];
    let mut pointer_at = 0;
    let mut data_at = bit + BIT_HEADER + BIT_TOKEN * shape.tokens.len() + BIT_GAP;
    for (index, &(id, version_of_data, bytes)) in shape.tokens.iter().enumerate() {
        let token = bit + BIT_HEADER + BIT_TOKEN * index;
        let at = if bytes > 0 { data_at } else { 0 };
        image.put(token, &[id, version_of_data]);
        image.put_u16(token + 2, &[bytes, at as u16]);
        image.put(data_at, &vec![0; bytes.into()]);
        match id {
            b'B' | b'i' => image.put(data_at, &version),
            b'p' => pointer_at = data_at,
            _ => {}
        }
        data_at += match index {
            0 => FIRST_TOKEN_DATA,
            _ => bytes.into(),
        };
    }

    image.fill(size, len);
    let blocks = image.blocks() as u8;
    image.put(0, &ROM_SIGNATURE);
    image.put(2, &[blocks]);
    let ids = [chip.vendor_id, chip.device_id];
    image.data_structure(pcir, b"PCIR", ids, CODE_TYPE_PC_AT);
    image.put(pcir + 0xd, &[0x00, chip.pci_subclass, 0x03]);
    image.put_u16(pcir + 0x12, &[1]);
    if shape.efi.is_none() {
        image.put(pcir + 0x15, &[LAST_IMAGE]);
    }
    image.extension(npde, 0x101, NPDE_SIZE as u16, 0, 1);
    image.put_u16(npde + 0x10, &[chip.subsystem_vendor_id, chip.subsystem_id]);
    (image, pointer_at)
}

/// The number of a chip, as versions have it: 0x16 for TU116.
fn number(chip: &Chip) -> u8 {
    let digits = chip.chipset.name().get(3..).unwrap_or_default();
    u8::from_str_radix(digits, 16).unwrap_or_default()
}

/// An EFI image without a driver.
fn efi(chip: &Chip, size: Size, len: usize) -> Vec<u8> {
    let mut image = Image::default();
    image.put(0x4f, &[0]);
    image.fill(size, len);
    let blocks = image.blocks();
    image.put(0, &ROM_SIGNATURE);
    image.put_u16(2, &[blocks]);
    // EFI's signature; a boot service driver for x86-64, compressed; offset of its header.
    image.put_u32(4, &[0xef1]);
    image.put_u16(8, &[0x0b, 0x8664, 1]);
    image.put_u16(0x16, &[0x50]);
    let ids = [chip.vendor_id, chip.device_id];
    image.data_structure(EFI_PCIR, b"PCIR", ids, CODE_TYPE_EFI);
    image.put(EFI_PCIR + 0xa, &[0x1c, 0, 3]);
    image.put(EFI_PCIR + 0x15, &[LAST_IMAGE]);
    image.extension(0x40, 0x100, 0x10, 0, 0);
    image.checksum()
}

/// Fills an image of type 0xE0, whose headers are still to be written.
fn finish(
    image: &mut Image,
    chip: &Chip,
    shape: &Shape,
    size: Size,
    (len, at): (usize, usize),
    last: u8,
) {
    image.fill(size, len);
    image.put(0, &ROM_SIGNATURE_NV);
    // The first one of a group of 128 device ids.
    let ids = [chip.vendor_id, chip.device_id & !0x7f];
    image.data_structure(at, b"NPDS", ids, CODE_TYPE_FWSEC);
    let (revision, npds) = shape.npds;
    image.put_u16(at + 0xa, &[npds]);
    image.put(at + 0xc, &[revision]);
    image.put(at + 0x15, &[last]);
    let flags = shape.npde_flags;
    image.extension(at + NPDE_BEHIND, 0x101, NPDE_SIZE as u16, last, flags);
}

/// A program with its descriptor.
fn program(shape: &Shape, size: Size, program: &Program) -> Vec<u8> {
    let (code, data) = (size.code(program), size.data(program));
    let stored = (code + data) as u32;
    let (code_len, data_len) = (code as u32, data as u32);
    let vdesc = |version: u32, len: usize| (len as u32) << 16 | version << 8 | 1;
    let mut image = Image::default();
    match program.descriptor {
        Descriptor::V1 => {
            image.put(0, &[0; DESCRIPTOR_V1_SIZE]);
            image.put_u32(0, &[stored, stored, 0, 0, 0, code_len]);
            image.put_u32(0x24, &[code_len, 0, data_len]);
        }
        Descriptor::V2 { stub, interface } => {
            let stub = size.stub(stub) as u32;
            // The last two are an alternative pair of sizes, which no driver uses.
            image.put_u32(
                0,
                &[
                    vdesc(2, DESCRIPTOR_V2_SIZE),
                    stored,
                    stored,
                    0,
                    interface as u32,
                    0,
                    code_len,
                    0,
                    stub,
                    code_len.saturating_sub(stub),
                    code_len,
                    0,
                    data_len,
                    code_len,
                    0x6638,
                ],
            );
        }
        Descriptor::V3 {
            engines,
            ucode_id,
            signature_at,
        } => {
            let signatures = shape.versions.count_ones() as usize;
            let len = DESCRIPTOR_V3_SIZE + signatures * SIGNATURE;
            let interface = INTERFACE_V3 as u32;
            image.put_u32(
                0,
                &[
                    vdesc(3, len),
                    stored,
                    signature_at.min(data.saturating_sub(SIGNATURE)) as u32,
                    interface,
                    0,
                    code_len,
                    0,
                    0,
                    data_len,
                ],
            );
            image.put_u16(36, &[engines]);
            image.put(38, &[ucode_id, signatures as u8]);
            image.put_u16(40, &[shape.versions, shape.reserved]);
            let seed = u32::from(program.application);
            image.put(DESCRIPTOR_V3_SIZE, &noise(seed, signatures * SIGNATURE));
        }
        Descriptor::V6 => {
            image.put(0, &[0; DESCRIPTOR_V6_SIZE]);
            image.put_u32(0, &[vdesc(6, DESCRIPTOR_V6_SIZE), stored]);
        }
    }
    let seed = u32::from(program.application) << 8;
    image.0.extend(noise(seed, code));
    image.0.extend(match program.is_fwsec() {
        true => fwsec_data(program),
        false => noise(seed + 1, data),
    });
    image.0
}

/// Offset of the application interface in the data of programs with a descriptor of version 3.
const INTERFACE_V3: usize = 0x1c;

/// FWSEC's data: the application interface, and at the end the DMEM mapper, the table of multiple
/// targets and the buffer for commands.
fn fwsec_data(program: &Program) -> Vec<u8> {
    const COMMAND: usize = 0x40;
    let len = program.data;
    let command = len - COMMAND;
    // Where cards have the mapper, and the ucode's features in it.
    let (interface, mapper, targets, features) = match program.descriptor {
        Descriptor::V2 { interface, .. } => (interface, len - 0x90, len - 0xac, 0x14),
        Descriptor::V3 { signature_at, .. } => (INTERFACE_V3, signature_at - 0x44, len - 0x54, 4),
        Descriptor::V1 | Descriptor::V6 => return Vec::new(),
    };
    let mut data = Image(noise(program.data as u32, len));
    // Version 1, header of 4 bytes, 2 entries of 8 bytes: the DMEM mapper, and multiple targets.
    data.put(interface, &[1, 4, 8, 2]);
    data.put_u32(interface + 4, &[4, mapper as u32, 5, targets as u32]);

    data.put(mapper, b"DMAP");
    data.put_u16(mapper + 4, &[3, 64]);
    data.put_u32(
        mapper + 8,
        &[
            command as u32,
            COMMAND as u32,
            // The output buffer, and the one for images, as on AD102; no driver uses them.
            0x100_0000,
            0x100,
            0xf00,
            0x2600,
            0,
            // Offsets of a time stamp and of a signature.
            0x348,
            0x350,
            // The driver's command.
            0,
            features,
            // The mask of commands. Cards have this value; no source explains it.
            0x44000,
            0,
            targets as u32,
        ],
    );
    data.put(command, &[0; COMMAND]);
    data.0
}

/// The table of ucode, with the offset of each program's descriptor as the tables address it.
fn table(shape: &Shape, pointers: &[usize]) -> Vec<u8> {
    let mut image = Image::default();
    let entries = usize::from(shape.entries);
    image.put(0, &vec![0; TABLE_HEADER + TABLE_ENTRY * entries]);
    image.put(
        0,
        &[1, TABLE_HEADER as u8, TABLE_ENTRY as u8, shape.entries],
    );
    image.put(4, &TABLE_DESCRIPTORS);
    for (program, pointer) in shape.programs.iter().zip(pointers) {
        let at = TABLE_HEADER + TABLE_ENTRY * program.entry;
        image.put(at, &[program.application, program.target]);
        image.put_u32(at + 2, &[*pointer as u32]);
    }
    image.0
}

/// The VBIOS of `chip`, which is small.
pub fn build(chip: &Chip) -> Vec<u8> {
    build_with(chip, Size::Small)
}

/// The VBIOS of `chip`.
pub fn build_with(chip: &Chip, size: Size) -> Vec<u8> {
    let shape = Shape::of(chip);
    let (mut pc_at, pointer_at) = pc_at(chip, &shape, size);

    // The first 0xE0 image needs its length before the table in it has its contents.
    let mut first = Image::default();
    first.put(shape.first.1 + NPDE_BEHIND + NPDE_SIZE - 1, &[0]);
    if let Table::First(at) = shape.table {
        first.put(at, &table(&shape, &[]));
    }
    finish(&mut first, chip, &shape, size, shape.first, 0);
    // Pointers in the tables count from the first image, as if the 0xE0 images followed it.
    let first_at = pc_at.0.len();
    let second_at = first_at + first.0.len();

    let mut second = Image::default();
    second.put(shape.second.1 + NPDE_BEHIND + NPDE_SIZE - 1, &[0]);
    let mut pointers = Vec::new();
    let mut at = size.offset(shape.programs_at, second.0.len());
    for each in &shape.programs {
        second.put(at, &program(&shape, size, each));
        pointers.push(second_at + at);
        at = second.0.len();
    }

    let table = table(&shape, &pointers);
    let table_at = match shape.table {
        Table::First(at) => {
            first.put(at, &table);
            first_at + at
        }
        Table::Second(at) => {
            let at = size.offset(at, second.0.len());
            second.put(at, &table);
            second_at + at
        }
    };
    finish(&mut second, chip, &shape, size, shape.second, LAST_IMAGE);
    pc_at.put_u32(pointer_at, &[table_at as u32]);

    [
        pc_at.checksum(),
        shape.efi.map_or_else(Vec::new, |len| efi(chip, size, len)),
        first.checksum(),
        second.checksum(),
    ]
    .concat()
}

#[cfg(test)]
mod tests {
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
}
