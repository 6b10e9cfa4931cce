// SPDX-License-Identifier: GPL-2.0

//! What is in a file with a ROM, as far as the file goes: for tools, as people have files that are
//! no whole ROM.
//!
//! The ROM BAR and the BIOS's copy in memory show the first images alone. A flash chip has a
//! container around the images: an IFR header, or on Blackwell `NVFW`, with the ROM directory
//! somewhere behind it:
//!
//! ```text
//! 0x1000   "NVFW"
//! ...      "RFRD", version 4, offset of the images from "NVFW"
//! ...      PCI-AT image    EFI image    FWSEC images
//! ```
//!
//! Source: nvgpu, `gb20c_bios_init` in bios_sw_gb20c.c; the flash of a GB206.

use core::iter;

use super::rom::{
    self, code_type, Image, Images, DIRECTORY_IMAGES, IFR, MAX_IMAGES, ROM_DIRECTORY,
};
use super::Vbios;
use crate::error::{Error, Expected, Format, Result};
use crate::view::{offset, View};

/// `FFL_FIRMWARE_INSTANCE_MAGIC_DWORD_VALUE`.
const NVFW: &[u8; 4] = b"NVFW";

/// Offset of [`NVFW`] in the flash of a GB206.
const NVFW_OFFSET: usize = 0x1000;

/// Offset in the ROM directory of its version: `NV_ROM_DIRECTORY_VER_OFFSET`.
const DIRECTORY_VERSION: usize = 4;

/// Bytes from one place where the ROM directory may start to the next, as nvgpu searches.
const DIRECTORY_STEP: usize = 2;

/// What is around the images in a flash chip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Container {
    /// An IFR header, which starts with `NVGI`.
    Nvgi {
        /// Its version.
        version: u8,
    },
    /// Blackwell's `NVFW`.
    Nvfw {
        /// Offset of the magic number in the file.
        offset: usize,
    },
}

/// A file with a ROM, or with the start of one.
#[derive(Clone, Copy, Debug)]
pub struct Dump<'a> {
    container: Option<Container>,
    /// The bytes from the first image to the end of the file.
    rom: Result<View<'a>>,
    images: Result<Images<'a>>,
    broken: Option<Error>,
}

impl<'a> Dump<'a> {
    /// Recognizes the container and walks the images.
    ///
    /// # Errors
    ///
    /// The file starts with neither an image nor a container.
    pub fn parse(file: &'a [u8]) -> Result<Self> {
        let view = View::new(Format::Vbios, file);
        let (container, start) = match rom::ifr(&view) {
            ifr if file.starts_with(IFR) => {
                let version = view.u8(5, "ifr.version")?;
                let start = ifr.map(|ifr| ifr.map_or(0, |ifr| ifr.image_offset));
                (Some(Container::Nvgi { version }), start)
            }
            Err(_) if is_nvfw(file) => {
                let offset = NVFW_OFFSET;
                (Some(Container::Nvfw { offset }), behind_nvfw(&view))
            }
            ifr => {
                ifr?;
                (None, Ok(0))
            }
        };
        let rom = start.and_then(|start| view.tail(start, "images"));
        let (images, broken) = match rom {
            Ok(rom) => Images::walk_as_far(rom),
            Err(error) => (Err(error), Some(error)),
        };
        Ok(Self {
            container,
            rom,
            images,
            broken,
        })
    }

    /// What is around the images, if there is something.
    pub const fn container(&self) -> Option<Container> {
        self.container
    }

    /// Offset of the first image in the file.
    pub fn image_offset(&self) -> Result<usize> {
        self.rom.map(|rom| rom.position(0))
    }

    /// The images in order, the one in which the file ends among them.
    ///
    /// NBSI is the last image for drivers; on Pascal others follow it.
    pub fn images(&self) -> impl Iterator<Item = Image> + use<'a> {
        let rom = self.rom.ok();
        let image = move |at| {
            let (image, _) = rom::image(&rom?, at).ok()?;
            Some(image)
        };
        let next = move |before: &Image| {
            let ends = before.last && before.code_type != code_type::NBSI;
            image(before.end()).filter(|_| !ends)
        };
        iter::successors(image(0), next).take(MAX_IMAGES)
    }

    /// The error that ends the images before the last one, if they do not end as they should.
    pub const fn broken(&self) -> Option<Error> {
        self.broken
    }

    /// What is in the images.
    ///
    /// # Errors
    ///
    /// There is no PCI-AT image with a BIT.
    pub fn vbios(&self) -> Result<Vbios<'a>> {
        Vbios::of(self.images?, None)
    }
}

/// Whether `file` is the flash of a Blackwell card.
pub(crate) fn is_nvfw(file: &[u8]) -> bool {
    let magic = file.get(NVFW_OFFSET..).unwrap_or_default();
    magic.starts_with(NVFW)
}

/// Offset of the images of a flash with [`NVFW`], which the ROM directory has.
fn behind_nvfw(file: &View<'_>) -> Result<usize> {
    let nvfw = file.tail(NVFW_OFFSET, "NVFW")?;
    let mut places = (0..nvfw.len()).step_by(DIRECTORY_STEP);
    let is_directory = |at: &usize| {
        let bytes = nvfw.all().get(*at..).unwrap_or_default();
        bytes.starts_with(ROM_DIRECTORY.as_bytes())
    };
    // A file that ends before the directory ends in it.
    let at = places.find(is_directory).unwrap_or(nvfw.len());
    nvfw.u32(at, "rom_directory.signature")?;
    let at_version = at.saturating_add(DIRECTORY_VERSION);
    let version = nvfw.u16(at_version, "rom_directory.version")?;
    nvfw.check(
        at_version,
        "rom_directory.version",
        Expected::Exactly(4),
        version,
    )?;
    let at = at.saturating_add(DIRECTORY_IMAGES);
    let images = nvfw.u32(at, "rom_directory.image_offset")?;
    Ok(nvfw.position(offset(images)))
}
