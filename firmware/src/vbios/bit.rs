// SPDX-License-Identifier: GPL-2.0

//! The BIOS information table (BIT), whose tokens point to the tables of the VBIOS.
//!
//! Source: open-gpu-doc, BIOS-Information-Table; open-gpu-kernel-modules 570,
//! src/nvidia/src/kernel/gpu/gsp/kernel_gsp_fwsec.c.

use core::fmt;

use zerocopy::little_endian::U16;
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

use super::rom::{Image, Images};
use crate::error::{ErrorKind, Result};
use crate::view::View;

/// The start of the table: its id 0xb8ff and its signature.
const MAGIC: &[u8; 6] = b"\xff\xb8BIT\0";

/// Number of bytes that are read and searched at a time.
const SEARCH_LEN: usize = 128;

/// Token of the BIOS's own data, which starts with the version.
const BIOSDATA: u8 = b'B';

/// Token in older VBIOSes instead of [`BIOSDATA`].
const INFO: u8 = b'i';

/// Token of the pointer to the falcon ucode table.
pub(super) const FALCON_DATA: u8 = b'p';

/// The header.
#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct Header {
    magic: [u8; 6],
    version: U16,
    header_size: u8,
    token_size: u8,
    token_entries: u8,
    checksum: u8,
}

/// The table.
#[derive(Clone, Copy, Debug)]
pub struct Bit<'a> {
    /// The bytes from the header to the end of the image.
    view: View<'a>,
    header_size: usize,
    token_size: usize,
    token_entries: u8,
}

/// An entry of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// Id of the data that it points to; a letter.
    pub id: u8,
    /// Version of that data.
    pub version: u8,
    /// Size of that data in bytes.
    pub size: u16,
    /// Pointer to that data, from the first image.
    pub pointer: u32,
}

/// Version of a VBIOS, written `94.02.42.00.b4`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub [u8; 5]);

impl<'a> Bit<'a> {
    /// Finds the first table in `image` whose header has a valid checksum.
    pub(super) fn find(images: &View<'a>, image: &Image) -> Result<Self> {
        let image = images.head(image.end()).tail(image.offset, "BIT")?;
        let mut at: usize = 0;
        while at < image.len() {
            let len = image.len().saturating_sub(at);
            let len = len.min(SEARCH_LEN + MAGIC.len() - 1);
            let window = image.bytes(at, len, "BIT")?;
            let found = window.windows(MAGIC.len()).enumerate();
            for (index, _) in found.filter(|(_, bytes)| bytes == MAGIC) {
                let candidate = image.tail(at.saturating_add(index), "BIT")?;
                if let Some(bit) = Self::check(candidate)? {
                    return Ok(bit);
                }
            }
            at = at.saturating_add(SEARCH_LEN);
        }
        Err(image.error(0, "BIT", ErrorKind::Missing))
    }

    /// The table at the start of `view`; `None` if the header's checksum is wrong.
    fn check(view: View<'a>) -> Result<Option<Self>> {
        let header: &Header = view.structure(0, "bit.header")?;
        let header_size = view.length(8, "bit.header_size", size_of::<Header>() as u64)?;
        let bytes = view.bytes(0, header_size, "bit.header")?;
        let sum = bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
        Ok((sum == 0).then_some(Self {
            view,
            header_size,
            token_size: view.length(9, "bit.token_size", 6)?,
            token_entries: header.token_entries,
        }))
    }

    /// Offset of the table in the ROM.
    pub const fn offset(&self) -> usize {
        self.view.position(0)
    }

    /// The tokens in order.
    pub fn tokens(&self) -> impl Iterator<Item = Result<Token>> + use<'a> {
        let bit = *self;
        (0..usize::from(bit.token_entries)).map(move |index| {
            let at = bit
                .header_size
                .saturating_add(index.saturating_mul(bit.token_size));
            bit.token(&bit.view.view(at, bit.token_size, "bit.token")?)
        })
    }

    /// Reads a token; those of 8 bytes and more have a 32-bit pointer.
    fn token(&self, view: &View<'_>) -> Result<Token> {
        let pointer = match self.token_size {
            8.. => view.u32(4, "bit.token.pointer")?,
            _ => view.u16(4, "bit.token.pointer")?.into(),
        };
        Ok(Token {
            id: view.u8(0, "bit.token.id")?,
            version: view.u8(1, "bit.token.version")?,
            size: view.u16(2, "bit.token.size")?,
            pointer,
        })
    }

    /// The first token that `wanted` accepts; the error for a missing token names `field`.
    pub(super) fn token_where(
        &self,
        field: &'static str,
        wanted: impl Fn(&Token) -> bool,
    ) -> Result<Token> {
        for token in self.tokens() {
            let token = token?;
            if wanted(&token) {
                return Ok(token);
            }
        }
        Err(self.view.error(0, field, ErrorKind::Missing))
    }

    pub(super) fn version(&self, images: &Images<'_>) -> Result<Version> {
        let token = self.token_where("BIT token B or i", |token| match token.id {
            BIOSDATA => matches!(token.version, 1 | 2) && token.size > 5,
            INFO => token.size >= 5,
            _ => false,
        })?;
        let data = images.at(token.pointer, "bit.version")?;
        let [micro, minor, chip, major, oem] = *data.structure(0, "bit.version")?;
        Ok(Version([major, chip, minor, micro, oem]))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, chip, minor, micro, oem] = self.0;
        write!(
            f,
            "{major:02x}.{chip:02x}.{minor:02x}.{micro:02x}.{oem:02x}"
        )
    }
}
