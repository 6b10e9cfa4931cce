// SPDX-License-Identifier: GPL-2.0

//! The ROM of a GPU: a chain of PCI expansion ROM images, the tables in the first of them, and the
//! falcon ucode in the last ones; a driver needs FWSEC.
//!
//! ```text
//! [IFR header] PCI-AT image    EFI image    FWSEC image    FWSEC image
//!              BIT -> falcon ucode table ------------------> entry -> descriptor, signatures, ucode
//! ```
//!
//! A driver takes [`Vbios`], which is a whole ROM; [`Dump`] is what is in a file, as far as it goes.
//!
//! Source: open-gpu-kernel-modules 570, src/nvidia/src/kernel/gpu/gsp/kernel_gsp_fwsec.c and
//! arch/turing/kernel_gsp_vbios_tu102.c; Linux 7.3, Documentation/gpu/nova/core/vbios.rst.

mod bit;
mod dump;
mod fwsec;
mod rom;
mod scan;
mod ucode;

pub use bit::{Bit, Token, Version};
pub(crate) use dump::is_nvfw;
pub use dump::{Container, Dump};
pub use fwsec::{DmemMapper, Fwsec, COMMAND_LEN};
pub use rom::{code_type, Ifr, Image};
pub use scan::{Scan, Step};
pub use ucode::{app_id, Entry, Ucode};

use crate::error::{ErrorKind, Format, Result};
use crate::view::View;
use rom::Images;

/// Bytes of the GPU's ROM window; no image extends beyond it.
pub const ROM_LEN: usize = 1 << 20;

/// A ROM whose images have been walked.
#[derive(Clone, Copy, Debug)]
pub struct Vbios<'a> {
    images: Images<'a>,
    ifr: Option<Ifr>,
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
        Self::of(Images::walk(images)?, ifr)
    }

    /// Finds the BIT in the first of `images`.
    fn of(images: Images<'a>, ifr: Option<Ifr>) -> Result<Self> {
        let bit = Bit::find(&images.view, &images.base)?;
        Ok(Self { images, ifr, bit })
    }

    /// The IFR header before the images, if there is one.
    pub const fn ifr(&self) -> Option<Ifr> {
        self.ifr
    }

    /// The images in order, up to the first malformed one.
    pub fn images(&self) -> impl Iterator<Item = Image> + use<'a> {
        rom::images(self.images.view).map_while(Result::ok)
    }

    /// The BIOS information table.
    pub const fn bit(&self) -> Bit<'a> {
        self.bit
    }

    /// The version of the VBIOS.
    pub fn version(&self) -> Result<Version> {
        self.bit.version(&self.images)
    }

    /// The entries of the falcon ucode table.
    pub fn entries(&self) -> Result<impl Iterator<Item = Result<Entry>> + use<'a>> {
        ucode::entries(&self.bit, &self.images)
    }

    /// The ucode that `entry` describes.
    pub fn ucode(&self, entry: &Entry) -> Result<Ucode<'a>> {
        Ucode::parse(&self.images.at(entry.descriptor, "DescPtr")?)
    }

    /// The version of the descriptor of `entry`; [`Self::ucode`] takes 2 and 3.
    pub fn descriptor_version(&self, entry: &Entry) -> Result<u8> {
        ucode::descriptor_version(&self.images.at(entry.descriptor, "DescPtr")?)
    }

    /// FWSEC for production GPUs.
    pub fn fwsec(&self) -> Result<Fwsec<'a>> {
        for entry in self.entries()? {
            let entry = entry?;
            if entry.application_id == app_id::FWSEC_PROD {
                return Fwsec::parse(self.ucode(&entry)?);
            }
        }
        Err(self
            .images
            .view
            .error(0, "FWSEC_PROD entry", ErrorKind::Missing))
    }
}
