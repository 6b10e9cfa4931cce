// SPDX-License-Identifier: GPL-2.0

//! Which firmware files a boot would take, for tools that have no GPU. The choice and the parsers are
//! those of a boot; what a boot would put into memory for the GPU is dropped.

use nova_firmware::booter::Booter;
use nova_firmware::fmc::Fmc;
use nova_firmware::gen_bootloader::GenBootloader;
use nova_hw::chipset::Chipset;

use super::bootloader::RiscvBootloader;
use super::choice::{self, WrapsFirmware};
use super::error::FirmwareError;
use super::image::GspImage;
use super::names::{firmware_kinds, File, FileSet, BOOTLOADER, FMC, GEN_BOOTLOADER, GSP};
use crate::platform::{
    DmaAllocator, DmaMemory, FileLen, FirmwareFiles, FirmwareImage, LoadError, OutOfBounds,
    OutOfMemory,
};

/// The files that a boot of `chipset` would take of `files`: those of the newest release that is
/// complete; where one is `pinned` by the number of its branch, of that one or none. `check` is called
/// with each file of each release that is considered, in the order in which a boot loads them, and
/// mostly calls [`File::check`].
///
/// # Errors
///
/// What is wrong with the first file without which there is no boot.
pub fn choose_firmware<F: FirmwareFiles>(
    files: &F,
    chipset: Chipset,
    pinned: Option<u32>,
    mut check: impl FnMut(File) -> Result<(), FirmwareError>,
) -> Result<FileSet, FirmwareError> {
    let chosen = choice::newest(files, chipset, pinned, |set| {
        // All ways to boot load their own files first, then the bootloader, then GSP-RM.
        let (common, own) = firmware_kinds(chipset).split_at(2);
        let kinds = own.iter().chain(common.iter().rev());
        let checked = kinds.map(|kind| check(set.file(kind)));
        checked.fold(Ok(()), Result::and).map(|()| set)
    })?;
    Ok(chosen.files)
}

impl WrapsFirmware for FirmwareError {
    fn firmware(&self) -> Option<&FirmwareError> {
        Some(self)
    }
}

impl File {
    /// Checks the file as a boot does, except that the signatures of booter are not compared with the
    /// fuses of a GPU.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn check<F: FirmwareFiles>(self, files: &F) -> Result<(), FirmwareError> {
        let files = &Dropped(files);
        match self.kind {
            GSP => return GspImage::load(files, self.set).map(drop),
            BOOTLOADER => return RiscvBootloader::load(files, self.set).map(drop),
            _ => {}
        }
        let bytes = self.load(files)?;
        let bytes = bytes.as_ref();
        match self.kind {
            GEN_BOOTLOADER => self
                .parse(bytes, GenBootloader::parse, GenBootloader::from_tlv)
                .map(drop),
            FMC => self.parse(bytes, Fmc::parse, Fmc::from_tlv).map(drop),
            _ => self.parse(bytes, Booter::parse, Booter::from_tlv).map(drop),
        }
    }
}

/// Firmware files that are read for no GPU.
struct Dropped<'a, F>(&'a F);

impl<F: FirmwareFiles> FirmwareFiles for Dropped<'_, F> {
    type File = F::File;
    type Image = Unmapped<F::Image>;

    fn load(&self, name: &str) -> Result<Self::File, LoadError> {
        self.0.load(name)
    }

    fn load_image(
        &self,
        name: &str,
        page_aligned_at: usize,
        len: FileLen,
    ) -> Result<Self::Image, LoadError> {
        self.0.load_image(name, page_aligned_at, len).map(Unmapped)
    }
}

impl<F> DmaAllocator for Dropped<'_, F> {
    type Memory = Nowhere;

    fn alloc_dma(&self, size: usize) -> Result<Nowhere, OutOfMemory> {
        Ok(Nowhere { size })
    }
}

/// A file that no GPU reads, so that any address will do.
struct Unmapped<I>(I);

impl<I: AsRef<[u8]>> AsRef<[u8]> for Unmapped<I> {
    fn as_ref(&self) -> &[u8] {
        self.0.as_ref()
    }
}

impl<I: FirmwareImage> FirmwareImage for Unmapped<I> {
    fn page_addr(&self, _offset: usize) -> Option<u64> {
        Some(0)
    }
}

/// Memory that keeps nothing.
struct Nowhere {
    size: usize,
}

impl DmaMemory for Nowhere {
    fn dma_addr(&self) -> u64 {
        0
    }

    fn size(&self) -> usize {
        self.size
    }

    fn read(&self, _offset: usize, into: &mut [u8]) -> Result<(), OutOfBounds> {
        into.fill(0);
        Ok(())
    }

    fn write(&self, _offset: usize, _from: &[u8]) -> Result<(), OutOfBounds> {
        Ok(())
    }

    fn load32(&self, _offset: usize) -> Result<u32, OutOfBounds> {
        Ok(0)
    }

    fn store32(&self, _offset: usize, _value: u32) -> Result<(), OutOfBounds> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::NoFiles;
    use std::vec::Vec;

    #[test]
    fn files_are_checked_in_the_order_in_which_a_boot_loads_them() {
        let order = |chipset| {
            let mut kinds = Vec::new();
            let chosen = choose_firmware(&NoFiles, chipset, None, |file| {
                kinds.push(file.kind);
                Ok(())
            });
            assert_eq!(chosen.map(|set| set.release.name), Ok("570.144"));
            kinds
        };
        let turing = [
            "booter_load",
            "booter_unload",
            "gen_bootloader",
            "bootloader",
            "gsp",
        ];
        assert_eq!(order(Chipset::TU102), turing);
        assert_eq!(order(Chipset::GH100), ["fmc", "bootloader", "gsp"]);
    }

    #[test]
    fn every_missing_file_is_told_and_the_first_is_the_error() {
        let mut told = 0;
        let chosen = choose_firmware(&NoFiles, Chipset::GA102, Some(570), |file| {
            told += 1;
            file.check(&NoFiles)
        });
        let error = chosen.unwrap_err();
        let first = "nvidia/ga102/gsp/booter_load-570.144.bin: not found";
        assert_eq!(std::string::ToString::to_string(&error), first);
        assert_eq!(told, 4);
    }
}
