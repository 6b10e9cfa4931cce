// SPDX-License-Identifier: GPL-2.0

//! The IFR header and the chain of images behind it.
//!
//! Source: PCI Firmware Specification 3.0, section 5.1; open-gpu-kernel-modules 570,
//! src/nvidia/inc/kernel/platform/pci_exp_table.h and
//! src/nvidia/src/kernel/gpu/gsp/arch/turing/kernel_gsp_vbios_tu102.c.

use core::mem::offset_of;

use zerocopy::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

use crate::error::{Error, ErrorKind, Expected, Result};
use crate::view::{offset, wide, View};

/// More images than this are refused: NVIDIA's ROMs have 5 at most.
pub(super) const MAX_IMAGES: usize = 12;

/// Images are multiples of this many bytes.
const BLOCK: usize = 512;

/// Bytes from the flash status to the ROM directory in IFR version 3.
const FLASH_STATUS_LEN: usize = 4096;

/// The start of an IFR header.
pub(super) const IFR: &[u8; 4] = b"NVGI";

/// The start of a ROM directory, which says where the images are.
pub(super) const ROM_DIRECTORY: &str = "RFRD";

/// Offset in a ROM directory of the offset of the images.
pub(super) const DIRECTORY_IMAGES: usize = 8;

/// Signatures of a ROM image: PCI's and two of NVIDIA's own.
const ROM_SIGNATURES: &[u64] = &[0xaa55, 0x4e56, 0xbb77];

/// Signatures of the PCI data structure: `PCIR`, and NVIDIA's `NPDS` and `RGIS`.
const PCIR_SIGNATURES: &[u64] = &[0x5249_4350, 0x5344_504e, 0x5349_4752];

/// Revisions of NVIDIA's extension of the PCI data structure that have a length and a last-image
/// flag.
const NPDE_REVISIONS: [u16; 2] = [0x100, 0x101];

/// Bit of `last_image` that marks the last image.
const LAST_IMAGE: u8 = 0x80;

/// Code types of images.
pub mod code_type {
    /// Legacy BIOS code and the tables.
    pub const PCI_AT: u8 = 0x00;
    /// UEFI driver.
    pub const EFI: u8 = 0x03;
    /// Notebook system information; always the last image.
    pub const NBSI: u8 = 0x70;
    /// Falcon ucode.
    pub const FWSEC: u8 = 0xe0;
}

/// The "init from ROM" header, which some GPUs show in front of the images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ifr {
    /// Version, 1 to 3.
    pub version: u8,
    /// Offset of the first image.
    pub image_offset: usize,
}

/// An expansion ROM image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Image {
    /// Offset from the first image.
    pub offset: usize,
    /// Length in bytes.
    pub len: usize,
    /// Type of its contents; see [`code_type`].
    pub code_type: u8,
    /// PCI vendor id.
    pub vendor_id: u16,
    /// PCI device id.
    pub device_id: u16,
    /// Whether NVIDIA's extension follows the PCI data structure.
    pub extended: bool,
    /// Whether it is the last one.
    pub last: bool,
}

impl Image {
    /// Offset of its end, from the first image.
    pub const fn end(&self) -> usize {
        self.offset.saturating_add(self.len)
    }
}

/// The images. The tables point into two of them: the first PCI-AT image and the first FWSEC image.
#[derive(Clone, Copy, Debug)]
pub(super) struct Images<'a> {
    /// The bytes from the first image to the end of the last one.
    pub(super) view: View<'a>,
    /// The first PCI-AT image.
    pub(super) base: Image,
    /// The first FWSEC image.
    extension: Option<Image>,
}

impl<'a> Images<'a> {
    /// Walks the images from the start of `view`.
    pub(super) fn walk(view: View<'a>) -> Result<Self> {
        match Self::walk_as_far(view) {
            (images, None) => images,
            (_, Some(error)) => Err(error),
        }
    }

    /// Walks the images as far as they are well-formed. Also returns the error that ends the chain
    /// before its last image; the image in which the file ends counts as one.
    pub(super) fn walk_as_far(view: View<'a>) -> (Result<Self>, Option<Error>) {
        let (mut base, mut extension, mut end, mut broken) = (None, None, 0, None);
        for image in images(view) {
            let image = match image {
                Ok(image) => image,
                Err(error) => {
                    broken = Some(error);
                    break;
                }
            };
            end = image.end();
            let first = match image.code_type {
                code_type::PCI_AT => &mut base,
                code_type::FWSEC => &mut extension,
                _ => continue,
            };
            first.get_or_insert(image);
        }
        let missing = || view.error(0, "PCI-AT image", ErrorKind::Missing);
        let images = base.ok_or_else(missing).map(|base| Self {
            base,
            extension,
            view: view.head(end),
        });
        (images, broken)
    }

    /// The target of a pointer in the tables, up to the end of the images.
    ///
    /// Pointers ignore the images between the PCI-AT image and the first FWSEC image.
    pub(super) fn at(&self, pointer: u32, field: &'static str) -> Result<View<'a>> {
        let pointer = offset(pointer);
        match pointer.checked_sub(self.base.end()) {
            None => self.view.tail(pointer, field),
            Some(behind) => {
                let missing = || self.view.error(0, "FWSEC image", ErrorKind::Missing);
                let extension = self.extension.ok_or_else(missing)?;
                self.view
                    .tail(extension.offset.saturating_add(behind), field)
            }
        }
    }
}

/// The PCI data structure.
#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct Pcir {
    signature: U32,
    vendor_id: U16,
    device_id: U16,
    device_list: U16,
    length: U16,
    revision: u8,
    class_code: [u8; 3],
    image_len: U16,
    vendor_rom_revision: U16,
    code_type: u8,
    last_image: u8,
}

/// NVIDIA's extension, 16-byte aligned behind the PCI data structure.
#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct Npde {
    signature: [u8; 4],
    revision: U16,
    length: U16,
    subimage_len: U16,
    last_image: u8,
}

/// The header in front of the images; `None` if the ROM starts with an image.
pub(super) fn ifr(rom: &View<'_>) -> Result<Option<Ifr>> {
    let first = rom.u32(0, "rom_signature")?;
    if ROM_SIGNATURES.contains(&u64::from(first & 0xffff)) {
        return Ok(None);
    }
    if first.to_le_bytes() != *IFR {
        let expected = Expected::Words("0xaa55 of an image or \"NVGI\" of an IFR header");
        return Err(rom.unexpected(0, "rom_signature", expected, first));
    }
    let fixed1 = rom.u32(4, "ifr.fixed1")?;
    let [_, version, low, high] = fixed1.to_le_bytes();
    let (at, field) = match version {
        1 | 2 => {
            let fixed_data_size = u16::from_le_bytes([low, high & 0x7f]);
            (
                usize::from(fixed_data_size).saturating_add(4),
                "ifr.image_offset",
            )
        }
        3 => (
            rom_directory(rom)?.saturating_add(DIRECTORY_IMAGES),
            "rom_directory.image_offset",
        ),
        _ => {
            let found = u64::from(version);
            return Err(rom.unexpected(5, "ifr.version", Expected::OneOf(&[1, 2, 3]), found));
        }
    };
    let image_offset = rom.u32(at, field)?;
    rom.check(at, field, Expected::AtLeast(4), image_offset)?;
    rom.check(at, field, Expected::MultipleOf(4), image_offset)?;
    Ok(Some(Ifr {
        version,
        image_offset: offset(image_offset),
    }))
}

/// Offset of the ROM directory of IFR version 3.
fn rom_directory(rom: &View<'_>) -> Result<usize> {
    let total_data_size = offset(rom.u32(8, "ifr.fixed2")? & 0xf_ffff);
    let flash_status = rom.u32(total_data_size, "ifr.flash_status_offset")?;
    let at = offset(flash_status).saturating_add(FLASH_STATUS_LEN);
    let signature = rom.u32(at, "rom_directory.signature")?;
    if signature.to_le_bytes() != *ROM_DIRECTORY.as_bytes() {
        let expected = Expected::Magic(ROM_DIRECTORY);
        return Err(rom.unexpected(at, "rom_directory.signature", expected, signature));
    }
    Ok(at)
}

/// The images in `rom`, up to the last one or the first malformed one. An image in which `rom` ends
/// is followed by the error that says so.
pub(super) fn images(rom: View<'_>) -> impl Iterator<Item = Result<Image>> + use<'_> {
    let mut next = Some(Ok(0));
    let mut left = MAX_IMAGES;
    core::iter::from_fn(move || {
        let at = match next.take()? {
            Ok(at) => at,
            Err(error) => return Some(Err(error)),
        };
        if left == 0 {
            let (expected, found) = (Expected::AtMost(MAX_IMAGES as u64), MAX_IMAGES as u64 + 1);
            return Some(Err(rom.unexpected(at, "number of images", expected, found)));
        }
        left = left.saturating_sub(1);
        Some(image(&rom, at).map(|(image, fits)| {
            next = match fits {
                Ok(()) => (!image.last).then(|| Ok(image.end())),
                Err(error) => Some(Err(error)),
            };
            image
        }))
    })
}

/// The image at byte `at`, and whether all of it is in `rom`.
pub(super) fn image(rom: &View<'_>, at: usize) -> Result<(Image, Result<()>)> {
    let signature = rom.u16(at, "rom_signature")?;
    rom.check(
        at,
        "rom_signature",
        Expected::OneOf(ROM_SIGNATURES),
        signature,
    )?;
    let pcir_at = at.saturating_add(rom.u16(at.saturating_add(0x18), "pcir_offset")?.into());
    let pcir: &Pcir = rom.structure(pcir_at, "pcir")?;
    let signature = pcir.signature;
    rom.check(
        pcir_at,
        "pcir.signature",
        Expected::OneOf(PCIR_SIGNATURES),
        signature,
    )?;

    let npde = match pcir.code_type {
        code_type::NBSI => None,
        _ => npde(rom, at, pcir_at, pcir)?,
    };
    let (len_at, field, blocks) = match npde {
        Some((npde_at, npde)) => {
            let at = npde_at.saturating_add(offset_of!(Npde, subimage_len));
            (at, "npde.subimage_len", npde.subimage_len)
        }
        None => {
            let at = pcir_at.saturating_add(offset_of!(Pcir, image_len));
            (at, "pcir.image_len", pcir.image_len)
        }
    };
    rom.check(len_at, field, Expected::AtLeast(1), blocks)?;
    let image = Image {
        offset: at,
        len: usize::from(blocks.get()).saturating_mul(BLOCK),
        code_type: pcir.code_type,
        vendor_id: pcir.vendor_id.get(),
        device_id: pcir.device_id.get(),
        extended: npde.is_some(),
        last: is_last(pcir, npde.map(|(_, npde)| npde)),
    };
    let fits = rom.tail(image.end(), field).map(drop);
    let fits = fits.map_err(|error| Error {
        offset: wide(rom.position(len_at)),
        ..error
    });
    Ok((image, fits))
}

/// NVIDIA's extension of `pcir`, in an image at byte `at`, and its offset.
fn npde<'a>(
    rom: &View<'a>,
    at: usize,
    pcir_at: usize,
    pcir: &Pcir,
) -> Result<Option<(usize, &'a Npde)>> {
    let behind = pcir_at
        .saturating_sub(at)
        .saturating_add(pcir.length.get().into());
    let at = at.saturating_add(behind.checked_next_multiple_of(16).unwrap_or(behind));
    if rom.len() < at.saturating_add(size_of::<Npde>()) {
        return Ok(None);
    }
    let npde: &Npde = rom.structure(at, "npde")?;
    let known = npde.signature == *b"NPDE" && NPDE_REVISIONS.contains(&npde.revision.get());
    Ok(known.then_some((at, npde)))
}

/// Whether an image is the last one, according to the extension if it has that flag.
fn is_last(pcir: &Pcir, npde: Option<&Npde>) -> bool {
    let by_pcir = pcir.code_type == code_type::NBSI || pcir.last_image & LAST_IMAGE != 0;
    match npde {
        None => by_pcir,
        Some(npde) if usize::from(npde.length.get()) >= size_of::<Npde>() => {
            npde.last_image & LAST_IMAGE != 0
        }
        Some(npde) if npde.subimage_len < pcir.image_len => false,
        Some(_) => by_pcir,
    }
}
