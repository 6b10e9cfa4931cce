// SPDX-License-Identifier: GPL-2.0

//! Synthetic VBIOS images, laid out as NVIDIA's are.

use super::{put, put_words};

/// Bytes of the PCI-AT image.
pub(crate) const BASE_LEN: usize = 0x400;
/// Bytes of the EFI image.
pub(crate) const EFI_LEN: usize = 0x4000;
/// Bytes of the first FWSEC image, into which the tables do not point.
pub(crate) const FIRST_LEN: usize = 0x200;
/// Bytes of the second FWSEC image.
pub(crate) const SECOND_LEN: usize = 0x2000;
/// Offset of the BIT in the PCI-AT image.
pub(crate) const BIT: usize = 0x1b0;
/// Offset of the falcon ucode table in the second FWSEC image.
pub(crate) const TABLE: usize = 0x80;
/// Offset of FWSEC's descriptor in the second FWSEC image.
pub(crate) const DESC: usize = 0x100;
/// Bytes of FWSEC's code.
pub(crate) const IMEM_LEN: u32 = 0x200;
/// Bytes of FWSEC's data.
pub(crate) const DMEM_LEN: u32 = 0x400;
/// Offset in the data of the application interface.
pub(crate) const INTERFACE: u32 = 0x20;
/// Offset in the data of the DMEM mapper.
pub(crate) const MAPPER: u32 = 0x80;
/// Offset in the data of the command's arguments.
pub(crate) const COMMAND: u32 = 0x100;
/// Offset in the data of the signature.
pub(crate) const PKC_DATA: u32 = 0x200;

/// What varies between the images.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rom {
    /// Version of the IFR header, 0 for none.
    pub(crate) ifr: u8,
    /// Whether an EFI image stands between the PCI-AT and the FWSEC images.
    pub(crate) efi: bool,
    /// Whether images have NVIDIA's extension.
    pub(crate) npde: bool,
    /// Version of FWSEC's descriptor.
    pub(crate) desc: u8,
    /// Whether BIT tokens have pointers of 32 bits.
    pub(crate) wide_tokens: bool,
    /// The first number of the version.
    pub(crate) major: u8,
    /// Id of the BIT token of the falcon ucode table.
    pub(crate) falcon_data: u8,
    /// Application id of the entry for FWSEC.
    pub(crate) application: u8,
}

impl Rom {
    /// As on GA102.
    pub(crate) const GA102: Self = Self {
        ifr: 0,
        efi: true,
        npde: true,
        desc: 3,
        wide_tokens: false,
        major: 0x94,
        falcon_data: b'p',
        application: 0x85,
    };

    /// As on TU102.
    pub(crate) const TU102: Self = Self {
        desc: 2,
        ..Self::GA102
    };

    /// Offset of the first image.
    pub(crate) fn start(&self) -> usize {
        match self.ifr {
            0 => 0,
            3 => 0x2000,
            _ => 0x200,
        }
    }

    /// Offset of the second FWSEC image.
    pub(crate) fn second(&self) -> usize {
        let efi = if self.efi { EFI_LEN } else { 0 };
        self.start() + BASE_LEN + efi + FIRST_LEN
    }

    /// The whole ROM.
    pub(crate) fn build(&self) -> Vec<u8> {
        let mut rom = self.header();
        rom.extend(self.base());
        if self.efi {
            rom.extend(self.image(0x03, EFI_LEN, false));
        }
        rom.extend(self.image(0xe0, FIRST_LEN, false));
        rom.extend(self.fwsec());
        rom
    }

    fn header(&self) -> Vec<u8> {
        let start = self.start();
        let mut header = vec![0; start];
        if self.ifr > 0 {
            let (version, start) = (u32::from(self.ifr) << 8, start as u32);
            put(&mut header, 0, b"NVGI");
            put_words(&mut header, 4, &[version | 0x40 << 16, 0x80]);
            put_words(&mut header, 0x44, &[start]);
            if self.ifr == 3 {
                put_words(&mut header, 0x44, &[0]);
                put_words(&mut header, 0x80, &[0x100]);
                put(&mut header, 0x1100, b"RFRD");
                put_words(&mut header, 0x1108, &[start]);
            }
        }
        header
    }

    /// An image with its PCI data structure at 0x40, the extension at 0x60, and nothing else.
    fn image(&self, code_type: u8, len: usize, last: bool) -> Vec<u8> {
        let blocks = (len / 512) as u16;
        let last = if last { 0x80 } else { 0 };
        let mut image = vec![0; len];
        put(&mut image, 0, &[0x55, 0xaa]);
        put(&mut image, 0x18, &[0x40, 0]);
        put(&mut image, 0x40, b"PCIR\xde\x10\x04\x22\0\0\x18\0");
        put(&mut image, 0x40 + 0x10, &blocks.to_le_bytes());
        put(&mut image, 0x40 + 0x14, &[code_type, last]);
        if self.npde {
            // The last image by PCI's flag need not be the last one by NVIDIA's.
            image[0x40 + 0x15] = if code_type == 0 { 0x80 } else { last };
            put(&mut image, 0x60, b"NPDE\x01\x01\x0b\0");
            put(&mut image, 0x68, &blocks.to_le_bytes());
            image[0x6a] = last;
        }
        image
    }

    fn base(&self) -> Vec<u8> {
        let mut image = self.image(0x00, BASE_LEN, false);
        // A decoy whose header has a wrong checksum.
        put(&mut image, 0x180, b"\xff\xb8BIT\0\0\x01\x0c\x06\x01");
        let token_len = if self.wide_tokens { 8 } else { 6 };
        put(&mut image, BIT, b"\xff\xb8BIT\0\0\x01\x0c\0\x03\0");
        image[BIT + 9] = token_len;
        let sum = image[BIT..BIT + 12]
            .iter()
            .fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
        image[BIT + 11] = sum.wrapping_neg();
        let tokens = [
            (b'2', 1, 4, 0x300),
            (b'B', 2, 0x1d, 0x310),
            (self.falcon_data, 2, 4, 0x340),
        ];
        for (index, (id, version, size, pointer)) in tokens.into_iter().enumerate() {
            let at = BIT + 12 + index * usize::from(token_len);
            put(&mut image, at, &[id, version, size, 0]);
            put(&mut image, at + 4, &[pointer as u8, (pointer >> 8) as u8]);
        }
        put(&mut image, 0x310, &[0x42, 0x02, 0x02, self.major, 0xb4]);
        put_words(&mut image, 0x340, &[self.pointer(TABLE)]);
        image
    }

    /// The tables' pointer to byte `at` of the second FWSEC image.
    pub(crate) fn pointer(&self, at: usize) -> u32 {
        (BASE_LEN + FIRST_LEN + at) as u32
    }

    fn fwsec(&self) -> Vec<u8> {
        let mut image = self.image(0xe0, SECOND_LEN, true);
        put(&mut image, TABLE, &[1, 6, 6, 3, self.desc, 0]);
        put(&mut image, TABLE + 6, &[0x45, 7]);
        put_words(&mut image, TABLE + 8, &[self.pointer(DESC)]);
        put(&mut image, TABLE + 12, &[self.application, 7]);
        put_words(&mut image, TABLE + 14, &[self.pointer(DESC)]);
        // The third entry is empty, as many are in NVIDIA's images.
        let ucode = match self.desc {
            2 => self.desc_v2(&mut image),
            _ => self.desc_v3(&mut image),
        };
        match self.desc {
            // The first version starts with a size.
            1 => put_words(&mut image, DESC, &[IMEM_LEN + DMEM_LEN]),
            2 | 3 => {}
            later => put(&mut image, DESC + 1, &[later]),
        }
        image[ucode..ucode + IMEM_LEN as usize].fill(0x1e);
        let dmem = ucode + IMEM_LEN as usize;
        image[dmem..dmem + DMEM_LEN as usize].fill(0xde);
        let interface = dmem + INTERFACE as usize;
        put(&mut image, interface, &[1, 4, 8, 2]);
        put_words(&mut image, interface + 4, &[1, 0, 4, MAPPER]);
        let mapper = dmem + MAPPER as usize;
        put_words(
            &mut image,
            mapper,
            &[0x5041_4d44, 64 << 16 | 3, COMMAND, 0x40],
        );
        image
    }

    fn desc_v2(&self, image: &mut [u8]) -> usize {
        let words = [
            60 << 16 | 2 << 8 | 1,
            IMEM_LEN + DMEM_LEN,
            IMEM_LEN + DMEM_LEN,
            0,
            INTERFACE,
            0,
            IMEM_LEN,
            0,
            0x100,
            0x100,
            IMEM_LEN,
            0,
            DMEM_LEN,
        ];
        put_words(image, DESC, &words);
        DESC + 60
    }

    fn desc_v3(&self, image: &mut [u8]) -> usize {
        let len = 44 + 2 * 384;
        let words = [
            (len as u32) << 16 | 3 << 8 | 1,
            IMEM_LEN + DMEM_LEN,
            PKC_DATA,
            INTERFACE,
            0,
            IMEM_LEN,
            0,
            0,
            DMEM_LEN,
        ];
        put_words(image, DESC, &words);
        // GSP, ucode 9, two signatures: for fuse versions 1 and 2.
        put(image, DESC + 36, &[0x00, 0x04, 9, 2, 0b110, 0]);
        image[DESC + 44..DESC + 44 + 384].fill(0x51);
        image[DESC + 44 + 384..DESC + len].fill(0x52);
        DESC + len
    }
}

/// The flash of a Blackwell card with these images.
pub(crate) fn nvfw(images: &[u8]) -> Vec<u8> {
    let (nvfw, directory, start): (usize, usize, usize) = (0x1000, 0x1200, 0x1400);
    let mut flash = vec![0xff; start];
    put_words(&mut flash, 0, &[0x0ce0_c04c]);
    put(&mut flash, nvfw, b"NVFW");
    put(&mut flash, directory, b"RFRD\x04\0\0\0");
    put_words(&mut flash, directory + 8, &[(start - nvfw) as u32]);
    flash.extend_from_slice(images);
    flash
}

/// A ROM of before Turing, whose NBSI has an image behind it.
pub(crate) fn behind_nbsi() -> Vec<u8> {
    let rom = Rom {
        major: 0x86,
        ..Rom::TU102
    };
    let images = [
        rom.base(),
        rom.image(0x70, 0x400, false),
        rom.image(0x11, 0x200, true),
    ];
    images.concat()
}
