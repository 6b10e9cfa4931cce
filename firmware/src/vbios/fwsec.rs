// SPDX-License-Identifier: GPL-2.0

//! FWSEC's application interface: the place in its data for the driver's command.
//!
//! Source: open-gpu-kernel-modules 570,
//! src/nvidia/src/kernel/gpu/gsp/arch/turing/kernel_gsp_frts_tu102.c.

use core::mem::offset_of;

use zerocopy::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

use super::ucode::Ucode;
use crate::error::{ErrorKind, Expected, Result};
use crate::falcon::{Brom, Layout};
use crate::view::{offset, View};

/// Bytes of the arguments of FRTS, the longest: the VBIOS and the region to set up.
pub const COMMAND_LEN: usize = 44;

/// Id of the DMEM mapper among the applications.
const ID_DMEMMAPPER: u32 = 4;

/// `FALCON_APPLICATION_INTERFACE_DMEM_MAPPER_V3`.
#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct DmemMapperV3 {
    signature: U32,
    version: U16,
    size: U16,
    cmd_in_buffer_offset: U32,
    cmd_in_buffer_size: U32,
    cmd_out_buffer_offset: U32,
    cmd_out_buffer_size: U32,
    nvf_img_data_buffer_offset: U32,
    nvf_img_data_buffer_size: U32,
    printf_buffer_hdr: U32,
    ucode_build_time_stamp: U32,
    ucode_signature: U32,
    init_cmd: U32,
    ucode_feature: U32,
    ucode_cmd_mask0: U32,
    ucode_cmd_mask1: U32,
    multi_tgt_tbl: U32,
}

/// The places for the command; offsets are from the start of the ucode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DmemMapper {
    /// Offset of the mapper's structure.
    pub offset: usize,
    /// Version of the structure.
    pub version: u16,
    /// Offset of the 32-bit word for the number of the command.
    pub init_cmd: usize,
    /// Offset of the buffer for the command's arguments, which has at least [`COMMAND_LEN`] bytes.
    pub cmd_in_buffer: usize,
    /// Size that the structure gives for that buffer.
    pub cmd_in_buffer_size: u32,
}

/// FWSEC, and the places that a driver patches.
#[derive(Clone, Copy, Debug)]
pub struct Fwsec<'a> {
    ucode: Ucode<'a>,
    dmem_mapper: DmemMapper,
}

impl<'a> Fwsec<'a> {
    /// Checks the application interface of `ucode` and finds the DMEM mapper.
    pub(super) fn parse(ucode: Ucode<'a>) -> Result<Self> {
        let dmem = ucode.dmem()?;
        let interface = dmem.tail(offset(ucode.interface_offset()), "InterfaceOffset")?;
        let dmem_mapper = match find_dmem_mapper(&interface)? {
            Some(at) => {
                Self::dmem_mapper_at(&dmem, offset(at), offset(ucode.layout().dmem.source))?
            }
            None => return Err(interface.error(0, "DMEMMAPPER", ErrorKind::Missing)),
        };
        Ok(Self { ucode, dmem_mapper })
    }

    /// The mapper at byte `at` of the data, which starts at byte `dmem_at` of the ucode.
    fn dmem_mapper_at(dmem: &View<'_>, at: usize, dmem_at: usize) -> Result<DmemMapper> {
        let mapper: &DmemMapperV3 = dmem.structure(at, "DMEMMAPPER")?;
        let buffer = offset(mapper.cmd_in_buffer_offset.get());
        dmem.bytes(buffer, COMMAND_LEN, "cmd_in_buffer")?;
        let at = dmem_at.saturating_add(at);
        Ok(DmemMapper {
            offset: at,
            version: mapper.version.get(),
            init_cmd: at.saturating_add(offset_of!(DmemMapperV3, init_cmd)),
            cmd_in_buffer: dmem_at.saturating_add(buffer),
            cmd_in_buffer_size: mapper.cmd_in_buffer_size.get(),
        })
    }

    /// The parsed descriptor.
    pub const fn ucode(&self) -> &Ucode<'a> {
        &self.ucode
    }

    /// Code and data, to be copied and patched.
    pub const fn bytes(&self) -> &'a [u8] {
        self.ucode.bytes()
    }

    /// Destinations of code and data.
    pub const fn layout(&self) -> Layout {
        self.ucode.layout()
    }

    /// Parameters for the boot ROM.
    pub const fn brom(&self) -> Option<Brom> {
        self.ucode.brom()
    }

    /// The places for the command.
    pub const fn dmem_mapper(&self) -> DmemMapper {
        self.dmem_mapper
    }

    /// Offset of the chosen signature in [`Self::bytes`]; `None` if there are no signatures.
    pub fn signature_offset(&self) -> Option<u32> {
        self.ucode.signature_offset()
    }

    /// The signature for a GPU whose fuses are at version `fuses`; 0 means that none is blown.
    pub fn signature_for(&self, fuses: u32) -> Result<&'a [u8]> {
        self.ucode.signature_for(fuses)
    }
}

/// Offset in DMEM of the first DMEM mapper that the interface lists.
fn find_dmem_mapper(interface: &View<'_>) -> Result<Option<u32>> {
    let version = interface.u8(0, "appif.version")?;
    interface.check(0, "appif.version", Expected::Exactly(1), version)?;
    let header_len = interface.length(1, "appif.header_size", 4)?;
    let entry_len = interface.length(2, "appif.entry_size", 8)?;
    for index in 0..usize::from(interface.u8(3, "appif.entry_count")?) {
        let at = header_len.saturating_add(index.saturating_mul(entry_len));
        let id = interface.u32(at, "appif.entry.id")?;
        if id == ID_DMEMMAPPER {
            return interface
                .u32(at.saturating_add(4), "appif.entry.dmem_offset")
                .map(Some);
        }
    }
    Ok(None)
}
