// SPDX-License-Identifier: GPL-2.0

//! PROM: the VBIOS, a word at a time.
//!
//! The flash starts with an IFR header. On all chips but GA100, what is at the start of the PROM is
//! the first image, as the ROM offset that the header sets is applied; GA100 shows the flash as it
//! is, and drivers must read the header.
//!
//! Source: Linux 7.3, Documentation/gpu/nova/core/vbios.rst.

use std::ops::Range;
use std::sync::Arc;

use nova_hw::chipset::Chipset;
use nova_hw::regs::prom::{PromData, SIZE};

use super::block::{Block, Parts};
use super::wires::Wires;
use crate::faults::Fault;
use crate::images::vbios;

/// The ROM.
#[derive(Debug)]
pub(crate) struct Prom {
    /// What precedes the images.
    header: Vec<u8>,
    rom: Arc<[u8]>,
}

/// The signature with which each image starts.
const ROM_SIGNATURE: [u8; 2] = [0x55, 0xaa];

/// What is read if the ROM cannot be read; the model's own value.
const GARBAGE: u32 = 0xb11b_b11b;

/// Images start at multiples of this.
const BLOCK: usize = 512;

/// The images in a dump, which may have a header of its own; on GA100 the model's replaces that.
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
            header: match parts.chip.chipset {
                Chipset::GA100 => vbios::ifr(parts.chip, parts.rom.len()),
                _ => Vec::new(),
            },
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
        let flash = self.header.iter().chain(self.rom.iter());
        for (byte, rom) in word.iter_mut().zip(flash.skip(at as usize)) {
            *byte = *rom;
        }
        Some(u32::from_le_bytes(word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blocks::testing::TestCard;
    use crate::chips::by_name;
    use crate::fuses::Fuses;

    #[test]
    fn erased_flash_follows_the_last_image() {
        let mut prom = Prom {
            header: Vec::new(),
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

    /// The way to the images that NVIDIA's driver takes on GA100.
    #[test]
    fn only_ga100_shows_what_is_before_the_images() {
        let read = |name, at| {
            let parts = Parts {
                bar1: None,
                chip: by_name(name).unwrap(),
                rom: [0x55, 0xaa, 3, 4].into(),
                fuses: Fuses::default(),
            };
            let mut prom = Prom::new(&parts);
            TestCard::new(name).read(&mut prom, PromData::OFFSET + at)
        };
        for name in ["tu102", "ga102", "ad102", "gb202"] {
            assert_eq!(read(name, 0), Some(0x0403_aa55), "{name}");
        }
        let read = |at| read("ga100", at).unwrap();
        assert_eq!(read(0).to_le_bytes(), *b"NVGI");
        assert_eq!(read(4) >> 8 & 0xff, 3);
        let status = read(read(8) & 0xf_ffff);
        let directory = status + 0x1000;
        assert_eq!(read(directory).to_le_bytes(), *b"RFRD");
        let images = read(directory + 8);
        assert_eq!((images, read(images)), (0x5000, 0x0403_aa55));
        assert_eq!((read(directory + 12), read(images + 4)), (4, u32::MAX));
    }
}
