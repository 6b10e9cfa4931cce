// SPDX-License-Identifier: GPL-2.0

//! The header in front of NVIDIA's ucode files, with the offsets of the ucode's own header and of
//! the ucode.
//!
//! Source: Linux 7.3, drivers/gpu/drm/nouveau/include/nvfw/fw.h.

use core::mem::offset_of;

use zerocopy::little_endian::U32;
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

use crate::error::{Expected, Format, Result};
use crate::view::{offset, wide, View};

/// `bin_magic`: NVIDIA's PCI vendor id.
pub(crate) const MAGIC: u32 = 0x10de;

/// `bin_size` counts the file in blocks of this many bytes.
const BLOCK: usize = 256;

/// `nvfw_bin_hdr`.
#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(crate) struct BinHeader {
    bin_magic: U32,
    bin_ver: U32,
    bin_size: U32,
    header_offset: U32,
    data_offset: U32,
    data_size: U32,
}

/// A file with a [`BinHeader`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bin<'a> {
    /// The whole file.
    pub(crate) file: View<'a>,
    /// The bytes from the ucode's own header to the ucode.
    pub(crate) header: View<'a>,
    /// The ucode.
    pub(crate) ucode: &'a [u8],
}

impl<'a> Bin<'a> {
    /// Checks the header of `file`; errors name `format`.
    pub(crate) fn parse(format: Format, file: &'a [u8]) -> Result<Self> {
        let file = View::new(format, file);
        let raw: &BinHeader = file.structure(0, "bin_hdr")?;
        let check = |at, field, expected, found: U32| file.check(at, field, expected, found.get());

        let at = offset_of!(BinHeader, bin_magic);
        check(
            at,
            "bin_magic",
            Expected::Exactly(MAGIC.into()),
            raw.bin_magic,
        )?;
        let at = offset_of!(BinHeader, bin_ver);
        check(at, "bin_ver", Expected::Exactly(1), raw.bin_ver)?;
        let at = offset_of!(BinHeader, bin_size);
        let blocks = wide(file.len().next_multiple_of(BLOCK));
        check(at, "bin_size", Expected::Exactly(blocks), raw.bin_size)?;

        let first = Expected::AtLeast(wide(size_of::<BinHeader>()));
        let at = offset_of!(BinHeader, header_offset);
        check(at, "header_offset", first, raw.header_offset)?;
        let at = offset_of!(BinHeader, data_offset);
        let after = Expected::AtLeast(raw.header_offset.get().into());
        check(at, "data_offset", after, raw.data_offset)?;
        let at = offset_of!(BinHeader, data_size);
        check(at, "data_size", Expected::AtLeast(1), raw.data_size)?;

        let (start, end) = (
            offset(raw.header_offset.get()),
            offset(raw.data_offset.get()),
        );
        Ok(Self {
            file,
            header: file.view(start, end.saturating_sub(start), "header")?,
            ucode: file.bytes(end, offset(raw.data_size.get()), "ucode")?,
        })
    }

    /// Checks that the ucode's own header has one of these lengths; it has no magic of its own.
    pub(crate) fn check_header_len(&self, lens: &'static [u64]) -> Result<()> {
        let at = offset_of!(BinHeader, data_offset);
        let (field, len) = ("data_offset - header_offset", wide(self.header.len()));
        self.file.check(at, field, Expected::OneOf(lens), len)
    }

    /// Length of the ucode's own header, if `file` starts with a [`BinHeader`].
    pub(crate) fn recognise(file: &[u8]) -> Option<usize> {
        let (raw, _) = BinHeader::ref_from_prefix(file).ok()?;
        let magic = raw.bin_magic.get() == MAGIC;
        magic.then(|| offset(raw.data_offset.get()).saturating_sub(offset(raw.header_offset.get())))
    }
}
