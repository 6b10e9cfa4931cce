// SPDX-License-Identifier: GPL-2.0

//! The bootloader of GSP-RM, in memory that the GPU reads.

use nova_firmware::bootloader::Bootloader;

use super::error::FirmwareError;
use super::names::{FileSet, BOOTLOADER};
use crate::platform::{memory, DmaAllocator, DmaMemory, FirmwareFiles};

/// The bootloader, which starts GSP-RM on the RISC-V core.
pub(crate) struct RiscvBootloader<M> {
    /// Memory with the program.
    pub(super) memory: M,
    /// Bytes of the program.
    pub(crate) size: usize,
    /// Offsets of the program's code, data and manifest.
    pub(super) offsets: [u32; 3],
    /// Version of the program.
    pub(crate) app_version: u32,
}

impl<M: DmaMemory> RiscvBootloader<M> {
    /// Loads the bootloader of `set`.
    pub(crate) fn load<P>(platform: &P, set: FileSet) -> Result<Self, FirmwareError>
    where
        P: FirmwareFiles + DmaAllocator<Memory = M>,
    {
        let file = set.file(BOOTLOADER);
        let bytes = file.load(platform)?;
        let bootloader = file.parse(bytes.as_ref(), Bootloader::parse, Bootloader::from_tlv)?;
        Ok(Self {
            memory: memory::copy_to_dma(platform, "the bootloader", bootloader.ucode())?,
            size: bootloader.ucode().len(),
            offsets: [
                bootloader.code_offset(),
                bootloader.data_offset(),
                bootloader.manifest_offset(),
            ],
            app_version: bootloader.app_version(),
        })
    }
}
