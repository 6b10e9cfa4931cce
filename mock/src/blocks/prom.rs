// SPDX-License-Identifier: GPL-2.0

//! PROM: the VBIOS, a word at a time.

use nova_hw::regs::prom::{PromData, SIZE};

/// The ROM.
#[derive(Debug)]
pub(crate) struct Prom {
    rom: Vec<u8>,
}

/// What an image starts with.
const ROM_SIGNATURE: [u8; 2] = [0x55, 0xaa];

/// Images start at multiples of this.
const BLOCK: usize = 512;

impl Prom {
    /// A ROM that holds `image`.
    ///
    /// What precedes the first image (the Init-from-ROM header of a dump) is left out, as GA10x's
    /// ROM offset does.
    ///
    /// Source: Linux 7.3, drivers/gpu/nova-core/vbios.rs.
    pub(crate) fn new(image: Vec<u8>) -> Self {
        let start = (0..image.len())
            .step_by(BLOCK)
            .find(|&at| image[at..].starts_with(&ROM_SIGNATURE));
        Self {
            rom: image[start.unwrap_or(0)..].to_vec(),
        }
    }

    /// What the ROM holds.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.rom
    }

    /// Reads the word at `offset` of BAR0; erased flash behind the image.
    pub(crate) fn read(&self, offset: u32) -> Option<u32> {
        let at = offset.checked_sub(PromData::OFFSET)?;
        if at >= SIZE {
            return None;
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

    #[test]
    fn behind_the_image_is_erased_flash() {
        let prom = Prom::new(vec![0x55, 0xaa, 3, 4, 5]);
        assert_eq!(prom.read(PromData::OFFSET), Some(0x0403_aa55));
        assert_eq!(prom.read(PromData::OFFSET + 4), Some(0xffff_ff05));
        assert_eq!(prom.read(PromData::OFFSET + SIZE - 4), Some(u32::MAX));
        assert_eq!(prom.read(PromData::OFFSET + SIZE), None);
    }

    #[test]
    fn a_header_before_the_images_is_skipped() {
        let mut dump = vec![0; 3 * BLOCK];
        dump[..4].copy_from_slice(b"NVGI");
        dump[2 * BLOCK..2 * BLOCK + 2].copy_from_slice(&ROM_SIGNATURE);
        let prom = Prom::new(dump);
        assert_eq!(prom.bytes().len(), BLOCK);
        assert_eq!(prom.read(PromData::OFFSET), Some(0xaa55));
    }
}
