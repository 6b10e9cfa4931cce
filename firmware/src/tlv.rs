// SPDX-License-Identifier: GPL-2.0

//! `*.tlv`: the tag-length-value packing that Linux 7.3's nova-core requests.
//!
//! Source: Linux 7.3, Documentation/gpu/nova/core/tlv.rst.

use core::str;

use crate::error::{ErrorKind, Expected, Format, Result};
use crate::view::{offset, wide, View};

/// The magic at the start of every file.
pub const MAGIC: &[u8; 4] = b"NVFW";

/// Bytes of a tag and its length.
const HEADER_LEN: usize = 8;

/// Values start on multiples of this many bytes.
pub const ALIGNMENT: usize = 4;

/// More blocks than this are refused: the longest list of tags has 13.
const MAX_BLOCKS: usize = 64;

/// A file whose blocks have been walked.
#[derive(Clone, Copy, Debug)]
pub struct Tlv<'a> {
    blocks: View<'a>,
}

/// A tag and its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block<'a> {
    /// Four upper-case letters or digits.
    pub tag: &'a str,
    /// Offset of the value in the file.
    pub offset: usize,
    /// The value.
    pub value: &'a [u8],
}

impl<'a> Tlv<'a> {
    /// Walks the blocks of `file`: they must fill it, and one of them must be `VERS`.
    pub fn parse(file: &'a [u8]) -> Result<Self> {
        let view = View::new(Format::Tlv, file);
        if view.bytes(0, MAGIC.len(), "magic")? != MAGIC {
            let found = view.u32(0, "magic")?;
            return Err(view.unexpected(0, "magic", Expected::Magic("NVFW"), found));
        }
        let blocks = view.tail(MAGIC.len(), "blocks")?;
        let tlv = Self { blocks };
        for (index, block) in tlv.walk().enumerate() {
            let block = block?;
            let twice = tlv
                .walk()
                .take(index)
                .flatten()
                .any(|other| other.tag == block.tag);
            let at = block.offset.saturating_sub(HEADER_LEN + MAGIC.len());
            if twice {
                let (expected, tag) = (Expected::Words("each tag once"), blocks.u32(at, "tag")?);
                return Err(blocks.unexpected(at, "tag", expected, tag));
            }
        }
        tlv.text("VERS")?;
        Ok(tlv)
    }

    /// The blocks in order.
    pub fn blocks(&self) -> impl Iterator<Item = Block<'a>> + use<'a> {
        self.walk().map_while(Result::ok)
    }

    /// The release of the file, such as `570.144`.
    pub fn version(&self) -> Result<&'a str> {
        self.text("VERS")
    }

    /// The value of `tag`.
    pub fn bytes(&self, tag: &'static str) -> Result<&'a [u8]> {
        self.value(tag).map(|value| value.all())
    }

    /// The value of `tag`, whose length must fit `expected`.
    pub(crate) fn sized(&self, tag: &'static str, expected: Expected) -> Result<&'a [u8]> {
        let value = self.value(tag)?;
        value.check(0, tag, Expected::AtLeast(1), wide(value.len()))?;
        value.check(0, tag, expected, wide(value.len()))?;
        Ok(value.all())
    }

    /// The value of `tag` as a little-endian number of 32 bits.
    pub fn u32(&self, tag: &'static str) -> Result<u32> {
        let value = self.value(tag)?;
        let wrong = |_| {
            let (expected, found) = (Expected::Exactly(4), wide(value.len()));
            value.unexpected(0, tag, expected, found)
        };
        let word = <[u8; 4]>::try_from(value.all());
        word.map(u32::from_le_bytes).map_err(wrong)
    }

    /// The value of `tag` as a number, which must fit `expected`.
    pub(crate) fn number(&self, tag: &'static str, expected: Expected) -> Result<u32> {
        let number = self.u32(tag)?;
        self.value(tag)?.check(0, tag, expected, number)?;
        Ok(number)
    }

    /// The value of `tag`, as a view that knows its offset in the file.
    pub(crate) fn value(&self, tag: &'static str) -> Result<View<'a>> {
        let found = self.blocks().find(|block| block.tag == tag);
        let block = found.ok_or_else(|| self.blocks.error(0, tag, ErrorKind::Missing))?;
        let at = block.offset.saturating_sub(MAGIC.len());
        self.blocks.view(at, block.value.len(), tag)
    }

    /// The value of `tag` as printable ASCII.
    pub fn text(&self, tag: &'static str) -> Result<&'a str> {
        let value = self.value(tag)?;
        let bytes = value.all();
        let printable = bytes.iter().all(|byte| (b' '..=b'~').contains(byte));
        let text = str::from_utf8(bytes).ok().filter(|_| printable);
        text.ok_or_else(|| {
            let expected = Expected::Words("printable ASCII");
            let first = bytes.first().copied().unwrap_or_default();
            value.unexpected(0, tag, expected, first)
        })
    }

    fn walk(&self) -> impl Iterator<Item = Result<Block<'a>>> + use<'a> {
        let blocks = self.blocks;
        let mut next = 0;
        (0..=MAX_BLOCKS).map_while(move |index| {
            let at = next;
            if at >= blocks.len() {
                return None;
            }
            let block = match index {
                MAX_BLOCKS => {
                    let most = MAX_BLOCKS as u64;
                    let expected = Expected::AtMost(most);
                    Err(blocks.unexpected(at, "number of blocks", expected, most + 1))
                }
                _ => block(&blocks, at),
            };
            next = block.as_ref().map_or(blocks.len(), |(_, end)| *end);
            Some(block.map(|(block, _)| block))
        })
    }
}

/// The block at byte `at`, and the offset of the next one.
fn block<'a>(blocks: &View<'a>, at: usize) -> Result<(Block<'a>, usize)> {
    let tag = blocks.bytes(at, 4, "tag")?;
    let plain = tag
        .iter()
        .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    let text = str::from_utf8(tag).ok().filter(|_| plain);
    let tag = text.ok_or_else(|| {
        let expected = Expected::Words("four upper-case letters or digits");
        let found = blocks.u32(at, "tag").unwrap_or_default();
        blocks.unexpected(at, "tag", expected, found)
    })?;
    let len = offset(blocks.u32(at.saturating_add(4), "length")?);
    let padded = len.checked_next_multiple_of(ALIGNMENT).unwrap_or(len);
    let value = blocks.view(at.saturating_add(HEADER_LEN), padded, "value")?;
    let block = Block {
        tag,
        offset: value.position(0),
        value: value.bytes(0, len, "value")?,
    };
    Ok((block, at.saturating_add(HEADER_LEN).saturating_add(padded)))
}
