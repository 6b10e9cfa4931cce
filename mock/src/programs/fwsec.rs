// SPDX-License-Identifier: GPL-2.0

//! FWSEC, the VBIOS's signed program on the GSP's falcon: finding it in the VBIOS, and parsing its
//! commands.
//!
//! Source: open-gpu-kernel-modules 570, src/nvidia/src/kernel/gpu/gsp/kernel_gsp_fwsec.c (its
//! location in the VBIOS) and arch/turing/kernel_gsp_frts_tu102.c (its interface).

use std::ops::Range;

use nova_hw::falcon::EngineId;

use crate::chips::Chip;
use crate::images::ucode::{Trust, Ucode, Versions};
use crate::images::vbios::SIGNATURE;

/// Code types of images, and the pattern of the BIT header.
const CODE_TYPE_PC_AT: u8 = 0x00;
const CODE_TYPE_FWSEC: u8 = 0xe0;
const BIT_PATTERN: [u8; 6] = [0xff, 0xb8, b'B', b'I', b'T', 0];
const BIT_TOKEN_FALCON_DATA: u8 = b'p';

/// Applications in the table that are FWSEC.
const APPLICATIONS: [u8; 2] = [0x05, 0x85];

const DESCRIPTOR_V2: usize = 60;
const DESCRIPTOR_V3: usize = 44;
const INTERFACE_DMEMMAPPER: u32 = 4;
const MAPPER_SIGNATURE: u32 = u32::from_le_bytes(*b"DMAP");
const MAPPER_INIT_CMD: usize = 0x2c;

const CMD_FRTS: u32 = 0x15;
const CMD_SB: u32 = 0x19;

const READ_VBIOS_SIZE: usize = 24;
const READ_VBIOS_FLAGS: u32 = 2;
const FRTS_REGION_SIZE: u32 = 20;
const FRTS_REGION_MEDIA_FB: u32 = 2;

/// Alignment of the bounds of a write-protected region.
///
/// Source: open-gpu-kernel-modules 570, gsp_fw_wpr_meta.h.
const WPR_ALIGN: u64 = 0x2_0000;

/// Bytes of the FRTS region.
const FRTS_SIZE: u64 = 1 << 20;

fn u8_at(bytes: &[u8], at: usize) -> Option<u8> {
    bytes.get(at).copied()
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// FWSEC of a VBIOS.
#[derive(Debug)]
pub(crate) struct Fwsec {
    /// The program.
    pub(crate) ucode: Ucode,
    /// Offset of the application interface in the data.
    interface: usize,
}

/// The images of a ROM: the code type and the bytes of each.
fn images(rom: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let mut rest = Some(rom);
    std::iter::from_fn(move || {
        let rom = rest?;
        let pcir = usize::from(u16_at(rom, 0x18)?);
        let npde = (pcir + usize::from(u16_at(rom, pcir + 0xa)?)).next_multiple_of(16);
        let (blocks, last) = match rom.get(npde..)?.starts_with(b"NPDE") {
            true => (u16_at(rom, npde + 8)?, u8_at(rom, npde + 0xa)?),
            false => (u16_at(rom, pcir + 0x10)?, u8_at(rom, pcir + 0x15)?),
        };
        let len = usize::from(blocks) * 512;
        let image = rom.get(..len).filter(|image| !image.is_empty())?;
        rest = (last & 0x80 == 0).then(|| &rom[len..]);
        Some((u8_at(rom, pcir + 0x14)?, image))
    })
}

/// The VBIOS as its pointers address it: the first image, followed by all from the first FWSEC
/// image on.
fn contiguous(rom: &[u8]) -> Option<(usize, Vec<u8>)> {
    let mut images = images(rom);
    let (_, first) = images.find(|(code_type, _)| *code_type == CODE_TYPE_PC_AT)?;
    let expansion = images.skip_while(|(code_type, _)| *code_type != CODE_TYPE_FWSEC);
    let expansion: Vec<&[u8]> = expansion.map(|(_, image)| image).collect();
    Some((first.len(), [first, &expansion.concat()].concat()))
}

impl Fwsec {
    /// Finds FWSEC in a ROM.
    pub(crate) fn find(rom: &[u8]) -> Option<Self> {
        let (first_len, vbios) = contiguous(rom)?;
        let bit = vbios[..first_len]
            .windows(BIT_PATTERN.len())
            .position(|window| window == BIT_PATTERN)?;
        let header = usize::from(u8_at(&vbios, bit + 8)?);
        let token_size = usize::from(u8_at(&vbios, bit + 9)?);
        let tokens = usize::from(u8_at(&vbios, bit + 10)?);
        let token = (0..tokens)
            .map(|index| bit + header + index * token_size)
            .find(|&at| u8_at(&vbios, at) == Some(BIT_TOKEN_FALCON_DATA))?;
        let table = u32_at(&vbios, usize::from(u16_at(&vbios, token + 4)?))? as usize;

        let header = usize::from(u8_at(&vbios, table.checked_add(1)?)?);
        let entry_size = usize::from(u8_at(&vbios, table + 2)?);
        let entries = usize::from(u8_at(&vbios, table + 3)?);
        let entry = (0..entries)
            .map(|index| table + header + index * entry_size)
            .find(|&at| u8_at(&vbios, at).is_some_and(|app| APPLICATIONS.contains(&app)))?;
        Self::parse(vbios.get(u32_at(&vbios, entry + 2)? as usize..)?)
    }

    /// Reads a descriptor and the data behind it.
    fn parse(descriptor: &[u8]) -> Option<Self> {
        let vdesc = u32_at(descriptor, 0)?;
        let header = (vdesc >> 16) as usize;
        match vdesc >> 8 & 0xff {
            2 => Self::parse_v2(descriptor, header),
            3 => Self::parse_v3(descriptor, header),
            _ => None,
        }
    }

    /// Reads a version 2 descriptor and the ucode behind it, which carries its signature.
    fn parse_v2(descriptor: &[u8], header: usize) -> Option<Self> {
        let field = |index: usize| u32_at(descriptor, 4 * index);
        let (imem, secure) = (field(6)?, field(9)?);
        let ucode = descriptor.get(header.max(DESCRIPTOR_V2)..)?;
        let data = ucode.get(field(10)? as usize..)?;
        let data = data.get(..field(12)? as usize)?.to_vec();
        let interface = field(4)? as usize;
        Some(Self {
            interface,
            ucode: Ucode {
                code: ucode.get(..imem as usize)?.to_vec(),
                code_address: field(5)?,
                trust: Trust::Stub(imem.checked_sub(secure)?),
                parameters: parameters(&data, interface)?,
                data,
                signature_at: 0,
                signatures: Vec::new(),
                versions: Versions::Descending(0),
                engine_id_mask: EngineId::Gsp.bit(),
                ucode_id: 0,
            },
        })
    }

    /// Reads a version 3 descriptor, the signatures and the ucode behind it.
    fn parse_v3(descriptor: &[u8], header: usize) -> Option<Self> {
        let field = |index: usize| u32_at(descriptor, 4 * index);
        let (imem, dmem) = (field(5)? as usize, field(8)? as usize);
        let count = usize::from(u8_at(descriptor, 39)?);
        let signatures = descriptor.get(DESCRIPTOR_V3..header)?;
        let ucode = descriptor.get(header..)?;
        let data = ucode.get(imem..)?.get(..dmem)?.to_vec();
        let interface = field(3)? as usize;
        Some(Self {
            interface,
            ucode: Ucode {
                code: ucode.get(..imem)?.to_vec(),
                code_address: field(6)?,
                trust: Trust::BootRom,
                parameters: parameters(&data, interface)?,
                data,
                signature_at: field(2)?,
                signatures: signatures
                    .chunks_exact(SIGNATURE)
                    .take(count)
                    .map(<[u8]>::to_vec)
                    .collect(),
                versions: Versions::Bits(u16_at(descriptor, 40)?),
                engine_id_mask: u16_at(descriptor, 36)?.into(),
                ucode_id: u8_at(descriptor, 38)?.into(),
            },
        })
    }

    /// Whether the program is of the kind that the falcons of `chip` start.
    pub(crate) fn is_for(&self, chip: &Chip) -> bool {
        (self.ucode.trust == Trust::BootRom) == chip.falcons.has_boot_rom()
    }

    /// Parses the command in the data memory of the loaded program.
    pub(crate) fn command(&self, dmem: &[u8]) -> Result<Command, String> {
        command(dmem, self.interface).ok_or("the application interface is not intact")?
    }
}

/// The data's DMEM mapper.
fn mapper(data: &[u8], interface: usize) -> Option<usize> {
    let header = usize::from(u8_at(data, interface.checked_add(1)?)?);
    let entry_size = usize::from(u8_at(data, interface + 2)?);
    let entries = usize::from(u8_at(data, interface + 3)?);
    let entry = (0..entries)
        .map(|index| interface + header + index * entry_size)
        .find(|&at| u32_at(data, at) == Some(INTERFACE_DMEMMAPPER))?;
    let mapper = u32_at(data, entry + 4)? as usize;
    (u32_at(data, mapper) == Some(MAPPER_SIGNATURE)).then_some(mapper)
}

/// The ranges of the data that a driver fills in: the command's number and its arguments.
fn parameters(data: &[u8], interface: usize) -> Option<Vec<Range<usize>>> {
    let mapper = mapper(data, interface)?;
    let number = mapper + MAPPER_INIT_CMD;
    let buffer = u32_at(data, mapper + 8)? as usize;
    let size = u32_at(data, mapper + 12)? as usize;
    Some(vec![number..number + 4, buffer..buffer.checked_add(size)?])
}

/// A command to FWSEC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// Copies verified parts of the VBIOS into this range of the frame buffer and protects it.
    Frts(Range<u64>),
    /// Restores the pre-OS applications that ran before the driver.
    Sb,
}

fn command(dmem: &[u8], interface: usize) -> Option<Result<Command, String>> {
    let mapper = mapper(dmem, interface)?;
    let number = u32_at(dmem, mapper + MAPPER_INIT_CMD)?;
    let buffer = dmem.get(u32_at(dmem, mapper + 8)? as usize..)?;

    let (version, size) = (u32_at(buffer, 0)?, u32_at(buffer, 4)?);
    let (offset, len) = (u64_at(buffer, 8)?, u32_at(buffer, 16)?);
    let flags = u32_at(buffer, 20)?;
    if (version, size as usize, flags) != (1, READ_VBIOS_SIZE, READ_VBIOS_FLAGS) {
        return Some(Err(format!(
            "VBIOS descriptor of version {version}, {size} bytes, flags {flags:#x}"
        )));
    }
    if (offset, len) != (0, 0) {
        return Some(Err(format!("VBIOS image of {len:#x} bytes at {offset:#x}")));
    }
    Some(match number {
        CMD_SB => Ok(Command::Sb),
        CMD_FRTS => frts(buffer.get(READ_VBIOS_SIZE..)?)?,
        _ => Err(format!("command {number:#x} does not exist")),
    })
}

fn frts(region: &[u8]) -> Option<Result<Command, String>> {
    let field = |index: usize| u32_at(region, 4 * index);
    let (version, size, media) = (field(0)?, field(1)?, field(4)?);
    if (version, size, media) != (1, FRTS_REGION_SIZE, FRTS_REGION_MEDIA_FB) {
        return Some(Err(format!(
            "FRTS region of version {version}, {size} bytes, medium {media}"
        )));
    }
    let (start, len) = (u64::from(field(2)?) << 12, u64::from(field(3)?) << 12);
    if len != FRTS_SIZE {
        return Some(Err(format!("FRTS region of {len:#x} bytes")));
    }
    if start % WPR_ALIGN != 0 {
        return Some(Err(format!(
            "FRTS region at {start:#x}, which is not aligned to 128 KiB"
        )));
    }
    Some(Ok(Command::Frts(start..start + len)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chips::CHIPS;

    fn fwsec() -> Fwsec {
        Fwsec::find(&crate::images::vbios::build(&CHIPS[0])).unwrap()
    }

    /// Data memory with a command, as kernel_gsp_frts_tu102.c writes it.
    fn dmem(number: u32, words: &[u32]) -> Vec<u8> {
        let fwsec = fwsec();
        let mut dmem = fwsec.ucode.data.clone();
        let [at, buffer] = fwsec.ucode.parameters.clone().try_into().unwrap();
        dmem[at].copy_from_slice(&number.to_le_bytes());
        for (index, word) in words.iter().enumerate() {
            let at = buffer.start + 4 * index;
            dmem[at..at + 4].copy_from_slice(&word.to_le_bytes());
        }
        dmem
    }

    #[test]
    fn fwsec_is_found_in_the_synthetic_vbios() {
        let ucode = fwsec().ucode;
        assert_eq!(ucode.engine_id_mask, 0x400);
        assert_eq!(ucode.signatures.len(), 3);
        assert_eq!(ucode.code.len() % 256, 0);
        assert_eq!(ucode.data.len() % 256, 0);
        assert!(ucode.signature(1).is_some());
    }

    #[test]
    fn no_prefix_of_a_vbios_causes_a_panic() {
        let rom = crate::images::vbios::build(&CHIPS[0]);
        for len in 0..rom.len() {
            let _ = Fwsec::find(&rom[..len]);
        }
    }

    #[test]
    fn no_flipped_byte_of_a_vbios_causes_a_panic() {
        let mut rom = crate::images::vbios::build(&CHIPS[0]);
        for at in 0..rom.len() {
            rom[at] = !rom[at];
            let _ = Fwsec::find(&rom);
            rom[at] = !rom[at];
        }
    }

    #[test]
    fn the_frts_command_has_a_region() {
        let words = [1, 24, 0, 0, 0, 2, 1, 20, 0x5f_ee00, 0x100, 2];
        let command = fwsec().command(&dmem(CMD_FRTS, &words));
        assert_eq!(command, Ok(Command::Frts(0x5_fee0_0000..0x5_fef0_0000)));
        assert_eq!(fwsec().command(&dmem(CMD_SB, &words[..6])), Ok(Command::Sb));
    }

    #[test]
    fn wrong_commands_are_refused() {
        let words = [1, 24, 0, 0, 0, 2, 1, 20, 0x5f_ee00, 0x100, 2];
        for (at, value) in [
            (0, 2),
            (1, 20),
            (2, 1),
            (5, 0),
            (6, 0),
            (7, 24),
            (8, 0x5f_ee01),
            (9, 1),
            (10, 1),
        ] {
            let mut words = words;
            words[at] = value;
            assert!(fwsec().command(&dmem(CMD_FRTS, &words)).is_err(), "{at}");
        }
        assert!(fwsec().command(&dmem(0x20, &words)).is_err());
        assert!(fwsec().command(&[]).is_err());
    }
}
