// SPDX-License-Identifier: GPL-2.0

//! The firmware files: where they are, what is taken out of them, and what stays where it is.

use core::fmt;

use nova_firmware::bootloader::Bootloader;
use nova_firmware::elf::len_from_head;
use nova_firmware::gsp::Gsp;
use nova_hw::chipset::Chipset;
use nova_hw::gsp::PAGE_SIZE;
use nova_hw::release::Release;

use crate::chip::Chip;
use crate::error::{Error, ImageError};
use crate::platform::{DmaAllocator, DmaMemory, FirmwareFiles, FirmwareImage, LoadError, Platform};
use crate::radix3::Radix3;
use crate::text::Text;
use crate::wpr::Images;

/// Releases of the firmware that this driver boots, the newest first.
pub use nova_hw::release::RELEASES as FIRMWARE_RELEASES;

/// What files it takes to boot `chipset`.
pub const fn firmware_kinds(chipset: Chipset) -> &'static [&'static str] {
    match Chip::of(chipset) {
        Some(chip) => chip.firmware_kinds(),
        None => &[],
    }
}

pub(crate) const GSP: &str = "gsp";
pub(crate) const BOOTLOADER: &str = "bootloader";
pub(crate) const BOOTER_LOAD: &str = "booter_load";
pub(crate) const BOOTER_UNLOAD: &str = "booter_unload";
pub(crate) const GEN_BOOTLOADER: &str = "gen_bootloader";
pub(crate) const SCRUBBER: &str = "scrubber";

/// Where `.fwimage` starts in every file so far: right behind the ELF header.
const IMAGE_OFFSET: usize = 0x40;

/// The files of a release for a chip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileSet {
    /// The chip that they are for.
    pub chipset: Chipset,
    /// The release that they are of.
    pub release: &'static Release,
}

impl FileSet {
    /// One of the files.
    pub(crate) const fn file(self, kind: &'static str) -> File {
        File { set: self, kind }
    }
}

/// A firmware file; printed as distributions name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct File {
    /// The files that it belongs to.
    pub set: FileSet,
    /// What it is, one of [`firmware_kinds`].
    pub kind: &'static str,
}

impl fmt::Display for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { set, kind } = self;
        let (chip, release) = (set.chipset.name(), set.release.name);
        write!(f, "nvidia/{chip}/gsp/{kind}-{release}.bin")
    }
}

impl File {
    fn name(self) -> Text<64> {
        Text::format(format_args!("{self}"))
    }

    fn not_loaded(self, error: LoadError) -> Error {
        let file = self;
        Error::Load { file, error }
    }

    /// Something is wrong with what is in it.
    pub(crate) fn malformed(self, error: nova_firmware::Error) -> Error {
        let file = self;
        Error::Firmware { file, error }
    }

    /// Loads a small file.
    pub(crate) fn load<F: FirmwareFiles>(self, files: &F) -> Result<F::File, Error> {
        files
            .load(self.name().as_str())
            .map_err(|error| self.not_loaded(error))
    }
}

/// The files that every path takes, loaded.
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

impl<P: Platform> Common<P> {
    /// Loads the files of `set`.
    pub(crate) fn load(platform: &P, set: FileSet) -> Result<Self, Error> {
        Ok(Self {
            release: set.release,
            passed_over: None,
            bootloader: RiscvBootloader::load(platform, set)?,
            image: GspImage::load(platform, set)?,
        })
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
            signature: (image.signature.dma_addr(), image.signature_size as u64),
        }
    }
}

/// The GSP's firmware, which the GPU reads where it was loaded.
pub(crate) struct GspImage<I, M> {
    /// Keeps the pages mapped.
    image: I,
    radix3: Radix3<M>,
    /// Bytes of the image in the file.
    pub(crate) size: usize,
    /// The signature for this chip.
    signature: M,
    /// Bytes of the signature.
    signature_size: usize,
    /// Build id, if it has one.
    pub(crate) build_id: Option<[u8; 20]>,
}

impl<I: FirmwareImage, M: DmaMemory> GspImage<I, M> {
    /// Loads the file of `set`, maps it for the GPU and builds the tables that lead to it.
    pub(crate) fn load<P>(platform: &P, set: FileSet) -> Result<Self, Error>
    where
        P: FirmwareFiles<Image = I> + DmaAllocator<Memory = M>,
    {
        let file = set.file(GSP);
        let load = |page_aligned_at| {
            platform
                .load_image(file.name().as_str(), page_aligned_at, len_from_head)
                .map_err(|error| file.not_loaded(error))
        };
        let malformed = |error| file.malformed(error);
        let mut image = load(IMAGE_OFFSET)?;
        let offset = Gsp::parse(image.as_ref())
            .map_err(malformed)?
            .image_offset();
        if offset != IMAGE_OFFSET {
            image = load(offset)?;
        }
        let gsp = Gsp::parse(image.as_ref()).map_err(malformed)?;
        if gsp.version() != set.release.name {
            let found = Text::from_bytes(gsp.version().as_bytes());
            return Err(Error::Release { file, found });
        }
        let build_id = gsp.build_id().and_then(|id| id.first_chunk()).copied();
        let section = set.chipset.fwsignature_section();
        let signature = gsp.signature(section).map_err(malformed)?;
        let signature_size = signature.len();
        let signature = copy(platform, "the signature of the GSP's firmware", signature)?;

        let size = gsp.image().len();
        let start = gsp.image_offset();
        if start != offset {
            // The file changed between the two loads.
            return Err(ImageError::PageAddress { page: 0 }.into());
        }
        let radix3 = Radix3::build(platform, size.div_ceil(PAGE_SIZE), |page| {
            image.page_addr(start.checked_add(page.checked_mul(PAGE_SIZE)?)?)
        })?;
        Ok(Self {
            image,
            radix3,
            size,
            signature,
            signature_size,
            build_id,
        })
    }

    /// Bytes that were copied of it: the signature, and what the machine had to.
    pub(crate) fn copied(&self) -> usize {
        self.signature_size.saturating_add(self.image.copied())
    }
}

/// The program that starts GSP-RM on the RISC-V core.
pub(crate) struct RiscvBootloader<M> {
    /// The program.
    memory: M,
    /// Bytes of the program.
    pub(crate) size: usize,
    /// Offsets of its code, data and manifest.
    offsets: [u32; 3],
    /// Its version.
    pub(crate) app_version: u32,
}

impl<M: DmaMemory> RiscvBootloader<M> {
    /// Loads the file of `set`.
    pub(crate) fn load<P>(platform: &P, set: FileSet) -> Result<Self, Error>
    where
        P: FirmwareFiles + DmaAllocator<Memory = M>,
    {
        let file = set.file(BOOTLOADER);
        let bytes = file.load(platform)?;
        let bootloader =
            Bootloader::parse(bytes.as_ref()).map_err(|error| file.malformed(error))?;
        Ok(Self {
            memory: copy(platform, "the bootloader", bootloader.ucode())?,
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

/// Copies `bytes` to memory that the GPU can read.
pub(crate) fn copy<A: DmaAllocator>(
    allocator: &A,
    what: &'static str,
    bytes: &[u8],
) -> Result<A::Memory, Error> {
    let memory = allocator
        .alloc_dma(bytes.len())
        .map_err(|e| Error::no_memory(what, e))?;
    memory.write(0, bytes)?;
    Ok(memory)
}
