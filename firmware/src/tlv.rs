// SPDX-License-Identifier: GPL-2.0

//! `*.tlv`: the tag-length-value packing that Linux 7.3's nova-core asks for.
//!
//! Source: Linux 7.3, Documentation/gpu/nova/core/tlv.rst.

use core::str;

use crate::error::{ErrorKind, Expected, Format, Result};
use crate::view::{offset, View};

/// What every file starts with.
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

    /// The value of `tag`.
    pub fn bytes(&self, tag: &'static str) -> Result<&'a [u8]> {
        let found = self.blocks().find(|block| block.tag == tag);
        let missing = || self.blocks.error(0, tag, ErrorKind::Missing);
        found.map(|block| block.value).ok_or_else(missing)
    }

    /// The value of `tag` as a little-endian number of 32 bits.
    pub fn u32(&self, tag: &'static str) -> Result<u32> {
        let bytes = self.bytes(tag)?;
        let wrong = |_| {
            let (expected, found) = (Expected::Exactly(4), crate::view::wide(bytes.len()));
            self.blocks.unexpected(0, tag, expected, found)
        };
        bytes.try_into().map(u32::from_le_bytes).map_err(wrong)
    }

    /// The value of `tag` as printable ASCII.
    pub fn text(&self, tag: &'static str) -> Result<&'a str> {
        let bytes = self.bytes(tag)?;
        let printable = bytes.iter().all(|byte| (b' '..=b'~').contains(byte));
        let text = str::from_utf8(bytes).ok().filter(|_| printable);
        text.ok_or_else(|| {
            let expected = Expected::Words("printable ASCII");
            let first = bytes.first().copied().unwrap_or_default();
            self.blocks.unexpected(0, tag, expected, first)
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

/// The block at byte `at`, and where the next one starts.
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
