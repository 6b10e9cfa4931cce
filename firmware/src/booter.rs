// SPDX-License-Identifier: GPL-2.0

//! `booter_load-*.bin`, `booter_unload-*.bin` and `scrubber-*.bin`: heavy-secured ucode for SEC2,
//! which sets up, removes or scrubs the GSP's protected memory.
//!
//! Source: Linux 7.3, drivers/gpu/drm/nouveau/include/nvfw/hs.h and
//! drivers/gpu/drm/nouveau/nvkm/subdev/gsp/{tu102,ga102}.c; the files in linux-firmware.

use core::mem::offset_of;

use zerocopy::little_endian::U32;
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

use crate::bin::Bin;
use crate::error::{Error, ErrorKind, Expected, Format, Result};
use crate::falcon::{Brom, Layout, Part, Signatures};
use crate::tlv::Tlv;
use crate::view::{offset, wide, View};

/// More signatures than this are refused: the fuses count 16 versions.
const MAX_SIGNATURES: u32 = 16;

/// More applications than this are refused: NVIDIA's files have one.
const MAX_APPS: u32 = 16;

/// `nvfw_hs_header_v2`. `patch_loc`, `patch_sig` and `num_sig` are the file offsets of the values.
#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct HsHeaderV2 {
    sig_prod_offset: U32,
    sig_prod_size: U32,
    patch_loc: U32,
    patch_sig: U32,
    meta_data_offset: U32,
    meta_data_size: U32,
    num_sig: U32,
    header_offset: U32,
    header_size: U32,
}

/// `nvfw_hs_load_header_v2`, up to the applications.
#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct HsLoadHeaderV2 {
    os_code_offset: U32,
    os_code_size: U32,
    os_data_offset: U32,
    os_data_size: U32,
    num_apps: U32,
}

/// An application in `nvfw_hs_load_header_v2`.
#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct HsApp {
    offset: U32,
    size: U32,
    data_offset: U32,
    data_size: U32,
}

/// The meta data behind `meta_data_offset`.
#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct MetaData {
    fuse_version: U32,
    engine_id_mask: U32,
    ucode_id: U32,
}

/// A region of the ucode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// Offset of the first byte in the ucode.
    pub offset: u32,
    /// Length in bytes.
    pub size: u32,
}

/// Heavy-secured ucode, its signatures and its layout.
#[derive(Clone, Copy, Debug)]
pub struct Booter<'a> {
    file: View<'a>,
    ucode: &'a [u8],
    os_code: Region,
    os_data: Region,
    app: Region,
    signatures: Signatures<'a>,
    patch_loc: u32,
    fuse_version: u32,
    meta_data_at: usize,
    brom: Brom,
}

impl<'a> Booter<'a> {
    /// Checks and parses `file`.
    pub fn parse(file: &'a [u8]) -> Result<Self> {
        let bin = Bin::parse(Format::Booter, file)?;
        let hs_at = bin.header.position(0);
        let hs: &HsHeaderV2 = bin.header.structure(0, "hs_header")?;
        let file = bin.file;

        let load_at = offset(hs.header_offset.get());
        let load: &HsLoadHeaderV2 = file.structure(load_at, "hs_load_header")?;
        let (os_code, os_data) = os_regions(&file, load_at, load, bin.ucode)?;
        let app = first_app(&file, load_at, load, hs, bin.ucode)?;

        let patch_loc_at = offset(hs.patch_loc.get());
        let patch_loc = file.u32(patch_loc_at, "patch_loc")?;
        let signatures = signatures(&file, hs_at, hs)?;
        check_patch_loc(&file, patch_loc_at, patch_loc, &os_data, signatures.size())?;

        let meta_data_at = offset(hs.meta_data_offset.get());
        let meta = meta_data(&file, hs_at, hs)?;
        let brom = Brom {
            pkc_data_offset: patch_loc.saturating_sub(os_data.offset),
            engine_id_mask: narrow(
                &file,
                meta_data_at,
                "engine_id_mask",
                4,
                meta.engine_id_mask,
            )?,
            ucode_id: narrow(&file, meta_data_at, "ucode_id", 8, meta.ucode_id)?,
        };
        Ok(Self {
            file,
            ucode: bin.ucode,
            os_code,
            os_data,
            app,
            signatures,
            patch_loc,
            fuse_version: meta.fuse_version.get(),
            meta_data_at,
            brom,
        })
    }

    /// Reads booter from a TLV file, which has a block for each value.
    pub fn from_tlv(tlv: &Tlv<'a>) -> Result<Self> {
        let ucode = tlv.sized("BLOB", Expected::AtLeast(1))?;
        let packed_region = |start, size| {
            let values = (U32::new(tlv.u32(start)?), U32::new(tlv.u32(size)?));
            region(&tlv.value(start)?, 0, start, values, ucode)
        };
        let os_data = packed_region("DAOF", "DASZ")?;
        let signatures = packed_signatures(tlv)?;
        let patch_loc = tlv.u32("PLOC")?;
        check_patch_loc(
            &tlv.value("PLOC")?,
            0,
            patch_loc,
            &os_data,
            signatures.size(),
        )?;
        Ok(Self {
            file: tlv.value("FUSE")?,
            ucode,
            os_code: packed_region("CDOF", "CDSZ")?,
            os_data,
            app: packed_region("A0CO", "A0CS")?,
            signatures,
            patch_loc,
            fuse_version: tlv.u32("FUSE")?,
            meta_data_at: 0,
            brom: Brom {
                pkc_data_offset: patch_loc.saturating_sub(os_data.offset),
                engine_id_mask: packed_narrow(tlv, "ENID")?,
                ucode_id: packed_narrow(tlv, "UCID")?,
            },
        })
    }

    /// The ucode, without a signature.
    pub const fn ucode(&self) -> &'a [u8] {
        self.ucode
    }

    /// The non-secure code.
    pub const fn os_code(&self) -> Region {
        self.os_code
    }

    /// The data.
    pub const fn os_data(&self) -> Region {
        self.os_data
    }

    /// The secure code: the first application, the only one in NVIDIA's files.
    pub const fn app(&self) -> Region {
        self.app
    }

    /// Offset in the ucode of the chosen signature.
    pub const fn signature_offset(&self) -> u32 {
        self.patch_loc
    }

    /// The signatures, newest fuse version first.
    pub const fn signatures(&self) -> Signatures<'a> {
        self.signatures
    }

    /// The newest fuse version that has a signature.
    pub const fn fuse_version(&self) -> u32 {
        self.fuse_version
    }

    /// Parameters for the boot ROM; Turing and GA100 have no boot ROM.
    pub const fn brom(&self) -> Brom {
        self.brom
    }

    /// The signature for a GPU whose fuses are at version `fuses`; 0 means that none is blown.
    ///
    /// Source: Linux 7.3, drivers/gpu/drm/nouveau/nvkm/subdev/gsp/ga102.c,
    /// `ga102_gsp_booter_ctor` and its signature callback.
    pub fn signature_for(&self, fuses: u32) -> Result<&'a [u8]> {
        let index = match fuses {
            0 => self.signatures.count().checked_sub(1),
            _ => self.fuse_version.checked_sub(fuses).map(offset),
        };
        index
            .and_then(|index| self.signatures.get(index))
            .ok_or_else(|| {
                let expected = Expected::Words("a fuse version that a signature is for");
                self.file
                    .unexpected(self.meta_data_at, "fuse_version", expected, fuses)
            })
    }

    /// How the ucode is loaded on TU102 to GA100: as non-secure code that starts the secure code.
    pub const fn layout_tu102(&self) -> Layout {
        let Region {
            offset: start,
            size,
        } = self.os_code;
        Layout {
            imem_ns: Some(Part {
                source: 0,
                target: start,
                len: size,
            }),
            imem_sec: Part {
                source: self.app.offset,
                target: self.app.offset,
                len: self.app.size,
            },
            dmem: self.dmem(),
            boot_addr: start,
        }
    }

    /// How the ucode is loaded on GA102 and later: the secure code alone, checked by the boot ROM.
    pub const fn layout_ga102(&self) -> Layout {
        Layout {
            imem_ns: None,
            imem_sec: Part {
                source: self.app.offset,
                target: 0,
                len: self.app.size,
            },
            dmem: self.dmem(),
            boot_addr: self.app.offset,
        }
    }

    const fn dmem(&self) -> Part {
        Part {
            source: self.os_data.offset,
            target: 0,
            len: self.os_data.size,
        }
    }
}

/// Checks that the region whose offset and size are at bytes `at` and `at + 4` is inside the ucode.
fn region(
    file: &View<'_>,
    at: usize,
    field: &'static str,
    (start, size): (U32, U32),
    ucode: &[u8],
) -> Result<Region> {
    let (start, size) = (start.get(), size.get());
    let (end, limit) = (
        u64::from(start).saturating_add(size.into()),
        wide(ucode.len()),
    );
    if end > limit {
        return Err(file.error(at, field, ErrorKind::Truncated { end, limit }));
    }
    Ok(Region {
        offset: start,
        size,
    })
}

fn os_regions(
    file: &View<'_>,
    at: usize,
    load: &HsLoadHeaderV2,
    ucode: &[u8],
) -> Result<(Region, Region)> {
    let code = (load.os_code_offset, load.os_code_size);
    let data = (load.os_data_offset, load.os_data_size);
    let code_at = at.saturating_add(offset_of!(HsLoadHeaderV2, os_code_offset));
    let data_at = at.saturating_add(offset_of!(HsLoadHeaderV2, os_data_offset));
    Ok((
        region(file, code_at, "os_code", code, ucode)?,
        region(file, data_at, "os_data", data, ucode)?,
    ))
}

fn first_app(
    file: &View<'_>,
    at: usize,
    load: &HsLoadHeaderV2,
    hs: &HsHeaderV2,
    ucode: &[u8],
) -> Result<Region> {
    let apps_at = at.saturating_add(size_of::<HsLoadHeaderV2>());
    let num_apps = load.num_apps.get();
    let num_apps_at = at.saturating_add(offset_of!(HsLoadHeaderV2, num_apps));
    file.check(num_apps_at, "num_apps", Expected::AtLeast(1), num_apps)?;
    file.check(
        num_apps_at,
        "num_apps",
        Expected::AtMost(MAX_APPS.into()),
        num_apps,
    )?;
    let apps_len = offset(num_apps).saturating_mul(size_of::<HsApp>());
    let whole = wide(size_of::<HsLoadHeaderV2>().saturating_add(apps_len));
    file.check(
        at,
        "hs_header.header_size",
        Expected::Exactly(whole),
        hs.header_size,
    )?;
    file.bytes(apps_at, apps_len, "apps")?;
    let app: &HsApp = file.structure(apps_at, "app[0]")?;
    region(file, apps_at, "app[0]", (app.offset, app.size), ucode)
}

fn signatures<'a>(file: &View<'a>, hs_at: usize, hs: &HsHeaderV2) -> Result<Signatures<'a>> {
    let num_sig_at = offset(hs.num_sig.get());
    let num_sig = file.u32(num_sig_at, "num_sig")?;
    file.check(num_sig_at, "num_sig", Expected::AtLeast(1), num_sig)?;
    file.check(
        num_sig_at,
        "num_sig",
        Expected::AtMost(MAX_SIGNATURES.into()),
        num_sig,
    )?;
    let at = hs_at.saturating_add(offset_of!(HsHeaderV2, sig_prod_size));
    let total = hs.sig_prod_size;
    file.check(
        at,
        "sig_prod_size",
        Expected::AtLeast(num_sig.into()),
        total,
    )?;
    file.check(
        at,
        "sig_prod_size",
        Expected::MultipleOf(num_sig.into()),
        total,
    )?;
    let patch_sig = file.u32(offset(hs.patch_sig.get()), "patch_sig")?;
    let start = offset(hs.sig_prod_offset.get()).saturating_add(offset(patch_sig));
    let bytes = file.bytes(start, offset(total.get()), "signatures")?;
    let size = total.get().checked_div(num_sig).unwrap_or(0);
    Ok(Signatures::new(bytes, offset(size)))
}

fn packed_signatures<'a>(tlv: &Tlv<'a>) -> Result<Signatures<'a>> {
    tlv.number("NSIG", Expected::AtLeast(1))?;
    let count = tlv.number("NSIG", Expected::AtMost(MAX_SIGNATURES.into()))?;
    let bytes = tlv.sized("SIGN", Expected::MultipleOf(count.into()))?;
    let size = bytes.len().checked_div(offset(count)).unwrap_or(0);
    Ok(Signatures::new(bytes, size))
}

fn packed_narrow<T: TryFrom<u32>>(tlv: &Tlv<'_>, tag: &'static str) -> Result<T> {
    narrow(&tlv.value(tag)?, 0, tag, 0, U32::new(tlv.u32(tag)?))
}

/// Checks that the signature's place is in the data, where the boot ROM or the ucode looks for it.
fn check_patch_loc(
    file: &View<'_>,
    at: usize,
    patch_loc: u32,
    data: &Region,
    size: usize,
) -> Result<()> {
    file.check(
        at,
        "patch_loc",
        Expected::AtLeast(data.offset.into()),
        patch_loc,
    )?;
    let end = u64::from(patch_loc).saturating_add(wide(size));
    let limit = u64::from(data.offset).saturating_add(data.size.into());
    if end > limit {
        return Err(file.error(at, "patch_loc", ErrorKind::Truncated { end, limit }));
    }
    Ok(())
}

fn meta_data<'a>(file: &View<'a>, hs_at: usize, hs: &HsHeaderV2) -> Result<&'a MetaData> {
    let at = hs_at.saturating_add(offset_of!(HsHeaderV2, meta_data_size));
    let size = Expected::Exactly(wide(size_of::<MetaData>()));
    file.check(at, "meta_data_size", size, hs.meta_data_size)?;
    file.structure(offset(hs.meta_data_offset.get()), "meta_data")
}

/// The value of the field at byte `shift` of the meta data, which must fit its register.
fn narrow<T: TryFrom<u32>>(
    file: &View<'_>,
    meta_data_at: usize,
    field: &'static str,
    shift: usize,
    value: U32,
) -> Result<T> {
    T::try_from(value.get()).map_err(|_| -> Error {
        let expected = Expected::AtMost((1_u64 << (8 * size_of::<T>())) - 1);
        file.unexpected(
            meta_data_at.saturating_add(shift),
            field,
            expected,
            value.get(),
        )
    })
}
