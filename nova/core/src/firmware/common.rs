// SPDX-License-Identifier: GPL-2.0

//! The files that every way to boot takes.

use nova_hw::release::Release;

use super::bootloader::RiscvBootloader;
use super::error::FirmwareError;
use super::image::GspImage;
use super::names::{File, FileSet};
use crate::platform::{memory, DmaMemory, Platform};

/// The files that every way to boot takes, loaded.
pub(crate) struct Common<P: Platform> {
    /// Release that they are of.
    pub(crate) release: &'static Release,
    /// The first file that a newer release lacked, if one was passed over.
    pub(crate) passed_over: Option<File>,
    /// GSP-RM.
    pub(crate) image: GspImage<P::Image, P::Memory>,
    /// The program that starts it.
    pub(crate) bootloader: RiscvBootloader<P::Memory>,
}

/// Where the files are in system memory, as the WPR metadata tells.
pub(crate) struct Images {
    /// Bus address of the radix3 root.
    pub(crate) radix3: u64,
    /// Bytes of the firmware that it leads to.
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

    /// Bytes that were copied of them.
    pub(crate) fn copied(&self) -> usize {
        self.image.copied().saturating_add(self.bootloader.size)
    }

    /// Where they are, as the WPR metadata tells.
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
