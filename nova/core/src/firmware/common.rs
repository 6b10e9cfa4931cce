// SPDX-License-Identifier: GPL-2.0

//! The files that both ways to boot use.

use nova_hw::release::Release;

use super::bootloader::RiscvBootloader;
use super::error::FirmwareError;
use super::image::GspImage;
use super::names::{File, FileSet};
use crate::platform::{memory, DmaMemory, Platform};

/// The loaded files that both ways to boot use.
pub(crate) struct Common<P: Platform> {
    /// Release of the files.
    pub(crate) release: &'static Release,
    /// The first missing file of a newer release, if a newer release was passed over.
    pub(crate) passed_over: Option<File>,
    /// GSP-RM.
    pub(crate) image: GspImage<P::Image, P::Memory>,
    /// The bootloader, which starts GSP-RM.
    pub(crate) bootloader: RiscvBootloader<P::Memory>,
}

/// Locations of the files in system memory, for the WPR metadata.
pub(crate) struct Images {
    /// Bus address of the radix3 root.
    pub(crate) radix3: u64,
    /// Bytes of the firmware image.
    pub(crate) firmware_size: u64,
    /// Bus address and bytes of the bootloader.
    pub(crate) bootloader: (u64, u64),
    /// Offsets of the bootloader's code, data and manifest.
    pub(crate) bootloader_offsets: [u32; 3],
    /// Bus address and bytes of the firmware's signature.
    pub(crate) signature: (u64, u64),
}

impl<P: Platform> Common<P> {
    /// Loads the files of `set`.
    pub(crate) fn load(platform: &P, set: FileSet) -> Result<P::Boxed<Self>, FirmwareError> {
        let common = Self {
            release: set.release,
            passed_over: None,
            bootloader: RiscvBootloader::load(platform, set)?,
            image: GspImage::load(platform, set)?,
        };
        Ok(memory::boxed(platform, "the firmware files", common)?)
    }

    /// Bytes of the files that were copied.
    pub(crate) fn copied(&self) -> usize {
        self.image.copied().saturating_add(self.bootloader.size)
    }

    /// Locations of the files, for the WPR metadata.
    pub(crate) fn images(&self) -> Images {
        let Self {
            image, bootloader, ..
        } = self;
        Images {
            radix3: image.radix3.root(),
            firmware_size: image.size as u64,
            bootloader: (bootloader.memory.dma_addr(), bootloader.size as u64),
            bootloader_offsets: bootloader.offsets,
            signature: (
                image.signature.memory.dma_addr(),
                image.signature.size as u64,
            ),
        }
    }
}
