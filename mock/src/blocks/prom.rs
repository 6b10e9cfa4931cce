// SPDX-License-Identifier: GPL-2.0

//! PROM: the VBIOS, a word at a time.

use std::ops::Range;
use std::sync::Arc;

use nova_hw::regs::prom::{PromData, SIZE};

use super::block::{Block, Parts};
use super::wires::Wires;
use crate::faults::Fault;

/// The ROM.
#[derive(Debug)]
pub(crate) struct Prom {
    rom: Arc<[u8]>,
}

/// The signature with which each image starts.
const ROM_SIGNATURE: [u8; 2] = [0x55, 0xaa];

/// What is read if the ROM cannot be read; the model's own value.
const GARBAGE: u32 = 0xb11b_b11b;

/// Images start at multiples of this.
const BLOCK: usize = 512;

/// The part of a dump that the CPU sees: it starts at the first image, behind the Init-from-ROM
/// header that GA10x's ROM offset skips.
///
/// Source: Linux 7.3, drivers/gpu/nova-core/vbios.rs.
pub(crate) fn images(dump: &[u8]) -> &[u8] {
    let start = (0..dump.len())
        .step_by(BLOCK)
        .find(|&at| dump[at..].starts_with(&ROM_SIGNATURE));
    &dump[start.unwrap_or(0)..]
}

impl Block for Prom {
    const RANGES: &'static [Range<u32>] = &[0x30_0000..0x40_0000];

    fn new(parts: &Parts) -> Self {
        Self {
            rom: Arc::clone(&parts.rom),
        }
    }

    /// Reads a word; behind the last image there is erased flash.
    fn read(&mut self, wires: &mut Wires<'_>, offset: u32) -> Option<u32> {
        let at = offset.checked_sub(PromData::OFFSET)?;
        if at >= SIZE {
            return None;
        }
        if wires.faults.has(Fault::PromGarbage) || wires.faults.has(Fault::PromFlaky) {
            return Some(GARBAGE);
        }
        let mut word = [0xff; 4];
        for (byte, rom) in word.iter_mut().zip(self.rom.iter().skip(at as usize)) {
            *byte = *rom;
        }
        Some(u32::from_le_bytes(word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blocks::testing::TestCard;

    #[test]
    fn erased_flash_follows_the_last_image() {
        let mut prom = Prom {
            rom: [0x55, 0xaa, 3, 4, 5].into(),
        };
        let mut card = TestCard::new("ga102");
        let mut read = |offset| card.read(&mut prom, offset);
        assert_eq!(read(PromData::OFFSET), Some(0x0403_aa55));
        assert_eq!(read(PromData::OFFSET + 4), Some(0xffff_ff05));
        assert_eq!(read(PromData::OFFSET + SIZE - 4), Some(u32::MAX));
        assert_eq!(read(PromData::OFFSET + SIZE), None);
    }

    #[test]
    fn a_header_before_the_images_is_skipped() {
        let mut dump = vec![0; 3 * BLOCK];
        dump[..4].copy_from_slice(b"NVGI");
        dump[2 * BLOCK..2 * BLOCK + 2].copy_from_slice(&ROM_SIGNATURE);
        assert_eq!(images(&dump).len(), BLOCK);
        assert!(images(&dump).starts_with(&ROM_SIGNATURE));
        assert_eq!(images(&[1, 2]), [1, 2], "no image at all");
    }
}
