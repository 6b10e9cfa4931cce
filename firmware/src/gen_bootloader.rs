// SPDX-License-Identifier: GPL-2.0

//! `gen_bootloader-*.bin`: the falcon program that loads FWSEC by DMA on Turing and GA100.
//!
//! Source: Linux 7.3, drivers/gpu/drm/nouveau/include/nvfw/fw.h (`nvfw_bl_desc`).

use core::mem::offset_of;

use zerocopy::little_endian::U32;
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

use crate::bin::Bin;
use crate::error::{ErrorKind, Expected, Format, Result};
use crate::tlv::Tlv;
use crate::view::{offset, wide};

/// Boot addresses are tags of 16 bits in blocks of 256 bytes.
const MAX_START_TAG: u64 = 0xff;

/// `nvfw_bl_desc`.
#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct BlDesc {
    start_tag: U32,
    dmem_load_off: U32,
    code_off: U32,
    code_size: U32,
    data_off: U32,
    data_size: U32,
}

/// Size of the descriptor.
pub(crate) const DESC_SIZE: usize = size_of::<BlDesc>();

/// Size of the padded descriptor in `acr/bl.bin`, the same program in firmware before 570.
pub(crate) const DESC_SIZE_ACR: usize = 256;

/// The generic bootloader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GenBootloader<'a> {
    ucode: &'a [u8],
    code: &'a [u8],
    start_tag: u32,
    dmem_load_offset: u32,
}

impl<'a> GenBootloader<'a> {
    /// Checks and parses `file`.
    pub fn parse(file: &'a [u8]) -> Result<Self> {
        let bin = Bin::parse(Format::GenBootloader, file)?;
        bin.check_header_len(&[DESC_SIZE as u64, DESC_SIZE_ACR as u64])?;
        let desc: &BlDesc = bin.header.structure(0, "bl_desc")?;
        let tag = Expected::AtMost(MAX_START_TAG);
        bin.header.check(0, "start_tag", tag, desc.start_tag)?;
        let inside = |at, field, start: U32, size: U32| {
            let (start, size) = (offset(start.get()), offset(size.get()));
            let end = start.saturating_add(size);
            bin.ucode.get(start..end).ok_or_else(|| {
                let (end, limit) = (wide(end), wide(bin.ucode.len()));
                bin.header
                    .error(at, field, ErrorKind::Truncated { end, limit })
            })
        };
        let at = offset_of!(BlDesc, code_off);
        let code = inside(at, "code", desc.code_off, desc.code_size)?;
        let size_at = offset_of!(BlDesc, code_size);
        bin.header
            .check(size_at, "code_size", Expected::AtLeast(1), desc.code_size)?;
        inside(
            offset_of!(BlDesc, data_off),
            "data",
            desc.data_off,
            desc.data_size,
        )?;
        Ok(Self {
            ucode: bin.ucode,
            code,
            start_tag: desc.start_tag.get(),
            dmem_load_offset: desc.dmem_load_off.get(),
        })
    }

    /// Reads the generic bootloader from a TLV file. The descriptor's offset in DMEM, 0, is not in
    /// the file.
    pub fn from_tlv(tlv: &Tlv<'a>) -> Result<Self> {
        let ucode = tlv.sized("BLOB", Expected::AtLeast(1))?;
        tlv.number("CDSZ", Expected::AtLeast(1))?;
        let size = tlv.number("CDSZ", Expected::AtMost(wide(ucode.len())))?;
        let code = ucode.get(..offset(size));
        debug_assert!(code.is_some(), "{size} bytes of code were checked");
        Ok(Self {
            ucode,
            code: code.unwrap_or_default(),
            start_tag: tlv.number("STRT", Expected::AtMost(MAX_START_TAG))?,
            dmem_load_offset: 0,
        })
    }

    /// All of the ucode.
    pub const fn ucode(&self) -> &'a [u8] {
        self.ucode
    }

    /// The code, which goes to the end of the first 64 KiB of IMEM.
    pub const fn code(&self) -> &'a [u8] {
        self.code
    }

    /// Number of the block of 256 bytes at which the falcon starts.
    pub const fn start_tag(&self) -> u32 {
        self.start_tag
    }

    /// Offset in DMEM where the program looks for its descriptor.
    pub const fn dmem_load_offset(&self) -> u32 {
        self.dmem_load_offset
    }
}
