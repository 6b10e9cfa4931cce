// SPDX-License-Identifier: GPL-2.0

//! The shapes of the families' VBIOSes: numbers of real cards, as far as they are known.
//!
//! Where they are from; a comment at each shape says which of them are the model's own:
//!
//! - TU102, TU104, TU116: images of three cards (headers, tokens, FWSEC).
//! - GA100: a published analysis of the flash of an A100 of February 2020 (container, headers,
//!   tokens, number of programs, sizes of the images; where the first image of type 0xE0 ends
//!   follows from the size of all images in the ROM directory and that of the last one).
//! - GA102: Linux's commit "Add support for VBIOS ucode extraction" (sizes of the images), and a log
//!   in Linux's patch 20260108005811.86014-3 on lkml (the table of an Ampere card and its FWSEC; the
//!   pointers in it fit those sizes).
//! - AD102: the flash of an RTX 4090 with VBIOS 95.02.18.80.87, in the public repository
//!   gabrielmaialva33/NVDAAL-Driver (all of it).
//! - GB206: the flash of a card (headers, tokens, table; order and offsets of the images).

use clap::ValueEnum;
use nova_hw::chipset::{Architecture, Chipset};
use nova_hw::falcon::EngineId;

use crate::chips::Chip;

/// Bytes of an RSA-3072 signature.
pub(crate) const SIGNATURE: usize = 384;

/// How long the contents without structure are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Size {
    /// As short as the structure allows.
    #[default]
    Small,
    /// As on cards.
    Real,
}

impl Size {
    /// Bytes of code of a program; FWSEC on Turing needs a block of each kind.
    pub(super) fn code(self, program: &Program) -> usize {
        match self {
            Self::Small if program.is_fwsec() => 0x200,
            Self::Small => 0x40,
            Self::Real => program.code,
        }
    }

    /// Bytes of data: all of FWSEC's, as drivers write into them, and of others what has place for a
    /// signature.
    pub(super) fn data(self, program: &Program) -> usize {
        match (self, program.descriptor) {
            (Self::Small, Descriptor::V3 { .. }) if !program.is_fwsec() => SIGNATURE,
            (Self::Small, Descriptor::V1 | Descriptor::V6) => 0x20,
            _ => program.data,
        }
    }

    /// Bytes of the code that are not secure, on falcons without a boot ROM.
    pub(super) fn stub(self, real: usize) -> usize {
        match self {
            Self::Small => 0x100,
            Self::Real => real,
        }
    }

    /// `real`, an offset of something behind `end`, or `end` itself.
    pub(super) fn offset(self, real: usize, end: usize) -> usize {
        match self {
            Self::Small => end,
            Self::Real => real.max(end),
        }
    }
}

/// Numbers of the fuse registers that count the versions of FWSEC, and of the other program with
/// signatures, which runs on SEC2.
const FWSEC_UCODE_ID: u8 = 9;
const SEC2_UCODE_ID: u8 = 10;

/// Applications: FWSEC for debug-fused chips and for others.
const FWSEC_DEBUG: u8 = 0x45;
const FWSEC: u8 = 0x85;

/// A token of the BIOS information table: id, version, and bytes of data.
pub(super) type Token = (u8, u8, u16);

/// The kind of a program's descriptor.
#[derive(Clone, Copy)]
pub(super) enum Descriptor {
    /// Without a version.
    V1,
    /// With the bytes of the code that are not secure, and the offset of the application interface.
    V2 {
        stub: usize,
        interface: usize,
    },
    /// With the mask of engines, the number of the version fuse, and the offset of the signature in
    /// the data.
    V3 {
        engines: u16,
        ucode_id: u8,
        signature_at: usize,
    },
    V6,
}

/// Falcon ucode in the VBIOS.
#[derive(Clone, Copy)]
pub(super) struct Program {
    /// Its place in the table.
    pub(super) entry: usize,
    pub(super) application: u8,
    pub(super) target: u8,
    pub(super) descriptor: Descriptor,
    pub(super) code: usize,
    pub(super) data: usize,
}

impl Program {
    const fn v1(entry: usize, application: u8, target: u8, code: usize, data: usize) -> Self {
        Self {
            entry,
            application,
            target,
            descriptor: Descriptor::V1,
            code,
            data,
        }
    }

    const fn v6(entry: usize, application: u8, target: u8, size: usize) -> Self {
        Self {
            descriptor: Descriptor::V6,
            ..Self::v1(entry, application, target, size, 0)
        }
    }

    /// FWSEC on Turing and GA100.
    const fn fwsec_v2(entry: usize, application: u8, turing: &Turing) -> Self {
        Self {
            descriptor: Descriptor::V2 {
                stub: turing.stub,
                interface: turing.interface,
            },
            ..Self::v1(entry, application, 7, turing.code, turing.data)
        }
    }

    /// FWSEC from GA102 on.
    const fn fwsec_v3(
        entry: usize,
        application: u8,
        code: usize,
        data: usize,
        signature_at: usize,
    ) -> Self {
        Self {
            descriptor: Descriptor::V3 {
                engines: EngineId::Gsp.bit() as u16,
                ucode_id: FWSEC_UCODE_ID,
                signature_at,
            },
            ..Self::v1(entry, application, 7, code, data)
        }
    }

    /// The other program with signatures.
    const fn sec2(entry: usize, application: u8, code: usize, data: usize) -> Self {
        Self {
            descriptor: Descriptor::V3 {
                engines: EngineId::Sec2.bit() as u16,
                ucode_id: SEC2_UCODE_ID,
                signature_at: 0xa10,
            },
            ..Self::v1(entry, application, 5, code, data)
        }
    }

    pub(super) const fn is_fwsec(&self) -> bool {
        matches!(self.application, FWSEC_DEBUG | FWSEC)
    }
}

/// FWSEC on Turing.
struct Turing {
    stub: usize,
    interface: usize,
    code: usize,
    data: usize,
}

const TU102_FWSEC: Turing = Turing {
    stub: 0x300,
    interface: 0xdc,
    code: 0x9600,
    data: 0x410,
};

const TU104_FWSEC: Turing = Turing {
    stub: 0x400,
    interface: 0xe0,
    code: 0x9a00,
    data: 0x3f0,
};

const TU116_FWSEC: Turing = Turing {
    stub: 0x400,
    interface: 0xe0,
    code: 0x9800,
    data: 0x420,
};

/// Where the table of ucode is.
#[derive(Clone, Copy)]
pub(super) enum Table {
    /// At this offset in the first image of type 0xE0.
    First(usize),
    /// At this offset in the second one, behind the programs.
    Second(usize),
}

/// What differs from family to family. All sizes and offsets are those of cards.
pub(super) struct Shape {
    /// The version, of which the second number is the chip's.
    pub(super) version: [u8; 5],
    /// The PC-AT image: its bytes, and the offset of its PCI data structure.
    pub(super) pc_at: (usize, usize),
    /// Offset of the BIOS information table in it.
    pub(super) bit: usize,
    pub(super) tokens: &'static [Token],
    /// Bytes of the EFI image; cards without a display have none.
    pub(super) efi: Option<usize>,
    /// The two images of type 0xE0, in the same way as the PC-AT image.
    pub(super) first: (usize, usize),
    pub(super) second: (usize, usize),
    /// Revision and length of the data structures of the two.
    pub(super) npds: (u8, u16),
    /// Flags in their extensions.
    pub(super) npde_flags: u8,
    pub(super) table: Table,
    /// Number of the table's entries, most of which are empty.
    pub(super) entries: u8,
    /// Offset of the first program in the second image.
    pub(super) programs_at: usize,
    /// The programs, in the order in which they lie there.
    pub(super) programs: Vec<Program>,
    /// Bit mask of the versions that signed programs have a signature for, in this order. A card is
    /// fused for the last one ([`Fuses::for_fwsec`](crate::fuses::Fuses::for_fwsec)).
    pub(super) versions: u16,
    /// The last word of descriptors of version 3, which is called reserved.
    pub(super) reserved: u16,
}

const TURING_TOKENS: &[Token] = &[
    (b'2', 1, 4),
    (b'B', 2, 37),
    (b'C', 2, 28),
    (b'D', 1, 4),
    (b'I', 1, 36),
    (b'M', 2, 29),
    (b'N', 0, 0),
    (b'P', 2, 196),
    (b'S', 2, 24),
    (b'T', 1, 2),
    (b'U', 1, 5),
    (b'V', 1, 6),
    (b'x', 1, 8),
    (b'd', 1, 2),
    (b'p', 2, 4),
    (b'u', 1, 13),
    (b'i', 2, 104),
];

const GA100_TOKENS: &[Token] = &[
    (b'2', 1, 4),
    (b'B', 2, 37),
    (b'C', 2, 28),
    (b'D', 1, 4),
    (b'I', 1, 36),
    (b'M', 2, 41),
    (b'N', 0, 0),
    (b'P', 2, 196),
    (b'T', 1, 2),
    (b'U', 1, 5),
    (b'V', 1, 6),
    (b'x', 1, 8),
    (b'd', 1, 2),
    (b'p', 2, 4),
    (b'u', 1, 13),
    (b'i', 2, 106),
];

const ADA_TOKENS: &[Token] = &[
    (b'2', 1, 4),
    (b'B', 2, 37),
    (b'C', 2, 44),
    (b'D', 1, 4),
    (b'I', 1, 36),
    (b'M', 2, 41),
    (b'N', 0, 0),
    (b'P', 2, 252),
    (b'S', 2, 24),
    (b'T', 1, 2),
    (b'U', 1, 5),
    (b'V', 1, 6),
    (b'x', 1, 8),
    (b'd', 1, 2),
    (b'p', 2, 4),
    (b'u', 1, 17),
    (b'i', 2, 110),
    (b'E', 1, 4),
    (b's', 1, 4),
];

const BLACKWELL_TOKENS: &[Token] = &[
    (b'2', 1, 4),
    (b'B', 2, 37),
    (b'C', 2, 48),
    (b'D', 1, 4),
    (b'I', 1, 36),
    (b'M', 2, 41),
    (b'N', 0, 0),
    (b'P', 2, 312),
    (b'S', 2, 24),
    (b'T', 2, 12),
    (b'U', 1, 5),
    (b'V', 1, 6),
    (b'x', 1, 8),
    (b'd', 2, 20),
    (b'p', 2, 4),
    (b'u', 1, 17),
    (b'k', 1, 4),
    (b'i', 2, 160),
    (b'E', 1, 4),
    (b's', 1, 4),
];

impl Shape {
    pub(super) fn of(chip: &Chip) -> Self {
        match (chip.chipset, chip.chipset.arch()) {
            (Chipset::TU102, _) => Self::turing(&TU102_FWSEC, [0x17, 0x00, 0x7b]),
            (Chipset::TU116 | Chipset::TU117, _) => Self::turing(&TU116_FWSEC, [0x20, 0x00, 0xea]),
            (_, Architecture::Turing) => Self::turing(&TU104_FWSEC, [0x97, 0x00, 0xc3]),
            (Chipset::GA100, _) => Self::ga100(),
            (_, Architecture::Ampere) => Self::ga10x(),
            (_, Architecture::Ada) => Self::ada(),
            (_, Architecture::BlackwellGb20x) => Self::blackwell(),
            // Nothing is known of these but the versions; cards without a display have no EFI image.
            (_, Architecture::Hopper) => Self {
                version: [0x96, 0, 0xa5, 0x00, 0x1a],
                efi: None,
                ..Self::blackwell()
            },
            (_, Architecture::BlackwellGb10x) => Self {
                version: [0x97, 0, 0x00, 0x00, 0x01],
                efi: None,
                ..Self::blackwell()
            },
        }
    }

    /// The model's own: the sizes of the images and the programs besides FWSEC, which are those of
    /// GA102, and which of the two images has the table.
    fn turing(fwsec: &Turing, [minor, micro, oem]: [u8; 3]) -> Self {
        Self {
            version: [0x90, 0, minor, micro, oem],
            tokens: TURING_TOKENS,
            first: (0x5600, 0xf0),
            table: Table::First(0x200),
            programs: vec![
                Program::v1(0, 0x01, 1, 0x8008, 0x5fc),
                Program::fwsec_v2(8, FWSEC_DEBUG, fwsec),
                Program::fwsec_v2(9, FWSEC, fwsec),
                Program::v1(5, 0x07, 6, 0xfb00, 0x6c),
                Program::v1(6, 0x08, 1, 0x5000, 0x1000),
            ],
            ..Self::ga10x()
        }
    }

    /// The model's own: all numbers of the version but the first two, the offset of the first 0xE0
    /// image's data structure, and the programs, which are those of TU104.
    fn ga100() -> Self {
        Self {
            version: [0x92, 0, 0x00, 0x00, 0x01],
            pc_at: (0x5e00, 0x70),
            bit: 0xb0,
            tokens: GA100_TOKENS,
            efi: None,
            first: (0x600, 0xf0),
            second: (0x36a00, 0x20),
            table: Table::First(0x144),
            programs_at: 0x37ec,
            ..Self::turing(&TU104_FWSEC, [0x97, 0x00, 0xc3])
        }
    }

    /// The model's own: tokens, headers and the place of the table, which are those of AD102; how
    /// the size of a program divides into code and data, except for FWSEC; the size of the last one.
    fn ga10x() -> Self {
        Self {
            version: [0x94, 0, 0x42, 0x80, 0xc4],
            pc_at: (0xfe00, 0x170),
            bit: 0x1b0,
            tokens: ADA_TOKENS,
            efi: Some(0x14800),
            first: (0x5600, 0x160),
            second: (0x60800, 0x20),
            npds: (0, 0x18),
            npde_flags: 0,
            table: Table::Second(0x605e8),
            entries: 16,
            programs_at: 0x54,
            programs: vec![
                Program::v1(0, 0x01, 1, 0x8008, 0x5fc),
                Program::fwsec_v3(8, FWSEC_DEBUG, 0xe200, 0x800, 0x5a4),
                Program::fwsec_v3(9, FWSEC, 0xe200, 0x800, 0x5a4),
                Program::v1(5, 0x07, 6, 0xfb00, 0x6c),
                Program::sec2(10, 0x49, 0x4000, 0xcf4),
                Program::sec2(11, 0x89, 0x4000, 0xcf4),
                Program::v1(6, 0x08, 1, 0x5000, 0x1000),
            ],
            versions: 0b111,
            reserved: 0x9249,
        }
    }

    fn ada() -> Self {
        Self {
            version: [0x95, 0, 0x18, 0x80, 0x87],
            pc_at: (0xfc00, 0x170),
            efi: Some(0x14e00),
            first: (0x6000, 0x160),
            second: (0x6b400, 0x20),
            table: Table::Second(0x6b1e8),
            programs: vec![
                Program::v1(0, 0x01, 1, 0x8b10, 0x5fc),
                Program::fwsec_v3(8, FWSEC_DEBUG, 0xf200, 0xd80, 0xb24),
                Program::fwsec_v3(9, FWSEC, 0xf200, 0xd80, 0xb24),
                Program::v1(5, 0x07, 6, 0xfd00, 0x6c),
                Program::sec2(10, 0x49, 0x5800, 0xc28),
                Program::sec2(11, 0x89, 0x5800, 0xc28),
                Program::v1(6, 0x08, 1, 0xde3c, 0x88a0),
            ],
            versions: 0b11,
            reserved: 0x8049,
            ..Self::ga10x()
        }
    }

    /// Cards that boot through the FSP have no FWSEC here.
    ///
    /// The model's own: the size of the second 0xE0 image and of its last program, the offset of the
    /// first one's data structure, and that the table is in the first one.
    fn blackwell() -> Self {
        Self {
            version: [0x98, 0, 0x1f, 0x40, 0x45],
            pc_at: (0xfa00, 0xca0),
            bit: 0xdf0,
            tokens: BLACKWELL_TOKENS,
            efi: Some(0x18000),
            first: (0xfa00, 0x20),
            second: (0xb8c00, 0x20),
            npds: (3, 0x1c),
            npde_flags: 4,
            table: Table::First(0x200),
            entries: 35,
            programs_at: 0x30b14,
            programs: vec![
                Program::v6(5, 0x07, 6, 0x20620),
                Program::v6(23, 0x19, 1, 0x22e10),
                Program::v6(24, 0x15, 1, 0x5b5c),
                Program::v6(32, 0x23, 0xe, 0x255a4),
                Program::v6(22, 0x18, 1, 0xd5d0),
                Program::v6(34, 0x24, 0xf, 0x1000),
            ],
            ..Self::ga10x()
        }
    }
}
