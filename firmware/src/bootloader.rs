// SPDX-License-Identifier: GPL-2.0

//! `bootloader-*.bin`: the RISC-V program that checks GSP-RM's signature and starts it.
//!
//! Source: open-gpu-kernel-modules 570, src/nvidia/arch/nvalloc/common/inc/rmRiscvUcode.h; its use
//! in Linux 7.3, drivers/gpu/drm/nouveau/nvkm/subdev/gsp/rm/r535/gsp.c.

use core::mem::offset_of;

use zerocopy::little_endian::U32;
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

use crate::bin::Bin;
use crate::error::{ErrorKind, Expected, Format, Result};
use crate::tlv::Tlv;
use crate::view::wide;

/// The fields of `RM_RISCV_UCODE_DESC` that every version has.
///
/// Version 5 adds `fbReservedSize` and `bSignedAsCode`, which the boot does not need.
#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct RiscvUcodeDesc {
    version: U32,
    bootloader_offset: U32,
    bootloader_size: U32,
    bootloader_param_offset: U32,
    bootloader_param_size: U32,
    riscv_elf_offset: U32,
    riscv_elf_size: U32,
    app_version: U32,
    manifest_offset: U32,
    manifest_size: U32,
    monitor_data_offset: U32,
    monitor_data_size: U32,
    monitor_code_offset: U32,
    monitor_code_size: U32,
    is_monitor_enabled: U32,
    swbrom_code_offset: U32,
    swbrom_code_size: U32,
    swbrom_data_offset: U32,
    swbrom_data_size: U32,
}

/// Size of the descriptor of version 4 and below.
pub(crate) const DESC_SIZE: usize = size_of::<RiscvUcodeDesc>();

/// Size of the descriptor of version 5.
pub(crate) const DESC_SIZE_V5: usize = DESC_SIZE + 8;

/// Versions of the descriptor that linux-firmware's files have.
const VERSIONS: &[u64] = &[4, 5];

/// The GSP's bootloader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bootloader<'a> {
    ucode: &'a [u8],
    version: Option<u32>,
    app_version: u32,
    code_offset: u32,
    data_offset: u32,
    manifest_offset: u32,
}

impl<'a> Bootloader<'a> {
    /// Checks and parses `file`.
    pub fn parse(file: &'a [u8]) -> Result<Self> {
        let bin = Bin::parse(Format::Bootloader, file)?;
        bin.check_header_len(&[DESC_SIZE as u64, DESC_SIZE_V5 as u64])?;
        let desc: &RiscvUcodeDesc = bin.header.structure(0, "RM_RISCV_UCODE_DESC")?;
        let version = desc.version.get();
        bin.header
            .check(0, "version", Expected::OneOf(VERSIONS), version)?;
        let inside = |at, field, start: U32, size: U32| {
            let end = u64::from(start.get()).saturating_add(size.get().into());
            let limit = wide(bin.ucode.len());
            if end > limit || u64::from(start.get()) == limit {
                let kind = ErrorKind::Truncated { end, limit };
                return Err(bin.header.error(at, field, kind));
            }
            Ok(start.get())
        };
        Ok(Self {
            ucode: bin.ucode,
            version: Some(version),
            app_version: desc.app_version.get(),
            code_offset: inside(
                offset_of!(RiscvUcodeDesc, monitor_code_offset),
                "monitorCodeOffset",
                desc.monitor_code_offset,
                desc.monitor_code_size,
            )?,
            data_offset: inside(
                offset_of!(RiscvUcodeDesc, monitor_data_offset),
                "monitorDataOffset",
                desc.monitor_data_offset,
                desc.monitor_data_size,
            )?,
            manifest_offset: inside(
                offset_of!(RiscvUcodeDesc, manifest_offset),
                "manifestOffset",
                desc.manifest_offset,
                desc.manifest_size,
            )?,
        })
    }

    /// Reads the bootloader from a TLV file.
    pub fn from_tlv(tlv: &Tlv<'a>) -> Result<Self> {
        let ucode = tlv.sized("BLOB", Expected::AtLeast(1))?;
        let last = wide(ucode.len()).saturating_sub(1);
        let inside = |tag| tlv.number(tag, Expected::AtMost(last));
        Ok(Self {
            ucode,
            version: None,
            app_version: tlv.u32("APPV")?,
            code_offset: inside("CDOF")?,
            data_offset: inside("DAOF")?,
            manifest_offset: inside("MFOF")?,
        })
    }

    /// The program.
    pub const fn ucode(&self) -> &'a [u8] {
        self.ucode
    }

    /// Version of the descriptor; TLV files have none.
    pub const fn descriptor_version(&self) -> Option<u32> {
        self.version
    }

    /// Version of the program, which is passed on in the WPR metadata.
    pub const fn app_version(&self) -> u32 {
        self.app_version
    }

    /// Offset of the code in [`Self::ucode`].
    pub const fn code_offset(&self) -> u32 {
        self.code_offset
    }

    /// Offset of the data in [`Self::ucode`].
    pub const fn data_offset(&self) -> u32 {
        self.data_offset
    }

    /// Offset of the manifest in [`Self::ucode`].
    pub const fn manifest_offset(&self) -> u32 {
        self.manifest_offset
    }
}
