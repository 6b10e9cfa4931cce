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
mod tests;
