// SPDX-License-Identifier: GPL-2.0

//! The ROM of a GPU: a chain of PCI expansion ROM images, the tables in the first of them, and the
//! falcon ucode in the last ones, of which FWSEC is what a driver needs.
//!
//! ```text
//! [IFR header] PCI-AT image    EFI image    FWSEC image    FWSEC image
//!              BIT -> falcon ucode table ------------------> entry -> descriptor, signatures, ucode
//! ```
//!
//! Source: open-gpu-kernel-modules 570, src/nvidia/src/kernel/gpu/gsp/kernel_gsp_fwsec.c and
//! arch/turing/kernel_gsp_vbios_tu102.c; Linux 7.3, Documentation/gpu/nova/core/vbios.rst.

mod bit;
mod fwsec;
mod rom;
mod scan;
mod ucode;

pub use bit::{Bit, Token, Version};
pub use fwsec::{DmemMapper, Fwsec, COMMAND_LEN};
pub use rom::{code_type, Ifr, Image};
pub(crate) use scan::Coverage;
pub use scan::{Scan, Step};
pub use ucode::{app_id, Entry, Ucode};

use crate::error::{ErrorKind, Expected, Format, Result};
use crate::view::{offset, View};

/// Bytes of the window through which the GPU shows its ROM; no image reaches beyond it.
pub const ROM_LEN: usize = 1 << 20;

/// A ROM whose images have been walked.
#[derive(Clone, Copy, Debug)]
pub struct Vbios<'a> {
    /// From the first image to the end of the last one.
    images: View<'a>,
    ifr: Option<Ifr>,
    /// The first PCI-AT image.
    base: Image,
    /// The first FWSEC image.
    extension: Option<Image>,
    bit: Bit<'a>,
}

impl<'a> Vbios<'a> {
    /// Walks the images of `rom` and finds the BIT.
    pub fn parse(rom: &'a [u8]) -> Result<Self> {
        Self::parse_view(View::new(Format::Vbios, rom))
    }

    pub(crate) fn parse_view(rom: View<'a>) -> Result<Self> {
        let ifr = rom::ifr(&rom)?;
        let images = rom.tail(ifr.map_or(0, |ifr| ifr.image_offset), "images")?;
        let (mut base, mut extension, mut end) = (None, None, 0);
        for image in rom::images(images) {
            let image = image?;
            end = image.end();
            let first = match image.code_type {
                code_type::PCI_AT => &mut base,
                code_type::FWSEC => &mut extension,
                _ => continue,
            };
            first.get_or_insert(image);
        }
        let missing = || images.error(0, "PCI-AT image", ErrorKind::Missing);
        let base: Image = base.ok_or_else(missing)?;
        let images = images.head(end);
        let bit = Bit::find(&images, &base)?;
        Ok(Self {
            images,
            ifr,
            base,
            extension,
            bit,
        })
    }

    /// The header before the images, where there is one.
    pub const fn ifr(&self) -> Option<Ifr> {
        self.ifr
    }

    /// The images in order; those behind one that is broken are left out.
    pub fn images(&self) -> impl Iterator<Item = Image> + use<'a> {
        rom::images(self.images).map_while(Result::ok)
    }

    /// The BIOS information table.
    pub const fn bit(&self) -> Bit<'a> {
        self.bit
    }

    /// The version of the VBIOS.
    pub fn version(&self) -> Result<Version> {
        self.bit.version(self)
    }

    /// The entries of the falcon ucode table.
    pub fn entries(&self) -> Result<impl Iterator<Item = Result<Entry>> + use<'a>> {
        ucode::entries(self)
    }

    /// The ucode that `entry` describes.
    pub fn ucode(&self, entry: &Entry) -> Result<Ucode<'a>> {
        Ucode::parse(&self.at(entry.descriptor, "DescPtr")?)
    }

    /// FWSEC as production GPUs run it.
    pub fn fwsec(&self) -> Result<Fwsec<'a>> {
        for entry in self.entries()? {
            let entry = entry?;
            if entry.application_id == app_id::FWSEC_PROD {
                return Fwsec::parse(self.ucode(&entry)?);
            }
        }
        Err(self.images.error(0, "FWSEC_PROD entry", ErrorKind::Missing))
    }

    /// What the tables' pointer `pointer` points to, up to the end of the images.
    ///
    /// Pointers count as if the first FWSEC image followed the PCI-AT image directly, whatever lies
    /// between them.
    fn at(&self, pointer: u32, field: &'static str) -> Result<View<'a>> {
        let pointer = offset(pointer);
        match pointer.checked_sub(self.base.end()) {
            None => self.images.tail(pointer, field),
            Some(behind) => {
                let missing = || self.images.error(0, "FWSEC image", ErrorKind::Missing);
                let extension = self.extension.ok_or_else(missing)?;
                self.images
                    .tail(extension.offset.saturating_add(behind), field)
            }
        }
    }
}

/// Checks the value of a length byte that says how long a header or an entry is.
fn check_len(view: &View<'_>, at: usize, field: &'static str, least: u64) -> Result<usize> {
    let len = view.u8(at, field)?;
    view.check(at, field, Expected::AtLeast(least), len)?;
    Ok(usize::from(len))
}
