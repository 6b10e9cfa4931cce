// SPDX-License-Identifier: GPL-2.0

//! The falcon ucode table (also: PMU lookup table) and the descriptors that it points to.
//!
//! Source: open-gpu-kernel-modules 570, src/nvidia/src/kernel/gpu/gsp/kernel_gsp_fwsec.c.

use core::mem::offset_of;

use zerocopy::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

use super::bit::{Bit, FALCON_DATA};
use super::rom::Images;
use crate::error::{ErrorKind, Expected, Result};
use crate::falcon::{Brom, Layout, Part, Signatures};
use crate::view::{offset, wide, View};

/// Bytes of an RSA-3072 signature.
const SIGNATURE_LEN: usize = 384;

/// Flag in the first word of a descriptor: bits 15:8 hold its version.
const VERSION_AVAILABLE: u32 = 1;

/// Application ids.
pub mod app_id {
    /// FWSEC for debug-fused GPUs.
    pub const FWSEC_DEBUG: u8 = 0x45;
    /// FWSEC for production GPUs.
    pub const FWSEC_PROD: u8 = 0x85;
}

/// An entry of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Id of the application; see [`app_id`].
    pub application_id: u8,
    /// The falcon it is for.
    pub target_id: u8,
    /// Pointer to the descriptor, from the first image.
    pub descriptor: u32,
}

impl Entry {
    /// Whether it describes no ucode: there is no descriptor at the start of an image.
    pub const fn is_empty(&self) -> bool {
        self.descriptor == 0
    }
}

/// `FALCON_UCODE_DESC_V2`: Turing and GA100.
#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct DescV2 {
    vdesc: U32,
    stored_size: U32,
    uncompressed_size: U32,
    virtual_entry: U32,
    interface_offset: U32,
    imem_phys_base: U32,
    imem_load_size: U32,
    imem_virt_base: U32,
    imem_sec_base: U32,
    imem_sec_size: U32,
    dmem_offset: U32,
    dmem_phys_base: U32,
    dmem_load_size: U32,
    alt_imem_load_size: U32,
    alt_dmem_load_size: U32,
}

/// `FALCON_UCODE_DESC_V3`: GA102 and later.
#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct DescV3 {
    vdesc: U32,
    stored_size: U32,
    pkc_data_offset: U32,
    interface_offset: U32,
    imem_phys_base: U32,
    imem_load_size: U32,
    imem_virt_base: U32,
    dmem_phys_base: U32,
    dmem_load_size: U32,
    engine_id_mask: U16,
    ucode_id: u8,
    signature_count: u8,
    signature_versions: U16,
    reserved: U16,
}

/// Ucode, its descriptor and its signatures.
#[derive(Clone, Copy, Debug)]
pub struct Ucode<'a> {
    /// The bytes from the descriptor to the end of the images.
    view: View<'a>,
    version: u8,
    stored_size: u32,
    interface_offset: u32,
    layout: Layout,
    brom: Option<Brom>,
    signatures: Signatures<'a>,
    signature_versions: u16,
    bytes: View<'a>,
}

/// The entries of the table that the BIT points to.
pub(super) fn entries<'a>(
    bit: &Bit<'a>,
    images: &Images<'a>,
) -> Result<impl Iterator<Item = Result<Entry>> + use<'a>> {
    let token = bit.token_where("BIT token p", |token| {
        token.id == FALCON_DATA && token.version == 2 && token.size >= 4
    })?;
    let pointer = images.at(token.pointer, "FalconUcodeTablePtr")?;
    let table = images.at(pointer.u32(0, "FalconUcodeTablePtr")?, "falcon ucode table")?;
    let version = table.u8(0, "ucode_table.version")?;
    table.check(0, "ucode_table.version", Expected::Exactly(1), version)?;
    let header_len = table.length(1, "ucode_table.header_size", 6)?;
    let entry_len = table.length(2, "ucode_table.entry_size", 6)?;
    let count = table.u8(3, "ucode_table.entry_count")?;
    Ok((0..usize::from(count)).map(move |index| {
        let at = header_len.saturating_add(index.saturating_mul(entry_len));
        let entry = table.view(at, entry_len, "ucode_table.entry")?;
        Ok(Entry {
            application_id: entry.u8(0, "ucode_table.entry.application_id")?,
            target_id: entry.u8(1, "ucode_table.entry.target_id")?,
            descriptor: entry.u32(2, "ucode_table.entry.descriptor")?,
        })
    }))
}

/// The version of the descriptor at the start of `view`: the first version does not say which it
/// is.
pub(super) fn descriptor_version(view: &View<'_>) -> Result<u8> {
    let vdesc = view.u32(0, "vDesc")?;
    let [_, version, _, _] = vdesc.to_le_bytes();
    Ok(match vdesc & VERSION_AVAILABLE {
        0 => 1,
        _ => version,
    })
}

impl<'a> Ucode<'a> {
    pub(super) fn parse(view: &View<'a>) -> Result<Self> {
        let vdesc = view.u32(0, "vDesc")?;
        if vdesc & VERSION_AVAILABLE == 0 {
            let expected = Expected::Words("bit 0 set");
            return Err(view.unexpected(0, "vDesc", expected, vdesc));
        }
        let [_, version, low, high] = vdesc.to_le_bytes();
        let len = u16::from_le_bytes([low, high]);
        match version {
            2 => Self::parse_v2(view, len),
            3 => Self::parse_v3(view, len),
            _ => Err(view.unexpected(1, "vDesc.version", Expected::OneOf(&[2, 3]), version)),
        }
    }

    fn parse_v2(view: &View<'a>, len: u16) -> Result<Self> {
        let desc: &DescV2 = view.structure(0, "descriptor")?;
        let least = wide(size_of::<DescV2>());
        view.check(2, "vDesc.size", Expected::AtLeast(least), len)?;
        let sec_at = offset_of!(DescV2, imem_sec_base);
        let (load, sec) = (desc.imem_load_size.get(), desc.imem_sec_size.get());
        // IMEMSecBase is a virtual address; the code starts at virtual address IMEMVirtBase.
        let virt_base = desc.imem_virt_base.get();
        let first = Expected::AtLeast(virt_base.into());
        view.check(sec_at, "IMEMSecBase", first, desc.imem_sec_base)?;
        let sec_start = desc.imem_sec_base.get().saturating_sub(virt_base);
        let end = u64::from(sec_start).saturating_add(sec.into());
        view.check(
            sec_at,
            "IMEMSecBase + IMEMSecSize",
            Expected::AtMost(load.into()),
            end,
        )?;
        let layout = Layout {
            imem_ns: Some(Part {
                source: 0,
                target: desc.imem_phys_base.get(),
                len: load.saturating_sub(sec),
            }),
            imem_sec: Part {
                source: sec_start,
                target: sum(
                    view,
                    sec_at,
                    "IMEMSecBase",
                    desc.imem_phys_base.get(),
                    sec_start,
                )?,
                len: sec,
            },
            dmem: Part {
                source: desc.dmem_offset.get(),
                target: desc.dmem_phys_base.get(),
                len: desc.dmem_load_size.get(),
            },
            boot_addr: desc.virtual_entry.get(),
        };
        Ok(Self {
            view: *view,
            version: 2,
            stored_size: desc.stored_size.get(),
            interface_offset: desc.interface_offset.get(),
            layout,
            brom: None,
            signatures: Signatures::new(&[], SIGNATURE_LEN),
            signature_versions: 0,
            bytes: ucode(view, len, load, &layout.dmem)?,
        })
    }

    fn parse_v3(view: &View<'a>, len: u16) -> Result<Self> {
        let desc: &DescV3 = view.structure(0, "descriptor")?;
        let signatures_len = usize::from(desc.signature_count).saturating_mul(SIGNATURE_LEN);
        let least = size_of::<DescV3>().saturating_add(signatures_len);
        view.check(2, "vDesc.size", Expected::AtLeast(wide(least)), len)?;
        let signatures = view.bytes(size_of::<DescV3>(), signatures_len, "signatures")?;
        let imem_load_size = desc.imem_load_size.get();
        let layout = Layout {
            imem_ns: None,
            imem_sec: Part {
                source: 0,
                target: desc.imem_phys_base.get(),
                len: imem_load_size,
            },
            dmem: Part {
                source: imem_load_size,
                target: desc.dmem_phys_base.get(),
                len: desc.dmem_load_size.get(),
            },
            boot_addr: 0,
        };
        let pkc_data_offset = desc.pkc_data_offset.get();
        if desc.signature_count > 0 {
            let at = offset_of!(DescV3, pkc_data_offset);
            let end = u64::from(pkc_data_offset).saturating_add(wide(SIGNATURE_LEN));
            let limit = Expected::AtMost(layout.dmem.len.into());
            view.check(at, "PKCDataOffset + signature", limit, end)?;
        }
        Ok(Self {
            view: *view,
            version: 3,
            stored_size: desc.stored_size.get(),
            interface_offset: desc.interface_offset.get(),
            layout,
            brom: Some(Brom {
                pkc_data_offset,
                engine_id_mask: desc.engine_id_mask.get(),
                ucode_id: desc.ucode_id,
            }),
            signatures: Signatures::new(signatures, SIGNATURE_LEN),
            signature_versions: desc.signature_versions.get(),
            bytes: ucode(view, len, imem_load_size, &layout.dmem)?,
        })
    }

    /// Offset of the descriptor in the ROM.
    pub const fn offset(&self) -> usize {
        self.view.position(0)
    }

    /// Version of the descriptor, 2 or 3.
    pub const fn descriptor_version(&self) -> u8 {
        self.version
    }

    /// Size that the descriptor gives for the ucode.
    pub const fn stored_size(&self) -> u32 {
        self.stored_size
    }

    /// Code and data, without a signature.
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes.all()
    }

    /// Destinations of code and data.
    pub const fn layout(&self) -> Layout {
        self.layout
    }

    /// Parameters for the boot ROM; descriptors of version 2 have none.
    pub const fn brom(&self) -> Option<Brom> {
        self.brom
    }

    /// Offset in DMEM of the application interface.
    pub const fn interface_offset(&self) -> u32 {
        self.interface_offset
    }

    /// The signatures, oldest fuse version first; descriptors of version 2 have none.
    pub const fn signatures(&self) -> Signatures<'a> {
        self.signatures
    }

    /// Bit mask of the fuse versions that have a signature.
    pub const fn signature_versions(&self) -> u16 {
        self.signature_versions
    }

    /// Offset of the chosen signature in [`Self::bytes`]; `None` if there are no signatures.
    pub fn signature_offset(&self) -> Option<u32> {
        let brom = self.brom.filter(|_| self.signatures.count() > 0)?;
        self.layout.dmem.source.checked_add(brom.pkc_data_offset)
    }

    /// The signature for a GPU whose fuses are at version `fuses`; 0 means that none is blown.
    pub fn signature_for(&self, fuses: u32) -> Result<&'a [u8]> {
        let bit = 1_u16.checked_shl(fuses).unwrap_or(0);
        let older = self.signature_versions & bit.wrapping_sub(1);
        let index = offset(older.count_ones());
        let found = self
            .signatures
            .get(index)
            .filter(|_| self.signature_versions & bit != 0);
        found.ok_or_else(|| {
            let at = offset_of!(DescV3, signature_versions);
            let expected = Expected::Words("a fuse version that a signature is for");
            self.view
                .unexpected(at, "SignatureVersions", expected, fuses)
        })
    }

    /// The data.
    pub(super) fn dmem(&self) -> Result<View<'a>> {
        let Part { source, len, .. } = self.layout.dmem;
        self.bytes.view(offset(source), offset(len), "DMEM")
    }
}

/// The code and data behind a descriptor of `desc_len` bytes.
fn ucode<'a>(view: &View<'a>, desc_len: u16, imem_len: u32, dmem: &Part) -> Result<View<'a>> {
    let data_end = u64::from(dmem.source).saturating_add(dmem.len.into());
    let len = offset(data_end.max(imem_len.into()));
    view.view(desc_len.into(), len, "ucode")
}

/// `a + b`; an overflow is an error in the field at byte `at`.
fn sum(view: &View<'_>, at: usize, field: &'static str, a: u32, b: u32) -> Result<u32> {
    let (end, limit) = (u64::from(a).saturating_add(b.into()), u32::MAX.into());
    let overflow = || view.error(at, field, ErrorKind::Truncated { end, limit });
    a.checked_add(b).ok_or_else(overflow)
}
