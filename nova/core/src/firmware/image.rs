// SPDX-License-Identifier: GPL-2.0

//! GSP-RM, which the GPU reads from where its file was loaded.

use core::ops::Range;

use nova_firmware::elf::len_from_head;
use nova_firmware::gsp::{Gsp, PackedGsp};
use nova_hw::gsp::PAGE_SIZE;

use super::error::{FirmwareError, ImageError};
use super::names::{File, FileSet, ImageFile, Packing, GSP};
use super::radix3::Radix3;
use crate::platform::{memory, DmaAllocator, DmaMemory, FileLen, FirmwareFiles, FirmwareImage};
use crate::text::Text;

/// Offset of `.fwimage` in all known files, right after the ELF header.
const IMAGE_OFFSET: usize = 0x40;

/// The GSP's firmware, which the GPU reads from where it was loaded.
pub(crate) struct GspImage<I, M> {
    /// The mapped file.
    image: I,
    pub(super) radix3: Radix3<M>,
    /// Bytes of the image in the file.
    pub(crate) size: usize,
    /// The signature for this chip.
    pub(super) signature: Signature<M>,
    /// Build ID, if the file has one.
    pub(crate) build_id: Option<[u8; 20]>,
}

impl<I: FirmwareImage, M: DmaMemory> GspImage<I, M> {
    /// Loads the file of `set`, maps it for the GPU and builds the radix3 tables.
    pub(crate) fn load<P>(platform: &P, set: FileSet) -> Result<Self, FirmwareError>
    where
        P: FirmwareFiles<Image = I> + DmaAllocator<Memory = M>,
    {
        match set.packing {
            Packing::Bin => Self::load_bin(platform, set.file(GSP)),
            Packing::Tlv => Self::load_tlv(platform, set.file(GSP)),
        }
    }

    /// Loads an ELF file, which has the image as a section.
    fn load_bin<P>(platform: &P, file: File) -> Result<Self, FirmwareError>
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

    /// Loads a TLV file, which names another file that is the image.
    fn load_tlv<P>(platform: &P, file: File) -> Result<Self, FirmwareError>
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
            .map_err(|error| FirmwareError::LoadImage { file, error })?;
        let found = image.as_ref().len();
        if found != size {
            return Err(FirmwareError::ImageLen {
                file,
                expected: size,
                found,
            });
        }
        let signature = Signature::copy(platform, gsp.signature)?;
        let build_id = gsp.build_id.and_then(from_hex);
        Self::map(platform, image, 0..size, signature, build_id)
    }

    /// Builds the radix3 tables for `bytes` of the file.
    fn map<P: DmaAllocator<Memory = M>>(
        platform: &P,
        image: I,
        bytes: Range<usize>,
        signature: Signature<M>,
        build_id: Option<[u8; 20]>,
    ) -> Result<Self, FirmwareError> {
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

    /// Bytes that were copied: the signature, and what the platform copied.
    pub(crate) fn copied(&self) -> usize {
        self.signature.size.saturating_add(self.image.copied())
    }
}

/// The signature of the GSP's firmware, in memory that the GPU reads.
pub(super) struct Signature<M> {
    pub(super) memory: M,
    /// Bytes of the signature.
    pub(super) size: usize,
}

impl<M: DmaMemory> Signature<M> {
    fn copy<A: DmaAllocator<Memory = M>>(
        allocator: &A,
        bytes: &[u8],
    ) -> Result<Self, FirmwareError> {
        Ok(Self {
            memory: memory::copy_to_dma(allocator, "the signature of the GSP's firmware", bytes)?,
            size: bytes.len(),
        })
    }
}

/// Decodes hexadecimal `text` of exactly `N` bytes.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_of_the_right_length_is_read() {
        assert_eq!(from_hex("b1Fe"), Some([0xb1, 0xfe]));
        for text in ["", "b1f", "b1fe0", "b1f/", "+1fe", "\u{e4}\u{e4}"] {
            assert_eq!(from_hex::<2>(text), None, "{text}");
        }
    }
}
