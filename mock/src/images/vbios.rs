// SPDX-License-Identifier: GPL-2.0

//! A synthetic VBIOS, as small as drivers accept, since each word that a driver reads from the PROM
//! costs a VM exit.
//!
//! Four images: PC-AT with the BIOS information table, EFI (which drivers must skip, and which the
//! pointers in the table skip, too), and two of FWSEC's type, the second of which has the PMU lookup
//! table and the FWSEC ucode.
//!
//! Source: PCI firmware specification 3.0, chapter 5; open-gpu-kernel-modules 570,
//! src/nvidia/src/kernel/gpu/gsp/kernel_gsp_fwsec.c and arch/turing/kernel_gsp_vbios_tu102.c;
//! Linux 7.3, drivers/gpu/nova-core/vbios.rs; for what real images have: the images of three Turing
//! cards (offsets of the table, sizes of its tokens), Linux's commit "Add support for VBIOS ucode
//! extraction" (images of a GA102).

use nova_hw::chipset::Chipset;
use nova_hw::falcon::EngineId;

use crate::chips::Chip;

/// Sizes of images are multiples of this.
const BLOCK: usize = 512;

const CODE_TYPE_PC_AT: u8 = 0x00;
const CODE_TYPE_EFI: u8 = 0x03;
const CODE_TYPE_FWSEC: u8 = 0xe0;

/// Offset of the PCI data structure in each image; the NVIDIA extension follows.
const PCIR: usize = 0x20;
const NPDE: usize = 0x40;

/// Offset of the BIOS information table in the first image: that of all cards from Turing to
/// Blackwell that are known. tinygrad reads it there without a search.
const BIT: usize = 0x1b0;
const BIT_HEADER: usize = 12;
const BIT_TOKEN: usize = 6;

/// Offset of the data of the table's tokens.
const BIT_DATA: usize = 0x60;

/// Bytes of the data of tokens B and i, as on Turing cards. The version is the first five; NVIDIA's
/// driver takes it from a token B of six bytes or more.
const BIOSDATA: usize = 37;
const INTERNAL: usize = 104;

/// Offsets of the FWSEC image's tables.
const PMU_TABLE: usize = 0x60;
const DESCRIPTOR: usize = 0x80;
const DESCRIPTOR_V2_SIZE: usize = 60;
const DESCRIPTOR_V3_SIZE: usize = 44;

/// Bytes of an RSA-3072 signature.
pub(crate) const SIGNATURE: usize = 384;

/// Bit mask of the versions that the ucode is signed for; the signatures have that order. A card is
/// fused for the last one ([`Fuses::for_fwsec`](crate::fuses::Fuses::for_fwsec)), which is the one
/// that tinygrad takes.
const SIGNATURE_VERSIONS: u16 = 0b1011;

/// Number of the fuse register that counts FWSEC's version, from 1.
const UCODE_ID: u8 = 9;

const IMEM: usize = 0x400;
/// Bytes at the start of the code that are not secure, on chips without a boot ROM.
const STUB: usize = 0x100;

/// Bytes of FWSEC's data. It is no multiple of a block on Turing, where images of TU102 have 0x410
/// bytes, of TU104 0x3f0, and of TU116 0x420; the other two have those of the chip before them.
fn dmem(chip: &Chip) -> usize {
    match chip.chipset {
        Chipset::TU102 => 0x410,
        Chipset::TU104 | Chipset::TU106 => 0x3f0,
        Chipset::TU116 | Chipset::TU117 => 0x420,
        _ => 0x400,
    }
}

/// Offsets in the ucode's data segment.
const INTERFACE: usize = 0x10;
const MAPPER: usize = 0x40;
const SIGNATURE_AT: usize = 0x100;
const COMMAND_IN: usize = 0x300;
const COMMAND_OUT: usize = 0x340;
const COMMAND_SIZE: usize = 0x40;

/// Version of the VBIOS: `94.02.42.80.c4`, as `0x94024280` and `0xc4`.
const VERSION: u32 = 0x9402_4280;
const OEM_VERSION: u8 = 0xc4;

/// An image under construction, large enough for all writes at fixed offsets.
struct Image(Vec<u8>);

impl Image {
    fn new(blocks: usize) -> Self {
        Self(vec![0; blocks * BLOCK])
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        self.0[at..at + bytes.len()].copy_from_slice(bytes);
    }

    fn put_u16(&mut self, at: usize, values: &[u16]) {
        for (index, value) in values.iter().enumerate() {
            self.put(at + 2 * index, &value.to_le_bytes());
        }
    }

    fn put_u32(&mut self, at: usize, values: &[u32]) {
        for (index, value) in values.iter().enumerate() {
            self.put(at + 4 * index, &value.to_le_bytes());
        }
    }

    /// Writes the headers that all images have.
    fn headers(&mut self, chip: &Chip, code_type: u8, is_last: bool) {
        let blocks = (self.0.len() / BLOCK) as u16;
        let last = u8::from(is_last) << 7;
        self.put(0, &[0x55, 0xaa, blocks as u8]);
        self.put_u16(0x18, &[PCIR as u16]);

        self.put(PCIR, b"PCIR");
        self.put_u16(PCIR + 4, &[chip.vendor_id, chip.device_id, 0, 0x18]);
        // Revision 3; VGA-compatible display controller.
        self.put(PCIR + 0xc, &[3, 0x00, 0x00, 0x03]);
        self.put_u16(PCIR + 0x10, &[blocks, 0]);
        self.put(PCIR + 0x14, &[code_type, last]);
        self.put_u16(PCIR + 0x16, &[blocks]);

        self.put(NPDE, b"NPDE");
        self.put_u16(NPDE + 4, &[0x0101, 0x0c, blocks]);
        self.put(NPDE + 0xa, &[last]);
    }

    /// Sets the last byte so that the sum of all bytes is 0.
    fn checksum(mut self) -> Vec<u8> {
        if let Some((last, rest)) = self.0.split_last_mut() {
            *last = rest.iter().fold(0, |sum: u8, &byte| sum.wrapping_sub(byte));
        }
        self.0
    }
}

/// Reproducible pseudo-random bytes in place of code.
fn noise(seed: u32, len: usize) -> Vec<u8> {
    let mut state = seed;
    (0..len)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .collect()
}

/// The image for legacy firmware; drivers need only its BIOS information table.
fn pc_at(chip: &Chip) -> Vec<u8> {
    let mut image = Image::new(1);
    image.headers(chip, CODE_TYPE_PC_AT, false);

    let version = |len| {
        let mut data = [VERSION.to_le_bytes().as_slice(), &[OEM_VERSION]].concat();
        data.resize(len, 0);
        data
    };
    // Offsets count from the first image, as if the images of FWSEC's type followed it.
    let pmu_table = (2 * BLOCK + PMU_TABLE) as u32;
    let tokens: [(u8, u8, &[u8]); 3] = [
        (b'B', 2, &version(BIOSDATA)),
        (b'p', 2, &pmu_table.to_le_bytes()),
        (b'i', 2, &version(INTERNAL)),
    ];
    image.put(BIT, &[0xff, 0xb8]);
    image.put(BIT + 2, b"BIT\0");
    image.put(
        BIT + 6,
        &[
            0x00,
            0x01,
            BIT_HEADER as u8,
            BIT_TOKEN as u8,
            tokens.len() as u8,
        ],
    );
    let header = &image.0[BIT..BIT + BIT_HEADER - 1];
    let checksum = header
        .iter()
        .fold(0, |sum: u8, &byte| sum.wrapping_sub(byte));
    image.put(BIT + BIT_HEADER - 1, &[checksum]);

    let mut data_at = BIT_DATA;
    for (index, (id, version, data)) in tokens.iter().enumerate() {
        let token = BIT + BIT_HEADER + BIT_TOKEN * index;
        image.put(token, &[*id, *version]);
        image.put_u16(token + 2, &[data.len() as u16, data_at as u16]);
        image.put(data_at, data);
        data_at += data.len();
    }
    image.checksum()
}

/// An EFI image without a driver.
fn efi(chip: &Chip) -> Vec<u8> {
    let mut image = Image::new(1);
    image.headers(chip, CODE_TYPE_EFI, false);
    image.checksum()
}

/// The first image of FWSEC's type; drivers must look into the second one, too.
fn first_fwsec(chip: &Chip) -> Vec<u8> {
    let mut image = Image::new(1);
    image.headers(chip, CODE_TYPE_FWSEC, false);
    image.checksum()
}

/// FWSEC: the PMU lookup table with one entry, the descriptor, the signatures and the ucode.
fn fwsec(chip: &Chip) -> Vec<u8> {
    match chip.falcons.has_boot_rom() {
        true => fwsec_v3(chip),
        false => fwsec_v2(chip),
    }
}

/// An image with the table and `ucode_at` bytes before the ucode.
fn fwsec_image(chip: &Chip, ucode_at: usize, version: u8, descriptor_size: usize) -> Image {
    let data = data_segment(dmem(chip));
    let mut image = Image::new((ucode_at + IMEM + data.len() + 1).div_ceil(BLOCK));
    image.headers(chip, CODE_TYPE_FWSEC, true);
    // Version 1, header of 6 bytes, an entry of 6 bytes; the descriptors' version and size.
    image.put(PMU_TABLE, &[1, 6, 6, 1, version, descriptor_size as u8]);
    // The application is production FWSEC, on the GSP.
    image.put(PMU_TABLE + 6, &[0x85, 0x0c]);
    image.put_u32(PMU_TABLE + 8, &[(2 * BLOCK + DESCRIPTOR) as u32]);
    image.put(ucode_at, &noise(2, IMEM));
    image.put(ucode_at + IMEM, &data);
    image
}

/// Up to GA100: the signature is in the ucode.
fn fwsec_v2(chip: &Chip) -> Vec<u8> {
    let ucode = DESCRIPTOR + DESCRIPTOR_V2_SIZE;
    let dmem = dmem(chip);
    let mut image = fwsec_image(chip, ucode, 2, DESCRIPTOR_V2_SIZE);
    image.put_u32(
        DESCRIPTOR,
        &[
            (DESCRIPTOR_V2_SIZE as u32) << 16 | 2 << 8 | 1,
            (IMEM + dmem) as u32,
            (IMEM + dmem) as u32,
            0,
            INTERFACE as u32,
            0,
            IMEM as u32,
            0,
            STUB as u32,
            (IMEM - STUB) as u32,
            IMEM as u32,
            0,
            dmem as u32,
            0,
            0,
        ],
    );
    image.put(ucode + IMEM + SIGNATURE_AT, &noise(1, SIGNATURE));
    image.checksum()
}

/// From GA102 on: the signatures follow the descriptor.
fn fwsec_v3(chip: &Chip) -> Vec<u8> {
    let signatures = SIGNATURE_VERSIONS.count_ones() as usize;
    let dmem = dmem(chip);
    let header = DESCRIPTOR_V3_SIZE + signatures * SIGNATURE;
    let mut image = fwsec_image(chip, DESCRIPTOR + header, 3, DESCRIPTOR_V3_SIZE);
    let vdesc = (header as u32) << 16 | 3 << 8 | 1;
    image.put_u32(
        DESCRIPTOR,
        &[
            vdesc,
            (IMEM + dmem) as u32,
            SIGNATURE_AT as u32,
            INTERFACE as u32,
            0,
            IMEM as u32,
            0,
            0,
            dmem as u32,
        ],
    );
    image.put_u16(DESCRIPTOR + 36, &[EngineId::Gsp.bit() as u16]);
    image.put(DESCRIPTOR + 38, &[UCODE_ID, signatures as u8]);
    image.put_u16(DESCRIPTOR + 40, &[SIGNATURE_VERSIONS, 0]);
    image.put(
        DESCRIPTOR + DESCRIPTOR_V3_SIZE,
        &noise(1, signatures * SIGNATURE),
    );
    image.checksum()
}

/// FWSEC's data: the application interface, the DMEM mapper and its buffers.
fn data_segment(size: usize) -> Vec<u8> {
    let mut data = Image(vec![0; size]);
    // Version 1, header of 4 bytes, 2 entries of 8 bytes: an unused one, and the DMEM mapper.
    data.put(INTERFACE, &[1, 4, 8, 2]);
    data.put_u32(INTERFACE + 4, &[1, 0x80, 4, MAPPER as u32]);

    data.put(MAPPER, b"DMAP");
    data.put_u16(MAPPER + 4, &[3, 64]);
    data.put_u32(
        MAPPER + 8,
        &[
            COMMAND_IN as u32,
            COMMAND_SIZE as u32,
            COMMAND_OUT as u32,
            COMMAND_SIZE as u32,
        ],
    );
    // Supported commands: FRTS and SB.
    data.put_u32(MAPPER + 0x34, &[1 << 0x15 | 1 << 0x19]);
    data.0
}

/// The VBIOS of `chip`.
pub fn build(chip: &Chip) -> Vec<u8> {
    [pc_at(chip), efi(chip), first_fwsec(chip), fwsec(chip)].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chips::CHIPS;

    #[test]
    fn the_vbios_is_small_and_its_images_are_contiguous() {
        let rom = build(&CHIPS[0]);
        assert!(rom.len() <= 8 * BLOCK + 3 * BLOCK, "{}", rom.len());
        let mut at = 0;
        let mut types = Vec::new();
        loop {
            assert_eq!(rom[at..at + 2], [0x55, 0xaa]);
            let pcir = at + usize::from(rom[at + 0x18]);
            assert_eq!(rom[pcir..pcir + 4], *b"PCIR");
            let len = usize::from(rom[pcir + 0x10]) * BLOCK;
            let sum = rom[at..at + len]
                .iter()
                .fold(0, |sum: u8, &byte| sum.wrapping_add(byte));
            assert_eq!(sum, 0, "checksum of the image at {at:#x}");
            types.push(rom[pcir + 0x14]);
            at += len;
            if rom[pcir + 0x15] != 0 {
                break;
            }
        }
        assert_eq!(types, [0x00, 0x03, 0xe0, 0xe0], "as on a GA102");
        assert_eq!(at, rom.len());
    }

    /// tinygrad's driver reads the table there, and NVIDIA's reads the version from a token of more
    /// than five bytes.
    #[test]
    fn the_table_is_where_real_cards_have_it() {
        for chip in CHIPS {
            let rom = build(chip);
            assert_eq!(rom[0x1b0..0x1b6], *b"\xff\xb8BIT\0");
            let token = &rom[0x1bc..0x1c2];
            assert_eq!(token[..4], [b'B', 2, 37, 0]);
            let data = usize::from(u16::from_le_bytes([token[4], token[5]]));
            assert_eq!(rom[data..data + 5], [0x80, 0x42, 0x02, 0x94, 0xc4]);
        }
    }
}
