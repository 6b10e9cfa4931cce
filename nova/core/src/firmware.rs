// SPDX-License-Identifier: GPL-2.0

//! The firmware files: where they are, what is taken out of them, and what stays where it is.

pub(crate) mod choice;
mod radix3;

use core::fmt;
use core::ops::Range;

use nova_firmware::bootloader::Bootloader;
use nova_firmware::elf::len_from_head;
use nova_firmware::gsp::{Gsp, PackedGsp};
use nova_firmware::tlv::Tlv;
use nova_hw::chipset::Chipset;
use nova_hw::gsp::PAGE_SIZE;
use nova_hw::release::Release;

use crate::boot::error::{Error, ImageError};
use crate::boot::wpr::Images;
use crate::chip::{BootMethod, Chip, FalconKind};
use crate::firmware::radix3::Radix3;
use crate::platform::memory;
use crate::platform::{
    DmaAllocator, DmaMemory, FileLen, FirmwareFiles, FirmwareImage, LoadError, Platform,
};
use crate::text::Text;

/// Releases of the firmware that this driver boots, the newest first.
pub use nova_hw::release::RELEASES as FIRMWARE_RELEASES;

/// What files it takes to boot `chipset`.
pub const fn firmware_kinds(chipset: Chipset) -> &'static [&'static str] {
    let chip = Chip::of(chipset);
    match (chip.method, chip.falcon) {
        (BootMethod::Sec2, FalconKind::Tu102) => {
            &[GSP, BOOTLOADER, BOOTER_LOAD, BOOTER_UNLOAD, GEN_BOOTLOADER]
        }
        (BootMethod::Sec2, FalconKind::Ga102) => &[GSP, BOOTLOADER, BOOTER_LOAD, BOOTER_UNLOAD],
        (BootMethod::Fsp(_), _) => &[GSP, BOOTLOADER, FMC],
    }
}

pub(crate) const GSP: &str = "gsp";
pub(crate) const BOOTLOADER: &str = "bootloader";
pub(crate) const BOOTER_LOAD: &str = "booter_load";
pub(crate) const BOOTER_UNLOAD: &str = "booter_unload";
pub(crate) const GEN_BOOTLOADER: &str = "gen_bootloader";
pub(crate) const FMC: &str = "fmc";
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
    /// How they are packed.
    pub packing: Packing,
}

/// How files are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// As NVIDIA and distributions ship them, each release beside the others.
    Bin,
    /// As Linux 7.3's nova-core asks for them, one release alone.
    Tlv,
}

impl FileSet {
    /// One of the files.
    pub(crate) const fn file(self, kind: &'static str) -> File {
        File { set: self, kind }
    }
}

/// A firmware file; printed as it is called below the firmware folder.
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
        write!(f, "nvidia/{}/", set.chipset.name())?;
        match (set.packing, *kind) {
            (Packing::Bin, kind) => {
                let mut parts = name_parts(set.release, kind).into_iter();
                parts.try_for_each(|part| f.write_str(part))
            }
            (Packing::Tlv, BOOTLOADER) => f.write_str("gsp/gsp_bootloader.tlv"),
            (Packing::Tlv, kind) => write!(f, "gsp/{kind}.tlv"),
        }
    }
}

/// The name of a file of `release` below the chip's folder, in parts.
pub const fn name_parts(release: &'static Release, kind: &'static str) -> [&'static str; 5] {
    if same(kind, GEN_BOOTLOADER) {
        return [release.gen_bootloader, "", "", "", ""];
    }
    ["gsp/", kind, "-", release.name, ".bin"]
}

/// Whether both are the same text; `==` cannot be used in constants.
const fn same(a: &str, b: &str) -> bool {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    while let ([first_a, rest_a @ ..], [first_b, rest_b @ ..]) = (a, b) {
        if *first_a != *first_b {
            return false;
        }
        (a, b) = (rest_a, rest_b);
    }
    a.is_empty() && b.is_empty()
}

/// The file that `gsp.tlv` names; printed as [`File`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageFile {
    /// The chip that it is for.
    pub chipset: Chipset,
    /// Its name.
    pub name: Text<{ PackedGsp::NAME_MAX }>,
}

impl fmt::Display for ImageFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { chipset, name } = self;
        write!(f, "nvidia/{}/gsp/{name}", chipset.name())
    }
}

impl File {
    fn name(self) -> Text<64> {
        Text::whole(format_args!("{self}"))
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

    /// Parses `bytes`, its contents, in the way that fits how it is packed.
    pub(crate) fn parse<'a, T>(
        self,
        bytes: &'a [u8],
        bin: impl FnOnce(&'a [u8]) -> nova_firmware::Result<T>,
        tlv: impl FnOnce(&Tlv<'a>) -> nova_firmware::Result<T>,
    ) -> Result<T, Error> {
        match self.set.packing {
            Packing::Bin => bin(bytes).map_err(|error| self.malformed(error)),
            Packing::Tlv => tlv(&self.tlv(bytes)?).map_err(|error| self.malformed(error)),
        }
    }

    /// The blocks of a TLV file, which must be of the release of the set.
    fn tlv(self, bytes: &[u8]) -> Result<Tlv<'_>, Error> {
        let tlv = Tlv::parse(bytes).map_err(|error| self.malformed(error))?;
        let version = tlv.version().map_err(|error| self.malformed(error))?;
        self.check_release(version)?;
        Ok(tlv)
    }

    /// Checks that it is of the release of the set.
    pub(crate) fn check_release(self, found: &str) -> Result<(), Error> {
        if found == self.set.release.name {
            return Ok(());
        }
        Err(self.of_release(found))
    }

    /// It is of release `found`, which is not that of the set.
    pub(crate) fn of_release(self, found: &str) -> Error {
        let (file, found) = (self, Text::from_bytes(found.as_bytes()));
        Error::Release { file, found }
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
    pub(crate) fn load(platform: &P, set: FileSet) -> Result<P::Boxed<Self>, Error> {
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

/// The GSP's firmware, which the GPU reads where it was loaded.
pub(crate) struct GspImage<I, M> {
    /// Keeps the pages mapped.
    image: I,
    radix3: Radix3<M>,
    /// Bytes of the image in the file.
    pub(crate) size: usize,
    /// The signature for this chip.
    signature: Signature<M>,
    /// Build id, if it has one.
    pub(crate) build_id: Option<[u8; 20]>,
}

impl<I: FirmwareImage, M: DmaMemory> GspImage<I, M> {
    /// Loads the file of `set`, maps it for the GPU and builds the tables that lead to it.
    pub(crate) fn load<P>(platform: &P, set: FileSet) -> Result<Self, Error>
    where
        P: FirmwareFiles<Image = I> + DmaAllocator<Memory = M>,
    {
        match set.packing {
            Packing::Bin => Self::load_bin(platform, set.file(GSP)),
            Packing::Tlv => Self::load_tlv(platform, set.file(GSP)),
        }
    }

    /// Loads an ELF file, of which a section is the image.
    fn load_bin<P>(platform: &P, file: File) -> Result<Self, Error>
    where
        P: FirmwareFiles<Image = I> + DmaAllocator<Memory = M>,
    {
        let load = |page_aligned_at| {
            platform
                .load_image(
                    file.name().as_str(),
                    page_aligned_at,
                    FileLen::FromHead(len_from_head),
                )
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
        file.check_release(gsp.version())?;
        let build_id = gsp.build_id().and_then(|id| id.first_chunk()).copied();
        let section = file.set.chipset.fwsignature_section();
        let signature = Signature::copy(platform, gsp.signature(section).map_err(malformed)?)?;
        let start = gsp.image_offset();
        if start != offset {
            // The file changed between the two loads.
            return Err(ImageError::PageAddress { page: 0 }.into());
        }
        let bytes = start..start.saturating_add(gsp.image().len());
        Self::map(platform, image, bytes, signature, build_id)
    }

    /// Loads a TLV file, which names the one that is the image, from its first byte to its last.
    fn load_tlv<P>(platform: &P, file: File) -> Result<Self, Error>
    where
        P: FirmwareFiles<Image = I> + DmaAllocator<Memory = M>,
    {
        let bytes = file.load(platform)?;
        let tlv = file.tlv(bytes.as_ref())?;
        let gsp = PackedGsp::from_tlv(&tlv).map_err(|error| file.malformed(error))?;
        let file = ImageFile {
            chipset: file.set.chipset,
            name: Text::from_bytes(gsp.file_name.as_bytes()),
        };
        let name = Text::<64>::whole(format_args!("{file}"));
        let size = usize::try_from(gsp.size).unwrap_or(usize::MAX);
        let image = platform
            .load_image(name.as_str(), 0, FileLen::Known(size))
            .map_err(|error| Error::LoadImage { file, error })?;
        let found = image.as_ref().len();
        if found != size {
            return Err(Error::ImageLen {
                file,
                expected: size,
                found,
            });
        }
        let signature = Signature::copy(platform, gsp.signature)?;
        let build_id = gsp.build_id.and_then(from_hex);
        Self::map(platform, image, 0..size, signature, build_id)
    }

    /// Builds the tables that lead to `bytes` of the file.
    fn map<P: DmaAllocator<Memory = M>>(
        platform: &P,
        image: I,
        bytes: Range<usize>,
        signature: Signature<M>,
        build_id: Option<[u8; 20]>,
    ) -> Result<Self, Error> {
        let size = bytes.len();
        let radix3 = Radix3::build(platform, size.div_ceil(PAGE_SIZE), |page| {
            image.page_addr(bytes.start.checked_add(page.checked_mul(PAGE_SIZE)?)?)
        })?;
        Ok(Self {
            image,
            radix3,
            size,
            signature,
            build_id,
        })
    }

    /// Bytes that were copied of it: the signature, and what the machine had to.
    pub(crate) fn copied(&self) -> usize {
        self.signature.size.saturating_add(self.image.copied())
    }
}

/// The signature of the GSP's firmware, where the GPU can read it.
struct Signature<M> {
    memory: M,
    /// Bytes of it.
    size: usize,
}

impl<M: DmaMemory> Signature<M> {
    fn copy<A: DmaAllocator<Memory = M>>(allocator: &A, bytes: &[u8]) -> Result<Self, Error> {
        Ok(Self {
            memory: memory::copy_to_dma(allocator, "the signature of the GSP's firmware", bytes)?,
            size: bytes.len(),
        })
    }
}

/// The bytes that `text` spells, if it is as many as they have in hexadecimal.
fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let (digits, rest) = text.as_bytes().split_at_checked(N.checked_mul(2)?)?;
    for (n, digit) in digits.iter().enumerate() {
        let digit = u8::try_from(char::from(*digit).to_digit(16)?).ok()?;
        let byte = bytes.get_mut(n / 2)?;
        *byte = *byte << 4 | digit;
    }
    rest.is_empty().then_some(bytes)
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

#[cfg(test)]
mod tests {
    use super::*;
    use nova_hw::release::RELEASES;
    use std::string::ToString;

    fn name(packing: Packing, release: usize, kind: &'static str) -> std::string::String {
        let set = FileSet {
            chipset: Chipset::TU102,
            release: RELEASES[release],
            packing,
        };
        set.file(kind).to_string()
    }

    #[test]
    fn files_are_called_what_others_call_them() {
        use Packing::{Bin, Tlv};
        assert_eq!(name(Bin, 0, GSP), "nvidia/tu102/gsp/gsp-570.144.bin");
        assert_eq!(
            name(Bin, 1, BOOTER_LOAD),
            "nvidia/tu102/gsp/booter_load-535.113.01.bin"
        );
        assert_eq!(
            name(Bin, 0, GEN_BOOTLOADER),
            "nvidia/tu102/gsp/gen_bootloader-570.144.bin"
        );
        assert_eq!(name(Bin, 1, GEN_BOOTLOADER), "nvidia/tu102/acr/bl.bin");
        assert_eq!(name(Tlv, 0, GSP), "nvidia/tu102/gsp/gsp.tlv");
        assert_eq!(
            name(Tlv, 0, BOOTLOADER),
            "nvidia/tu102/gsp/gsp_bootloader.tlv"
        );
        assert_eq!(
            name(Tlv, 0, GEN_BOOTLOADER),
            "nvidia/tu102/gsp/gen_bootloader.tlv"
        );
    }

    #[test]
    fn hexadecimal_of_the_right_length_is_read() {
        assert_eq!(from_hex("b1Fe"), Some([0xb1, 0xfe]));
        for text in ["", "b1f", "b1fe0", "b1f/", "+1fe", "\u{e4}\u{e4}"] {
            assert_eq!(from_hex::<2>(text), None, "{text}");
        }
    }
}
